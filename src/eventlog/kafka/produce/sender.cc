// librdkafka's messages point into the framed bytes, which saves a copy of every value on the way out. It takes them
// in batches, so that its locks are taken once for many.
#include "eventlog/kafka/produce/sender.h"

#include <vector>

#include "base/assert.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kMessagesAtOnce = 1024;

}  // namespace

Sender::Sender(std::shared_ptr<Client> client, const Names& names) : client_(std::move(client)) {
  for (size_t i = 0; i < kTopics; ++i)
    topics_[i].reset(rd_kafka_topic_new(client_->get(), names.of(static_cast<Topic>(i)), nullptr));
}

// librdkafka refuses single records of a batch (its queue is full, one is too large) and says so in the record.
void Sender::send(TopicPartition to, std::string_view framed, void* opaque,
                  const std::function<void(rd_kafka_resp_err_t)>& on_refused) {
  FRESHET_ASSERT(static_cast<size_t>(to.topic) < kTopics);
  thread_local std::vector<rd_kafka_message_t> messages;
  std::string_view key, value;
  bool corrupt = false;
  while (!framed.empty()) {
    messages.clear();
    while (messages.size() < kMessagesAtOnce && next_record(framed, key, value, &corrupt)) {
      rd_kafka_message_t& message = messages.emplace_back();
      message.payload = const_cast<char*>(value.data());
      message.len = value.size();
      message.key = key.empty() ? nullptr : const_cast<char*>(key.data());
      message.key_len = key.size();
      message._private = opaque;
    }
    FRESHET_ASSERT(!corrupt && !messages.empty());  // These bytes were framed in this process.
    const int taken =
        rd_kafka_produce_batch(topics_[static_cast<size_t>(to.topic)].get(), static_cast<int32_t>(to.partition), 0,
                               messages.data(), static_cast<int>(messages.size()));
    if (static_cast<size_t>(taken) == messages.size()) continue;
    for (const rd_kafka_message_t& message : messages)
      if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) on_refused(message.err);
  }
}

}  // namespace freshet::eventlog::kafka
