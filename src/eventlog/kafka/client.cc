// Making clients, and translating librdkafka's many error codes into the few that say who recovers. A code that is not
// listed counts as passing: the caller tries again, and an operator reads of it in the log.
#include "eventlog/kafka/client.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "rdkafka/log.h"
#include "rdkafka/property.h"
#include "telemetry/log.h"

namespace freshet::eventlog {
namespace kafka {
namespace {

using rdkafka::Conf;
using rdkafka::set_properties;
using rdkafka::set_property;

// What Freshet's promises rest on, so that nobody may set it: with acks=1 a broker's death would lose what was
// acknowledged.
constexpr std::array<std::string_view, 23> kReserved = {
    "bootstrap.servers",        "metadata.broker.list", "client.id",           "group.id",
    "group.instance.id",        "transactional.id",     "enable.idempotence",  "acks",
    "request.required.acks",    "enable.auto.commit",   "isolation.level",     "enable.auto.offset.store",
    "auto.offset.reset",        "enable.partition.eof", "check.crcs",          "partition.assignment.strategy",
    "transaction.timeout.ms",   "message.timeout.ms",   "delivery.timeout.ms", "enable.gapless.guarantee",
    "allow.auto.create.topics",
    "group.protocol",  // docs/decisions/0039-group-protocol.md
    "group.remote.assignor"};

// Every connection that fails comes here, so it is noise in the log, and is kept only for the message of a start that
// fails.
void forward_error(rd_kafka_t* handle, int code, const char* words, void* client) {
  log::debug("kafka: {}: {}", rd_kafka_name(handle), words);
  static_cast<Client*>(client)->note_error(static_cast<rd_kafka_resp_err_t>(code), words);
}

void forward_rebalance(rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list, void* client) {
  static_cast<Client*>(client)->rebalance(what, list);
}

// What mends it; "": the error says all.
std::string_view advice(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
      return "; docs/operations/acls.md has what each role needs";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return "; somebody has lowered max.message.bytes of the topic: it must be 16777216 "
             "(docs/operations/kafka-errors.md)";
    default: return "";
  }
}

}  // namespace

void Client::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) { on_rebalance(what, list); }

std::string to_string(TopicPartition of) { return fmt::format("{}[{}]", name_of(of.topic), of.partition); }

Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH: return Code::kFenced;
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:  // It is said of a commit; the next poll decides what it means.
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS: return Code::kConflict;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED: return Code::kInvalid;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: return Code::kNotFound;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION: return Code::kCorrupt;
    case RD_KAFKA_RESP_ERR__FATAL: return Code::kFatal;
    default: return Code::kRetry;
  }
}

Error error_of(rd_kafka_resp_err_t error, const std::string& what, const std::string& words) {
  return {code_of(error), fmt::format("kafka: {}: {} ({}){}", what, words.empty() ? rd_kafka_err2str(error) : words,
                                      rd_kafka_err2name(error), advice(error))};
}

// The order is what lets nobody change what Freshet rests on: our defaults, then the operator's properties, then what
// is fixed.
Result<std::shared_ptr<Client>> Client::open(const KafkaOptions& options, const Settings& settings) {
  Conf conf(rd_kafka_conf_new());
  FRESHET_TRY(set_properties(conf.get(), settings.defaults));
  FRESHET_TRY(set_properties(conf.get(), options.properties));
  FRESHET_TRY(set_properties(conf.get(), settings.fixed));
  FRESHET_TRY(set_property(conf.get(), "bootstrap.servers", options.brokers));
  FRESHET_TRY(set_property(conf.get(), "client.id", options.client_id));
  std::shared_ptr<Client> client(new Client);
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), rdkafka::forward_log);
  rd_kafka_conf_set_error_cb(conf.get(), forward_error);
  if (settings.delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), settings.delivered);
  if (settings.rebalances) rd_kafka_conf_set_rebalance_cb(conf.get(), forward_rebalance);
  char words[512];
  client->handle_ = rd_kafka_new(settings.type, conf.get(), words, sizeof words);
  if (client->handle_ == nullptr)
    return fail(Code::kInvalid, fmt::format("kafka: log.kafka does not make a client: {}", words));
  (void)conf.release();  // It belongs to the handle now.
  return client;
}

Client::~Client() {
  if (handle_ != nullptr) rd_kafka_destroy(handle_);
}

void Client::note_error(rd_kafka_resp_err_t error, const char* words) {
  last_error_.note(error, {code_of(error), words});
}

}  // namespace kafka

Status check_kafka_properties(const KafkaProperties& properties) {
  const kafka::Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    if (std::find(kafka::kReserved.begin(), kafka::kReserved.end(), name) != kafka::kReserved.end())
      return fail(Code::kInvalid, name + ": is not to be set here: what Freshet promises rests on its own value");
    FRESHET_TRY(rdkafka::set_property(conf.get(), name, value));
  }
  return {};
}

}  // namespace freshet::eventlog
