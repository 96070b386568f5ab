// One topic of the source and its copy, compared once. Private to src/mirror/verify.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "cluster/stream/scan.h"
#include "mirror/transform.h"
#include "mirror/verify/verify.h"

namespace freshet::mirror {

// Partitions of a topic, of its copy, and of what says how far the mirror is.
struct Counts {
  uint32_t source = 0, target = 0, progress = 0;
};

// What was set aside: topic, partition and offset.
using Letters = std::set<std::tuple<std::string, int32_t, int64_t>>;

class TopicCheck {
 public:
  // `before`: what was verified of it; null: nothing.
  TopicCheck(const Config& config, Sides& sides, const VerifyOptions& options, const Chosen& chosen,
             const VerifiedTopic* before, TopicVerdict& out)
      : config_(config),
        sides_(sides),
        options_(options),
        chosen_(chosen),
        transform_(*chosen_.rule),
        before_(before),
        out_(out) {}

  Status run(const Counts& partitions);
  // It began where an earlier look had ended.
  [[nodiscard]] bool went_on() const { return before_ != nullptr; }
  // Where the next look may begin; nullopt: where this one did.
  [[nodiscard]] std::optional<VerifiedTopic>& reached() { return reached_; }

 private:
  using OnSeen = std::function<void(const Hash128& unit, const Hash128& print, int32_t partition,
                                    const cluster::Record& record, bool tombstone, bool promised)>;

  Status set_rules();
  Status look(const Counts& partitions);
  [[nodiscard]] std::string rules_text() const;
  // Whether what was verified before is still about the same topics under the same rules.
  [[nodiscard]] bool fits(const VerifiedTopic& before) const;
  void begin_behind(const VerifiedTopic& before);
  void judge_trimmed();
  void note_reached(const Compare& compare);
  Status scan_source(const OnSeen& seen);
  Status scan_target(const OnSeen& seen);
  // The value that the target must have; false: the record is not mirrored.
  bool expected(int32_t partition, const cluster::Record& record, std::optional<std::string_view>& value);
  Status tell(const std::vector<Hash128>& units);

  const Config& config_;
  Sides& sides_;
  const VerifyOptions& options_;
  Letters letters_;
  const Chosen chosen_;
  Transform transform_;
  const VerifiedTopic* before_;
  TopicVerdict& out_;
  std::optional<VerifiedTopic> reached_;
  CompareRules rules_;
  std::vector<cluster::Range> source_, target_;
  std::vector<int64_t> positions_;
  std::string made_;
};

}  // namespace freshet::mirror
