// Replicas, in-sync replicas, zones, single points of failure. The three numbers that matter are replication.factor,
// min.insync.replicas and acks: a message that was acknowledged with acks=all is on min.insync.replicas brokers at
// least, and a partition takes such writes as long as so many replicas are in sync. From these follow both what may be
// lost and what stops.
#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "fleet/access.h"
#include "fleet/kafka_version.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"
#include "fleet/topic_settings.h"

namespace freshet::fleet::checks {
namespace {

constexpr uint32_t kReplicas = 3;  // what survives the loss of one broker while another is being replaced
constexpr uint32_t kBrokersMin = 3;

std::string zones_text(const std::vector<std::string>& zones) {
  std::string text = "[";
  for (const std::string& zone : zones) text += (text.size() > 1 ? ", " : "") + zone;
  return text + "]";
}

// Counts the replicas of a partition in the zone that has most of them. Kafka deals replicas over racks, which are
// zones here, in turn (KIP-36), so the fullest zone has the quotient rounded up.
uint32_t replicas_in_worst_zone(uint32_t replication, uint32_t zones) {
  FRESHET_ASSERT(zones > 0);
  return (replication + zones - 1) / zones;
}

bool survives_zone(const Topic& topic, uint32_t zones) {
  const uint32_t lost = replicas_in_worst_zone(topic.replication, zones);
  FRESHET_ASSERT(lost <= topic.replication);
  return topic.replication - lost >= topic.min_isr;
}

// Says whether there are as many brokers as replicas. Where there are not, replication_over_brokers says so, and every
// other figure would be about replicas that can't exist.
bool fits(const Topology& fleet, const Topic& topic) { return topic.replication <= fleet.cluster_of(topic).brokers; }

// Asks `check` about each topic: it gives evidence, or "".
template <class Check>
Findings each_topic(const Facts& facts, std::string_view key, const Check& check) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const auto outcome = check(facts.fleet.topics[i]);
    if (outcome.first.empty()) continue;
    found.push_back(finding_mended(facts, Kind::kTopic, i, key, outcome.first, std::to_string(outcome.second), ""));
  }
  return found;
}
using Outcome = std::pair<std::string, uint32_t>;  // evidence, and the number that mends it

// What is wrong with the version, or "".
std::string version_fault(const Cluster& cluster) {
  const std::string& version = cluster.kafka_version;
  const std::string kafka = "Kafka " + version;
  if (parse_version(version) < std::pair(3U, 3U)) return kafka;
  if (!is_released(version)) return fmt::format("{} is not known: known are {}", kafka, kKnownReleases);
  // KIP-858: before, a broker with KRaft refuses to start with two.
  if (cluster.volumes.count > 1 && parse_version(version) < std::pair(3U, 7U))
    return fmt::format("{} with KRaft takes one log dir, and brokers have {}: 3.7 takes several", kafka,
                       cluster.volumes.count);
  // KIP-900: before, brokers with KRaft can't know the users that they themselves connect as when they start.
  if (!scram_mechanism_of(cluster).empty() && parse_version(version) < std::pair(3U, 5U))
    return kafka + " with KRaft has no users with passwords (SCRAM): 3.5 has";
  if (cluster.platform != Platform::kStrimzi) return "";
  // The operator refuses a release that it has no image of.
  const std::string_view patches = patches_of_strimzi(version);
  const std::string padded = fmt::format(" {} ", patches);
  const bool has_patch = std::ranges::count(version, '.') == 2;
  if (has_patch && !patches.empty() && padded.find(" " + version + " ") == padded.npos)
    return fmt::format("{} is run by none of Strimzi's operators that are known here: they run {}", kafka, patches);
  if (!runs_with_strimzi_v1(version))
    return kafka +
           " is run by Strimzi's operators before 0.49 only: later ones, which serve kafka.strimzi.io/v1, refuse it";
  if (!is_known_of_strimzi(version))
    return kafka + " is run by none of Strimzi's operators that are known here: the newest, 0.51, runs 4.2";
  if (!has_patch) return kafka + " has no third number, by which Strimzi knows versions";
  return "";
}

}  // namespace

Findings replication_over_brokers(const Facts& facts) {
  return each_topic(facts, "replication", [&](const Topic& topic) -> Outcome {
    if (fits(facts.fleet, topic)) return {};
    const Cluster& cluster = facts.fleet.cluster_of(topic);
    return {
        fmt::format("{} replicas, but {} has {}", topic.replication, cluster.name, plural(cluster.brokers, "broker")),
        cluster.brokers};
  });
}

Findings replication_one(const Facts& facts) {
  return each_topic(facts, "replication", [&](const Topic& topic) -> Outcome {
    const uint32_t replicas = std::min(kReplicas, facts.fleet.cluster_of(topic).brokers);
    if (topic.replication > 1 || replicas < 2) return {};
    return {fmt::format("one replica of each of {}, {} messages/s", plural(topic.partitions, "partition"),
                        count_text(topic.messages_per_s)),
            replicas};
  });
}

// Every write fails with NotEnoughReplicasException, from the first one on: topics are created like this without
// complaint.
Findings min_isr_over_replication(const Facts& facts) {
  return each_topic(facts, "min_isr", [](const Topic& topic) -> Outcome {
    if (topic.min_isr <= topic.replication) return {};
    return {fmt::format("min ISR {} of {}", topic.min_isr, plural(topic.replication, "replica")),
            std::max(topic.replication - 1, 1U)};
  });
}

// A rolling restart takes each broker away once: with as many in-sync replicas required as there are, it is an outage.
Findings min_isr_equals_replication(const Facts& facts) {
  return each_topic(facts, "min_isr", [](const Topic& topic) -> Outcome {
    if (topic.replication < 2 || topic.min_isr != topic.replication) return {};
    return {fmt::format("min ISR {} of {}", topic.min_isr, plural(topic.replication, "replica")),
            topic.replication - 1};
  });
}

Findings min_isr_one(const Facts& facts) {
  return each_topic(facts, "min_isr", [](const Topic& topic) -> Outcome {
    if (topic.replication < kReplicas || topic.min_isr != 1) return {};
    return {fmt::format("min ISR 1 of {}", plural(topic.replication, "replica")), 2};
  });
}

Findings acks_not_all(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    if (producer.acks == Acks::kAll) continue;
    std::vector<std::string> names;
    for (const Index topic : producer.topics) {
      if (fleet.topics[topic].min_isr > 1)
        names.push_back(fmt::format("{} ({})", fleet.topics[topic].name, fleet.topics[topic].min_isr));
    }
    if (names.empty()) continue;
    found.push_back(finding_mended(
        facts, Kind::kProducer, i, "acks",
        fmt::format("acks {}, so the min ISR of {} has no effect", name_of(producer.acks), list_of(names)), "all", ""));
  }
  return found;
}

// Three replicas need three brokers, and a quorum of three controllers needs three machines to lose one.
Findings few_brokers(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.brokers >= kBrokersMin) continue;
    found.push_back(finding_mended(facts, Kind::kCluster, i, "brokers",
                                   fmt::format("{} for {}", plural(cluster.brokers, "broker"),
                                               plural(facts.rates.clusters[i].partitions, "partition")),
                                   std::to_string(kBrokersMin), ""));
  }
  return found;
}

Findings single_zone(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.zones.size() != 1) continue;
    const Region& region = facts.fleet.regions[cluster.region];
    const std::string evidence = fmt::format("all {} in {}", plural(cluster.brokers, "broker"), cluster.zones.front());
    if (region.zones.size() > 1) {
      found.push_back(finding_mended(facts, Kind::kCluster, i, "zones", evidence, zones_text(region.zones), ""));
    } else {
      found.push_back(finding(facts, Kind::kCluster, i, "region", evidence,
                              fmt::format("name more zones of region {}, or take another region", region.name)));
    }
  }
  return found;
}

// A zone is lost for hours now and then (a power failure, a network): a cluster that is spread over zones pays for
// traffic between them to survive that, so it should.
Findings zone_loss(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    const uint32_t zones = zones_used(cluster);
    if (zones < 2) continue;
    const Region& region = facts.fleet.regions[cluster.region];
    const auto all_zones = static_cast<uint32_t>(std::min<size_t>(region.zones.size(), cluster.brokers));
    std::vector<std::string> names;
    bool more_zones_help = true;
    for (const Index index : facts.topics_of[i]) {
      const Topic& topic = facts.fleet.topics[index];
      // Those that stop with any broker have findings of their own.
      if (topic.replication < 2 || topic.min_isr >= topic.replication || !fits(facts.fleet, topic)) continue;
      if (survives_zone(topic, zones)) continue;
      names.push_back(fmt::format("{} ({} of {} replicas in one zone, min ISR {})", topic.name,
                                  replicas_in_worst_zone(topic.replication, zones), topic.replication, topic.min_isr));
      more_zones_help = more_zones_help && survives_zone(topic, all_zones);
    }
    if (names.empty()) continue;
    const std::string evidence =
        fmt::format("{}: losing one stops writes to {}", plural(zones, "zone"), list_of(names));
    if (more_zones_help) {
      found.push_back(finding_mended(facts, Kind::kCluster, i, "zones", evidence, zones_text(region.zones), ""));
    } else {
      found.push_back(
          finding(facts, Kind::kCluster, i, "zones", evidence, "a region with a third zone, or another min ISR"));
    }
  }
  return found;
}

// Replicas are dealt evenly over zones, not over brokers: those of a zone with fewer brokers carry more each, and the
// cluster is full when they are.
Findings uneven_zones(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    const auto zones = static_cast<uint32_t>(cluster.zones.size());
    if (zones < 2 || cluster.brokers < kBrokersMin || cluster.brokers % zones == 0) continue;
    const uint32_t few = cluster.brokers / zones;
    const std::string evidence =
        few == 0 ? fmt::format("{} for {}: some have none", plural(cluster.brokers, "broker"), plural(zones, "zone"))
                 : fmt::format("{} over {}: where {} instead of {} stand, each carries {:.0f} % more",
                               plural(cluster.brokers, "broker"), plural(zones, "zone"), few, few + 1, 100.0 / few);
    found.push_back(finding_mended(facts, Kind::kCluster, i, "brokers", evidence,
                                   std::to_string(round_up(cluster.brokers, zones)), ""));
  }
  return found;
}

// On EC2 three of the brokers are controllers, too (voters_of). In Kubernetes all pods of a pool have the same roles:
// each broker is a voter, all must hear of each change, and their number can't change with the brokers'.
void crowded_quorum(const Facts& facts, Index index, Findings& found) {
  constexpr uint32_t kVotersMost = 5;
  const Cluster& cluster = facts.fleet.clusters[index];
  const uint32_t voters = cluster.brokers;
  if (cluster.platform != Platform::kStrimzi || (voters <= kVotersMost && voters % 2 == 1)) return;
  found.push_back(finding_mended(
      facts, Kind::kCluster, index, "controllers",
      fmt::format("all {} are controllers, too: may lose {}", plural(voters, "broker"), (voters - 1) / 2), "3", ""));
}

// KRaft's controllers are a quorum (KIP-500): of n, (n - 1) / 2 may be lost, so an even number costs a machine for
// nothing.
Findings controllers(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.controllers == 0) {
      crowded_quorum(facts, i, found);
      continue;
    }
    const uint32_t count = cluster.controllers;
    if (count >= 3 && count % 2 == 1) continue;
    found.push_back(finding_mended(facts, Kind::kCluster, i, "controllers",
                                   fmt::format("{}: may lose {}", plural(count, "controller"), (count - 1) / 2),
                                   std::to_string(count < 3 ? 3 : count + 1), ""));
  }
  return found;
}

// Of two zones one has the majority: when that one goes, there is no quorum, and no leader is elected any more, even
// though the brokers of the other zone are well.
Findings controller_zones(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.zones.size() != 2) continue;
    const Region& region = facts.fleet.regions[cluster.region];
    const uint32_t count = cluster.controllers == 0 ? std::min(cluster.brokers, 3U) : cluster.controllers;
    const std::string evidence = fmt::format("{} in 2 zones: {} of them in {}", plural(count, "controller"),
                                             (count + 1) / 2, cluster.zones.front());
    if (region.zones.size() > 2) {
      found.push_back(finding_mended(facts, Kind::kCluster, i, "zones", evidence, zones_text(region.zones), ""));
    } else {
      found.push_back(finding(facts, Kind::kCluster, i, "zones", evidence, "a third zone, if only for a controller"));
    }
  }
  return found;
}

Findings single_instance(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::vector<bool> used(fleet.services.size());
  for (const Producer& producer : fleet.producers) used[producer.service] = true;
  for (const Consumer& consumer : fleet.consumers) used[consumer.service] = true;
  Findings found;
  for (Index i = 0; i < fleet.services.size(); ++i) {
    const Service& service = fleet.services[i];
    if (!used[i] || service.instances > 1) continue;
    if (!service.autoscaled) {
      found.push_back(finding_mended(facts, Kind::kService, i, "instances", "one instance", "2", ""));
    } else {
      found.push_back(
          finding(facts, Kind::kService, i, "instances",
                  fmt::format("one instance, up to {} under load", service.instances_max), "instances: 2",
                  {{Kind::kService, i, "instances", "2"},
                   {Kind::kService, i, "instances_max", std::to_string(std::max(2U, service.instances_max))}}));
    }
  }
  return found;
}

// KRaft is ready for production from 3.3 on (KIP-833), and what is rendered has no ZooKeeper. What does not exist, or
// what the operator does not know, is found when it is applied.
Findings kafka_version(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    std::string fault = version_fault(cluster);
    if (fault.empty()) continue;
    found.push_back(finding_mended(facts, Kind::kCluster, i, "kafka_version", std::move(fault),
                                   std::string(default_kafka(cluster.platform)), ""));
  }
  return found;
}

// What is rendered has it off, as Kafka has since 0.11: somebody has turned it on.
Findings unclean_election(const Facts& facts) {
  Findings found;
  const auto is_on = [](const auto& settings) {
    const std::string* const said = said_setting(settings, "unclean.leader.election.enable");
    return said != nullptr && truth_of(*said) == true;
  };
  const auto add = [&](Kind kind, Index index) {
    found.push_back(finding(facts, kind, index, "settings", "unclean.leader.election.enable: true",
                            "take it out; `kafka-leader-election --election-type unclean` does it once, when it must"));
  };
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i)
    if (is_on(facts.fleet.clusters[i].settings)) add(Kind::kCluster, i);
  for (Index i = 0; i < facts.fleet.topics.size(); ++i)
    if (facts.fleet.topics[i].declared && is_on(facts.fleet.topics[i].settings)) add(Kind::kTopic, i);
  return found;
}

}  // namespace freshet::fleet::checks
