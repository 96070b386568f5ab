// What a cluster of Kafka brokers can carry, and how much of it a load uses: formulas over plain numbers.
// Sources, and what is not modelled: docs/fleet/plan.md. Units: bytes (as sent and kept, after compression), seconds.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "fleet/plan/prices.h"
#include "fleet/rates.h"

namespace freshet::fleet {

// The published formula: what a cluster can be sent, in the unit of the bandwidths (each of one broker, a second):
// T <= min(storage * n / r, ebs * n / r, network * n / (g + r - 1)).
struct Sustained {
  double brokers = 0;
  double replication = 0;
  double consumer_groups = 0;
  double storage = 0;  // what the volumes of a broker write
  double ebs = 0;      // between a broker and its volumes
  double network = 0;
};
// REQUIRES: replication >= 1, and consumer_groups + replication > 1 (with one replica and nobody who reads, the
// network is no bound of this formula).
[[nodiscard]] double sustained_throughput(const Sustained& cluster);

// What flows through a cluster, a second.
// The same struct is used for rates at the peak and on average.
struct Flow {
  double in_bytes = 0;          // to leaders, from producers and mirrors
  double replicated_bytes = 0;  // from leaders to all followers
  double out_bytes = 0;         // to consumer groups and mirrors
  double messages_in = 0;
};

// A producer's instances, at their highest rate; how many requests they make depends on the brokers they find.
struct Sender {
  Batching batching;
  int64_t linger_us = 0;
  uint64_t batch_bytes = 0;
};

// Topics of one replication.
struct Kept {
  uint32_t replication = 1;
  double bytes = 0;  // one replica of each
  double partitions = 0;
};

// What a cluster is asked to do.
struct Load {
  Flow peak;               // all topics at their highest rate at once
  Flow average;            // over days: what is kept and paid for
  std::vector<Kept> kept;  // by replication
  double largest_replica_bytes = 0;
  std::vector<Sender> senders;
};

// Of all replicas, as far as so many brokers can have them.
[[nodiscard]] double kept_bytes(const Load& load, double brokers);
[[nodiscard]] double replicas(const Load& load, double brokers);
[[nodiscard]] uint32_t replication_max(const Load& load);
// A second, at the highest rate.
[[nodiscard]] double produce_requests(const Load& load, double brokers);

// A cluster can run out of each of these. Reports show them in this order.
enum class Resource : uint8_t { kCpu, kMemory, kNetworkIn, kNetworkOut, kVolumes, kEbs, kDisk, kPartitions };
inline constexpr size_t kResources = 8;
using PerResource = std::array<double, kResources>;
[[nodiscard]] constexpr auto names_of(Resource) {
  using enum Resource;
  return std::to_array<Name<Resource>>({{kCpu, "cpu"},
                                        {kMemory, "memory"},
                                        {kNetworkIn, "network in"},
                                        {kNetworkOut, "network out"},
                                        {kVolumes, "volumes"},
                                        {kEbs, "ebs bandwidth"},
                                        {kDisk, "disk"},
                                        {kPartitions, "partitions"}});
}
// The resource whose part of its limit is largest.
[[nodiscard]] Resource tightest(const PerResource& parts);

// One broker. `instance` is never null and outlives the shape.
// A broker has one machine, and volumes that are all alike.
struct BrokerShape {
  const InstancePrice* instance = nullptr;
  uint32_t volumes = 1;  // log dirs
  double volume_bytes = 0;
  double volume_bytes_per_s = 0;
};

// Brokers of a cluster that are there: some may be away. Replicas of a zone that is away for a while are not made anew
// elsewhere, so more brokers keep than serve.
struct Present {
  double serving = 0;  // that clients and followers use
  double keeping = 0;  // that replicas are spread over
};

// What the load takes of each resource in the whole cluster, with these brokers: kCpu in cores; kMemory and kDisk in
// bytes; kNetworkIn, kNetworkOut, kVolumes and kEbs in bytes a second; kPartitions in replicas. REQUIRES: 0 <= serving
// <= keeping.
[[nodiscard]] PerResource demand_of(const Load& load, Present present, const Prices& prices);
// The part of what the brokers have that the load uses: 1 is all of it; infinite where there is none.
// kDisk is of one log dir, with room for one replica that is moved in and for one of imbalance.
[[nodiscard]] PerResource use_of(const Load& load, const BrokerShape& broker, Present present, const Prices& prices);
// How much of each may be in use.
// kMemory and kPartitions are limits already: all of them may be used.
[[nodiscard]] PerResource limits_of(const Prices& prices);
// use / limit: up to 1 is allowed. REQUIRES: limits above 0.
[[nodiscard]] PerResource parts_of(const PerResource& use, const PerResource& limits);

}  // namespace freshet::fleet
