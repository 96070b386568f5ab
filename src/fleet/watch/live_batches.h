// Reads a few of the newest batches of topics that get messages, as their producers made them, and measures what other
// codecs make of the same records. Bounded: so many topics in a look, so many bytes of each, each topic once a minute.
// Needs READ of the topics; those that may not be read are left out. For one thread.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/protocol/client.h"
#include "fleet/watch/look.h"

namespace freshet::fleet {

class LiveBatches {
 public:
  // Never of the topic `skipped`, which is the probe's.
  explicit LiveBatches(std::string skipped) : skipped_(std::move(skipped)) {}

  // Adds to `look`, whose topics have their ends and leaders, samples of those that grew most since the last look.
  void run(cluster::protocol::Client& client, Look& look);

 private:
  struct Known {
    std::vector<int64_t> ends;  // at the last look, by partition
    env::TimeUs sampled_us = 0;
    bool sampled = false;
    bool refused = false;  // we may not read it
    uint64_t look = 0;
  };
  struct Growth {
    uint32_t topic = 0, partition = 0;  // of the partition that grew most
    int64_t messages = 0;               // of the topic
    int64_t from = 0;                   // where the partition ended
    Known* known = nullptr;
  };
  [[nodiscard]] std::vector<Growth> grown(const Look& look);
  void sample(cluster::protocol::Client& client, const Growth& growth, Look& look) const;

  const std::string skipped_;
  std::unordered_map<std::string, Known> topics_;
  uint64_t look_ = 0;
};

}  // namespace freshet::fleet
