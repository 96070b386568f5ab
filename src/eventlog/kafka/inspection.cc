// Only looks: nothing is made, joined or committed, so it may be done beside processes that run. What the brokers
// refuse to tell is told as their answer, and the rest is looked at all the same.
#include "eventlog/kafka/inspection.h"

#include <algorithm>
#include <memory>

#include "base/number.h"
#include "eventlog/kafka/cluster.h"
#include "eventlog/kafka/describe.h"
#include "eventlog/kafka/reader.h"

namespace freshet::eventlog {
namespace kafka {
namespace {

using AllMetadata = Owned<const rd_kafka_metadata_t, rd_kafka_metadata_destroy>;

std::optional<int64_t> number_of(const Settings& settings, const std::string& name) {
  const auto text = find_setting(settings, name);
  return text ? to_number<int64_t>(*text) : std::nullopt;
}

void look_at_partitions(const rd_kafka_metadata_topic_t& topic, TopicReport& report) {
  report.partitions = static_cast<uint32_t>(topic.partition_cnt);
  for (int i = 0; i < topic.partition_cnt; ++i) {
    const rd_kafka_metadata_partition_t& partition = topic.partitions[i];
    report.replicas = i == 0 ? partition.replica_cnt : std::min(report.replicas, partition.replica_cnt);
    if (partition.leader < 0) ++report.leaderless;
    if (partition.isr_cnt < partition.replica_cnt) ++report.behind;
  }
}

TopicReport look_at(const WantedTopic& wanted, const rd_kafka_metadata_t& metadata, const char* name, Client& client,
                    const KafkaOptions& options) {
  TopicReport report;
  report.name = name;
  for (int i = 0; i < metadata.topic_cnt; ++i) {
    const rd_kafka_metadata_topic_t& topic = metadata.topics[i];
    if (report.name == topic.topic && topic.err == RD_KAFKA_RESP_ERR_NO_ERROR) look_at_partitions(topic, report);
  }
  if (report.partitions == 0) return report;
  const auto settings = describe(client, options, RD_KAFKA_RESOURCE_TOPIC, report.name);
  if (!settings) {
    report.unseen = settings.error().message;
    return report;
  }
  report.wrong = wrong_settings(wanted.options, report.replicas,
                                [&](const std::string& setting) { return find_setting(*settings, setting); });
  return report;
}

// One broker stands for all of them.
void look_at_broker(const rd_kafka_metadata_t& metadata, Client& client, const KafkaOptions& options,
                    KafkaReport& report) {
  report.brokers = metadata.broker_cnt;
  if (metadata.broker_cnt == 0) return;
  const auto settings = describe(client, options, RD_KAFKA_RESOURCE_BROKER, std::to_string(metadata.brokers[0].id));
  if (!settings) {
    report.unseen = settings.error().message;
    return;
  }
  report.protocol_version = find_setting(*settings, "inter.broker.protocol.version").value_or("");
  report.transaction_max_ms = number_of(*settings, "transaction.max.timeout.ms");
  report.session_min_ms = number_of(*settings, "group.min.session.timeout.ms");
  report.session_max_ms = number_of(*settings, "group.max.session.timeout.ms");
}

// A client of a group, which it never joins: one without would end the process where a broker has just started
// (decision 0008).
std::vector<GroupReport> look_at_groups(const KafkaOptions& options, const std::vector<std::string>& groups) {
  std::vector<GroupReport> out;
  for (const std::string& group : groups) out.push_back({options.topic_prefix + group, std::nullopt});
  if (out.empty()) return out;
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.defaults = {{"session.timeout.ms", std::to_string(to_ms(options.session_timeout_us))}};
  settings.fixed = {{"group.id", out.front().name}, {"enable.auto.commit", "false"}};
  const auto client = Client::open(options, settings);
  for (GroupReport& one : out) {
    const auto allowed = client ? allowed_in(**client, options, one.name) : Result<std::string>(fail(Code::kRetry, ""));
    if (allowed) one.allowed = *allowed;
  }
  return out;
}

TransactionalIdReport look_at_id(const KafkaOptions& options, const std::string& id) {
  TransactionalIdReport out{id, false, {}};
  Client::Settings settings;
  settings.fixed = {{"transactional.id", id}};
  const auto client = Client::open(options, settings);
  if (!client) {
    out.refused = client.error().message;
    return out;
  }
  const ErrorPtr error(rd_kafka_init_transactions((*client)->get(), to_ms(options.call_timeout_us)));
  if (error == nullptr) return out;
  auto code = rd_kafka_error_code(error.get());
  if (code == RD_KAFKA_RESP_ERR__FATAL) code = rd_kafka_fatal_error((*client)->get(), nullptr, 0);
  out.forbidden = code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
  out.refused = error_of(code, "beginning transactional id " + id, rd_kafka_error_string(error.get())).message;
  return out;
}

}  // namespace
}  // namespace kafka

Result<KafkaReport> inspect_kafka(const KafkaOptions& options, const std::vector<WantedTopic>& wanted,
                                  const WantedAccess& access, env::Clock& clock) {
  FRESHET_TRY(check_kafka_properties(options.properties));
  FRESHET_ASSIGN(const auto client, kafka::Reader::open_client(options));
  kafka::Cluster cluster(options, clock, client);
  FRESHET_TRY(cluster.connect());
  const rd_kafka_metadata_t* raw = nullptr;
  if (const auto error = rd_kafka_metadata(client->get(), 1, nullptr, &raw, kafka::to_ms(options.call_timeout_us)))
    return tl::unexpected(kafka::error_of(error, "asking for the topics"));
  const kafka::AllMetadata metadata(raw);
  KafkaReport report;
  const std::unique_ptr<char, kafka::Destroy<[](char* text) { rd_kafka_mem_free(nullptr, text); }>> id(
      rd_kafka_clusterid(client->get(), kafka::to_ms(options.call_timeout_us)));
  if (id != nullptr) report.cluster_id = id.get();
  kafka::look_at_broker(*metadata, *client, options, report);
  std::vector<std::string> names;
  for (const WantedTopic& one : wanted) names.emplace_back(cluster.names().of(one.topic));
  // A broker that does not tell is no reason to look at nothing.
  const auto allowed = kafka::allowed_on(*client, options, names);
  for (const WantedTopic& one : wanted) {
    TopicReport& is =
        report.topics.emplace_back(kafka::look_at(one, *metadata, cluster.names().of(one.topic), *client, options));
    if (allowed && allowed->contains(is.name)) is.allowed = allowed->at(is.name);
  }
  report.groups = kafka::look_at_groups(options, access.groups);
  for (const std::string& wanted_id : access.transactional_ids)
    report.transactional_ids.push_back(kafka::look_at_id(options, options.topic_prefix + wanted_id));
  return report;
}

}  // namespace freshet::eventlog
