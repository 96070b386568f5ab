// Reads for tools and pages, by librdkafka's simple consumer, which belongs to no group and so disturbs none.
#include "eventlog/kafka/reader.h"

#include <algorithm>
#include <utility>

#include "eventlog/kafka/consume/fetched.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kAtOnce = 256;
constexpr int kWaitMs = 100;

}  // namespace

Result<std::shared_ptr<Client>> Reader::open_client(const KafkaOptions& options) {
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.defaults = {{"fetch.wait.max.ms", "10"},
                       {"queued.max.messages.kbytes", "2048"},
                       // The properties of group members are checked against it.
                       {"session.timeout.ms", std::to_string(to_ms(options.session_timeout_us))},
                       {"socket.nagle.disable", "true"}};
  settings.fixed = {{"isolation.level", "read_committed"},
                    {"auto.offset.reset", "error"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"enable.auto.commit", "false"}};
  return Client::open(options, settings);
}

Reader::Reader(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, std::shared_ptr<Client> client)
    : timeout_us_(options.call_timeout_us), clock_(clock), cluster_(cluster), client_(std::move(client)) {}

// The watermarks are asked for first: at the end of the log nothing would come, and before its begin there is only an
// error.
Result<Fetched> Reader::read(TopicPartition from, Offset at, size_t bytes_max) {
  FRESHET_ASSIGN(const auto marks, cluster_.watermarks({from}));
  const Watermarks mark = marks.front();
  at = std::max(at, mark.low);
  if (at >= mark.high) return Fetched{from, {}, at, nullptr};
  const std::lock_guard lock(mutex_);
  const TopicHandle topic(rd_kafka_topic_new(client_->get(), cluster_.names().of(from.topic), nullptr));
  const auto partition = static_cast<int32_t>(from.partition);
  if (rd_kafka_consume_start(topic.get(), partition, at) != 0)
    return tl::unexpected(error_of(rd_kafka_last_error(), "reading " + to_string(from)));
  auto fetched = read_started(topic.get(), from, at, bytes_max);
  rd_kafka_consume_stop(topic.get(), partition);
  return fetched;
}

// Reads up to bytes_max, or to the end as it is now. What lies between records (markers of transactions, aborted
// records) is passed over, or a reader would ask for it again for ever.
Result<Fetched> Reader::read_started(rd_kafka_topic_t* topic, TopicPartition from, Offset at, size_t bytes_max) {
  const env::TimeUs end = clock_.monotonic_us() + timeout_us_;
  Gathering gathering(client_);
  Offset next = at;
  bool ended = false;
  while (!ended && gathering.bytes() < std::max<size_t>(bytes_max, 1)) {
    if (clock_.monotonic_us() > end) {
      if (!gathering.empty()) break;
      return fail(Code::kRetry, "kafka: reading " + to_string(from) + ": the brokers do not answer");
    }
    rd_kafka_message_t* messages[kAtOnce];
    const auto partition = static_cast<int32_t>(from.partition);
    const ssize_t taken = rd_kafka_consume_batch(topic, partition, kWaitMs, messages, bytes_max <= 1 ? 1 : kAtOnce);
    Status status;
    for (ssize_t i = 0; i < taken; ++i) {
      Owned<rd_kafka_message_t, rd_kafka_message_destroy> message(messages[i]);
      const auto error = message->err;
      if (error == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        next = std::max(next, message->offset);
        ended = true;
      } else if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        status = tl::unexpected(error_of(error, "reading " + to_string(from), rd_kafka_message_errstr(message.get())));
      } else if (message->offset >= at) {
        next = message->offset + 1;
        gathering.add(from, message.release());
      }
    }
    if (!status && status.error().code != Code::kRetry) return tl::unexpected(status.error());
  }
  if (gathering.empty()) return Fetched{from, {}, next, nullptr};
  Fetched out = std::move(gathering.take().front());
  out.next = next;
  return out;
}

}  // namespace freshet::eventlog::kafka
