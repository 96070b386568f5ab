// The living cluster of a rebalance, by Kafka's protocol (cluster/protocol/client.h).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/protocol/client.h"
#include "env/clock.h"
#include "fleet/rebalance/port.h"
#include "fleet/watch/source.h"

namespace freshet::fleet::rebalance {

struct KafkaPortOptions {
  env::TimeUs rate_window_us = 5'000'000;  // sizes so far apart say how fast a partition grows
  // What each log dir has, if it is not 0: where brokers don't tell (before Kafka 3.3), or where less than the whole
  // volume is Kafka's. Then what lies there are its replicas, and those that we have seen go.
  double dir_bytes = 0;
  double delete_slack_s = 30;
  env::TimeUs lag_window_us = 30'000'000;  // over about so long rates are measured that say a lag in seconds
};

class KafkaPort final : public Port {
 public:
  struct TopicFacts {
    double delete_delay_s = 60;  // file.delete.delay.ms, of segments that retention deletes
    double retention_bytes = -1, retention_s = -1, segment_bytes = 0;
    bool is_deleted = true;  // cleanup.policy has delete
  };

  // `looks` is for fares(), which shows no groups without it.
  KafkaPort(std::unique_ptr<cluster::protocol::Client> client, std::unique_ptr<LookSource> looks, env::Clock& clock,
            KafkaPortOptions options)
      : client_(std::move(client)), looks_(std::move(looks)), clock_(clock), options_(options) {}

  Result<std::string> cluster_id() override { return client_->cluster_id(); }
  Result<State> look() override;
  Result<std::vector<Moving>> moving() override;  // those within brokers as of the last look()
  Result<Seen> fares(const std::vector<Moving>& moving) override;
  Result<std::optional<std::string>> setting(Setting::Kind kind, const std::string& resource,
                                             const std::string& name) override;
  Status change(const std::vector<Change>& changes) override;
  Status assign(const std::vector<Assignment>& assignments) override;
  Status place(const std::vector<Placement>& placements) override;
  Status elect(const std::vector<Assignment>& partitions) override;

  // What a partition may come to; 0: nothing bounds it.
  [[nodiscard]] static double most_kept(const TopicFacts& facts, double in_bytes_per_s);

 private:
  using Key = std::pair<std::string, int32_t>;  // a partition
  // What left a dir, and when it is surely gone from the disk.
  struct Leaving {
    int32_t broker = 0;
    std::string dir;
    double bytes = 0;
    env::TimeUs until_us = 0;
  };
  using Lying =
      std::map<std::pair<Key, int32_t>, std::pair<std::string, double>>;  // by partition and broker: dir, bytes

  [[nodiscard]] Result<State> look_once();
  [[nodiscard]] Status read_dirs(const cluster::protocol::MetadataResponse::Broker& broker, Broker& out, Lying& lying);
  [[nodiscard]] Status read_topics(const std::vector<std::string>& names);
  void measure(State& state);
  void fill_rates(State& state) const;
  void count_leaving(State& state, const Lying& lying);
  [[nodiscard]] Result<Look> look_at_groups();
  [[nodiscard]] Result<double> slowest_answer_s();
  [[nodiscard]] Status change_at(int32_t broker, const std::vector<Change>& changes);

  std::unique_ptr<cluster::protocol::Client> client_;
  std::unique_ptr<LookSource> looks_;
  env::Clock& clock_;
  const KafkaPortOptions options_;
  std::map<std::string, TopicFacts> topics_;
  std::map<int32_t, double> delays_s_;  // by broker
  std::map<Key, double> sizes_, rates_;
  env::TimeUs measured_us_ = -1;  // when sizes_ were taken; -1: never
  std::vector<Moving> within_;
  Lying lying_;
  std::vector<Leaving> leaving_;
  std::map<int32_t, Key> led_;  // a partition that each broker leads, as of the last look()
  std::optional<Look> looked_;  // that lags in seconds are measured from
};

}  // namespace freshet::fleet::rebalance
