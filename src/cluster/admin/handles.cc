// Clients and errors. librdkafka has many error codes; here they become the few that say who recovers, each with what
// the operator can do: most failures of an operator's tool are credentials and ACLs.
#include "cluster/admin/handles.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "rdkafka/property.h"
#include "telemetry/log.h"

namespace freshet::cluster {
namespace rd {
namespace {

using rdkafka::Conf;
using rdkafka::set_properties;
using rdkafka::set_property;

// What a Connection says by fields of its own, or what would make the client another one.
constexpr std::array<std::string_view, 6> kOurs = {"bootstrap.servers", "metadata.broker.list",     "client.id",
                                                   "group.id",          "allow.auto.create.topics", "transactional.id"};

void log_line(const rd_kafka_t* handle, int level, const char* facility, const char* words) {
  // Each client gets all properties, also those that only another kind of client knows.
  if (std::string_view(facility) == "CONFWARN") return;
  // Connections that fail are told by the call that needs them.
  log::line(level <= 2 ? log::Level::kWarn : log::Level::kDebug, "kafka: {}: {}", rd_kafka_name(handle), words);
}

void keep_error(rd_kafka_t*, int code, const char* words, void* client) {
  static_cast<Client*>(client)->note_error(static_cast<rd_kafka_resp_err_t>(code), words);
}

// What mends it; "": the error says all.
std::string_view advice(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "; see security.protocol, sasl.mechanism, sasl.username and sasl.password";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return "; the user may not do this to the topic: give it an ACL (docs/operations/acls.md)";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "; the user may not do this to the group: give it an ACL (docs/operations/acls.md)";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "; the user may not do this to the cluster: give it an ACL (docs/operations/acls.md)";
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR: return "; a topic can't have more replicas than brokers run";
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
      return "; the brokers are too old for this: Kafka 2.4 and later know it";
    default: return "";
  }
}

Code who_recovers(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICA_ASSIGNMENT:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: return Code::kInvalid;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND: return Code::kNotFound;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return Code::kConflict;
    default: return Code::kRetry;
  }
}

}  // namespace

Error error_of(rd_kafka_resp_err_t error, const std::string& what, const char* words) {
  const bool has_words = words != nullptr && *words != '\0';
  return {who_recovers(error), fmt::format("{}: {} ({}){}", what, has_words ? words : rd_kafka_err2str(error),
                                           rd_kafka_err2name(error), advice(error))};
}

Result<std::unique_ptr<Client>> Client::open(const Connection& connection, const std::string& group) {
  FRESHET_TRY(check_properties(connection.properties));
  Conf conf(rd_kafka_conf_new());
  FRESHET_TRY(set_properties(conf.get(), connection.properties));
  FRESHET_TRY(set_property(conf.get(), "bootstrap.servers", connection.bootstrap));
  FRESHET_TRY(set_property(conf.get(), "client.id", connection.client_id));
  // A look at a topic must never make it.
  FRESHET_TRY(set_property(conf.get(), "allow.auto.create.topics", "false"));
  if (!group.empty()) {
    FRESHET_TRY(set_property(conf.get(), "group.id", group));
    FRESHET_TRY(set_property(conf.get(), "enable.auto.commit", "false"));
  }
  std::unique_ptr<Client> client(new Client);
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), log_line);
  rd_kafka_conf_set_error_cb(conf.get(), keep_error);
  char words[512];
  client->handle_ =
      rd_kafka_new(group.empty() ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(), words, sizeof words);
  if (client->handle_ == nullptr)
    return fail(Code::kInvalid, fmt::format("these properties do not make a client: {}", words));
  (void)conf.release();  // It belongs to the handle now.
  return client;
}

Client::~Client() {
  if (handle_ == nullptr) return;
  // A client that never joined has nobody to say goodbye to: rd_kafka_consumer_close() would wait for a coordinator.
  if (rd_kafka_type(handle_) == RD_KAFKA_CONSUMER) {
    rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  } else {
    rd_kafka_destroy(handle_);
  }
}

void Client::note_error(rd_kafka_resp_err_t error, const char* words) {
  last_error_.note(error, {who_recovers(error), words});
}

}  // namespace rd

Status check_properties(const Properties& properties) {
  const rd::Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties) {
    if (std::find(rd::kOurs.begin(), rd::kOurs.end(), name) != rd::kOurs.end())
      return fail(Code::kInvalid, name + ": is not to be set here: it is given, or decided, elsewhere");
    FRESHET_TRY(rd::set_property(conf.get(), name, value));
  }
  return {};
}

bool may_be_secret(std::string_view property) { return rdkafka::may_be_secret(property); }

Result<Properties> parse_properties(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  Properties out;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
    if (line.empty() || line.front() == '#') continue;
    const size_t equals = line.find('=');
    const std::string_view name = line.substr(0, line.substr(0, equals).find_last_not_of(kBlanks) + 1);
    // Not the line itself: it may be a password on a line of its own.
    if (equals == line.npos || name.empty())
      return fail(Code::kInvalid, fmt::format("line {}: is not NAME=VALUE", number));
    std::string_view value = line.substr(equals + 1);
    value.remove_prefix(std::min(value.find_first_not_of(kBlanks), value.size()));
    out.emplace_back(name, value);
  }
  return out;
}

}  // namespace freshet::cluster
