// Appends without a transaction: what ingest has received. An append is answered when the reports of all its records
// are in, so that a sender who is told "durable" can forget all of them. A producer that is idempotent may send a
// record again without writing it twice; what a sender sends again is told apart by its message id, in action.
#include "eventlog/kafka/produce/appender.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "eventlog/kafka/topic_settings.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr int kPollMs = 100;
constexpr int kFlushMs = 3'000;
constexpr size_t kRecordOverhead = 100;  // About what librdkafka needs for a record in memory, beside its bytes.

Status status_of(rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  Error out = error_of(error, "appending");
  if (out.code == Code::kRetry)
    out.message += "; it may be in the log all the same: send it again, with the same message id";
  return tl::unexpected(std::move(out));
}

}  // namespace

// One append under way; the last of its delivery reports answers and deletes it.
struct Appender::Call {
  Appender* appender = nullptr;
  std::vector<std::string> framed;
  AppendDone done;
  size_t bytes = 0;
  std::atomic<size_t> pending{1};  // reports to come, and append() itself
  std::atomic<int> error{RD_KAFKA_RESP_ERR_NO_ERROR};

  // The first error of all is the answer. Reports come on the polling thread, and a refusal may come within append().
  void finish_one(rd_kafka_resp_err_t result) {
    int none = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (result != none) error.compare_exchange_strong(none, result);
    const size_t before = pending.fetch_sub(1, std::memory_order_acq_rel);
    FRESHET_ASSERT(before > 0);  // Else it was answered already, and deleted.
    if (before != 1) return;
    const std::unique_ptr<Call> self(this);
    appender->queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    done(status_of(static_cast<rd_kafka_resp_err_t>(error.load())));
  }
};

Result<std::unique_ptr<Appender>> Appender::open(const KafkaOptions& options, const Names& names) {
  Client::Settings settings;
  settings.type = RD_KAFKA_PRODUCER;
  settings.defaults = {{"compression.codec", "lz4"}, {"linger.ms", "5"}, {"socket.nagle.disable", "true"}};
  settings.fixed = {{"enable.idempotence", "true"},
                    {"acks", "all"},
                    {"allow.auto.create.topics", "false"},  // Freshet makes its topics, with its settings.
                    {"message.timeout.ms", std::to_string(to_ms(options.delivery_timeout_us))},
                    {"queue.buffering.max.messages", "10000000"},  // queue_bytes_max is the bound
                    {"message.max.bytes", std::to_string(kRecordBytesMax)},
                    {"queue.buffering.max.kbytes", "2097151"}};
  settings.delivered = delivered;
  FRESHET_ASSIGN(auto client, Client::open(options, settings));
  std::unique_ptr<Appender> appender(new Appender(options, std::move(client), names));
  // Without this the first record of a topic waits a second until librdkafka looks for its leader.
  const rd_kafka_metadata_t* topics = nullptr;
  if (rd_kafka_metadata(appender->client_->get(), 1, nullptr, &topics, to_ms(options.call_timeout_us)) ==
      RD_KAFKA_RESP_ERR_NO_ERROR)
    rd_kafka_metadata_destroy(topics);
  return appender;
}

Appender::Appender(const KafkaOptions& options, std::shared_ptr<Client> client, const Names& names)
    : queue_bytes_max_(options.queue_bytes_max), client_(std::move(client)), sender_(client_, names) {
  thread_ = std::thread([this] {
    env::name_thread("kafka-append");
    run();
  });
}

// What is not delivered by now is purged, which makes a report of it: so every caller gets an answer.
Appender::~Appender() {
  rd_kafka_flush(client_->get(), kFlushMs);
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  stopping_ = true;
  thread_.join();
}

void Appender::run() {
  while (!stopping_ || rd_kafka_outq_len(client_->get()) > 0) rd_kafka_poll(client_->get(), kPollMs);
}

void Appender::delivered(rd_kafka_t*, const rd_kafka_message_t* message, void*) {
  static_cast<Call*>(message->_private)->finish_one(message->err);
}

// The count of reports begins with one for append() itself, so that the last report can't answer while records are
// still being handed over.
void Appender::append(std::vector<Produce> batches, AppendDone done) {
  size_t bytes = 0, records = 0;
  for (const Produce& batch : batches) {
    bytes += batch.records.bytes() + batch.records.count() * kRecordOverhead;
    records += batch.records.count();
  }
  if (records == 0) return done({});
  const size_t before = queued_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before > 0 && before + bytes > queue_bytes_max_) {
    queued_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return done(fail(
        Code::kRetry,
        fmt::format("kafka: {} bytes are on their way to the brokers already; send it again in a moment", before)));
  }
  auto call = std::make_unique<Call>();
  call->appender = this;
  call->bytes = bytes;
  call->done = std::move(done);
  call->pending += records;
  call->framed.reserve(batches.size());
  for (Produce& batch : batches) call->framed.push_back(batch.records.release());
  Call* const under_way = call.release();
  for (size_t i = 0; i < batches.size(); ++i)
    sender_.send(batches[i].to, under_way->framed[i], under_way,
                 [under_way](rd_kafka_resp_err_t refused) { under_way->finish_one(refused); });
  under_way->finish_one(RD_KAFKA_RESP_ERR_NO_ERROR);
}

}  // namespace freshet::eventlog::kafka
