// What changes a cluster: topics made, partitions added, configurations changed key by key.
#include <fmt/core.h>

#include <span>

#include "base/assert.h"
#include "cluster/admin/kafka_admin.h"

namespace freshet::cluster {
namespace {

using NewTopicPtr = rd::Owned<rd_kafka_NewTopic_t, rd_kafka_NewTopic_destroy>;
using NewPartitionsPtr = rd::Owned<rd_kafka_NewPartitions_t, rd_kafka_NewPartitions_destroy>;

// What the brokers say of the one topic of an order.
Status outcome(const rd_kafka_topic_result_t** results, size_t count, const std::string& what) {
  if (count != 1) return fail(Code::kRetry, what + ": an answer without it");
  const auto error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return tl::unexpected(rd::error_of(error, what, rd_kafka_topic_result_error_string(results[0])));
}

}  // namespace

Status KafkaAdmin::create_topic(const NewTopic& topic, Do what) {
  char words[512];
  const std::string question = "creating topic " + topic.name;
  const NewTopicPtr made(rd_kafka_NewTopic_new(topic.name.c_str(), static_cast<int>(topic.partitions),
                                               static_cast<int>(topic.replication), words, sizeof words));
  if (made == nullptr) return fail(Code::kInvalid, question + ": " + words);
  for (const ConfigChange& config : topic.configs) {
    FRESHET_ASSERT(config.value.has_value());
    rd_kafka_NewTopic_set_config(made.get(), config.name.c_str(), config.value->c_str());
  }
  const rd::Queue queue = new_queue();
  rd_kafka_NewTopic_t* list[] = {made.get()};
  rd_kafka_CreateTopics(handle(), list, 1, options_for(RD_KAFKA_ADMIN_OP_CREATETOPICS, what).get(), queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, question));
  size_t count = 0;
  const auto** results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event.get()), &count);
  return outcome(results, count, question);
}

Status KafkaAdmin::add_partitions(const std::string& topic, uint32_t total, Do what) {
  char words[512];
  const std::string question = fmt::format("adding partitions to topic {}, to {} in all", topic, total);
  const NewPartitionsPtr made(rd_kafka_NewPartitions_new(topic.c_str(), total, words, sizeof words));
  if (made == nullptr) return fail(Code::kInvalid, question + ": " + words);
  const rd::Queue queue = new_queue();
  rd_kafka_NewPartitions_t* list[] = {made.get()};
  rd_kafka_CreatePartitions(handle(), list, 1, options_for(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, what).get(),
                            queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, question));
  size_t count = 0;
  const auto** results =
      rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event.get()), &count);
  return outcome(results, count, question);
}

Status KafkaAdmin::change_configs(const Resource& of, const std::vector<ConfigChange>& changes, Do what) {
  if (changes.empty()) return {};
  const bool is_topic = of.kind == Resource::Kind::kTopic;
  const std::string question = fmt::format("changing the configuration of {} {}", name_of(of.kind), of.name);
  const rd::ConfigResource resource(
      rd_kafka_ConfigResource_new(is_topic ? RD_KAFKA_RESOURCE_TOPIC : RD_KAFKA_RESOURCE_BROKER, of.name.c_str()));
  if (resource == nullptr) return fail(Code::kInvalid, question + ": there is no such");
  for (const ConfigChange& change : changes) {
    const auto op = change.value ? RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET : RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE;
    const rd::ErrorPtr error(rd_kafka_ConfigResource_add_incremental_config(
        resource.get(), change.name.c_str(), op, change.value ? change.value->c_str() : nullptr));
    if (error != nullptr)
      return fail(Code::kInvalid, fmt::format("{}: {}: {}", question, change.name, rd_kafka_error_string(error.get())));
  }
  const rd::Queue queue = new_queue();
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  rd_kafka_IncrementalAlterConfigs(handle(), list, 1,
                                   options_for(RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS, what).get(), queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, question));
  size_t count = 0;
  const rd_kafka_ConfigResource_t** resources = rd_kafka_IncrementalAlterConfigs_result_resources(
      rd_kafka_event_IncrementalAlterConfigs_result(event.get()), &count);
  if (count != 1) return fail(Code::kRetry, question + ": an answer without it");
  if (const auto error = rd_kafka_ConfigResource_error(resources[0]))
    return tl::unexpected(rd::error_of(error, question, rd_kafka_ConfigResource_error_string(resources[0])));
  return {};
}

}  // namespace freshet::cluster
