// Transactions of one producer, one at a time. The hard part is what to call a failure (transactions.h): the rule is in
// rdkafka/transaction.h, and settle() is what makes the brokers decide.
#include "eventlog/kafka/produce/transactions.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/topic_settings.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

// While the brokers finish the transaction before, they answer the next one "not yet". librdkafka asks again after
// retry.backoff.ms, 100 by default: this alone makes small transactions slow (docs/decisions/0008-kafka-log.md).
constexpr const char* kBackoffMs = "5";

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
      on_fence_(on_fence),
      rival_(options.transaction_timeout_us) {}

// The framed bytes go after the client, whose messages point into them.
void Transactions::forget() {
  sender_.reset();
  client_.reset();
  framed_.clear();
}

// Beginning the id makes the brokers finish whatever it has left open, by this process or by an earlier one.
Status Transactions::settle() {
  if (client_ != nullptr) return {};
  FRESHET_ASSIGN(client_, Client::open(options_, settings_for(id_, options_)));
  const ErrorPtr error =
      insist(client_->get(), patience(), [&](int ms) { return rd_kafka_init_transactions(client_->get(), ms); });
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
  ErrorPtr error = insist(client_->get(), patience(), [&](int ms) {
    return rd_kafka_send_offsets_to_transaction(client_->get(), offsets, member, ms);
  });
  if (error != nullptr) return error;
  return insist(client_->get(), patience(), [&](int ms) { return rd_kafka_commit_transaction(client_->get(), ms); });
}

Status Transactions::failed(ErrorPtr error) {
  Error out = error_of(rd_kafka_error_code(error.get()), "committing by " + id_, rd_kafka_error_string(error.get()));
  const rdkafka::Failure failure = rdkafka::failure_of(*error);
  // What is not aborted here will be by settle(), or by the brokers.
  const bool aborted = can_abort(failure) && insist(client_->get(), patience(), [&](int ms) {
                                               return rd_kafka_abort_transaction(client_->get(), ms);
                                             }) == nullptr;
  out.code = code_of_failed(out.code, failure, aborted);
  if (aborted && out.code != Code::kFenced) {
    framed_.clear();  // Aborting has purged the messages.
  } else {
    forget();
  }
  return tl::unexpected(judged(std::move(out)));
}

Error Transactions::judged(Error error) {
  if (error.code != Code::kFenced || on_fence_ == OnFence::kYield) return error;
  if (rival_.shows(clock_.monotonic_us())) {
    error.message += ": does a second process run on a copy of this data directory?";
    return error;
  }
  log::warn("{}; beginning it once more", error.message);
  error.code = Code::kRetry;
  return error;
}

}  // namespace freshet::eventlog::kafka
