#include "eventlog/kafka/consume/fetched.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::eventlog::kafka {

Hold::~Hold() {
  for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
}

// An error that is of no partition, such as one of a connection, has no topic.
std::optional<TopicPartition> PartitionOf::operator()(const rd_kafka_message_t& message) {
  if (message.rkt == nullptr) return std::nullopt;
  if (message.rkt != last_) {
    const auto topic = names_->find(rd_kafka_topic_name(message.rkt));
    if (!topic) return std::nullopt;
    last_ = message.rkt;
    topic_ = *topic;
  }
  return TopicPartition{topic_, static_cast<uint32_t>(message.partition)};
}

void Gathering::add(TopicPartition from, rd_kafka_message_t* message) {
  FRESHET_ASSERT(message->err == RD_KAFKA_RESP_ERR_NO_ERROR);  // An error's payload is its text.
  hold_->add(message);
  // Messages come in runs of one partition: most go where the last one went.
  if (at_ >= fetched_.size() || fetched_[at_].from != from) {
    const auto found = std::find_if(fetched_.begin(), fetched_.end(), [&](const Fetched& f) { return f.from == from; });
    at_ = static_cast<size_t>(found - fetched_.begin());
    if (found == fetched_.end()) fetched_.push_back({from, {}, 0, nullptr});
  }
  RecordView record;
  record.offset = message->offset;
  record.key = {static_cast<const char*>(message->key), message->key_len};
  record.value = {static_cast<const char*>(message->payload), message->len};
  bytes_ += message->key_len + message->len;
  ++count_;
  fetched_[at_].records.push_back(record);
  fetched_[at_].next = message->offset + 1;
}

std::vector<Fetched> Gathering::take() {
  for (Fetched& fetched : fetched_) fetched.hold = hold_;
  return std::move(fetched_);
}

}  // namespace freshet::eventlog::kafka
