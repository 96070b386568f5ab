// What brokers say of a topic's or a broker's settings, asked of librdkafka's admin client: each question has a queue of
// its own, on which the one answer comes.
#include "eventlog/kafka/describe.h"

#include <fmt/format.h>

#include <algorithm>

namespace freshet::eventlog::kafka {
namespace {

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

}  // namespace freshet::eventlog::kafka
