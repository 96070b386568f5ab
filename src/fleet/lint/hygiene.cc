// What nobody reads, writes, owns or is told of. Such things are no fault by themselves; they are where a file and the
// fleet that it describes have drifted apart.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "fleet/lint/rules.h"
#include "fleet/plan/prices.h"
#include "fleet/rebalance/windows.h"
#include "fleet/text.h"
#include "yaml/reader.h"
#include "yaml/units.h"

namespace freshet::fleet::checks {
namespace {

using yaml::duration_text;

constexpr int64_t kLagFactor = 2;  // retention is at least this many times the lag that is promised

// Whether a promise is about this group's reading of this topic. What it leaves out it says for all.
bool covers(const Topology& fleet, const ServiceLevel& level, const Consumer& consumer, Index topic) {
  return (level.group.empty() || level.group == consumer.group) &&
         (level.cluster == kNone || level.cluster == fleet.topics[topic].cluster) &&
         (level.topic == kNone || level.topic == topic);
}

// Whether there is anybody whose lag it promises.
bool has_readers(const Topology& fleet, const ServiceLevel& level) {
  return std::ranges::any_of(fleet.consumers, [&](const Consumer& consumer) {
    return std::ranges::any_of(consumer.topics, [&](Index topic) { return covers(fleet, level, consumer, topic); });
  });
}

// "topic c/t", "cluster c" or "any cluster": what a promise is of.
std::string what_of(const Topology& fleet, const ServiceLevel& level) {
  if (level.topic != kNone) return "topic " + fleet.path_of(fleet.topics[level.topic]);
  return level.cluster != kNone ? "cluster " + fleet.clusters[level.cluster].name : "any cluster";
}

}  // namespace

Findings unread_topic(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    if (facts.rates.topics[i].readers > 0) continue;
    const Topic& topic = facts.fleet.topics[i];
    found.push_back(finding(
        facts, Kind::kTopic, i, "name",
        fmt::format("no group and no mirror reads its {} messages/s; {} kept", count_text(topic.messages_per_s),
                    bytes_text(facts.rates.topics[i].kept_bytes * topic.replication)),
        topic.declared ? "name who reads it, or take it out" : "name who reads it, or take it out of the mirror"));
  }
  return found;
}

Findings unwritten_topic(const Facts& facts) {
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    if (!facts.producers_of[i].empty() || !facts.sources_of[i].empty()) continue;
    found.push_back(finding(facts, Kind::kTopic, i, "name",
                            fmt::format("no service and no mirror writes its {} messages/s",
                                        count_text(facts.fleet.topics[i].messages_per_s)),
                            "name who writes it, or take it out"));
  }
  return found;
}

// Kafka turns '.' into '_' in the names of metrics, so the two would be one there, and CreateTopics refuses the second
// with InvalidTopicException.
Findings topic_name_collision(const Facts& facts) {
  Findings found;
  for (const std::vector<Index>& topics : facts.topics_of) {
    std::map<std::string, Index> seen;
    for (const Index i : topics) {
      std::string name = facts.fleet.topics[i].name;
      std::replace(name.begin(), name.end(), '.', '_');
      const auto [entry, is_new] = seen.emplace(std::move(name), i);
      if (is_new) continue;
      found.push_back(finding(facts, Kind::kTopic, i, "name",
                              fmt::format("differs from {} only in . and _", facts.fleet.topics[entry->second].name),
                              "another name"));
    }
  }
  return found;
}

// Kafka makes these itself, compacted. One that is in the file has whatever the file says, first of all that it is
// deleted by age.
Findings topic_of_kafka(const Facts& facts) {
  constexpr std::array<std::string_view, 4> kOfKafka = {"__consumer_offsets", "__transaction_state",
                                                        "__share_group_state", "__cluster_metadata"};
  Findings found;
  for (Index i = 0; i < facts.fleet.topics.size(); ++i) {
    const Topic& topic = facts.fleet.topics[i];
    if (topic.cleanup == Cleanup::kCompact || std::ranges::find(kOfKafka, topic.name) == kOfKafka.end()) continue;
    found.push_back(finding(facts, Kind::kTopic, i, "name", fmt::format("cleanup: {}", name_of(topic.cleanup)),
                            "take it out: Kafka has it without the file"));
  }
  return found;
}

// A reader within its promise may be that far behind. Retention is twice that, because deletion goes by whole segments
// and by the clocks of producers, and because somebody needs time when the promise is broken.
Findings lag_over_retention(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::map<Index, const ServiceLevel*> longest;  // of each topic
  for (const ServiceLevel& level : fleet.service_levels) {
    if (level.lag_max_us == 0) continue;
    for (const Consumer& consumer : fleet.consumers) {
      for (const Index topic : consumer.topics) {
        if (!covers(fleet, level, consumer, topic)) continue;
        const ServiceLevel*& entry = longest[topic];
        if (entry == nullptr || entry->lag_max_us < level.lag_max_us) entry = &level;
      }
    }
  }
  Findings found;
  for (const auto& [index, level] : longest) {
    const Topic& topic = fleet.topics[index];
    if (topic.retention_us == 0 || topic.retention_us >= kLagFactor * level->lag_max_us) continue;
    found.push_back(
        finding_mended(facts, Kind::kTopic, index, "retention",
                       fmt::format("kept for {}, but {} allows a lag of {}", duration_text(topic.retention_us),
                                   level->name, duration_text(level->lag_max_us)),
                       duration_text(kLagFactor * level->lag_max_us), ""));
  }
  return found;
}

Findings unknown_group(const Facts& facts) {
  std::vector<std::string> groups;
  for (const Consumer& consumer : facts.fleet.consumers) groups.push_back(consumer.group);
  Findings found;
  for (const ServiceLevel& level : facts.fleet.service_levels) {
    const bool is_of_readers = !level.group.empty() || level.lag_max_us > 0;
    if (!is_of_readers || has_readers(facts.fleet, level)) continue;
    const bool known = level.group.empty() || std::find(groups.begin(), groups.end(), level.group) != groups.end();
    const std::string reader = level.group.empty() ? "" : " as group " + level.group;
    const std::string evidence =
        known ? fmt::format("no service reads {}{}", what_of(facts.fleet, level), reader)
              : fmt::format("no service reads{}{}", reader, yaml::did_you_mean(level.group, groups));
    found.push_back(at_place(level.where.of(level.group.empty() ? "lag_max" : "group"), "service level " + level.name,
                             evidence, "name what is read, and by a group that is there"));
  }
  return found;
}

Findings no_critical_route(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  const bool has_route = std::any_of(fleet.alert_routes.begin(), fleet.alert_routes.end(), [](const AlertRoute& route) {
    return route.severity == Severity::kCritical && route.owner.empty();
  });
  if (has_route) return {};
  return {at_place(fleet.where.of("alert_routes"), "fleet " + fleet.name,
                   fmt::format("{}, none for every critical alert", plural(fleet.alert_routes.size(), "alert route")),
                   "a route without owner: {severity: critical, pagerduty: SERVICE}")};
}

// What is routed is what clusters, topics, mirrors and groups of services have for an owner.
Findings route_of_nobody(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::vector<std::string> owners;
  const auto add = [&](const auto& things) {
    for (const auto& thing : things)
      if (!thing.owner.empty()) owners.push_back(thing.owner);
  };
  add(fleet.clusters);
  add(fleet.topics);
  add(fleet.mirrors);
  add(fleet.services);
  std::ranges::sort(owners);
  owners.erase(std::unique(owners.begin(), owners.end()), owners.end());
  Findings found;
  for (const AlertRoute& route : fleet.alert_routes) {
    if (route.owner.empty() || std::ranges::binary_search(owners, route.owner)) continue;
    found.push_back(at_place(route.where.of("owner"), "fleet " + fleet.name,
                             fmt::format("{} owns nothing{}", route.owner, yaml::did_you_mean(route.owner, owners)),
                             "owner: TEAM of what it owns, or take the route out"));
  }
  return found;
}

Findings no_owner(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index c = 0; c < fleet.clusters.size(); ++c) {
    if (!fleet.clusters[c].owner.empty()) continue;
    std::vector<std::string> names;
    for (const Index topic : facts.topics_of[c]) {
      if (fleet.topics[topic].owner.empty()) names.push_back(fleet.topics[topic].name);
    }
    const std::string topics = names.empty() ? "" : "; nor have its topics " + list_of(names);
    found.push_back(finding(facts, Kind::kCluster, c, "name", "it has no owner" + topics, "owner: TEAM"));
  }
  return found;
}

// What is not in the built-in table and not in the file; a file of one's own for `plan --prices` is not known here.
Findings region_without_prices(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index r = 0; r < fleet.regions.size(); ++r) {
    const Region& region = fleet.regions[r];
    if (default_prices().knows(region.name) || !region.prices.empty()) continue;
    std::vector<std::string> names;
    for (const Cluster& cluster : fleet.clusters)
      if (cluster.region == r && cluster.platform == Platform::kEc2) names.push_back(cluster.name);
    if (names.empty()) continue;
    std::vector<std::string> known{default_prices().region};
    for (const auto& [name, prices] : default_prices().regions) known.push_back(name);
    found.push_back(at_place(region.where.of("name"), "region " + region.name,
                             fmt::format("{}: plan counts it as {}{}", list_of(names), default_prices().region,
                                         yaml::did_you_mean(region.name, known)),
                             "prices: {machines: {c6g: USD}, volumes: {gp3: USD}} in the region"));
  }
  return found;
}

// The zones are this system's. One that has none at all says nothing of any: it may not be the one that moves.
Findings maintenance_zone(const Facts& facts) {
  Findings found;
  if (!rebalance::Zone::named("Europe/Berlin")) return found;
  for (Index i = 0; i < facts.fleet.clusters.size(); ++i) {
    for (const std::string& window : facts.fleet.clusters[i].maintenance) {
      const auto parsed = rebalance::Windows::parse({window});
      if (!parsed)
        found.push_back(finding(facts, Kind::kCluster, i, "maintenance", parsed.error().message,
                                "UTC, an offset as +01:00, or the zone's name, which has a place in it"));
    }
  }
  return found;
}

}  // namespace freshet::fleet::checks
