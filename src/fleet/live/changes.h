// The steps that bring a living cluster to what the file says, and what no step does. Pure.
//
// What a step never does: delete a topic, take partitions or replicas away, touch a setting that the file does not
// have, or delete more than half of what a topic keeps: a shorter retention is reached in steps, one for each run, so
// that a slip of the pen is noticed before everything is gone, and disks are not busy deleting for hours.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/names.h"
#include "fleet/live/now.h"

namespace freshet::fleet {

struct Step {
  enum class Kind : uint8_t { kCreateTopic, kAddPartitions, kChangeSettings };
  Kind kind = Kind::kCreateTopic;
  std::string topic;
  uint32_t partitions = 0;                      // in all; of the first two kinds
  uint32_t replication = 0;                     // of a new topic
  std::vector<cluster::ConfigChange> settings;  // of a new topic each has a value
  std::vector<std::string> losses;              // what is lost by it, or becomes different for readers: for people
  bool operator==(const Step&) const = default;
};
[[nodiscard]] constexpr auto names_of(Step::Kind) {
  using enum Step::Kind;
  return std::to_array<Name<Step::Kind>>(
      {{kCreateTopic, "create_topic"}, {kAddPartitions, "add_partitions"}, {kChangeSettings, "change_settings"}});
}

struct Changes {
  std::vector<Step> steps;  // by topic; each stands for itself
  // What stays different after these steps: "topic orders: …", with why and what would do it.
  std::vector<std::string> left;
};

struct ChangeOptions {
  bool at_once = false;  // retention is lowered in one step
};

// REQUIRES: `now` has the ages of the topics that lowered() names.
[[nodiscard]] Changes plan_changes(const ClusterWanted& wanted, const ClusterNow& now, const ChangeOptions& options);

// The topics that would keep their records for a shorter time.
[[nodiscard]] std::set<std::string> lowered(const ClusterWanted& wanted, const ClusterNow& now);

// "create topic orders: 6 partitions, 3 replicas, cleanup.policy=delete …"
[[nodiscard]] std::string text_of(const Step& step);

// Whether the cluster is by now as the step makes it.
[[nodiscard]] bool shows(const ClusterNow& now, const Step& step);

}  // namespace freshet::fleet
