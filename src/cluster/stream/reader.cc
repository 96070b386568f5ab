// Reader on librdkafka's simple consumer, whose partitions all feed one queue: it belongs to no group. Messages are not
// copied: what is handed out holds librdkafka's buffers until its reader is done.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cluster/stream/client.h"
#include "cluster/stream/open.h"

namespace freshet::cluster {
namespace {

using ReadTopic = rd::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;
constexpr size_t kReadAtOnce = 1024;

// Messages together with the client that they belong to, which must not be destroyed before them.
class HeldMessages {
 public:
  explicit HeldMessages(std::shared_ptr<rd_kafka_t> client) : client_(std::move(client)) {}
  ~HeldMessages() {
    for (rd_kafka_message_t* message : messages_) rd_kafka_message_destroy(message);
  }
  HeldMessages(const HeldMessages&) = delete;
  HeldMessages& operator=(const HeldMessages&) = delete;
  void add(rd_kafka_message_t* message) { messages_.push_back(message); }

 private:
  const std::shared_ptr<rd_kafka_t> client_;
  std::vector<rd_kafka_message_t*> messages_;
};

void copy_headers(const rd_kafka_message_t& message, std::vector<Header>& out) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    Header& header = out.emplace_back();
    header.name = name;
    if (value != nullptr) header.value.emplace(static_cast<const char*>(value), size);
  }
}

class KafkaReader final : public Reader {
 public:
  explicit KafkaReader(StreamClient client) : client_(client.release(), rd_kafka_destroy) {
    queue_.reset(rd_kafka_queue_new(client_.get()));
  }
  ~KafkaReader() override {
    while (!started_.empty()) stop(started_.begin()->first);
    topics_.clear();
  }

  Status start(uint32_t id, const PartitionRef& of, int64_t offset) override {
    ReadTopic& topic = topics_[of.topic];
    if (topic == nullptr) topic.reset(rd_kafka_topic_new(client_.get(), of.topic.c_str(), nullptr));
    if (rd_kafka_consume_start_queue(topic.get(), of.partition, offset, queue_.get()) != 0)
      return tl::unexpected(stream_error(rd_kafka_last_error(), what_of(of)));
    started_[id] = {of, topic.get(), offset};
    ids_[{topic.get(), of.partition}] = id;
    return {};
  }

  void stop(uint32_t id) override {
    const auto found = started_.find(id);
    if (found == started_.end()) return;
    rd_kafka_consume_stop(found->second.topic, found->second.of.partition);
    ids_.erase({found->second.topic, found->second.of.partition});
    started_.erase(found);
    last_ = {nullptr, 0};
  }

  // librdkafka waits until an array is full, so the first message is waited for alone.
  void poll(size_t records_max, env::TimeUs timeout_us, Polled& into) override {
    rd_kafka_message_t* messages[kReadAtOnce];
    const auto timeout_ms = static_cast<int>((timeout_us + 999) / 1000);
    const size_t most = std::min(records_max, kReadAtOnce);
    if (most == 0) return;
    ssize_t taken = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages, 1);
    if (taken == 1 && most > 1)
      taken += std::max<ssize_t>(rd_kafka_consume_batch_queue(queue_.get(), 0, messages + 1, most - 1), 0);
    if (taken <= 0) return;
    auto held = std::make_shared<HeldMessages>(client_);
    for (ssize_t i = 0; i < taken; ++i) {
      held->add(messages[i]);
      take(*messages[i], into);
    }
    into.hold.push_back(std::move(held));
  }

  int64_t end_of(uint32_t id) const override {
    const auto found = started_.find(id);
    if (found == started_.end()) return -1;
    int64_t low = -1, high = -1;
    const PartitionRef& of = found->second.of;
    rd_kafka_get_watermark_offsets(client_.get(), of.topic.c_str(), of.partition, &low, &high);
    return high;
  }

 private:
  struct Started {
    PartitionRef of;
    rd_kafka_topic_t* topic = nullptr;
    int64_t next = 0;
  };
  using Source = std::pair<const rd_kafka_topic_t*, int32_t>;

  static std::string what_of(const PartitionRef& of) { return fmt::format("reading {}[{}]", of.topic, of.partition); }

  // Messages come in runs of one partition, so maps are hardly ever asked. Null: it was stopped meanwhile.
  Started* of(const rd_kafka_message_t& message) {
    const Source source{message.rkt, message.partition};
    if (source.first == nullptr) return nullptr;
    if (source != last_) {
      const auto id = ids_.find(source);
      if (id == ids_.end()) return nullptr;
      last_ = source;
      last_id_ = id->second;
      last_started_ = &started_[last_id_];
    }
    return last_started_;
  }

  void take(const rd_kafka_message_t& message, Polled& into) {
    Started* const from = of(message);
    if (from == nullptr) return;
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      // What is below was read ahead before a start at a later offset.
      if (message.offset < from->next) return;
      from->next = message.offset + 1;
      Record& record = into.records.emplace_back();
      record.from = last_id_;
      record.offset = message.offset;
      rd_kafka_timestamp_type_t kind{};
      record.timestamp_ms = rd_kafka_message_timestamp(&message, &kind);
      if (message.key != nullptr) record.key.emplace(static_cast<const char*>(message.key), message.key_len);
      if (message.payload != nullptr) record.value.emplace(static_cast<const char*>(message.payload), message.len);
      copy_headers(message, record.headers);
    } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      into.ends.emplace_back(last_id_, message.offset);
    } else {
      refused(message, *from, into);
    }
  }

  // Brokers that are away come back by themselves; of the rest the reader of the partition decides.
  void refused(const rd_kafka_message_t& message, const Started& from, Polled& into) {
    ReadProblem problem;
    problem.from = last_id_;
    problem.offset = from.next;
    problem.error = stream_error(message.err, what_of(from.of), rd_kafka_message_errstr(&message));
    const bool gone =
        message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || message.err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE;
    if (!gone && problem.error.code == Code::kRetry) return;
    if (gone) problem.kind = ReadProblem::Kind::kOutOfRange;
    into.problems.push_back(std::move(problem));
    stop(last_id_);
  }

  const std::shared_ptr<rd_kafka_t> client_;
  rd::Queue queue_;
  std::map<std::string, ReadTopic> topics_;
  std::map<uint32_t, Started> started_;
  std::map<Source, uint32_t> ids_;
  Source last_{nullptr, 0};
  uint32_t last_id_ = 0;
  Started* last_started_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Reader>> open_reader(const Connection& connection, const ReaderOptions& options) {
  Connection named = connection;
  named.client_id += "." + options.name;
  ClientSettings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.defaults = {{"fetch.wait.max.ms", "50"},
                       {"fetch.queue.backoff.ms", "5"},
                       {"topic.metadata.refresh.interval.ms", "5000"},  // partitions that were added
                       {"socket.nagle.disable", "true"},
                       {"queued.max.messages.kbytes", std::to_string(options.queue_bytes_max / 1024)}};
  settings.fixed = {{"isolation.level", "read_committed"},
                    {"auto.offset.reset", "error"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"enable.auto.commit", "false"}};
  FRESHET_ASSIGN(auto client, open_client(named, settings));
  return std::unique_ptr<Reader>(new KafkaReader(std::move(client)));
}

}  // namespace freshet::cluster
