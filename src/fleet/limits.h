// How much there may be. Of replicas of partitions how many brokers and clusters should have, by the size of the
// machine (AWS's recommendations for Kafka; FLEET sizing table in docs/fleet/lint.md).
#pragma once

#include <cstdint>
#include <span>
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

// What EBS sells of one type of volume, and so refuses the rest of when it is made. 0: has no such setting.
struct VolumeLimits {
  std::string_view type;
  uint64_t gib_min = 1;
  uint64_t gib_max = 0;
  uint32_t iops_min = 0;
  uint32_t iops_max = 0;
  uint32_t iops_per_gib = 0;  // above iops_min
  uint32_t mib_per_s_min = 0;
  uint32_t mib_per_s_max = 0;
  uint32_t iops_per_mib_per_s = 0;  // that throughput above the least asks for
};
[[nodiscard]] std::span<const VolumeLimits> volume_limits();
// What is rendered has so many device names for volumes (render/files/main.tf).
inline constexpr uint32_t kVolumesMost = 11;

// What is rendered opens so many ports for mirrors on the brokers of a cluster on EC2 (likewise).
inline constexpr uint32_t kMirrorsMost = 100;

inline constexpr uint64_t kClusterReplicasMax = 200'000;
// What a topology file may say, and so what a finding may propose.
inline constexpr uint32_t kPartitionsMax = 100'000;  // of a topic
inline constexpr uint32_t kInstancesMax = 100'000;   // of a service

}  // namespace freshet::fleet
