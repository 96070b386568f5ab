// What follows from a topology by arithmetic alone: rates of topics and clusters, requests of producers, what is kept.
// Averages unless "peak" is in the name; bytes are as sent and kept (after compression) unless "message" is in the
// name.
#pragma once

#include <cstdint>
#include <vector>

#include "fleet/topology.h"

namespace freshet::fleet {

// Size before compression to size after it, at least 1 if it is not the topic's own: that, or what is usual for JSON
// in batches of some 10 KiB (a rule of thumb: none 1, snappy 1.8, lz4 2, gzip 2.8, zstd 3).
[[nodiscard]] double compression_ratio(const Topic& topic);
[[nodiscard]] double usual_ratio(Compression compression);

// One topic gets, gives and keeps so much.
struct TopicRates {
  double in_bytes_per_s = 0;  // from producers and mirrors, once: without replication
  uint32_t readers = 0;       // consumer groups and mirrors; each reads everything once
  double out_bytes_per_s = 0;
  // One replica of it, at the average rate: by time, size or compaction, whatever leaves least.
  double kept_bytes = 0;
  double segment_bytes = 0;   // beyond that: at most, as Kafka deletes and compacts whole segments only
  double remote_bytes = 0;    // in the remote storage, of a tiered topic: all that it keeps, once
  bool kept_forever = false;  // neither bounds it: kept_bytes is what a year brings

  // What one replica of it may have on the disks.
  [[nodiscard]] double disk_bytes() const { return kept_bytes + segment_bytes; }
};

// One producer sends so much, in so many requests.
struct ProducerRates {
  double messages_per_s = 0;
  double requests_per_s_peak = 0;        // of all instances, to all brokers, when as many run as may
  double messages_per_request_peak = 0;  // 0: it sends nothing
};

// These are sums over the topics of a cluster.
struct ClusterRates {
  double in_bytes_per_s = 0;
  double in_bytes_per_s_peak = 0;  // peaks of all topics at once
  double out_bytes_per_s = 0;
  double produce_requests_per_s_peak = 0;
  uint64_t partitions = 0;
  uint64_t replicas = 0;
  double kept_bytes = 0;  // of all replicas, on the disks
};

// Each of the three lists is as long and in the order of the topology's own.
struct Rates {
  std::vector<TopicRates> topics;  // as in Topology
  std::vector<ProducerRates> producers;
  std::vector<ClusterRates> clusters;
};

[[nodiscard]] Rates rates_of(const Topology& fleet);

// What a producer's instances send at the peak, as Kafka's Java producer sends: one that has something for a broker
// waits `linger_us` after its first message, or until a batch is full, and then sends one request with all it has for
// that broker.
struct Batching {
  double messages_per_s = 0;  // of one instance
  double instances = 1;
  double brokers = 1;
  double partitions = 1;     // of all its topics
  double message_bytes = 1;  // as sent
};
// Requests a second of all instances. REQUIRES: brokers, partitions and message_bytes above 0.
[[nodiscard]] double requests_per_s(const Batching& load, int64_t linger_us, uint64_t batch_bytes);
// The mix of a producer's topics as one load at their highest rate. A producer without topics sends nothing.
[[nodiscard]] Batching batching_of(const Topology& fleet, const Producer& producer, double messages_per_s);

}  // namespace freshet::fleet
