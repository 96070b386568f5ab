// What one look at a cluster saw: plain values, made by a source (source.h). Lists are in any order; what could not be
// asked is missing, and `doubts` says why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "fleet/topology.h"

namespace freshet::fleet {

inline constexpr int64_t kNotSeen = -1;  // an offset or a size that nobody told

struct PartitionSeen {
  int64_t start = kNotSeen;  // offsets of the log: of its first message, and of the next one that comes
  int64_t end = kNotSeen;
  int64_t bytes = kNotSeen;  // of the largest replica
  int32_t leader = -1;       // -1: it has none
  uint16_t replicas = 0;
  uint16_t in_sync = 0;
};

struct TopicSeen {
  std::string name;
  std::vector<PartitionSeen> partitions;  // by number
};

// Where a group is in a partition: the next message that it will read.
struct CommittedSeen {
  uint32_t topic = 0;  // index into Look::topics
  uint32_t partition = 0;
  int64_t offset = 0;
};

struct GroupLook {
  std::string name;
  std::string state;  // as the broker calls it, "Stable"; "": it does not tell
  bool has_members = false;
  std::vector<CommittedSeen> committed;
};

struct LogDirSeen {
  std::string path;
  int64_t replica_bytes = 0;       // of all replicas in it
  int64_t total_bytes = kNotSeen;  // of the volume; told by Kafka 3.3 and later
  int64_t usable_bytes = kNotSeen;
  bool failed = false;
};

struct BrokerSeen {
  int32_t id = 0;
  std::string host;
  uint32_t leaders = 0;
  uint32_t replicas = 0;
  std::vector<LogDirSeen> dirs;
  std::optional<double> cpu = {};  // the share of its machine's processors that is busy; nobody asked if nullopt
};

// A record that was written to a broker and read back from it (live_probe.h).
struct ProbeSeen {
  int32_t broker = 0;
  env::TimeUs written_us = 0;  // until all replicas in sync had it
  env::TimeUs back_us = 0;     // until it was read, from the same start
  std::string error;           // "": it came back
};

// A batch of a log, as its producer made it.
struct BatchSeen {
  int64_t producer_id = -1;  // -1: it does not say who it is
  int64_t first_ms = 0;      // when its first record was made
  uint32_t records = 0;
  uint32_t bytes = 0;      // as it was sent, its head too
  uint32_t raw_bytes = 0;  // of its records, unpacked
};
struct CodecCost {
  uint64_t bytes = 0;
  env::TimeUs cpu_us = 0;
};
// The newest batches of one partition, and what other codecs would make of them (live_batches.h).
struct TopicSample {
  uint32_t topic = 0;                              // index into Look::topics
  std::vector<BatchSeen> batches;                  // in their order
  Compression codec = Compression::kUncompressed;  // of most of them
  uint64_t raw_bytes = 0;
  CodecCost lz4, zstd;              // each batch as it is
  CodecCost lz4_large, zstd_large;  // the same records in batches of kLargeBatchBytes
};
inline constexpr size_t kLargeBatchBytes = 128 << 10;

// A partition whose replicas are being moved.
struct MoveSeen {
  std::string topic;
  uint32_t partition = 0;
  std::vector<int32_t> adding, removing;  // brokers
};

struct Look {
  env::TimeUs at_us = 0;  // of the monotonic clock, when its offsets were asked for
  std::string cluster_id;
  std::vector<BrokerSeen> brokers;
  std::vector<TopicSeen> topics;
  std::vector<GroupLook> groups;
  bool probes_on = false;         // the file gives leave to probe
  std::vector<ProbeSeen> probes;  // one for each broker that leads a partition of the probe's topic
  std::vector<TopicSample> samples;
  std::vector<MoveSeen> moves;
  std::vector<std::string> doubts;  // what could not be asked, and why
};

}  // namespace freshet::fleet
