// Writes a record to each broker of a living cluster and reads it back, as its producers and consumers do: acknowledged
// by all replicas in sync, in a small topic of the probe's own, which has a partition led by each broker and is made
// where it is missing. Only of clusters whose file gives leave (watch.probe).
//
// For one thread. A round ends within a timeout of the client for each request of each broker; a broker that failed is
// not asked a second time in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/protocol/client.h"
#include "env/clock.h"
#include "fleet/watch/look.h"

namespace freshet::fleet {

class LiveProbe {
 public:
  LiveProbe(std::string topic, env::TimeUs timeout_us, env::Clock& clock, env::Random& random = env::real_random());

  // One round: `look` gets a probe of each broker that leads one of the partitions, and doubts where there are none.
  // `metadata` is that of the look, with all topics.
  void run(cluster::protocol::Client& client, const cluster::protocol::MetadataResponse& metadata, Look& look);

 private:
  using Metadata = cluster::protocol::MetadataResponse;
  [[nodiscard]] Status make_topic(cluster::protocol::Client& client, const Metadata& metadata) const;
  [[nodiscard]] Status add_partitions(cluster::protocol::Client& client, const Metadata& metadata,
                                      const Metadata::Topic& topic) const;
  [[nodiscard]] Status check_ours(cluster::protocol::Client& client, int32_t broker, int32_t partition);
  [[nodiscard]] ProbeSeen probe(cluster::protocol::Client& client, int32_t broker, int32_t partition);
  [[nodiscard]] Status there_and_back(cluster::protocol::Client& client, int32_t partition, ProbeSeen& out);
  [[nodiscard]] Result<std::vector<std::string>> read(cluster::protocol::Client& client, int32_t broker,
                                                      int32_t partition, int64_t offset) const;

  const std::string topic_;
  const env::TimeUs timeout_us_;
  env::Clock& clock_;
  const std::string name_;  // of this process, so that its records are told from those of another watcher
  uint64_t count_ = 0;
  std::map<int32_t, bool> ours_;  // partitions that were looked into: whether what they hold are probes
};

}  // namespace freshet::fleet
