// Admin on librdkafka. Private to src/cluster/admin.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "cluster/admin/admin.h"
#include "cluster/admin/handles.h"

namespace freshet::cluster {

class KafkaAdmin final : public Admin {
 public:
  KafkaAdmin(Connection connection, std::unique_ptr<rd::Client> client, env::Clock& clock)
      : connection_(std::move(connection)), client_(std::move(client)), clock_(clock) {}

  // Waits for the first answer of a broker.
  [[nodiscard]] Status wait_for_brokers();

  Result<ClusterView> describe() override;
  Result<std::vector<ConfigsOf>> configs(const std::vector<Resource>& of) override;
  Result<std::vector<OffsetAnswer>> offsets(const std::vector<PartitionRef>& of, OffsetAt at) override;
  Result<Groups> groups() override;
  Result<std::vector<Member>> members(const std::string& group) override;
  Result<std::vector<CommittedOffset>> committed(const std::string& group,
                                                 const std::vector<PartitionRef>& of) override;
  Status create_topic(const NewTopic& topic, Do what) override;
  Status add_partitions(const std::string& topic, uint32_t total, Do what) override;
  Status change_configs(const Resource& of, const std::vector<ConfigChange>& changes, Do what) override;

 private:
  // Connections to coordinators are kept for so many groups.
  static constexpr size_t kAskersMost = 32;
  using Asker = std::pair<std::string, std::shared_ptr<rd::Client>>;  // of a group

  [[nodiscard]] rd_kafka_t* handle() const { return client_->get(); }
  [[nodiscard]] int timeout_ms() const { return static_cast<int>(connection_.timeout_us / 1000); }
  [[nodiscard]] rd::Options options_for(rd_kafka_admin_op_t what, Do how = Do::kIt) const;
  // The answer to what was asked with this queue; `what` is for the error.
  [[nodiscard]] Result<rd::Event> answer(const rd::Queue& queue, const std::string& what) const;
  [[nodiscard]] rd::Queue new_queue() const { return rd::Queue(rd_kafka_queue_new(handle())); }
  [[nodiscard]] Result<rd::Metadata> metadata(bool topics, int wait_ms) const;
  [[nodiscard]] Status add_configs(const std::vector<Resource>& of, std::vector<ConfigsOf>& out) const;
  [[nodiscard]] Result<std::shared_ptr<rd::Client>> asker_of(const std::string& group);

  const Connection connection_;
  const std::unique_ptr<rd::Client> client_;
  env::Clock& clock_;
  std::mutex mutex_;
  std::list<Asker> askers_;  // the latest first; guarded by mutex_
};

}  // namespace freshet::cluster
