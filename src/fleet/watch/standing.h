// How a cluster stands, as watch tells it: plain values, made by ClusterMemory (memory.h), shown as text, JSON and
// metrics (report.h, gauges.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fleet/topology.h"
#include "fleet/watch/batches.h"
#include "fleet/watch/lag.h"
#include "fleet/watch/look.h"
#include "fleet/watch/probes.h"
#include "fleet/watch/verdict.h"

namespace freshet::fleet {

// A consumer group in one topic. Of partitions it is the one that is worst that counts: a group is as far behind as its
// slowest partition, however well the others do.
struct GroupStanding {
  std::string group;
  std::string topic;
  std::string state;  // of the group, as its broker calls it
  bool has_members = false;
  uint32_t partitions = 0;  // that it has committed in
  int64_t lag = 0;          // messages, of all partitions
  int64_t lost = 0;         // messages that retention deleted unread
  Age age;                  // of the oldest message that waits
  uint32_t oldest_partition = 0;
  double read_per_s = 0;
  double in_per_s = 0;
  std::optional<double> catch_up_s = 0;  // nullopt: never, at these rates
  std::optional<double> retention_s;     // until messages are lost; nullopt: they are not, or it is not known
  double promised_s = 0;                 // lag_max of its service levels; 0: none
  Verdict verdict = Verdict::kOk;
  uint32_t verdict_partition = 0;  // whose it is
};

// Retention is faster than the group.
[[nodiscard]] bool loses_messages(const GroupStanding& group);

struct TopicStanding {
  std::string topic;
  double in_per_s = 0;
  double out_per_s = 0;                                   // read by groups that commit
  std::optional<double> in_bytes_per_s, out_bytes_per_s;  // by the mean size of what is kept
  double skew = 1;                                        // of the busiest partition to the mean
};

struct LogDirStanding {
  std::string path;
  int64_t replica_bytes = 0;
  int64_t used_bytes = 0;
  std::optional<int64_t> total_bytes;
  std::optional<double> full_s;  // until it is full; nullopt: it does not fill, or that is not known
  bool failed = false;
};

struct BrokerStanding {
  int32_t id = 0;
  std::string host;
  uint32_t leaders = 0;
  uint32_t replicas = 0;
  int64_t bytes = 0;
  std::vector<LogDirStanding> dirs;
  std::optional<double> cpu = {};  // the busy share of its machine's processors, if it was asked for
};

// Of the broker that has most to the mean; 1 where all have the same.
struct Skew {
  double leaders = 1;
  double replicas = 1;
  double bytes = 1;
};

// Something to be done, in words.
struct Concern {
  Severity severity = Severity::kWarn;
  std::string subject;  // "group billing, topic orders"
  std::string what;
  std::string action;
};

struct Standing {
  std::string cluster;
  bool looked = false;      // it has been seen once, so that what follows says something
  bool away = false;        // the last look failed; what follows is of the one before
  std::string error;        // why
  env::TimeUs seen_us = 0;  // of the last look that did not, by the monotonic clock
  env::TimeUs took_us = 0;  // the last one, failed or not
  uint64_t looks = 0;       // that did not fail
  uint64_t failures = 0;    // looks that did
  std::string cluster_id;
  uint32_t brokers_planned = 0;
  uint64_t topics = 0;
  uint64_t partitions = 0;
  uint64_t under_replicated = 0;
  uint64_t offline = 0;
  Skew skew;
  std::vector<BrokerStanding> brokers;    // by id
  std::vector<TopicStanding> hot_topics;  // those that most is read from, then written to; at most kHotTopicsMost
  std::vector<GroupStanding> groups;      // by name
  std::vector<BatchStanding> batches;     // of topics that were sampled: most batches a second first, kHotTopicsMost
  double batches_per_s = 0;               // of all topics that were sampled
  size_t topics_sampled = 0;
  ProbeStanding probe;
  uint64_t moving = 0;              // partitions whose replicas are being moved
  std::vector<MoveSeen> moves;      // of those, by topic; at most kMovesMost
  std::vector<Concern> concerns;    // most urgent first
  std::vector<std::string> doubts;  // what could not be asked
};
inline constexpr size_t kHotTopicsMost = 20;
inline constexpr size_t kMovesMost = 100;

// Fills `concerns` from everything else.
void find_concerns(Standing& standing);

}  // namespace freshet::fleet
