// What Kafka tells in several answers, put together: sizes come of each broker, replicas and leaders of the controller,
// and both may change in between; so what does not fit is left out of a look, and is there in the next.
#include "fleet/rebalance/kafka_port.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/saturated.h"
#include "cluster/protocol/errors.h"

namespace freshet::fleet::rebalance {
namespace {

using namespace cluster::protocol;

constexpr int16_t kUnknownTopic = 3;
constexpr int kWindowsMost = 3;
constexpr double kRetentionCheckS = 300;  // log.retention.check.interval.ms as it is delivered
constexpr const char* kDeleteDelay = "log.segment.delete.delay.ms";
constexpr double kDeleteDelayS = 60;
constexpr const char* kFacts[] = {"file.delete.delay.ms", "retention.bytes", "retention.ms", "segment.bytes",
                                  "cleanup.policy"};

// Settings of brokers are whole numbers; what is none, such as "inf", is as if it were not set.
double number_of(const std::optional<std::string>& text, double otherwise) {
  int64_t value = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) return otherwise;
  return static_cast<double>(value);
}

std::string partition_name(const std::string& topic, int32_t partition) {
  return fmt::format("{}[{}]", topic, partition);
}

// By topic, in the form that requests have.
template <class Out, class In, class Add>
std::vector<Out> by_topic(const std::vector<In>& items, const Add& add) {
  std::map<std::string, Out> topics;
  for (const In& item : items) add(topics[item.topic], item);
  std::vector<Out> out;
  for (auto& [name, topic] : topics) out.push_back(std::move(topic));
  return out;
}

// As it is there, whoever has set it; nullopt: the broker does not know it.
Result<std::optional<DescribeConfigsResponse::Config>> config_of(Client& client, Setting::Kind kind,
                                                                 const std::string& resource, const std::string& name) {
  const bool is_broker = kind == Setting::Kind::kBroker;
  DescribeConfigsRequest request;
  request.resources = {{is_broker ? kBrokerResource : kTopicResource, resource, std::vector<std::string>{name}}};
  FRESHET_ASSIGN(const auto answer,
                 is_broker ? client.ask(std::stoi(resource), request) : client.ask_controller(request));
  for (const auto& found : answer.resources) {
    if (found.error != kNoError)
      return tl::unexpected(error_of(
          found.error, fmt::format("configuration of {} {}", is_broker ? "broker" : "topic", resource), found.message));
    for (const auto& config : found.configs)
      if (config.name == name) return config;
  }
  return std::nullopt;
}

}  // namespace

Status KafkaPort::read_dirs(const MetadataResponse::Broker& broker, Broker& out, Lying& lying) {
  out.id = broker.id;
  out.rack = broker.rack.value_or("");
  // As it is at the first look: who changes it in the middle of a rebalance makes it wait too long or not long enough.
  if (!delays_s_.contains(broker.id)) {
    FRESHET_ASSIGN(const auto delay,
                   config_of(*client_, Setting::Kind::kBroker, std::to_string(broker.id), kDeleteDelay));
    delays_s_[broker.id] = number_of(delay ? delay->value : std::nullopt, kDeleteDelayS * 1000) / 1000;
  }
  out.delete_delay_s = delays_s_[broker.id];
  const std::string what = fmt::format("broker {}: {}", broker.id, key_name(DescribeLogDirsRequest::kKey));
  FRESHET_ASSIGN(const DescribeLogDirsResponse answer, client_->ask(broker.id, DescribeLogDirsRequest()));
  if (answer.error != kNoError) return tl::unexpected(error_of(answer.error, what));
  if (answer.dirs.empty())
    return fail(Code::kInvalid, what + ": it shows no log dir: DESCRIBE on the cluster is needed to see them");
  for (const DescribeLogDirsResponse::Dir& dir : answer.dirs) {
    LogDir& one = out.dirs.emplace_back();
    one.path = dir.path;
    one.is_online = dir.error == kNoError;
    double lies = 0;
    for (const auto& topic : dir.topics) {
      for (const auto& partition : topic.partitions) {
        lies += static_cast<double>(partition.bytes);
        if (partition.is_future) {
          within_.push_back({topic.name, partition.index, {}, {}, broker.id, dir.path});
        } else {
          lying[{{topic.name, partition.index}, broker.id}] = {dir.path, static_cast<double>(partition.bytes)};
        }
      }
    }
    if (options_.dir_bytes > 0) {
      one.total_bytes = options_.dir_bytes;
      one.used_bytes = lies;
    } else if (dir.total_bytes < 0 && one.is_online) {
      return fail(Code::kInvalid,
                  what + ": it does not tell how large its volumes are (Kafka before 3.3): say it by --dir-bytes");
    } else {
      one.total_bytes = static_cast<double>(dir.total_bytes);
      one.used_bytes = static_cast<double>(dir.total_bytes - dir.usable_bytes);
    }
  }
  return {};
}

Status KafkaPort::read_topics(const std::vector<std::string>& names) {
  DescribeConfigsRequest request;
  for (const std::string& name : names)
    if (!topics_.contains(name))
      request.resources.push_back(
          {kTopicResource, name, std::vector<std::string>(std::begin(kFacts), std::end(kFacts))});
  if (request.resources.empty()) return {};
  FRESHET_ASSIGN(const DescribeConfigsResponse answer, client_->ask_controller(request));
  for (const DescribeConfigsResponse::Resource& resource : answer.resources) {
    if (resource.error == kUnknownTopic) continue;
    if (resource.error != kNoError)
      return tl::unexpected(error_of(resource.error, "configuration of topic " + resource.name, resource.message));
    TopicFacts facts;
    for (const auto& config : resource.configs) {
      if (config.name == kFacts[0]) facts.delete_delay_s = number_of(config.value, 60'000) / 1000;
      if (config.name == kFacts[1]) facts.retention_bytes = number_of(config.value, -1);
      if (config.name == kFacts[2]) facts.retention_s = number_of(config.value, -1000) / 1000;
      if (config.name == kFacts[3]) facts.segment_bytes = number_of(config.value, 0);
      if (config.name == kFacts[4]) facts.is_deleted = config.value.value_or("").find("delete") != std::string::npos;
    }
    topics_[resource.name] = facts;
  }
  return {};
}

// Where retention stops a partition: at what it keeps and a segment more, which is deleted as a whole; and what comes
// until the next look of the log cleaner, and until what it has deleted is gone from the disk.
double KafkaPort::most_kept(const TopicFacts& facts, double in_bytes_per_s) {
  if (!facts.is_deleted) return 0;
  const double late = in_bytes_per_s * (kRetentionCheckS + facts.delete_delay_s);
  double most = 0;
  if (facts.retention_bytes >= 0) most = facts.retention_bytes + facts.segment_bytes + late;
  const double by_time = facts.retention_s * in_bytes_per_s + facts.segment_bytes + late;
  if (facts.retention_s >= 0 && (most <= 0 || by_time < most)) most = by_time;
  return most;
}

// One of which a segment went between two looks has shown no growth; until it does it counts as the fastest of its
// topic, and never as one that stands still.
void KafkaPort::fill_rates(State& state) const {
  std::map<std::string, double> fastest;
  for (const auto& [key, rate] : rates_) fastest[key.first] = std::max(fastest[key.first], rate);
  for (Partition& partition : state.partitions) {
    const auto rate = rates_.find({partition.topic, partition.index});
    partition.in_bytes_per_s = rate == rates_.end() ? fastest[partition.topic] : rate->second;
  }
}

// How fast partitions grow, of two looks at their sizes.
void KafkaPort::measure(State& state) {
  const env::TimeUs now_us = clock_.monotonic_us();
  const bool is_due = measured_us_ < 0 || now_us - measured_us_ >= options_.rate_window_us;
  const double seconds = static_cast<double>(now_us - measured_us_) / 1e6;
  for (Partition& partition : state.partitions) {
    const Key key{partition.topic, partition.index};
    const double bytes = partition.bytes();
    const auto before = sizes_.find(key);
    if (is_due && before != sizes_.end() && bytes >= before->second) rates_[key] = (bytes - before->second) / seconds;
    if (is_due) sizes_[key] = bytes;
  }
  fill_rates(state);
  for (Partition& partition : state.partitions) {
    const TopicFacts& facts = topics_[partition.topic];
    partition.bytes_max = most_kept(facts, partition.in_bytes_per_s);
  }
  if (is_due) measured_us_ = now_us;
}

// With a size of dirs that we were told, what is deleted and not gone is known from earlier looks only.
void KafkaPort::count_leaving(State& state, const Lying& lying) {
  const env::TimeUs now_us = clock_.monotonic_us();
  for (const auto& [replica, place] : lying_) {
    const auto now = lying.find(replica);
    if (now != lying.end() && now->second.first == place.first) continue;
    const double delay_s = delays_s_[replica.second] + options_.delete_slack_s;
    leaving_.push_back({replica.second, place.first, place.second, saturated_sum(now_us, whole_number(delay_s * 1e6))});
  }
  std::erase_if(leaving_, [&](const Leaving& leaving) { return leaving.until_us <= now_us; });
  lying_ = lying;
  if (options_.dir_bytes <= 0) return;
  for (const Leaving& leaving : leaving_)
    for (Broker& broker : state.brokers)
      for (LogDir& dir : broker.dirs)
        if (broker.id == leaving.broker && dir.path == leaving.dir) dir.used_bytes += leaving.bytes;
}

Result<State> KafkaPort::look_once() {
  FRESHET_ASSIGN(const MetadataResponse metadata, client_->metadata(MetadataRequest()));
  State state;
  Lying lying;
  within_.clear();
  led_.clear();
  for (const MetadataResponse::Broker& broker : metadata.brokers)
    FRESHET_TRY(read_dirs(broker, state.brokers.emplace_back(), lying));
  std::sort(state.brokers.begin(), state.brokers.end(), [](const Broker& a, const Broker& b) { return a.id < b.id; });
  std::vector<std::string> names;
  for (const MetadataResponse::Topic& topic : metadata.topics) {
    if (!topic.name) continue;
    names.push_back(*topic.name);
    for (const MetadataResponse::Partition& partition : topic.partitions) {
      Partition& one = state.partitions.emplace_back();
      one.topic = *topic.name;
      one.index = partition.index;
      one.leader = partition.leader;
      led_.try_emplace(one.leader, one.topic, one.index);
      for (const int32_t id : partition.replicas) {
        Replica& replica = one.replicas.emplace_back();
        replica.place.broker = id;
        const auto lies = lying.find({{one.topic, one.index}, id});
        const Broker* const broker = state.find(id);
        if (lies == lying.end() || broker == nullptr) continue;
        replica.bytes = lies->second.second;
        for (uint32_t d = 0; d < broker->dirs.size(); ++d)
          if (broker->dirs[d].path == lies->second.first) replica.place.dir = d;
      }
    }
  }
  std::sort(state.partitions.begin(), state.partitions.end(), [](const Partition& a, const Partition& b) {
    return std::tie(a.topic, a.index) < std::tie(b.topic, b.index);
  });
  FRESHET_TRY(read_topics(names));
  measure(state);
  count_leaving(state, lying);
  return state;
}

// Retention deletes every few minutes, so a partition that it has touched in one window shows its growth in the next.
Result<State> KafkaPort::look() {
  if (measured_us_ >= 0) return look_once();
  FRESHET_ASSIGN(State state, look_once());
  const auto is_known = [this](const Partition& one) { return rates_.contains({one.topic, one.index}); };
  for (int window = 0; window < kWindowsMost; ++window) {
    clock_.sleep_us(options_.rate_window_us);
    FRESHET_ASSIGN(state, look_once());
    if (std::all_of(state.partitions.begin(), state.partitions.end(), is_known)) break;
  }
  return state;
}

Result<std::vector<Moving>> KafkaPort::moving() {
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(ListPartitionReassignmentsRequest()));
  if (answer.error != kNoError)
    return tl::unexpected(error_of(answer.error, key_name(ListPartitionReassignmentsRequest::kKey), answer.message));
  std::vector<Moving> out = within_;
  for (const auto& topic : answer.topics)
    for (const auto& partition : topic.partitions)
      out.push_back({topic.name, partition.index, partition.adding, partition.removing, -1, ""});
  return out;
}

Result<std::optional<std::string>> KafkaPort::setting(Setting::Kind kind, const std::string& resource,
                                                      const std::string& name) {
  FRESHET_ASSIGN(const auto found, config_of(*client_, kind, resource, name));
  const int8_t set = kind == Setting::Kind::kBroker ? kDynamicBrokerConfig : kDynamicTopicConfig;
  return found && found->source == set ? found->value : std::nullopt;
}

Status KafkaPort::change_at(int32_t broker, const std::vector<Change>& changes) {
  std::map<std::pair<Setting::Kind, std::string>, IncrementalAlterConfigsRequest::Resource> resources;
  for (const Change& change : changes) {
    auto& resource = resources[{change.kind, change.resource}];
    resource.type = change.kind == Setting::Kind::kBroker ? kBrokerResource : kTopicResource;
    resource.name = change.resource;
    const bool is_set = change.value.has_value();
    resource.configs.push_back({change.name,
                                is_set ? IncrementalAlterConfigsRequest::kSet : IncrementalAlterConfigsRequest::kDelete,
                                change.value});
  }
  IncrementalAlterConfigsRequest request;
  for (auto& [name, resource] : resources) request.resources.push_back(std::move(resource));
  const auto answer = broker < 0 ? client_->ask_controller(request) : client_->ask(broker, request);
  if (!answer && answer.error().code == Code::kNotFound)
    return fail(Code::kRetry, fmt::format("broker {} is down, so its throttle can't be changed", broker));
  if (!answer) return tl::unexpected(answer.error());
  for (const auto& resource : answer->resources) {
    if (resource.error == kNoError || resource.error == kUnknownTopic) continue;
    return tl::unexpected(error_of(
        resource.error,
        fmt::format("configuration of {} {}", resource.type == kBrokerResource ? "broker" : "topic", resource.name),
        resource.message));
  }
  return {};
}

// A broker takes its own only; topics' go to the controller. What can be changed is, then what could not is told.
Status KafkaPort::change(const std::vector<Change>& changes) {
  std::map<int32_t, std::vector<Change>> by_broker;
  for (const Change& change : changes)
    by_broker[change.kind == Setting::Kind::kBroker ? std::stoi(change.resource) : -1].push_back(change);
  Status all;
  for (const auto& [broker, list] : by_broker)
    if (const Status one = change_at(broker, list); !one) all = one;
  return all;
}

Status KafkaPort::assign(const std::vector<Assignment>& assignments) {
  using Request = AlterPartitionReassignmentsRequest;
  Request request;
  request.topics = by_topic<Request::Topic>(assignments, [](Request::Topic& topic, const Assignment& one) {
    topic.name = one.topic;
    topic.partitions.push_back({one.partition, one.replicas});
  });
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  const std::string what = key_name(Request::kKey);
  if (answer.error != kNoError) return tl::unexpected(error_of(answer.error, what, answer.message));
  for (const auto& topic : answer.topics)
    for (const auto& partition : topic.partitions)
      if (partition.error != kNoError && partition.error != kNoReassignmentInProgress)
        return tl::unexpected(
            error_of(partition.error, what + " of " + partition_name(topic.name, partition.index), partition.message));
  return {};
}

Status KafkaPort::place(const std::vector<Placement>& placements) {
  using Request = AlterReplicaLogDirsRequest;
  std::map<int32_t, std::map<std::string, std::vector<Placement>>> by_dir;
  for (const Placement& one : placements) by_dir[one.broker][one.dir].push_back(one);
  for (const auto& [broker, dirs] : by_dir) {
    Request request;
    for (const auto& [path, list] : dirs) {
      request.dirs.push_back({path, by_topic<TopicPartitions>(list, [](TopicPartitions& topic, const Placement& one) {
                                topic.topic = one.topic;
                                topic.partitions.push_back(one.partition);
                              })});
    }
    FRESHET_ASSIGN(const auto answer, client_->ask(broker, request));
    for (const auto& topic : answer.topics) {
      for (const auto& partition : topic.partitions) {
        // A replica that is not there yet is refused, and begins in that dir all the same when it comes (KIP-113).
        const int16_t error = partition.error;
        if (error == kNoError || error == kReplicaNotAvailable || error == kNotLeaderOrFollower ||
            error == kUnknownTopic)
          continue;
        return tl::unexpected(error_of(error, fmt::format("broker {}: {} of {}", broker, key_name(Request::kKey),
                                                          partition_name(topic.name, partition.index))));
      }
    }
  }
  return {};
}

Status KafkaPort::elect(const std::vector<Assignment>& partitions) {
  ElectLeadersRequest request;
  request.topics = by_topic<TopicPartitions>(partitions, [](TopicPartitions& topic, const Assignment& one) {
    topic.topic = one.topic;
    topic.partitions.push_back(one.partition);
  });
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  const std::string what = key_name(ElectLeadersRequest::kKey);
  if (answer.error != kNoError && answer.error != kElectionNotNeeded)
    return tl::unexpected(error_of(answer.error, what));
  for (const auto& topic : answer.topics) {
    for (const auto& partition : topic.partitions) {
      const bool is_fine = partition.error == kNoError || partition.error == kElectionNotNeeded ||
                           partition.error == kPreferredLeaderNotAvailable || partition.error == kUnknownTopic;
      if (!is_fine)
        return tl::unexpected(
            error_of(partition.error, what + " of " + partition_name(topic.name, partition.index), partition.message));
    }
  }
  return {};
}

}  // namespace freshet::fleet::rebalance
