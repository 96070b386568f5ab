// One look is three questions to any broker, whatever the number of partitions; each may be answered by another one, so
// what they say can be a moment apart.
#include "fleet/restart/kafka_port.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "cluster/protocol/errors.h"

namespace freshet::fleet::restart {
namespace {

using namespace cluster::protocol;

constexpr const char* kMinIsr = "min.insync.replicas";

Partition partition_from(const std::string& topic, const MetadataResponse::Partition& from) {
  Partition out;
  out.topic = topic;
  out.index = from.index;
  out.leader = from.leader;
  out.leader_epoch = from.leader_epoch;
  out.replicas = from.replicas;
  out.in_sync = from.in_sync;
  return out;
}

// Errors of single partitions are no news: they have no leader, or a replica is away.
std::vector<Partition> partitions_from(const MetadataResponse& metadata) {
  std::vector<Partition> out;
  for (const MetadataResponse::Topic& topic : metadata.topics) {
    for (const MetadataResponse::Partition& partition : topic.partitions)
      out.push_back(partition_from(topic.name.value_or(""), partition));
  }
  return out;
}

// Only those that are up are in an answer about the cluster.
std::vector<Broker> brokers_from(const MetadataResponse& metadata) {
  std::vector<Broker> out;
  for (const MetadataResponse::Broker& broker : metadata.brokers)
    out.push_back({broker.id, broker.host, static_cast<uint16_t>(broker.port), broker.rack.value_or("")});
  std::ranges::sort(out, {}, &Broker::id);
  return out;
}

}  // namespace

// Read once for each topic: a restart takes minutes, and looks at the cluster twice a second.
Status KafkaPort::read_min_isr(const std::vector<std::string>& topics) {
  DescribeConfigsRequest request;
  for (const std::string& name : topics) {
    if (!min_isr_.contains(name))
      request.resources.push_back({kTopicResource, name, std::vector<std::string>{kMinIsr}});
  }
  if (request.resources.empty()) return {};
  FRESHET_ASSIGN(const DescribeConfigsResponse answer, client_->ask_controller(request));
  for (const DescribeConfigsResponse::Resource& resource : answer.resources) {
    constexpr int16_t kUnknownTopic = 3;
    if (resource.error == kUnknownTopic) continue;  // is gone meanwhile
    if (resource.error != kNoError)
      return tl::unexpected(error_of(resource.error, "configuration of topic " + resource.name, resource.message));
    for (const auto& config : resource.configs) {
      const std::string value = config.value.value_or("1");
      int32_t number = 1;
      std::from_chars(value.data(), value.data() + value.size(), number);
      if (config.name == kMinIsr) min_isr_[resource.name] = number;
    }
  }
  return {};
}

Result<State> KafkaPort::look() {
  FRESHET_ASSIGN(const MetadataResponse metadata, client_->metadata(MetadataRequest()));
  State out;
  out.cluster_id = client_->cluster_id();
  out.brokers = brokers_from(metadata);
  out.partitions = partitions_from(metadata);
  std::vector<std::string> topics;
  for (const Partition& partition : out.partitions) {
    if (topics.empty() || topics.back() != partition.topic) topics.push_back(partition.topic);
  }
  FRESHET_TRY(read_min_isr(topics));
  for (Partition& partition : out.partitions) {
    const auto found = min_isr_.find(partition.topic);
    if (found != min_isr_.end()) partition.min_isr = found->second;
  }
  FRESHET_ASSIGN(const auto moves, client_->ask_controller(ListPartitionReassignmentsRequest()));
  if (moves.error != kNoError)
    return tl::unexpected(error_of(moves.error, key_name(ListPartitionReassignmentsRequest::kKey), moves.message));
  for (const auto& topic : moves.topics) out.moving += static_cast<uint32_t>(topic.partitions.size());
  return out;
}

Status KafkaPort::elect(const std::vector<Partition>& partitions) {
  std::map<std::string, std::vector<int32_t>> topics;
  for (const Partition& partition : partitions) topics[partition.topic].push_back(partition.index);
  ElectLeadersRequest request;
  request.topics.emplace();
  for (auto& [name, indices] : topics) request.topics->push_back({name, std::move(indices)});
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  // That one can't lead just now is no reason to stop: a later election, or Kafka's own every five minutes, does it.
  if (answer.error != kNoError && answer.error != kElectionNotNeeded)
    return tl::unexpected(error_of(answer.error, key_name(ElectLeadersRequest::kKey)));
  return {};
}

}  // namespace freshet::fleet::restart
