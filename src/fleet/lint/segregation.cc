// Who may touch which cluster: what the fleet is divided for. A fronting cluster has the topics that many services
// produce; backends have copies, each for a group of services. So a reader that catches up, or a service that goes
// wrong, hurts its own group; producers never notice.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "fleet/lint/rules.h"
#include "fleet/text.h"

namespace freshet::fleet::checks {
namespace {

// The backend that serves this group of services; null: there is none.
const Cluster* backend_of(const Topology& fleet, const std::string& group) {
  for (const Cluster& cluster : fleet.clusters) {
    const auto& groups = cluster.service_groups;
    if (cluster.kind == ClusterKind::kBackend && std::find(groups.begin(), groups.end(), group) != groups.end())
      return &cluster;
  }
  return nullptr;
}

std::vector<std::string> names_of(const Topology& fleet, const std::vector<Index>& topics) {
  std::vector<std::string> names;
  for (const Index topic : topics) names.push_back(fleet.topics[topic].name);
  return names;
}

// A group of services uses a cluster. The figures are averages, in bytes as sent: evidence for people, which nothing
// is compared with.
struct Use {
  std::set<std::string> services;
  double out_bytes_per_s = 0;
  double messages_per_s = 0;  // produced
};

// By cluster, then by group.
std::vector<std::map<std::string, Use>> uses_of(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::vector<std::map<std::string, Use>> uses(fleet.clusters.size());
  for (const Consumer& consumer : fleet.consumers) {
    const Service& service = fleet.services[consumer.service];
    for (const Index topic : consumer.topics) {
      Use& use = uses[fleet.topics[topic].cluster][service.group];
      use.services.insert(service.name);
      use.out_bytes_per_s += facts.rates.topics[topic].in_bytes_per_s;
    }
  }
  for (size_t i = 0; i < fleet.producers.size(); ++i) {
    const Producer& producer = fleet.producers[i];
    if (producer.topics.empty()) continue;
    const Service& service = fleet.services[producer.service];
    Use& use = uses[fleet.topics[producer.topics.front()].cluster][service.group];
    use.services.insert(service.name);
    use.messages_per_s += facts.rates.producers[i].messages_per_s;
  }
  return uses;
}

std::string text_of(const std::string& group, const Use& use) {
  const std::vector<std::string> services(use.services.begin(), use.services.end());
  return fmt::format("{} ({}: reads {}, writes {} messages/s)", group, list_of(services),
                     rate_text(use.out_bytes_per_s), count_text(use.messages_per_s));
}

}  // namespace

Findings fronting_consumer(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    const Consumer& consumer = fleet.consumers[i];
    if (consumer.topics.empty()) continue;
    const Cluster& cluster = fleet.cluster_of(fleet.topics[consumer.topics.front()]);
    if (cluster.kind != ClusterKind::kFronting) continue;
    const Service& service = fleet.services[consumer.service];
    double bytes = 0;
    for (const Index topic : consumer.topics) bytes += facts.rates.topics[topic].in_bytes_per_s;
    const Cluster* backend = backend_of(fleet, service.group);
    const std::string topics = list_of(names_of(fleet, consumer.topics));
    found.push_back(finding(
        facts, Kind::kConsumer, i, "topics",
        fmt::format("{} reads {} from the fronting cluster {} ({})", service.name, topics, cluster.name,
                    rate_text(bytes)),
        backend != nullptr
            ? fmt::format("mirror {} to {}, which is for {}, and read there", topics, backend->name, service.group)
            : fmt::format("mirror {} to a backend cluster for {}, and read there", topics, service.group)));
  }
  return found;
}

Findings backend_to_fronting(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Mirror& mirror = fleet.mirrors[i];
    const Cluster& from = fleet.clusters[mirror.from];
    const Cluster& to = fleet.clusters[mirror.to];
    if (to.kind != ClusterKind::kFronting || from.kind != ClusterKind::kBackend) continue;
    double messages = 0;
    for (const MirroredTopic& topic : mirror.topics) messages += fleet.topics[topic.from].messages_per_s;
    found.push_back(
        finding(facts, Kind::kMirror, i, "to",
                fmt::format("{} from backend {} to fronting cluster {}: {} messages/s",
                            plural(mirror.topics.size(), "topic"), from.name, to.name, count_text(messages)),
                fmt::format("let the services produce these topics to {} and mirror them to {} from there", to.name,
                            from.name)));
  }
  return found;
}

Findings undeclared_service_group(const Facts& facts) {
  Findings found;
  const auto uses = uses_of(facts);
  for (Index i = 0; i < uses.size(); ++i) {
    const std::vector<std::string>& declared = facts.fleet.clusters[i].service_groups;
    if (declared.empty()) continue;
    for (const auto& [group, use] : uses[i]) {
      if (std::find(declared.begin(), declared.end(), group) != declared.end()) continue;
      found.push_back(finding(facts, Kind::kCluster, i, "service_groups",
                              fmt::format("it is for {}, but is used by {}", list_of(declared), text_of(group, use)),
                              fmt::format("give {} a cluster of its own, or add it to service_groups and say why in "
                                          "shared_because",
                                          group)));
    }
  }
  return found;
}

Findings two_service_groups(const Facts& facts) {
  Findings found;
  const auto uses = uses_of(facts);
  for (Index i = 0; i < uses.size(); ++i) {
    const Cluster& cluster = facts.fleet.clusters[i];
    if (cluster.kind != ClusterKind::kBackend || !cluster.shared_because.empty()) continue;
    std::vector<std::string> groups = cluster.service_groups;
    if (groups.empty()) {
      for (const auto& [group, use] : uses[i]) groups.push_back(group);
    }
    if (groups.size() < 2) continue;
    std::vector<std::string> texts;
    for (const std::string& group : groups) {
      const auto use = uses[i].find(group);
      texts.push_back(text_of(group, use == uses[i].end() ? Use{} : use->second));
    }
    found.push_back(finding(facts, Kind::kCluster, i, "service_groups",
                            fmt::format("{} groups of services: {}", groups.size(), list_of(texts)),
                            "a cluster for each of them, or say why they share one in shared_because"));
  }
  return found;
}

// A mirror goes on from the offsets that it knows; what others write in between has no place at the source.
Findings mixed_writers(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.topics.size(); ++i) {
    if (fleet.topics[i].mirrors.empty() || facts.producers_of[i].empty()) continue;
    std::vector<std::string> services;
    for (const Index producer : facts.producers_of[i])
      services.push_back(fleet.services[fleet.producers[producer].service].name);
    const Mirror& mirror = fleet.mirrors[fleet.topics[i].mirrors.front()];
    found.push_back(finding(facts, Kind::kTopic, i, "name",
                            fmt::format("written by the mirror {} and by {}", mirror.name, list_of(services)),
                            fmt::format("let {} produce to {}, or to a topic of another name", list_of(services),
                                        fleet.clusters[mirror.from].name)));
  }
  return found;
}

// A group is a name in a cluster. Two services under one name divide the partitions between them, each without the
// other's messages: nothing fails, and half the work is missing.
Findings shared_consumer_group(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::map<std::pair<Index, std::string_view>, Index> first;  // cluster and group to service
  Findings found;
  for (Index i = 0; i < fleet.consumers.size(); ++i) {
    const Consumer& consumer = fleet.consumers[i];
    if (consumer.topics.empty()) continue;
    const Index cluster = fleet.topics[consumer.topics.front()].cluster;
    const auto [entry, is_new] = first.emplace(std::pair(cluster, std::string_view(consumer.group)), consumer.service);
    if (is_new || entry->second == consumer.service) continue;
    const std::string& name = fleet.services[consumer.service].name;
    found.push_back(finding_mended(
        facts, Kind::kConsumer, i, "group",
        fmt::format("{} and {} are both in the group {}", name, fleet.services[entry->second].name, consumer.group),
        consumer.group + "-" + name, ""));
  }
  return found;
}

}  // namespace freshet::fleet::checks
