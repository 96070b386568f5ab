// One librdkafka instance, made from our options, its logs and errors taken care of.
#pragma once

#include <librdkafka/rdkafka.h>

#include <functional>
#include <memory>
#include <string>

#include "eventlog/event_log.h"
#include "eventlog/kafka/kafka_options.h"
#include "rdkafka/last_error.h"
#include "rdkafka/owned.h"

namespace freshet::eventlog::kafka {

using rdkafka::Destroy;
using rdkafka::ErrorPtr;
using rdkafka::Event;
using rdkafka::Owned;
using rdkafka::PartitionList;
using rdkafka::Queue;
using TopicHandle = Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
using GroupMetadata = Owned<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;

[[nodiscard]] inline PartitionList make_list(size_t capacity = 8) {
  return PartitionList(rd_kafka_topic_partition_list_new(static_cast<int>(capacity)));
}
[[nodiscard]] inline int to_ms(env::TimeUs duration_us) { return static_cast<int>(duration_us / 1000); }

// "actions[3]"
[[nodiscard]] std::string to_string(TopicPartition of);

// Who recovers from an error of a broker or of librdkafka: this process by trying again, by going back to what is
// committed, or nobody.
[[nodiscard]] Code code_of(rd_kafka_resp_err_t error);
// The same with words: those given, or librdkafka's.
[[nodiscard]] Error error_of(rd_kafka_resp_err_t error, const std::string& what, const std::string& words = {});

// The handle is thread-safe, as librdkafka's are; on_rebalance is called by the thread that polls.
class Client {
 public:
  using Rebalance = std::function<void(rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*)>;
  using Delivered = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void*);
  struct Settings {
    rd_kafka_type_t type = RD_KAFKA_PRODUCER;
    KafkaProperties defaults;  // which KafkaOptions::properties may change
    KafkaProperties fixed;     // which they may not
    Delivered delivered = nullptr;
    bool rebalances = false;  // on_rebalance is called
  };

  // kInvalid: a property is wrong. Does not connect: librdkafka does that by itself, again and again.
  [[nodiscard]] static Result<std::shared_ptr<Client>> open(const KafkaOptions& options, const Settings& settings);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] rd_kafka_t* get() const { return handle_; }
  // The last thing that went wrong with brokers or connections; an empty message: nothing has.
  [[nodiscard]] Error last_error() const { return last_error_.get(); }
  void note_error(rd_kafka_resp_err_t error, const char* words);

  // librdkafka tells of a rebalance, within a poll.
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);

  // Set before the first poll, if Settings::rebalances.
  Rebalance on_rebalance;

 private:
  Client() = default;
  rd_kafka_t* handle_ = nullptr;
  rdkafka::LastError last_error_;
};

}  // namespace freshet::eventlog::kafka
