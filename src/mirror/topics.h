// The topics that a mirror copies: which there are in both clusters, and making those of the target as they must be.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "cluster/admin/admin.h"
#include "cluster/stream/stream.h"
#include "cluster/stream/target.h"
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
  std::string away;          // the target's partition that has no leader; "": all have one
  env::TimeUs again_us = 0;  // not before, by the monotonic clock: nobody answered for a partition of the target
  env::TimeUs pause_us = 0;  // the last one
  std::string misfit;        // why the target's topic would not keep what is mirrored; "": it does
  std::string refused;       // why it is not mirrored, or not any further; "": it is
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
  // Nobody answers for a partition of the target: its topic waits, longer each time. False: it is none of these.
  [[nodiscard]] bool hold(const cluster::Refusal& refusal, env::TimeUs now);
  // Some wait for a partition of the target.
  [[nodiscard]] bool any_away() const;
  // The largest batch that all topics of the target take.
  [[nodiscard]] size_t batch_bytes_max() const;

 private:
  [[nodiscard]] Status make_own(const cluster::ClusterView& target);
  [[nodiscard]] Status make_target(Topic& topic, const cluster::LivingTopic& from, const cluster::LivingTopic* to);
  [[nodiscard]] Status make_progress(const Topic& topic);
  [[nodiscard]] Status make_new(Topic& topic, const cluster::LivingTopic& from);
  [[nodiscard]] Status sync_configs(Topic& topic);
  [[nodiscard]] Status create(cluster::NewTopic topic);
  [[nodiscard]] uint32_t replication_for(uint32_t wanted = cluster::kReplicasWanted) const;
  void see_leaders(Topic& topic, const cluster::LivingTopic& to);
  void judge(Topic& topic, const Status& made);

  const Config& config_;
  cluster::Admin& source_;
  cluster::Admin& target_;
  std::map<std::string, std::unique_ptr<Topic>> topics_;
  std::map<std::string, uint32_t> in_target_;  // partitions by topic
  size_t target_brokers_ = 1;
  bool has_letters_ = false;
};

// What a topic of the target gets of the source's configurations: those set on the topic itself, but for what belongs
// to one cluster (placement, throttles) and what would change records, or refuse them for coming late: timestamps stay.
[[nodiscard]] std::vector<cluster::ConfigChange> mirrored_configs(const std::vector<cluster::Config>& configs);
// The same of a topic that is made: what the source's brokers decide and the target's may not, too.
[[nodiscard]] std::vector<cluster::ConfigChange> first_configs(const std::vector<cluster::Config>& source);
// Why a topic of the target would lose or change what is mirrored into it, and what would be right; "": it would not.
[[nodiscard]] std::string misfit_of(const std::string& to, const std::vector<cluster::Config>& source,
                                    const std::vector<cluster::Config>& target);
// Whether only the last record of a key is kept.
[[nodiscard]] bool is_compacted(const std::vector<cluster::Config>& configs);
// Whether brokers put their own time into records.
[[nodiscard]] bool sets_timestamps(const std::vector<cluster::Config>& configs);

}  // namespace freshet::mirror
