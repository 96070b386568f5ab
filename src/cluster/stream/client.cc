// The order in which properties are set is what lets nobody change what exactly once rests on.
#include "cluster/stream/client.h"

#include <fmt/core.h>

#include "rdkafka/log.h"
#include "rdkafka/property.h"
#include "telemetry/log.h"

namespace freshet::cluster {
namespace {

using StreamConf = rdkafka::Conf;
using rdkafka::set_properties;

void note_stream_error(rd_kafka_t* handle, int, const char* words, void*) {
  log::debug("kafka: {}: {}", rd_kafka_name(handle), words);
}

}  // namespace

Error stream_error(rd_kafka_resp_err_t error, const std::string& what, const char* words) {
  Error out = rd::error_of(error, what, words);
  switch (error) {
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH: out.code = Code::kFenced; break;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS: out.code = Code::kConflict; break;
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD: out.code = Code::kInvalid; break;
    case RD_KAFKA_RESP_ERR__FATAL: out.code = Code::kFatal; break;
    default: break;
  }
  return out;
}

Result<StreamClient> open_client(const Connection& connection, const ClientSettings& settings) {
  FRESHET_TRY(check_properties(connection.properties));
  StreamConf conf(rd_kafka_conf_new());
  FRESHET_TRY(set_properties(conf.get(), settings.defaults));
  FRESHET_TRY(set_properties(conf.get(), connection.properties));
  FRESHET_TRY(set_properties(conf.get(), settings.fixed));
  FRESHET_TRY(set_properties(conf.get(), {{"bootstrap.servers", connection.bootstrap},
                                          {"client.id", connection.client_id},
                                          {"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), settings.owner);
  rd_kafka_conf_set_log_cb(conf.get(), rdkafka::forward_log);
  rd_kafka_conf_set_error_cb(conf.get(), note_stream_error);
  if (settings.delivered != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), settings.delivered);
  if (settings.rebalanced != nullptr) rd_kafka_conf_set_rebalance_cb(conf.get(), settings.rebalanced);
  char words[512];
  StreamClient client(rd_kafka_new(settings.type, conf.get(), words, sizeof words));
  if (client == nullptr) return fail(Code::kInvalid, fmt::format("these properties do not make a client: {}", words));
  (void)conf.release();  // It belongs to the handle now.
  return client;
}

}  // namespace freshet::cluster
