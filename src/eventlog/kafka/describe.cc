// What brokers say of a topic's or a broker's settings, asked of librdkafka's admin client: each question has a queue
// of its own, on which the one answer comes.
#include "eventlog/kafka/describe.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::eventlog::kafka {
namespace {

using AdminOptions = Owned<rd_kafka_AdminOptions_t, rd_kafka_AdminOptions_destroy>;
using TopicCollection = Owned<rd_kafka_TopicCollection_t, rd_kafka_TopicCollection_destroy>;
using ConfigResource = Owned<rd_kafka_ConfigResource_t, rd_kafka_ConfigResource_destroy>;

Result<Settings> settings_in(rd_kafka_event_t* event, const std::string& question) {
  size_t count = 0;
  const auto* result = rd_kafka_event_DescribeConfigs_result(event);
  const rd_kafka_ConfigResource_t** resources = rd_kafka_DescribeConfigs_result_resources(result, &count);
  if (count == 0) return fail(Code::kRetry, "kafka: a broker described nothing");
  if (const auto error = rd_kafka_ConfigResource_error(resources[0]))
    return tl::unexpected(error_of(error, question, rd_kafka_ConfigResource_error_string(resources[0])));
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  Settings out;
  for (size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    // Null is what brokers say of secrets, and of what nobody has set.
    out.emplace_back(rd_kafka_ConfigEntry_name(entries[i]), value == nullptr ? "" : value);
  }
  return out;
}

std::string letters_of(const rd_kafka_TopicDescription_t* topic) {
  size_t count = 0;
  const rd_kafka_AclOperation_t* const allowed = rd_kafka_TopicDescription_authorized_operations(topic, &count);
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (allowed[i] == RD_KAFKA_ACL_OPERATION_READ) out += 'R';
    if (allowed[i] == RD_KAFKA_ACL_OPERATION_WRITE) out += 'W';
    if (allowed[i] == RD_KAFKA_ACL_OPERATION_DELETE) out += 'D';
  }
  return out;
}

}  // namespace

std::optional<std::string> find_setting(const Settings& settings, const std::string& name) {
  const auto found =
      std::find_if(settings.begin(), settings.end(), [&](const auto& setting) { return setting.first == name; });
  return found == settings.end() ? std::nullopt : std::optional(found->second);
}

Result<Event> answer_to(const KafkaOptions& options, Queue queue, const std::string& question) {
  Event event(rd_kafka_queue_poll(queue.get(), to_ms(options.call_timeout_us)));
  if (event == nullptr)
    return fail(Code::kRetry,
                fmt::format("kafka: {}: no answer within {} s; have the brokers a controller? kafka-metadata-quorum.sh "
                            "--bootstrap-server {} describe --status tells it",
                            question, options.call_timeout_us / 1'000'000, options.brokers));
  if (const auto error = rd_kafka_event_error(event.get()))
    return tl::unexpected(error_of(error, question, rd_kafka_event_error_string(event.get())));
  return event;
}

Result<Settings> describe(Client& client, const KafkaOptions& options, rd_kafka_ResourceType_t type,
                          const std::string& name) {
  const ConfigResource asked(rd_kafka_ConfigResource_new(type, name.c_str()));
  rd_kafka_ConfigResource_t* list[] = {asked.get()};
  Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DescribeConfigs(client.get(), list, 1, nullptr, queue.get());
  const std::string question =
      fmt::format("describing {} {}", type == RD_KAFKA_RESOURCE_TOPIC ? "topic" : "broker", name);
  FRESHET_ASSIGN(auto event, answer_to(options, std::move(queue), question));
  return settings_in(event.get(), question);
}

// rd_kafka_offsets_for_times() would ask as its client reads: for the last stable offset.
Status list_ends(Client& client, const KafkaOptions& options, rd_kafka_topic_partition_list_t* list) {
  const AdminOptions how(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_LISTOFFSETS));
  const rdkafka::ErrorPtr wrong(
      rd_kafka_AdminOptions_set_isolation_level(how.get(), RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED));
  if (wrong != nullptr) return fail(Code::kInvalid, rd_kafka_error_string(wrong.get()));
  for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_SPEC_LATEST;
  Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_ListOffsets(client.get(), list, how.get(), queue.get());
  const std::string question = "asking for the ends of topics";
  FRESHET_ASSIGN(const auto event, answer_to(options, std::move(queue), question));
  size_t count = 0;
  const auto* const result = rd_kafka_event_ListOffsets_result(event.get());
  const rd_kafka_ListOffsetsResultInfo_t** const all = rd_kafka_ListOffsets_result_infos(result, &count);
  if (count != static_cast<size_t>(list->cnt)) return fail(Code::kRetry, "kafka: " + question + ": some are not told");
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_topic_partition_t* const one = rd_kafka_ListOffsetsResultInfo_topic_partition(all[i]);
    if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      Error out = error_of(one->err, question);
      if (out.code == Code::kNotFound) out.code = Code::kRetry;  // a broker has not heard of the topic yet
      return tl::unexpected(std::move(out));
    }
    rd_kafka_topic_partition_list_find(list, one->topic, one->partition)->offset = one->offset;
  }
  return {};
}

Result<std::map<std::string, std::string>> allowed_on(Client& client, const KafkaOptions& options,
                                                      const std::vector<std::string>& topics) {
  std::vector<const char*> names;
  for (const std::string& topic : topics) names.push_back(topic.c_str());
  const TopicCollection asked(rd_kafka_TopicCollection_of_topic_names(names.data(), names.size()));
  const AdminOptions how(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_DESCRIBETOPICS));
  const rdkafka::ErrorPtr wrong(rd_kafka_AdminOptions_set_include_authorized_operations(how.get(), 1));
  if (wrong != nullptr) return fail(Code::kInvalid, rd_kafka_error_string(wrong.get()));
  Queue queue(rd_kafka_queue_new(client.get()));
  rd_kafka_DescribeTopics(client.get(), asked.get(), how.get(), queue.get());
  FRESHET_ASSIGN(const auto event, answer_to(options, std::move(queue), "asking what is allowed on topics"));
  size_t count = 0;
  const auto* const all =
      rd_kafka_DescribeTopics_result_topics(rd_kafka_event_DescribeTopics_result(event.get()), &count);
  std::map<std::string, std::string> out;
  for (size_t i = 0; i < count; ++i) {
    const rd_kafka_error_t* const error = rd_kafka_TopicDescription_error(all[i]);
    if (error == nullptr || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR_NO_ERROR)
      out[rd_kafka_TopicDescription_name(all[i])] = letters_of(all[i]);
  }
  return out;
}

Result<std::string> allowed_in(Client& client, const KafkaOptions& options, const std::string& group) {
  const AdminOptions how(rd_kafka_AdminOptions_new(client.get(), RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS));
  const rdkafka::ErrorPtr wrong(rd_kafka_AdminOptions_set_include_authorized_operations(how.get(), 1));
  if (wrong != nullptr) return fail(Code::kInvalid, rd_kafka_error_string(wrong.get()));
  Queue queue(rd_kafka_queue_new(client.get()));
  const char* names[] = {group.c_str()};
  rd_kafka_DescribeConsumerGroups(client.get(), names, 1, how.get(), queue.get());
  const std::string question = "asking what is allowed in group " + group;
  FRESHET_ASSIGN(const auto event, answer_to(options, std::move(queue), question));
  size_t count = 0;
  const auto* const all =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  if (count != 1) return fail(Code::kRetry, "kafka: " + question + ": an answer without it");
  const auto error = rd_kafka_error_code(rd_kafka_ConsumerGroupDescription_error(all[0]));
  if (error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) return std::string();
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(error_of(error, question));
  const rd_kafka_AclOperation_t* const allowed =
      rd_kafka_ConsumerGroupDescription_authorized_operations(all[0], &count);
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    if (allowed[i] == RD_KAFKA_ACL_OPERATION_READ) out += 'R';
    if (allowed[i] == RD_KAFKA_ACL_OPERATION_DESCRIBE) out += 'S';
  }
  return out;
}

}  // namespace freshet::eventlog::kafka
