// The order in which properties are set is what lets nobody change what exactly once rests on.
#include "cluster/stream/client.h"

#include <fmt/core.h>

#include <string_view>

#include "telemetry/log.h"

namespace freshet::cluster {
namespace {

using StreamConf = rdkafka::Conf;

// What librdkafka says of a wrong value may repeat it, and a secret would end in a log.
Status set_all(rd_kafka_conf_t* conf, const Properties& properties) {
  char words[512];
  for (const auto& [name, value] : properties) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), words, sizeof words) != RD_KAFKA_CONF_OK)
      return fail(Code::kInvalid, fmt::format("{}: librdkafka {} does not take it", name, rd_kafka_version_str()));
  }
  return {};
}

void log_stream(const rd_kafka_t* handle, int level, const char* facility, const char* words) {
  // Each client gets all properties, also those that only the other kind knows.
  if (std::string_view(facility) == "CONFWARN") return;
  const auto to = level <= 3 ? log::Level::kWarn : level <= 5 ? log::Level::kInfo : log::Level::kDebug;
  log::line(to, "kafka: {}: {}", rd_kafka_name(handle), words);
}

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
  FRESHET_TRY(set_all(conf.get(), settings.defaults));
  FRESHET_TRY(set_all(conf.get(), connection.properties));
  FRESHET_TRY(set_all(conf.get(), settings.fixed));
  FRESHET_TRY(set_all(conf.get(), {{"bootstrap.servers", connection.bootstrap},
                                   {"client.id", connection.client_id},
                                   {"allow.auto.create.topics", "false"}}));
  rd_kafka_conf_set_opaque(conf.get(), settings.owner);
  rd_kafka_conf_set_log_cb(conf.get(), log_stream);
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
