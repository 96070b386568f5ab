// EventLog::read: records without a group. One read at a time; thread-safe.
#pragma once

#include <memory>
#include <mutex>

#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

class Reader {
 public:
  // A client that questions are asked with, too.
  [[nodiscard]] static Result<std::shared_ptr<Client>> open_client(const KafkaOptions& options);
  Reader(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, std::shared_ptr<Client> client);

  [[nodiscard]] Result<Fetched> read(TopicPartition from, Offset at, size_t bytes_max);

 private:
  [[nodiscard]] Result<Fetched> read_started(rd_kafka_topic_t* topic, TopicPartition from, Offset at, size_t bytes_max);

  const env::TimeUs timeout_us_;
  env::Clock& clock_;
  Cluster& cluster_;
  const std::shared_ptr<Client> client_;
  std::mutex mutex_;
};

}  // namespace freshet::eventlog::kafka
