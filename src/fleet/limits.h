// How much there may be. Of replicas of partitions how many brokers and clusters should have, by the size of the
// machine (AWS's recommendations for Kafka; FLEET sizing table in docs/fleet/lint.md).
#pragma once

#include <cstdint>
#include <string_view>

namespace freshet::fleet {

// Replicas on one broker, leaders and followers alike. Above `recommended` failover and restarts take longer; above
// `most` they take so long that they become an outage.
struct PartitionLimits {
  uint32_t recommended = 1000;  // replicas on a broker, leaders and followers
  uint32_t most = 1500;
};

// By the size in the name of the instance type: up to xlarge 1000/1500, 2xlarge 2000/3000, larger ones 4000/6000. A
// name without a known size counts as a small one.
[[nodiscard]] PartitionLimits partition_limits(std::string_view instance);

inline constexpr uint64_t kClusterReplicasMax = 200'000;
// What a topology file may say, and so what a finding may propose.
inline constexpr uint32_t kPartitionsMax = 100'000;  // of a topic
inline constexpr uint32_t kInstancesMax = 100'000;   // of a service

}  // namespace freshet::fleet
