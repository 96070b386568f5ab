// How many partitions, against consumers, brokers and rates. A partition is the unit of everything: one leader, one
// disk, one consumer of a group. Their number can be raised, at the price that keys move, and never lowered.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "fleet/limits.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"

namespace freshet::fleet::checks {
namespace {

// Ten megabytes a second are a rule of thumb for what one partition carries without care. Proposals aim at half, so
// that growth does not bring the finding back at once.
constexpr double kPartitionBytesMax = 10e6;  // a second into one partition, at the peak
constexpr double kPartitionBytesWanted = 5e6;
constexpr uint32_t kManyPartitions = 24;  // below, nobody minds
constexpr double kManyFactor = 4;         // times what is needed
constexpr double kSkewMax = 0.2;          // more than the average broker sends
constexpr double kSkewBytesMin = 1e6;     // a second of the average broker, else it does not matter
constexpr double kDominantShare = 0.5;
constexpr double kDominantBytes = 20e6;
constexpr size_t kDominantTopics = 5;

uint32_t partitions_of(const Topology& fleet, const Consumer& consumer) {
  uint32_t sum = 0;
  for (const Index topic : consumer.topics) sum += fleet.topics[topic].partitions;
  return sum;
}

// Compares what a group is asked to read with what it can.
struct Load {
  double average = 0;  // messages a second
  double peak = 0;
  double capacity = 0;  // what as many instances can handle as have partitions
};

Load load_of(const Topology& fleet, const Consumer& consumer) {
  Load load;
  for (const Index topic : consumer.topics) {
    load.average += fleet.topics[topic].messages_per_s;
    load.peak += peak_of(fleet.topics[topic]);
  }
  const uint32_t working = std::min(fleet.services[consumer.service].instances_max, partitions_of(fleet, consumer));
  load.capacity = working * consumer.messages_per_s_each;
  return load;
}

// Proposes more instances, and partitions for them in the topic that has most messages. It is empty if that would be
// more than there can be.
std::vector<Change> enough_for(const Topology& fleet, const Consumer& consumer, double messages_per_s) {
  const Service& service = fleet.services[consumer.service];
  FRESHET_ASSERT(consumer.messages_per_s_each > 0 && !consumer.topics.empty());
  const double instances = std::ceil(messages_per_s / consumer.messages_per_s_each + 1e-9);
  if (instances > kInstancesMax) return {};
  const auto needed = static_cast<uint32_t>(instances);
  std::vector<Change> changes;
  if (needed > service.instances_max)
    changes.push_back(
        {Kind::kService, consumer.service, service.autoscaled ? "instances_max" : "instances", std::to_string(needed)});
  const uint32_t partitions = partitions_of(fleet, consumer);
  if (needed > partitions) {
    const Index busiest = *std::max_element(consumer.topics.begin(), consumer.topics.end(), [&](Index a, Index b) {
      return fleet.topics[a].messages_per_s < fleet.topics[b].messages_per_s;
    });
    const Topic& topic = fleet.topics[busiest];
    const uint32_t more = round_up(topic.partitions + needed - partitions, fleet.cluster_of(topic).brokers);
    if (more > kPartitionsMax) return {};
    changes.push_back({Kind::kTopic, busiest, "partitions", std::to_string(more)});
  }
  return changes;
}

// Finds the consumers whose speed is known and for whom `wrong` holds.
template <class Wrong>
Findings slow_consumers(const Facts& facts, const Wrong& wrong) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    const Consumer& consumer = fleet.consumers[i];
    const Load load = load_of(fleet, consumer);
    if (consumer.messages_per_s_each <= 0 || !wrong(load)) continue;
    const auto changes = enough_for(fleet, consumer, load.peak);
    found.push_back(
        finding(facts, Kind::kConsumer, i, "messages_per_second_each",
                fmt::format("{} messages/s come, {} at the peak; {} of {} instances with partitions handle {}",
                            count_text(load.average), count_text(load.peak),
                            std::min(fleet.services[consumer.service].instances_max, partitions_of(fleet, consumer)),
                            fleet.services[consumer.service].instances_max, count_text(load.capacity)),
                changes.empty() ? "quicker instances, or divide what they read: so many there can't be"
                                : mend_text(fleet, changes),
                changes));
  }
  return found;
}

// Two rules share one comparison, so that a broker is found by one of them and never by both.
Findings crowded_brokers(const Facts& facts, bool over_most) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    const PartitionLimits limits = partition_limits(cluster.instance);
    const double each = static_cast<double>(facts.rates.clusters[i].replicas) / cluster.brokers;
    if (over_most ? each <= limits.most : each <= limits.recommended || each > limits.most) continue;
    FRESHET_ASSERT(cluster.brokers > 0 && limits.recommended > 0 && limits.recommended <= limits.most);
    const uint32_t zones = std::max<uint32_t>(1, static_cast<uint32_t>(cluster.zones.size()));
    const uint32_t brokers =
        round_up(static_cast<double>(facts.rates.clusters[i].replicas) / limits.recommended, zones);
    std::string evidence = fmt::format("{:.0f} replicas on each {}; recommended {}, at most {}", each, cluster.instance,
                                       limits.recommended, limits.most);
    if (brokers > 1000) {
      found.push_back(
          finding(facts, Kind::kCluster, i, "brokers", std::move(evidence), "divide the cluster, or fewer partitions"));
    } else {
      found.push_back(finding_mended(facts, Kind::kCluster, i, "brokers", std::move(evidence), std::to_string(brokers),
                                     ", larger machines, or fewer partitions"));
    }
  }
  return found;
}

// Counts the partitions that brokers, consumers and rates ask for.
uint32_t partitions_needed(const Facts& facts, Index index) {
  const Topology& fleet = facts.fleet;
  const Topic& topic = fleet.topics[index];
  double needed = facts.rates.topics[index].in_bytes_per_s * topic.peak_factor / kPartitionBytesWanted;
  for (const Index consumer : facts.consumers_of[index])
    needed = std::max<double>(needed, fleet.services[fleet.consumers[consumer].service].instances_max);
  return round_up(needed, fleet.cluster_of(topic).brokers);
}

}  // namespace

Findings idle_consumers(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    const Consumer& consumer = fleet.consumers[i];
    const Service& service = fleet.services[consumer.service];
    const uint32_t partitions = partitions_of(fleet, consumer);
    if (consumer.topics.empty() || service.instances_max <= partitions) continue;
    std::vector<Change> changes;
    const std::string value = std::to_string(partitions);
    if (service.instances > partitions) changes.push_back({Kind::kService, consumer.service, "instances", value});
    if (service.autoscaled) changes.push_back({Kind::kService, consumer.service, "instances_max", value});
    found.push_back(finding(
        facts, Kind::kConsumer, i, "topics",
        fmt::format("up to {} for {}: {} idle", plural(service.instances_max, "instance"),
                    plural(partitions, "partition"), service.instances_max - partitions),
        mend_text(fleet, changes) + fmt::format(", or at least {} partitions", service.instances_max), changes));
  }
  return found;
}

// The range assignor, which clients have by default, deals each topic's partitions by itself, to the first instances.
Findings idle_by_range(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    const Consumer& consumer = fleet.consumers[i];
    const uint32_t instances = fleet.services[consumer.service].instances_max;
    uint32_t widest = 0;
    for (const Index topic : consumer.topics) widest = std::max(widest, fleet.topics[topic].partitions);
    if (widest == 0 || instances <= widest || instances > partitions_of(fleet, consumer)) continue;
    found.push_back(finding(facts, Kind::kConsumer, i, "topics",
                            fmt::format("{} of up to {} are idle with the range assignor, as no topic has more than {}",
                                        instances - widest, plural(instances, "instance"), plural(widest, "partition")),
                            "partition.assignment.strategy: the cooperative sticky or the round-robin assignor; or "
                            "group.protocol: consumer"));
  }
  return found;
}

Findings consumer_too_slow(const Facts& facts) {
  return slow_consumers(facts, [](const Load& load) { return load.capacity < load.average; });
}

Findings consumer_slow_at_peak(const Facts& facts) {
  return slow_consumers(facts,
                        [](const Load& load) { return load.capacity >= load.average && load.capacity < load.peak; });
}

Findings broker_partitions_max(const Facts& facts) { return crowded_brokers(facts, true); }
Findings broker_partitions(const Facts& facts) { return crowded_brokers(facts, false); }

// 200,000 is what Apache Kafka's own tests went up to ("Apache Kafka Supports 200K Partitions Per Cluster", 2018).
// KRaft's controllers take more, but brokers still open the files of every replica when they start.
Findings cluster_partitions_max(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const uint64_t replicas = facts.rates.clusters[i].replicas;
    if (replicas <= kClusterReplicasMax) continue;
    found.push_back(finding(facts, Kind::kCluster, i, "name",
                            fmt::format("{} replicas of partitions; at most {}", replicas, kClusterReplicasMax),
                            "divide the cluster, or fewer partitions"));
  }
  return found;
}

Findings many_partitions(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (topic.partitions <= kManyPartitions) continue;
    const uint32_t needed = std::max(partitions_needed(facts, i), 6U);
    if (topic.partitions <= kManyFactor * needed) continue;
    found.push_back(finding_mended(
        facts, Kind::kTopic, i, "partitions",
        fmt::format("{} partitions for {} at the peak, {} brokers and what reads it: {} would do", topic.partitions,
                    rate_text(facts.rates.topics[i].in_bytes_per_s * topic.peak_factor),
                    facts.fleet.cluster_of(topic).brokers, needed),
        std::to_string(needed), " (when the topic is made anew: partitions can't be taken away)"));
  }
  return found;
}

// A segment ends by its size or its age, and is kept until retention takes it: short ones of long retention are many.
Findings many_segments(const Facts& facts) {
  constexpr double kMapsMost = 65'530;        // of a process, where nobody has told Linux otherwise
  constexpr double kMapsMostOnEc2 = 262'144;  // cp-ansible has
  constexpr double kMapsEach = 2;             // of the two indexes
  const auto in_partition = [&](Index topic) {
    const TopicRates& rates = facts.rates.topics[topic];
    return 1 + (rates.segment_bytes > 0 ? rates.kept_bytes / rates.segment_bytes : 0);
  };
  const auto in_all = [&](Index topic) {
    return in_partition(topic) * facts.fleet.topics[topic].partitions * facts.fleet.topics[topic].replication;
  };
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    double segments = 0;
    for (const Index topic : facts.topics_of[i]) segments += in_all(topic) / facts.fleet.clusters[i].brokers;
    const bool on_ec2 = facts.fleet.clusters[i].platform == Platform::kEc2;
    if (kMapsEach * segments <= (on_ec2 ? kMapsMostOnEc2 : kMapsMost)) continue;
    const Index most = *std::ranges::max_element(facts.topics_of[i], {}, in_all);
    found.push_back(
        finding(facts, Kind::kCluster, i, "brokers",
                fmt::format("{} segments on each broker; most are of {}: {} in each of {}", count_text(segments),
                            facts.fleet.topics[most].name, count_text(in_partition(most)),
                            plural(facts.fleet.topics[most].partitions, "partition")),
                fmt::format("segment.bytes or segment.ms of {} larger, or a larger vm.max_map_count on the machines",
                            facts.fleet.topics[most].name)));
  }
  return found;
}

// Proposes so many partitions, if a topic can have them.
Finding more_partitions(const Facts& facts, Index topic, std::string evidence, uint32_t partitions,
                        std::string reason) {
  if (partitions > kPartitionsMax)
    return finding(facts, Kind::kTopic, topic, "partitions", std::move(evidence), "divide the topic");
  return finding_mended(facts, Kind::kTopic, topic, "partitions", std::move(evidence), std::to_string(partitions),
                        std::move(reason));
}

Findings hot_partition(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const double bytes = facts.rates.topics[i].in_bytes_per_s * topic.peak_factor;
    if (bytes / topic.partitions <= kPartitionBytesMax) continue;
    const uint32_t partitions = round_up(bytes / kPartitionBytesWanted, facts.fleet.cluster_of(topic).brokers);
    const std::string evidence = fmt::format("{} into each of {} at the peak", rate_text(bytes / topic.partitions),
                                             plural(topic.partitions, "partition"));
    found.push_back(more_partitions(facts, i, evidence, partitions, ""));
  }
  return found;
}

Findings hotspot_topic(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const uint32_t brokers = facts.fleet.cluster_of(topic).brokers;
    const double average = facts.rates.clusters[topic.cluster].out_bytes_per_s / brokers;
    if (average < kSkewBytesMin || topic.partitions % brokers == 0) continue;
    // Leaders of a topic are dealt evenly: the remainder of partitions / brokers gives some brokers one more. That is
    // nothing with 100 partitions for each broker, and double the load with one.
    const uint32_t leaders = (topic.partitions + brokers - 1) / brokers;  // on the broker that leads most
    const double more =
        facts.rates.topics[i].out_bytes_per_s * (static_cast<double>(leaders) / topic.partitions - 1.0 / brokers);
    if (more <= kSkewMax * average) continue;
    found.push_back(more_partitions(
        facts, i,
        fmt::format("{} on {}: of {} out, the broker that leads most sends {} more than the average, "
                    "which is {} for all topics",
                    plural(topic.partitions, "partition"), plural(brokers, "broker"),
                    rate_text(facts.rates.topics[i].out_bytes_per_s), rate_text(more), rate_text(average)),
        round_up(topic.partitions, brokers), ", a multiple of the brokers"));
  }
  return found;
}

Findings dominant_topic(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    const double all = facts.rates.clusters[topic.cluster].out_bytes_per_s;
    const double out = facts.rates.topics[i].out_bytes_per_s;
    if (facts.topics_of[topic.cluster].size() < kDominantTopics || out < kDominantBytes || out <= kDominantShare * all)
      continue;
    found.push_back(finding(facts, Kind::kTopic, i, "name",
                            fmt::format("{} of the {} that {} sends ({:.0f} %), to {}", rate_text(out), rate_text(all),
                                        facts.fleet.cluster_of(topic).name, 100 * out / all,
                                        plural(facts.rates.topics[i].readers, "reader")),
                            "a cluster of its own, or fewer readers: one service that fans out to the others"));
  }
  return found;
}

}  // namespace freshet::fleet::checks
