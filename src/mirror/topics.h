// The topics that a mirror copies: which there are in both clusters, and making those of the target as they must be.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cluster/admin/admin.h"
#include "mirror/config.h"
#include "mirror/transform.h"

namespace freshet::mirror {

struct Topic {
  std::string name;  // in the source
  std::string to;
  std::string progress;  // its shadow in the target: positions and marks, a partition for each of the source
  TopicRule rule;
  uint32_t source_partitions = 0;
  uint32_t target_partitions = 0;  // that records are placed in; the target may have more
  size_t record_bytes_max = 0;     // of one record, uncompressed: what the target's topic takes
  Transform transform{TopicRule{}};
  std::string refused;  // why it is not mirrored; "": it is
};

// One thread uses it.
class Topics {
 public:
  // All outlive it.
  Topics(const Config& config, cluster::Admin& source, cluster::Admin& target);

  // Looks at both clusters, makes the topics and partitions that are missing in the target, and carries changed
  // configurations of the source's topics over. What can't be made is `refused`, and the others go on. kRetry,
  // kInvalid: a cluster does not answer, or refuses us; what was known stays.
  [[nodiscard]] Status refresh();
  // By name in the source.
  [[nodiscard]] std::map<std::string, std::unique_ptr<Topic>>& all() { return topics_; }
  [[nodiscard]] const std::map<std::string, std::unique_ptr<Topic>>& all() const { return topics_; }
  [[nodiscard]] Topic* find(const std::string& name);
  // The largest batch that all topics of the target take.
  [[nodiscard]] size_t batch_bytes_max() const;

 private:
  [[nodiscard]] Status make_own();
  [[nodiscard]] Status make_target(Topic& topic, const cluster::LivingTopic& from, const cluster::LivingTopic* to);
  [[nodiscard]] Status make_progress(const Topic& topic);
  [[nodiscard]] Status sync_configs(Topic& topic);
  [[nodiscard]] Status create(cluster::NewTopic topic);
  [[nodiscard]] uint32_t replication_for(uint32_t wanted) const;

  const Config& config_;
  cluster::Admin& source_;
  cluster::Admin& target_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
  std::map<std::string, uint32_t> in_target_;  // partitions by topic
  uint32_t target_brokers_ = 1;
};

// What a topic of the target gets of the source's configurations: those set on the topic itself, but for what belongs
// to one cluster (placement, throttles, limits of time and size that the target's brokers decide).
[[nodiscard]] std::vector<cluster::ConfigChange> mirrored_configs(const std::vector<cluster::Config>& configs);

}  // namespace freshet::mirror
