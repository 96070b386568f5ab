// From librdkafka's messages to Fetched. Values are not copied: a Fetched holds the messages, and with them their
// client, until its reader is done.
#pragma once

#include <vector>

#include "eventlog/kafka/cluster.h"

namespace freshet::eventlog::kafka {

// Messages together with the client that they belong to, which must not be destroyed before them.
class Hold {
 public:
  explicit Hold(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  ~Hold();
  Hold(const Hold&) = delete;
  Hold& operator=(const Hold&) = delete;
  void add(rd_kafka_message_t* message) { messages_.push_back(message); }

 private:
  const std::shared_ptr<Client> client_;
  std::vector<rd_kafka_message_t*> messages_;
};

// Which partition a message is from. Messages come in runs of one topic, so names are hardly ever compared. Used by
// one thread.
class PartitionOf {
 public:
  explicit PartitionOf(const Names& names) : names_(&names) {}
  [[nodiscard]] std::optional<TopicPartition> operator()(const rd_kafka_message_t& message);

 private:
  const Names* names_;
  const rd_kafka_topic_t* last_ = nullptr;
  Topic topic_ = Topic::kActions;
};

// The records of one poll, by partition.
class Gathering {
 public:
  explicit Gathering(std::shared_ptr<Client> client) : hold_(std::make_shared<Hold>(std::move(client))) {}
  // Takes the message over.
  void add(TopicPartition from, rd_kafka_message_t* message);
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] size_t count() const { return count_; }
  [[nodiscard]] size_t bytes() const { return bytes_; }
  [[nodiscard]] std::vector<Fetched> take();

 private:
  std::shared_ptr<Hold> hold_;
  std::vector<Fetched> fetched_;
  size_t at_ = 0;  // the one that the last message went to
  size_t bytes_ = 0;
  size_t count_ = 0;
};

}  // namespace freshet::eventlog::kafka
