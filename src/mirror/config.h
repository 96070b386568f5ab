// mirror.yaml as values: from which cluster to which, which topics, and what is done to their records.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "cluster/admin/connection.h"
#include "yaml/node.h"

namespace freshet::mirror {

// A cluster's name is what records carry to be known when they come back: all mirrors of a fleet use the same.
struct End {
  std::string name;
  cluster::Connection at;
};

// What becomes of records without a key where the key decides the partition.
enum class Keyless : uint8_t { kStop, kSpread, kSetAside };
[[nodiscard]] constexpr auto names_of(Keyless) {
  using enum Keyless;
  return std::to_array<Name<Keyless>>({{kStop, "stop"}, {kSpread, "spread"}, {kSetAside, "set_aside"}});
}

// Whose records are taken first when all wait.
enum class Priority : uint8_t { kHigh, kNormal, kLow };
[[nodiscard]] constexpr auto names_of(Priority) {
  using enum Priority;
  return std::to_array<Name<Priority>>({{kHigh, "high"}, {kNormal, "normal"}, {kLow, "low"}});
}

// When the source has deleted records that were not mirrored yet.
enum class OnLoss : uint8_t { kStop, kSkip };
[[nodiscard]] constexpr auto names_of(OnLoss) {
  using enum OnLoss;
  return std::to_array<Name<OnLoss>>({{kStop, "stop"}, {kSkip, "skip"}});
}

// How the source's producers choose partitions: as Java's do, or in any way. Only of the former the mirror knows which
// records of a key come first when partitions are added to the source.
enum class Producers : uint8_t { kJava, kAny };
[[nodiscard]] constexpr auto names_of(Producers) {
  using enum Producers;
  return std::to_array<Name<Producers>>({{kJava, "java"}, {kAny, "any"}});
}

// Whether records carry where they came from.
enum class Loops : uint8_t { kMarked, kAllowed };
[[nodiscard]] constexpr auto names_of(Loops) {
  using enum Loops;
  return std::to_array<Name<Loops>>({{kMarked, "marked"}, {kAllowed, "allowed"}});
}

// A record is mirrored if the field of its value, a JSON object, has one of these texts, numbers or booleans.
struct Condition {
  std::string field;
  std::vector<std::string> is;
  bool operator==(const Condition&) const = default;
};

struct TopicRule {
  std::string match = {};   // a pattern: `*` stands for any text
  std::string to = {};      // "": the same name; `*` stands for what the first one of `match` did
  uint32_t partitions = 0;  // 0: as many as the source, one to one
  Keyless keyless = Keyless::kStop;
  Priority priority = Priority::kNormal;
  uint64_t bandwidth_bytes_per_s = 0;  // 0: no limit; keys and values, by this process
  OnLoss on_loss = OnLoss::kStop;
  Producers producers = Producers::kJava;
  std::vector<Condition> where = {};     // all must hold
  std::vector<std::string> fields = {};  // the only ones that are mirrored; empty: the value as it is
  bool operator==(const TopicRule&) const = default;

  // Whether the order of keys is kept over a change of the source's partitions.
  [[nodiscard]] bool follows_keys() const { return partitions > 0 && producers == Producers::kJava; }
};

struct Config {
  std::string name;
  std::string instance = "1";
  End source, target;
  std::string prefix;  // of the mirror's own topics in the target
  std::vector<TopicRule> topics;
  std::vector<std::string> exclude;  // patterns
  std::vector<std::string> groups;   // patterns of those whose offsets are translated
  Loops loops = Loops::kMarked;
  int64_t commit_us = 50'000;
  int64_t refresh_us = 30'000'000;
  int64_t offset_sync_us = 5'000'000;
  int64_t switch_over_us = 600'000'000;
  int64_t heartbeat_us = 5'000'000;
  uint32_t replication = 0;  // of topics that are made; 0: as the source, but no more than the target has brokers
};

// Null: it is wrong, and `problems` says why.
[[nodiscard]] std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment,
                                                 yaml::Problems& problems);
[[nodiscard]] std::optional<Config> load_config(const std::string& path, const yaml::Environment& environment,
                                                yaml::Problems& problems);

// Of this process, by which brokers know it, too.
void set_instance(Config& config, const std::string& instance);

// The names of what a mirror keeps in the target.
[[nodiscard]] std::string progress_topic(const Config& config, std::string_view source_topic);
[[nodiscard]] std::optional<std::string> source_of_progress(const Config& config, std::string_view topic);
[[nodiscard]] std::string letters_topic(const Config& config);
[[nodiscard]] std::string heartbeat_topic(const Config& config);
[[nodiscard]] std::string group_of(const Config& config);
[[nodiscard]] std::string transactional_id_of(const Config& config);

// What becomes of a source topic; nullopt: it is not mirrored. The first rule that fits counts.
struct Chosen {
  const TopicRule* rule = nullptr;
  std::string to;
};
[[nodiscard]] std::optional<Chosen> choose(const Config& config, std::string_view topic);

}  // namespace freshet::mirror
