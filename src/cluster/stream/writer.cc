// Writer on a transactional producer. What a failed transaction is called is said in rdkafka/transaction.h; settle() is
// what makes the brokers decide.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "cluster/stream/client.h"
#include "cluster/stream/member.h"
#include "cluster/stream/open.h"
#include "cluster/stream/places.h"
#include "rdkafka/transaction.h"
#include "telemetry/log.h"

namespace freshet::cluster {
namespace {

constexpr size_t kBatchBytesMax = 256u << 10;
constexpr size_t kMessageBytesMax = 100u << 20;

// Whose fault it is that a record was not written; a higher one explains those below it.
enum class Fault : uint8_t { kNone, kAlong, kOther, kAway, kRecord };

Fault fault_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return Fault::kNone;
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:  // Aborting purges what is under way.
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
    case RD_KAFKA_RESP_ERR__INVALID_DIFFERENT_RECORD: return Fault::kAlong;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR: return Fault::kAway;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD: return Fault::kRecord;
    default: return Fault::kOther;
  }
}

class KafkaWriter final : public Writer {
 public:
  KafkaWriter(const Connection& connection, env::Clock& clock, const WriterOptions& options)
      : connection_(connection), options_(options), clock_(clock), rival_(options.transaction_timeout_us) {}
  ~KafkaWriter() override { forget(); }

  Status settle() override {
    if (client_ != nullptr) return {};
    refused_ = {};
    FRESHET_ASSIGN(auto client, open_client(connection_, settings()));
    client_ = std::move(client);
    const rd::ErrorPtr error =
        insist(client_.get(), patience(), [&](int ms) { return rd_kafka_init_transactions(client_.get(), ms); });
    if (error == nullptr) {
      ++takes_;
      return {};
    }
    Error told = error_of(*error, "taking transactional id " + options_.transactional_id);
    forget();
    return tl::unexpected(judged(std::move(told)));
  }

  uint64_t takes() const override { return takes_; }

  uint32_t topic(const std::string& name) override {
    const auto [known, fresh] = numbers_.try_emplace(name, static_cast<uint32_t>(names_.size()));
    if (fresh) names_.push_back(name);
    return known->second;
  }

  // It is a setting of the client that librdkafka reads once, so a new client is made of it.
  void limit_batches(size_t bytes) override {
    const size_t limit = std::clamp<size_t>(bytes, 1024, kBatchBytesMax);
    if (limit == batch_bytes_) return;
    batch_bytes_ = limit;
    forget();
  }

  Status begin() override {
    FRESHET_ASSERT(client_ != nullptr);
    refused_ = {};
    refusal_.reset();
    const rd::ErrorPtr error(rd_kafka_begin_transaction(client_.get()));
    open_ = error == nullptr;
    return open_ ? Status{} : failed(*error);
  }

  Status write(const Outgoing& record) override;
  Status commit(const std::vector<Place>& places, const Committer* member) override;

  void abort() override {
    if (!open_) return;
    open_ = false;
    const rd::ErrorPtr error =
        insist(client_.get(), patience(), [&](int ms) { return rd_kafka_abort_transaction(client_.get(), ms); });
    if (error != nullptr || stale_) forget();
    refused_ = {};
  }

  std::optional<Refusal> refusal() const override { return refusal_; }

 private:
  using WriteTopic = rd::Owned<rd_kafka_topic_t, rd_kafka_topic_destroy>;

  ClientSettings settings() {
    const std::string timeout_ms = std::to_string(options_.transaction_timeout_us / 1000);
    // Before the brokers end the transaction, which would not say whose fault it is.
    const std::string record_timeout_ms = std::to_string(options_.transaction_timeout_us * 2 / 3 / 1000);
    ClientSettings settings;
    settings.owner = this;
    settings.delivered = [](rd_kafka_t*, const rd_kafka_message_t* message, void* owner) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) static_cast<KafkaWriter*>(owner)->note_refused(*message);
    };
    // Small transactions wait for retry.backoff.ms while the brokers finish the one before: docs/decisions/0008.
    settings.defaults = {{"compression.codec", options_.compression},
                         {"linger.ms", "5"},
                         {"retry.backoff.ms", "5"},
                         {"socket.nagle.disable", "true"}};
    settings.fixed = {{"transactional.id", options_.transactional_id},
                      {"transaction.timeout.ms", timeout_ms},
                      {"message.timeout.ms", record_timeout_ms},
                      {"batch.size", std::to_string(batch_bytes_)},
                      {"message.max.bytes", std::to_string(kMessageBytesMax)},
                      {"delivery.report.only.error", "true"},
                      {"queue.buffering.max.messages", "10000000"},  // the caller's batch is the bound
                      {"queue.buffering.max.kbytes", "2097151"}};
    return settings;
  }

  // The next settle() makes a client anew and takes the id again, by which the brokers end what this one has begun.
  void forget() {
    open_ = stale_ = false;
    topics_.clear();
    client_.reset();
  }

  rd_kafka_topic_t* handle_of(uint32_t number) {
    FRESHET_ASSERT(number < names_.size());
    if (topics_.size() <= number) topics_.resize(names_.size());
    if (topics_[number] == nullptr)
      topics_[number].reset(rd_kafka_topic_new(client_.get(), names_[number].c_str(), nullptr));
    return topics_[number].get();
  }

  static Error error_of(const rd_kafka_error_t& error, const std::string& what) {
    return stream_error(rd_kafka_error_code(&error), what, rd_kafka_error_string(&error));
  }

  rdkafka::Patience patience() const { return {clock_, options_.outage_max_us}; }

  // The record at fault says more than those that fail along with it.
  void note_refused(const rd_kafka_message_t& message) {
    if (fault_of(message.err) <= fault_of(refused_.error)) return;
    refused_ = {message.err, message.rkt == nullptr ? "" : rd_kafka_topic_name(message.rkt), message.partition};
  }
  Status failed(const rd_kafka_error_t& error);
  Error judged(Error error);

  const Connection connection_;
  const WriterOptions options_;
  env::Clock& clock_;
  uint64_t takes_ = 0;
  size_t batch_bytes_ = kBatchBytesMax;
  std::map<std::string, uint32_t> numbers_;
  std::vector<std::string> names_;
  StreamClient client_;  // null: the id is not taken
  std::vector<WriteTopic> topics_;
  struct Refused {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::string topic;
    int32_t partition = 0;
  };
  Refused refused_;                 // of the transaction that is open; set within polls of this thread
  std::optional<Refusal> refusal_;  // of the one that has failed
  bool open_ = false;
  bool stale_ = false;  // It does not know partitions that there are.
  rdkafka::Rival rival_;
};

rd_kafka_headers_t* headers_of(std::span<const Header> headers) {
  rd_kafka_headers_t* const out = rd_kafka_headers_new(headers.size());
  for (const Header& header : headers) {
    const void* value = header.value ? header.value->data() : nullptr;
    const auto size = header.value ? static_cast<ssize_t>(header.value->size()) : 0;
    // It fails of no list that was made here.
    (void)rd_kafka_header_add(out, header.name.data(), static_cast<ssize_t>(header.name.size()), value, size);
  }
  return out;
}

// The value is neither copied nor freed by librdkafka.
Status KafkaWriter::write(const Outgoing& record) {
  rd_kafka_vu_t with[7];
  size_t count = 0;
  with[count].vtype = RD_KAFKA_VTYPE_RKT;
  with[count++].u.rkt = handle_of(record.topic);
  with[count].vtype = RD_KAFKA_VTYPE_PARTITION;
  with[count++].u.i32 = record.partition;
  with[count].vtype = RD_KAFKA_VTYPE_VALUE;
  with[count].u.mem.ptr = record.value ? const_cast<char*>(record.value->data()) : nullptr;
  with[count++].u.mem.size = record.value ? record.value->size() : 0;
  with[count].vtype = RD_KAFKA_VTYPE_KEY;
  with[count].u.mem.ptr = record.key ? const_cast<char*>(record.key->data()) : nullptr;
  with[count++].u.mem.size = record.key ? record.key->size() : 0;
  with[count].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  with[count++].u.i64 = std::max<int64_t>(record.timestamp_ms, 0);
  with[count].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  with[count++].u.i = 0;
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = headers_of(record.headers);
    with[count].vtype = RD_KAFKA_VTYPE_HEADERS;
    with[count++].u.headers = headers;
  }
  const rd::ErrorPtr error(rd_kafka_produceva(client_.get(), with, count));
  if (error == nullptr) return {};
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  if (const auto code = rd_kafka_error_code(error.get()); fault_of(code) == Fault::kRecord)
    refusal_ = Refusal{names_[record.topic], record.partition, false, rd_kafka_err2str(code)};
  Error told = error_of(*error, "writing to " + names_[record.topic]);
  stale_ = told.code == Code::kNotFound;
  return tl::unexpected(std::move(told));
}

Status KafkaWriter::commit(const std::vector<Place>& places, const Committer* member) {
  const auto* known = dynamic_cast<const KafkaMember*>(member);
  const rd::PartitionList list = list_of(places);
  if (known != nullptr && !places.empty()) {
    const rd::ErrorPtr error = insist(client_.get(), patience(), [&](int ms) {
      return rd_kafka_send_offsets_to_transaction(client_.get(), list.get(), known->get(), ms);
    });
    if (error != nullptr) return failed(*error);
  }
  const rd::ErrorPtr error =
      insist(client_.get(), patience(), [&](int ms) { return rd_kafka_commit_transaction(client_.get(), ms); });
  if (error != nullptr) return failed(*error);
  open_ = false;
  return {};
}

// A record that the brokers refused makes the transaction fail; why they did says more than that it failed.
Status KafkaWriter::failed(const rd_kafka_error_t& error) {
  Error out = error_of(error, "committing by " + options_.transactional_id);
  open_ = false;
  const Refused refused = std::exchange(refused_, {});
  const Fault fault = fault_of(refused.error);
  if (fault > Fault::kAlong) {
    const Error why = stream_error(refused.error, fmt::format("{}[{}]", refused.topic, refused.partition));
    if (why.code == Code::kInvalid || fault == Fault::kRecord) out = {Code::kInvalid, why.message};
    if (fault >= Fault::kAway) refusal_ = Refusal{refused.topic, refused.partition, fault == Fault::kAway, why.message};
  }
  const rdkafka::Failure failure = rdkafka::failure_of(error);
  bool aborted = false;
  if (can_abort(failure)) {
    aborted = insist(client_.get(), patience(),
                     [&](int ms) { return rd_kafka_abort_transaction(client_.get(), ms); }) == nullptr;
    refused_ = {};
  }
  if (!aborted) refusal_.reset();
  out.code = code_of_failed(out.code, failure, aborted);
  if (!aborted || out.code == Code::kFenced) forget();
  return tl::unexpected(judged(std::move(out)));
}

// Brokers also call a producer fenced that was merely too slow: rdkafka::Rival tells whether there is another one.
Error KafkaWriter::judged(Error error) {
  if (error.code != Code::kFenced || rival_.shows(clock_.monotonic_us())) return error;
  log::warn("{}; taking it once more", error.message);
  error.code = Code::kRetry;
  return error;
}

}  // namespace

Result<std::unique_ptr<Writer>> open_writer(const Connection& connection, env::Clock& clock,
                                            const WriterOptions& options) {
  auto writer = std::make_unique<KafkaWriter>(connection, clock, options);
  FRESHET_TRY(writer->settle());
  return std::unique_ptr<Writer>(std::move(writer));
}

}  // namespace freshet::cluster
