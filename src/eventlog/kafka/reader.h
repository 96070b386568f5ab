// EventLog::read: records without a group, for tools and pages. Thread-safe; one read at a time, as librdkafka can
// read a partition at one place only.
#pragma once

#include <memory>
#include <mutex>

#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

class Reader {
 public:
  // Opens the client that reads, by which questions to the brokers are asked, too.
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
