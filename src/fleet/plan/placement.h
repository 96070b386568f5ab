// Where each replica of a cluster's topics goes: over brokers, zones and log dirs. The same topics in any order get the
// same places.
//
// Each topic by itself is spread evenly: in a cluster of zones of one size with replication up to the number of zones,
// no two brokers differ by more than one in its leaders or in its replicas. Replicas of a partition are in different
// zones as far as there are zones, always on different brokers. Which brokers get one more is decided by what they
// have: load for leaders, bytes for followers. Within a broker no two log dirs differ by more than its largest replica.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace freshet::fleet {

// Says what a topic's partitions weigh: all partitions of a topic are taken to be alike.
struct TopicToPlace {
  std::string name;  // all different
  uint32_t partitions = 1;
  uint32_t replication = 1;
  double replica_bytes = 0;  // of one partition
  double leader_load = 0;    // of one partition, in any unit
  double follower_load = 0;
};

// A replica is on a broker, in one of its log dirs.
struct Replica {
  uint32_t broker = 0;
  uint32_t log_dir = 0;
  bool operator==(const Replica&) const = default;
};

// Holds the replicas of one topic, partition after partition.
struct PlacedTopic {
  uint32_t replication = 1;
  std::vector<Replica> replicas;  // partition p: from p * replication; the first is the preferred leader

  [[nodiscard]] std::span<const Replica> of(uint32_t partition) const {
    return std::span(replicas).subspan(size_t{partition} * replication, replication);
  }
};

// Sums up what a broker has of all topics.
struct PlacedBroker {
  uint32_t zone = 0;
  uint32_t leaders = 0;
  uint32_t replicas = 0;
  double load = 0;
  std::vector<double> dir_bytes;

  [[nodiscard]] double bytes() const;
};

// Owns all that it says; what it was made from may be gone.
struct Placement {
  std::vector<PlacedTopic> topics;  // as given
  std::vector<PlacedBroker> brokers;
};

// `zones`: of each broker. REQUIRES: no topic has more replicas than there are brokers; log_dirs >= 1.
[[nodiscard]] Placement place(std::span<const TopicToPlace> topics, std::span<const uint32_t> zones, uint32_t log_dirs);

// What is left when brokers are away: partitions without any replica, and with fewer than `min_isr` of the topic.
struct Availability {
  uint64_t partitions = 0;
  uint64_t offline = 0;
  uint64_t read_only = 0;  // acks=all is refused; without those that are offline
};
[[nodiscard]] Availability availability(const Placement& placement, std::span<const uint32_t> min_isr,
                                        const std::vector<bool>& away);

}  // namespace freshet::fleet
