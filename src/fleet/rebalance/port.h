// What a rebalance asks of a living cluster: an interface, so that the executor is tested against one in memory that is
// killed at every step. Owned and used by one thread. Errors say which broker and what; kRetry passes by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/rebalance/journal.h"
#include "fleet/rebalance/state.h"

namespace freshet::fleet::rebalance {

// A partition that moves now, whoever began it.
struct Moving {
  std::string topic;
  int32_t partition = 0;
  std::vector<int32_t> adding, removing;  // brokers; both empty: within a broker
  int32_t broker = -1;                    // within this one
  std::string dir;                        // to this path
  [[nodiscard]] std::string name() const { return topic + "[" + std::to_string(partition) + "]"; }
};

struct Assignment {
  std::string topic;
  int32_t partition = 0;
  std::optional<std::vector<int32_t>> replicas;  // nullopt: what is under way is cancelled
};

struct Placement {  // of a replica in a log dir
  std::string topic;
  int32_t partition = 0;
  int32_t broker = 0;
  std::string dir;
};

struct Change {  // of a configuration
  Setting::Kind kind = Setting::Kind::kTopic;
  std::string resource, name;
  std::optional<std::string> value;  // nullopt: deleted
};

// How the cluster fares, and what of it could not be seen and why.
struct Seen {
  Signs signs;
  std::vector<std::string> doubts;
};

class Port {
 public:
  virtual ~Port() = default;
  [[nodiscard]] virtual Result<std::string> cluster_id() = 0;
  // Sizes, places and rates as they are now.
  [[nodiscard]] virtual Result<State> look() = 0;
  [[nodiscard]] virtual Result<std::vector<Moving>> moving() = 0;
  // How the cluster fares beside these moves: what they make under-replicated is no sign of suffering. Takes a while.
  [[nodiscard]] virtual Result<Seen> fares(const std::vector<Moving>& moving) = 0;
  // What is set on this topic or broker itself; nullopt: nothing is. kNotFound: there is no such topic.
  [[nodiscard]] virtual Result<std::optional<std::string>> setting(Setting::Kind kind, const std::string& resource,
                                                                   const std::string& name) = 0;
  // Each by itself (IncrementalAlterConfigs): nothing else of the topic or broker changes. A topic or broker that is
  // gone has nothing to change.
  [[nodiscard]] virtual Status change(const std::vector<Change>& changes) = 0;
  [[nodiscard]] virtual Status assign(const std::vector<Assignment>& assignments) = 0;
  // Moves replicas that are there to this dir; those that are not yet begin there when they come.
  [[nodiscard]] virtual Status place(const std::vector<Placement>& placements) = 0;
  // The preferred leader leads again where it is in sync.
  [[nodiscard]] virtual Status elect(const std::vector<Assignment>& partitions) = 0;
};

}  // namespace freshet::fleet::rebalance
