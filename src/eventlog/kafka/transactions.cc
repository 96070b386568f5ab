// Transactions of one producer, one at a time. The hard part is what to call a failure (transactions.h). The rule:
// whoever is told kConflict may do the work again at once, so that is said only when the transaction is surely
// aborted. Whenever that is not sure the client is thrown away, and settle() makes the brokers decide before anything
// else happens.
#include "eventlog/kafka/transactions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/topic_settings.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

// While the brokers finish the transaction before, they answer the next one "not yet". librdkafka asks again after
// retry.backoff.ms, 100 by default: this alone makes small transactions slow (docs/decisions/0008-kafka-log.md).
constexpr const char* kBackoffMs = "5";
constexpr env::TimeUs kAttemptUs = 1'000'000;    // How long one call waits for brokers that are away.
constexpr env::TimeUs kFencedTwiceTimeouts = 2;  // A producer fenced twice within so many timeouts has a rival.

Client::Settings settings_for(const std::string& id, const KafkaOptions& options) {
  const std::string timeout_ms = std::to_string(to_ms(options.transaction_timeout_us));
  Client::Settings settings;
  settings.type = RD_KAFKA_PRODUCER;
  settings.defaults = {{"compression.codec", "lz4"},
                       {"linger.ms", "5"},
                       {"retry.backoff.ms", kBackoffMs},
                       {"socket.nagle.disable", "true"}};
  settings.fixed = {{"transactional.id", id},
                    {"transaction.timeout.ms", timeout_ms},
                    {"allow.auto.create.topics", "false"},  // Freshet makes its topics, with its settings.
                    {"message.timeout.ms", timeout_ms},
                    {"queue.buffering.max.messages", "10000000"},  // the worker's batch is the bound
                    {"message.max.bytes", std::to_string(kRecordBytesMax)},
                    {"queue.buffering.max.kbytes", "2097151"}};
  return settings;
}

}  // namespace

Transactions::Transactions(const KafkaOptions& options, const Names& names, std::string id, env::Clock& clock,
                           const std::atomic<bool>& interrupted, OnFence on_fence)
    : options_(options),
      names_(names),
      id_(std::move(id)),
      clock_(clock),
      interrupted_(interrupted),
      on_fence_(on_fence) {}

// The framed bytes go after the client, whose messages point into them.
void Transactions::forget() {
  sender_.reset();
  client_.reset();
  framed_.clear();
}

// Calls again and again while the brokers are away. An error that librdkafka names retriable has changed nothing.
template <class Call>
ErrorPtr Transactions::insist(const Call& call) {
  const env::TimeUs end = clock_.monotonic_us() + options_.outage_max_us;
  while (true) {
    ErrorPtr error(call(to_ms(kAttemptUs)));
    rd_kafka_poll(client_->get(), 0);  // errors of connections
    if (error == nullptr || rd_kafka_error_is_retriable(error.get()) == 0) return error;
    if (interrupted_ || clock_.monotonic_us() > end) return error;
  }
}

// Beginning the id makes the brokers finish whatever it has left open, by this process or by an earlier one.
Status Transactions::settle() {
  if (client_ != nullptr) return {};
  FRESHET_ASSIGN(client_, Client::open(options_, settings_for(id_, options_)));
  const ErrorPtr error = insist([&](int ms) { return rd_kafka_init_transactions(client_->get(), ms); });
  if (error == nullptr) {
    sender_ = std::make_unique<Sender>(client_, names_);
    return {};
  }
  forget();
  return tl::unexpected(judged(error_of(rd_kafka_error_code(error.get()), "beginning transactional id " + id_,
                                        rd_kafka_error_string(error.get()))));
}

Status Transactions::commit(std::vector<Produce> outputs, const rd_kafka_topic_partition_list_t* offsets,
                            const rd_kafka_consumer_group_metadata_t* member) {
  FRESHET_TRY(settle());
  ErrorPtr error = run(outputs, offsets, member);
  if (error == nullptr) {
    framed_.clear();  // All of it is delivered.
    return {};
  }
  return failed(std::move(error));
}

// Records are sent first: the brokers add their partitions to the transaction while the offsets are on their way.
ErrorPtr Transactions::run(std::vector<Produce>& outputs, const rd_kafka_topic_partition_list_t* offsets,
                           const rd_kafka_consumer_group_metadata_t* member) {
  FRESHET_ASSERT(begun() && framed_.empty());  // Nothing of the transaction before is in flight.
  if (ErrorPtr error(rd_kafka_begin_transaction(client_->get())); error != nullptr) return error;
  rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
  framed_.reserve(outputs.size());  // The strings must not move: messages point into them.
  for (Produce& output : outputs) {
    framed_.push_back(output.records.release());
    sender_->send(output.to, framed_.back(), nullptr, [&](rd_kafka_resp_err_t why) { refused = why; });
  }
  if (refused != RD_KAFKA_RESP_ERR_NO_ERROR)
    return ErrorPtr(rd_kafka_error_new(refused, "a record was refused: %s", rd_kafka_err2str(refused)));
  ErrorPtr error =
      insist([&](int ms) { return rd_kafka_send_offsets_to_transaction(client_->get(), offsets, member, ms); });
  if (error != nullptr) return error;
  return insist([&](int ms) { return rd_kafka_commit_transaction(client_->get(), ms); });
}

Status Transactions::failed(ErrorPtr error) {
  Error out = error_of(rd_kafka_error_code(error.get()), "committing by " + id_, rd_kafka_error_string(error.get()));
  const bool is_fatal = rd_kafka_error_is_fatal(error.get()) != 0;
  const bool is_unknown = rd_kafka_error_is_retriable(error.get()) != 0;
  if (!is_fatal && !is_unknown) {
    const ErrorPtr not_aborted = insist([&](int ms) { return rd_kafka_abort_transaction(client_->get(), ms); });
    if (not_aborted == nullptr) {
      framed_.clear();  // Aborting has purged the messages.
      if (out.code == Code::kFenced) forget();
      if (out.code != Code::kFenced && out.code != Code::kInvalid) out.code = Code::kConflict;
      return tl::unexpected(judged(std::move(out)));
    }
    // What was not committed will be aborted by settle(), or by the brokers.
  }
  forget();
  if (!is_fatal || out.code != Code::kFenced) out.code = Code::kRetry;
  return tl::unexpected(judged(std::move(out)));
}

// A producer that was too slow is told the same as one that was replaced, and so is one whose brokers died at the
// wrong moment. So the id is begun once more: who has it by right does the same, and then it is lost for good.
// Meanwhile nothing can be committed twice: only one of them has the epoch, and nothing is said that is not read again
// from what is committed.
Error Transactions::judged(Error error) {
  if (error.code != Code::kFenced || on_fence_ == OnFence::kYield) return error;
  const env::TimeUs now = clock_.monotonic_us();
  const bool again = fenced_at_ && now - *fenced_at_ < kFencedTwiceTimeouts * options_.transaction_timeout_us;
  fenced_at_ = now;
  if (again) {
    error.message += ": does a second process run on a copy of this data directory?";
    return error;
  }
  spdlog::warn("{}; beginning it once more", error.message);
  error.code = Code::kRetry;
  return error;
}

}  // namespace freshet::eventlog::kafka
