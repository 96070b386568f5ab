// Connecting, and what clusters, topics and configurations are.
#include "cluster/admin/kafka_admin.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <span>

namespace freshet::cluster {
namespace {

// Of one DescribeConfigs: an answer has some forty configurations for each.
constexpr size_t kResourcesAtOnce = 500;
// A broker that does not know us yet is asked again after so long at most.
constexpr int kFirstAnswerMs = 2000;

ConfigSource source_of(rd_kafka_ConfigSource_t source) {
  switch (source) {
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG: return ConfigSource::kTopic;
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_BROKER_CONFIG: return ConfigSource::kBroker;
    case RD_KAFKA_CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER_CONFIG: return ConfigSource::kBrokersDefault;
    case RD_KAFKA_CONFIG_SOURCE_STATIC_BROKER_CONFIG: return ConfigSource::kStatic;
    case RD_KAFKA_CONFIG_SOURCE_DEFAULT_CONFIG: return ConfigSource::kDefault;
    default: return ConfigSource::kUnknown;
  }
}

rd_kafka_ResourceType_t type_of(Resource::Kind kind) {
  return kind == Resource::Kind::kTopic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER;
}

std::string text_of(const char* text) { return text == nullptr ? std::string() : std::string(text); }

std::string called(const Resource& of) { return std::string(name_of(of.kind)) + " " + of.name; }

std::vector<Config> configs_in(const rd_kafka_ConfigResource_t* resource) {
  size_t count = 0;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resource, &count);
  std::vector<Config> out;
  for (const rd_kafka_ConfigEntry_t* entry : std::span(entries, count)) {
    const char* value = rd_kafka_ConfigEntry_value(entry);
    out.push_back({text_of(rd_kafka_ConfigEntry_name(entry)),
                   value == nullptr ? std::nullopt : std::optional<std::string>(value),
                   source_of(rd_kafka_ConfigEntry_source(entry)), rd_kafka_ConfigEntry_is_read_only(entry) == 1,
                   rd_kafka_ConfigEntry_is_sensitive(entry) == 1});
  }
  std::ranges::sort(out, {}, &Config::name);
  return out;
}

LivingTopic topic_of(const rd_kafka_metadata_topic_t& topic) {
  LivingTopic out;
  out.name = topic.topic;
  for (const rd_kafka_metadata_partition_t& partition :
       std::span(topic.partitions, static_cast<size_t>(topic.partition_cnt))) {
    Partition& made = out.partitions.emplace_back();
    made.id = partition.id;
    made.leader = partition.leader;
    made.replicas.assign(partition.replicas, partition.replicas + partition.replica_cnt);
    made.in_sync.assign(partition.isrs, partition.isrs + partition.isr_cnt);
  }
  std::ranges::sort(out.partitions, {}, &Partition::id);
  return out;
}

}  // namespace

Result<std::unique_ptr<Admin>> connect(const Connection& connection, env::Clock& clock) {
  FRESHET_ASSIGN(auto client, rd::Client::open(connection, ""));
  auto admin = std::make_unique<KafkaAdmin>(connection, std::move(client), clock);
  FRESHET_TRY(admin->wait_for_brokers());
  return std::unique_ptr<Admin>(std::move(admin));
}

// Brokers that refuse the credentials answer like brokers that are not there. What the client has heard meanwhile tells
// them apart.
Status KafkaAdmin::wait_for_brokers() {
  const env::TimeUs end = clock_.monotonic_us() + connection_.timeout_us;
  while (true) {
    const Result<rd::Metadata> answered = metadata(false, std::min(timeout_ms(), kFirstAnswerMs));
    if (answered) return {};
    rd_kafka_poll(handle(), 0);  // for last_error()
    const Error last = client_->last_error();
    if (last.code == Code::kInvalid)
      return fail(Code::kInvalid,
                  fmt::format("the brokers at {} refuse us: {}; see the properties (security.protocol, sasl.mechanism, "
                              "sasl.username, sasl.password, ssl.…)",
                              connection_.bootstrap, last.message));
    if (clock_.monotonic_us() < end) continue;
    return fail(Code::kRetry,
                fmt::format("none of the brokers at {} answered within {} s: {}; are they up, and is security.protocol "
                            "the one of that port?",
                            connection_.bootstrap, connection_.timeout_us / 1'000'000,
                            last.message.empty() ? answered.error().message : last.message));
  }
}

rd::Options KafkaAdmin::options_for(rd_kafka_admin_op_t what, Do how) const {
  rd::Options out(rd_kafka_AdminOptions_new(handle(), what));
  char words[256];
  // None of these can fail: the kinds of request that take them ask for them only.
  rd_kafka_AdminOptions_set_request_timeout(out.get(), timeout_ms(), words, sizeof words);
  const bool changes = what == RD_KAFKA_ADMIN_OP_CREATETOPICS || what == RD_KAFKA_ADMIN_OP_CREATEPARTITIONS;
  if (changes) rd_kafka_AdminOptions_set_operation_timeout(out.get(), timeout_ms(), words, sizeof words);
  if (how == Do::kCheck) rd_kafka_AdminOptions_set_validate_only(out.get(), 1, words, sizeof words);
  return out;
}

Result<rd::Event> KafkaAdmin::answer(const rd::Queue& queue, const std::string& what) const {
  constexpr int kLongerMs = 1000;  // than librdkafka itself waits, which then knows better why there is none
  rd::Event event(rd_kafka_queue_poll(queue.get(), timeout_ms() + kLongerMs));
  if (event == nullptr)
    return fail(Code::kRetry, fmt::format("{}: no answer within {} s", what, connection_.timeout_us / 1'000'000));
  if (const auto error = rd_kafka_event_error(event.get()))
    return tl::unexpected(rd::error_of(error, what, rd_kafka_event_error_string(event.get())));
  return event;
}

Result<rd::Metadata> KafkaAdmin::metadata(bool topics, int wait_ms) const {
  const rd_kafka_metadata_t* raw = nullptr;
  // Without topics: librdkafka then asks for those that it knows, and a client that reads and writes none knows none.
  if (const auto error = rd_kafka_metadata(handle(), topics ? 1 : 0, nullptr, &raw, wait_ms))
    return tl::unexpected(rd::error_of(error, "asking for the cluster's topics"));
  return rd::Metadata(raw);
}

Result<ClusterView> KafkaAdmin::describe() {
  ClusterView out;
  const rd::Queue queue = new_queue();
  rd_kafka_DescribeCluster(handle(), options_for(RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER).get(), queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, "asking for the cluster's brokers"));
  const auto* cluster = rd_kafka_event_DescribeCluster_result(event.get());
  out.id = text_of(rd_kafka_DescribeCluster_result_cluster_id(cluster));
  if (const rd_kafka_Node_t* node = rd_kafka_DescribeCluster_result_controller(cluster))
    out.controller = rd_kafka_Node_id(node);
  size_t count = 0;
  const rd_kafka_Node_t** nodes = rd_kafka_DescribeCluster_result_nodes(cluster, &count);
  for (const rd_kafka_Node_t* node : std::span(nodes, count))
    out.brokers.push_back({rd_kafka_Node_id(node), text_of(rd_kafka_Node_host(node)), rd_kafka_Node_port(node),
                           text_of(rd_kafka_Node_rack(node))});
  std::ranges::sort(out.brokers, {}, &Broker::id);

  FRESHET_ASSIGN(const rd::Metadata all, metadata(true, timeout_ms()));
  for (const rd_kafka_metadata_topic_t& topic : std::span(all->topics, static_cast<size_t>(all->topic_cnt))) {
    // One that is being deleted has an error and no partitions.
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR || topic.partition_cnt > 0) out.topics.push_back(topic_of(topic));
  }
  std::ranges::sort(out.topics, {}, &LivingTopic::name);
  return out;
}

Result<std::vector<ConfigsOf>> KafkaAdmin::configs(const std::vector<Resource>& of) {
  std::vector<ConfigsOf> out;
  std::vector<Resource> batch;
  for (size_t i = 0; i < of.size(); ++i) {
    batch.push_back(of[i]);
    // Each broker tells its own, so librdkafka takes one of them at most in a request.
    const bool is_last =
        i + 1 == of.size() || of[i].kind == Resource::Kind::kBroker || of[i + 1].kind == Resource::Kind::kBroker;
    if (!is_last && batch.size() < kResourcesAtOnce) continue;
    FRESHET_TRY(add_configs(batch, out));
    batch.clear();
  }
  return out;
}

Status KafkaAdmin::add_configs(const std::vector<Resource>& of, std::vector<ConfigsOf>& out) const {
  std::vector<rd::ConfigResource> owned;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (const Resource& one : of) {
    owned.emplace_back(rd_kafka_ConfigResource_new(type_of(one.kind), one.name.c_str()));
    if (owned.back() == nullptr) return fail(Code::kInvalid, "there is no " + called(one));
    asked.push_back(owned.back().get());
  }
  const rd::Queue queue = new_queue();
  rd_kafka_DescribeConfigs(handle(), asked.data(), asked.size(), options_for(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS).get(),
                           queue.get());
  const std::string what = "asking for the configuration of " +
                           (of.size() == 1 ? called(of.front()) : std::to_string(of.size()) + " topics");
  FRESHET_ASSIGN(const rd::Event event, answer(queue, what));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  for (const Resource& one : of) {
    const auto all = std::span(resources, count);
    const auto found = std::ranges::find_if(all, [&](const rd_kafka_ConfigResource_t* resource) {
      return one.name == rd_kafka_ConfigResource_name(resource);
    });
    if (found == all.end()) return fail(Code::kRetry, what + ": an answer without " + called(one));
    if (const auto error = rd_kafka_ConfigResource_error(*found))
      return tl::unexpected(rd::error_of(error, "asking for the configuration of " + called(one),
                                         rd_kafka_ConfigResource_error_string(*found)));
    out.push_back({one, configs_in(*found)});
  }
  return {};
}

}  // namespace freshet::cluster
