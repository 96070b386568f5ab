// The name of a resource is a broker's number, or nothing for what holds for all of them.
#include "fleet/live/kafka_brokers.h"

#include <fmt/core.h>

#include "cluster/protocol/errors.h"

namespace freshet::fleet {
namespace {

using namespace cluster::protocol;

SetOn set_on(int8_t number) {
  if (number == kDynamicBrokerConfig) return SetOn::kOne;
  return number == kDynamicDefaultBrokerConfig ? SetOn::kAll : SetOn::kFile;
}

Result<std::map<std::string, BrokerSettingNow>> settings_in(const DescribeConfigsResponse& answer, int32_t broker) {
  const std::string what = fmt::format("settings of broker {}", broker);
  if (answer.resources.size() != 1) return fail(Code::kCorrupt, what + ": the broker answers about something else");
  const auto& resource = answer.resources.front();
  if (resource.error != kNoError) return tl::unexpected(error_of(resource.error, what, resource.message));
  std::map<std::string, BrokerSettingNow> out;
  for (const auto& config : resource.configs)
    out[config.name] = {config.value, set_on(config.source), config.read_only, config.is_sensitive};
  return out;
}

}  // namespace

// Each broker knows its own file only, so each is asked.
Result<BrokersNow> KafkaBrokers::look() {
  MetadataRequest metadata;
  metadata.topics.emplace();
  FRESHET_ASSIGN(const auto cluster, client_->metadata(metadata));
  BrokersNow out;
  for (const auto& broker : cluster.brokers) {
    DescribeConfigsRequest request;
    request.resources = {{kBrokerResource, std::to_string(broker.id), std::nullopt}};
    FRESHET_ASSIGN(const auto answer, client_->ask(broker.id, request));
    FRESHET_ASSIGN(out[broker.id], settings_in(answer, broker.id));
  }
  return out;
}

Status KafkaBrokers::change(const BrokerChange& change, bool check) {
  IncrementalAlterConfigsRequest request;
  request.validate_only = check;
  const std::string name = change.broker ? std::to_string(*change.broker) : "";
  request.resources = {{kBrokerResource, name, {{change.setting, IncrementalAlterConfigsRequest::kSet, change.value}}}};
  // What is of one broker is checked and kept by itself.
  FRESHET_ASSIGN(const auto answer,
                 change.broker ? client_->ask(*change.broker, request) : client_->ask_controller(request));
  for (const auto& resource : answer.resources)
    if (resource.error != kNoError) return tl::unexpected(error_of(resource.error, text_of(change), resource.message));
  return {};
}

}  // namespace freshet::fleet
