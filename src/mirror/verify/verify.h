// Checks a mirror's work by reading both sides: what lies below its positions must be in the target, once and in order.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "mirror/config.h"
#include "mirror/verify/compare.h"
#include "mirror/verify/diagnose.h"
#include "mirror/verify/so_far.h"

namespace freshet::mirror {

struct VerifyOptions {
  std::vector<std::string> topics;      // of the source; empty: all
  int64_t from_ms = 0;                  // only records with a timestamp from here on, on both sides
  env::TimeUs silence_us = 60'000'000;  // nothing comes for so long: a broker is away (kRetry)
  // Go on from where it says, or begin what it says nothing of, and say how far it is then. Null: all is read.
  const VerifiedSoFar* so_far = nullptr;
};

struct TopicVerdict {
  std::string topic;
  std::string to;
  std::string skipped;  // why it was not compared; "": it was
  Compared compared;
  std::vector<Difference> differences;  // of the first units that differ
  uint64_t behind = 0;                  // offsets that the source has and the mirror has not been at
  uint64_t set_aside = 0;               // in the dead letters
  uint64_t verified_before = 0;         // of the records promised: by earlier looks, whose counts are in `compared`
  std::vector<std::string> notes;
};

struct Verdict {
  std::vector<TopicVerdict> topics;
  std::string letters;   // the topic of the dead letters
  VerifiedSoFar so_far;  // if it was asked for: of topics that differ what it was
  // Nothing differs, and all topics were compared.
  [[nodiscard]] bool same() const;
  // The same, nothing is left to mirror, and nothing was set aside: consumers may switch, and producers, too.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] uint64_t set_aside() const;
  [[nodiscard]] uint64_t behind() const;
};

// What verifying needs of the two clusters. One thread uses it.
class Sides {
 public:
  virtual ~Sides() = default;
  [[nodiscard]] virtual env::Clock& clock() = 0;
  [[nodiscard]] virtual cluster::Admin& source() = 0;
  [[nodiscard]] virtual cluster::Admin& target() = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<cluster::Reader>> read_source() = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<cluster::Reader>> read_target() = 0;
};
[[nodiscard]] Result<std::unique_ptr<Sides>> open_sides(const Config& config, env::Clock& clock);

// kInvalid: there is nothing to compare. kRetry: a cluster does not answer.
[[nodiscard]] Result<Verdict> verify(const Config& config, Sides& sides, const VerifyOptions& options);

[[nodiscard]] std::string verdict_text(const Verdict& verdict);
[[nodiscard]] std::string verdict_json(const Verdict& verdict);

}  // namespace freshet::mirror
