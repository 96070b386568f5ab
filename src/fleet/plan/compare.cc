// What the division of a fleet is worth: the same work in one cluster for each region, and how far a fault reaches.
// The merged topology is made from the file, not guessed: every producer, consumer and topic is still there, and only
// copies between clusters that are now one are gone.
#include "fleet/plan/compare.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/assert.h"
#include "fleet/rates.h"

namespace freshet::fleet {
namespace {

// Finds the clusters that mirrors feed from this one, over others, too; itself is among them.
std::vector<bool> fed_by(const Topology& fleet, Index cluster) {
  FRESHET_ASSERT(cluster < fleet.clusters.size());
  std::vector<bool> reached(fleet.clusters.size());
  std::vector<Index> todo = {cluster};
  reached[cluster] = true;
  while (!todo.empty()) {
    const Index from = todo.back();
    todo.pop_back();
    for (const Mirror& mirror : fleet.mirrors) {
      if (mirror.from != from || reached[mirror.to]) continue;
      reached[mirror.to] = true;
      todo.push_back(mirror.to);
    }
  }
  return reached;
}

// Lists for each cluster the services that produce to it or consume from it.
std::vector<std::set<Index>> services_by_cluster(const Topology& fleet) {
  std::vector<std::set<Index>> out(fleet.clusters.size());
  const auto add = [&](Index service, const std::vector<Index>& topics) {
    for (const Index topic : topics) out[fleet.topics[topic].cluster].insert(service);
  };
  for (const Producer& producer : fleet.producers) add(producer.service, producer.topics);
  for (const Consumer& consumer : fleet.consumers) add(consumer.service, consumer.topics);
  return out;
}

// Sums for each cluster the messages a second that flow into it.
std::vector<double> messages_by_cluster(const Topology& fleet) {
  std::vector<double> out(fleet.clusters.size());
  for (const Topic& topic : fleet.topics) out[topic.cluster] += topic.messages_per_s;
  return out;
}

// Nothing has no parts: 0, not a division by zero.
double part(double some, double all) { return all > 0 ? some / all : 0; }

// Builds the merged topology. Topics are visited sources first, since a copy becomes what its source has become.
class Merger {
 public:
  explicit Merger(const Topology& fleet) : fleet_(fleet), sources_(fleet.topics.size()), is_(fleet.topics.size()) {
    for (const Mirror& mirror : fleet.mirrors) {
      for (const MirroredTopic& topic : mirror.topics) sources_[topic.to].push_back(topic.from);
    }
    visited_.resize(fleet.topics.size());
  }

  Topology run() {
    out_.name = fleet_.name;
    out_.file = fleet_.file;
    out_.dns_zone = fleet_.dns_zone;
    out_.growth_percent_per_month = fleet_.growth_percent_per_month;
    out_.regions = fleet_.regions;
    out_.services = fleet_.services;
    clusters();
    for (size_t i = 0; i < fleet_.topics.size(); ++i) topic(static_cast<Index>(i));
    for (Producer producer : fleet_.producers) {
      producer.topics = merged_topics(producer.topics, true);
      out_.producers.push_back(std::move(producer));
    }
    for (Consumer consumer : fleet_.consumers) {
      consumer.topics = merged_topics(consumer.topics, false);
      out_.consumers.push_back(std::move(consumer));
    }
    mirrors();
    return std::move(out_);
  }

 private:
  [[nodiscard]] Index region_of(const Topic& topic) const { return fleet_.cluster_of(topic).region; }

  void clusters() {
    for (const Cluster& cluster : fleet_.clusters) {
      if (!cluster_of_region_.contains(cluster.region)) {
        cluster_of_region_[cluster.region] = static_cast<Index>(out_.clusters.size());
        Cluster& made = out_.clusters.emplace_back(cluster);
        made.name = fleet_.regions[cluster.region].name;
        made.kind = ClusterKind::kBackend;
        made.service_groups.clear();
        made.shared_because = "one cluster for all";
        made.zones.clear();
      }
      Cluster& made = out_.clusters[cluster_of_region_[cluster.region]];
      add_new(cluster.zones, made.zones);
      add_new(cluster.service_groups, made.service_groups);
    }
  }

  static void add_new(const std::vector<std::string>& from, std::vector<std::string>& to) {
    for (const std::string& one : from) {
      if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(one);
    }
  }

  // Sources first; a cycle of mirrors, which lint refuses, ends where it began.
  void topic(Index index) {
    if (visited_[index]) return;
    visited_[index] = true;
    const Topic& topic = fleet_.topics[index];
    double copied = 0;
    std::vector<Index> elsewhere;
    for (const Index source : sources_[index]) {
      this->topic(source);
      const Topic& from = fleet_.topics[source];
      if (region_of(from) != region_of(topic)) {
        elsewhere.push_back(source);
        continue;
      }
      copied += from.messages_per_s;
      for (const Index made : is_[source]) add_copy(made, topic, is_[index]);
    }
    // Copies within the region are the same messages: counted once. What is left of the rate is the topic's own.
    const double own = std::max(0.0, topic.messages_per_s - copied);
    if (!elsewhere.empty()) {
      is_[index].push_back(from_elsewhere(topic, elsewhere, own));
    } else if (is_[index].empty()) {
      is_[index].push_back(add_topic(topic, own));
    } else {
      out_.topics[is_[index].front()].messages_per_s += own;
    }
  }

  // `topic` was a copy of it.
  void add_copy(Index made, const Topic& topic, std::vector<Index>& is) {
    if (std::find(is.begin(), is.end(), made) == is.end()) is.push_back(made);
    keep_as_long(topic, out_.topics[made]);
  }

  // Readers of the copy now read the original: it must be kept as long, and divided as finely, as the copy was.
  static void keep_as_long(const Topic& copy, Topic& original) {
    const bool endless = copy.retention_us == 0 || original.retention_us == 0;
    original.retention_us = endless ? 0 : std::max(original.retention_us, copy.retention_us);
    const bool unbounded = copy.retention_bytes == 0 || original.retention_bytes == 0;
    original.retention_bytes = unbounded ? 0 : std::max(original.retention_bytes, copy.retention_bytes);
    original.partitions = std::max(original.partitions, copy.partitions);
    original.replication = std::max(original.replication, copy.replication);
  }

  Index add_topic(const Topic& from, double messages_per_s) {
    Topic made = from;
    if (name_taken(from)) made.name = fleet_.cluster_of(from).name + "." + from.name;
    made.cluster = cluster_of_region_[region_of(from)];
    made.messages_per_s = messages_per_s;
    made.mirrors.clear();
    made.declared = true;
    taken_.insert({made.cluster, made.name});
    out_.topics.push_back(std::move(made));
    return static_cast<Index>(out_.topics.size() - 1);
  }

  bool name_taken(const Topic& topic) const {
    return taken_.contains({cluster_of_region_.at(region_of(topic)), topic.name});
  }

  // Copied from other regions: once for each region, however many clusters of it have a copy.
  Index from_elsewhere(const Topic& topic, const std::vector<Index>& sources, double messages_per_s) {
    const auto [known, added] = remote_.try_emplace({region_of(topic), sources}, kNone);
    if (added) {
      known->second = add_topic(topic, messages_per_s);
    } else {
      keep_as_long(topic, out_.topics[known->second]);
    }
    return known->second;
  }

  // A producer writes what it wrote once; a consumer reads all that the copy had.
  [[nodiscard]] std::vector<Index> merged_topics(const std::vector<Index>& topics, bool first_only) const {
    std::vector<Index> out;
    for (const Index topic : topics) {
      for (const Index made : is_[topic]) {
        if (std::find(out.begin(), out.end(), made) == out.end()) out.push_back(made);
        if (first_only) break;
      }
    }
    return out;
  }

  // One between each two regions that have any between them.
  void mirrors() {
    std::map<std::pair<Index, Index>, Mirror> between;
    for (const auto& [key, made] : remote_) {
      for (const Index source : key.second) {
        const Index from = cluster_of_region_[region_of(fleet_.topics[source])];
        const Index to = out_.topics[made].cluster;
        Mirror& mirror = between.try_emplace({from, to}).first->second;
        for (const Index original : is_[source]) mirror.topics.push_back({original, made});
      }
    }
    for (auto& [ends, mirror] : between) {
      std::tie(mirror.from, mirror.to) = ends;
      mirror.name = out_.clusters[mirror.from].name + "-to-" + out_.clusters[mirror.to].name;
      const auto index = static_cast<Index>(out_.mirrors.size());
      for (const MirroredTopic& topic : mirror.topics) out_.topics[topic.to].mirrors = {index};
      out_.mirrors.push_back(std::move(mirror));
    }
  }

  const Topology& fleet_;
  std::vector<std::vector<Index>> sources_;
  std::vector<std::vector<Index>> is_;  // by topic: what it is in out_
  std::vector<bool> visited_;
  std::set<std::pair<Index, std::string>> taken_;
  std::map<Index, Index> cluster_of_region_;
  std::map<std::pair<Index, std::vector<Index>>, Index> remote_;
  Topology out_;
};

}  // namespace

Topology merged(const Topology& fleet) { return Merger(fleet).run(); }

BlastRadius blast_radius_of(const Topology& fleet) {
  const std::vector<std::set<Index>> services = services_by_cluster(fleet);
  const std::vector<double> messages = messages_by_cluster(fleet);
  // Only services that touch a cluster are counted: others can't be hit.
  std::set<Index> all;
  for (const std::set<Index>& some : services) all.insert(some.begin(), some.end());
  const double all_services = static_cast<double>(all.size());
  const double all_messages = std::accumulate(messages.begin(), messages.end(), 0.0);
  double all_brokers = 0;
  for (const Cluster& cluster : fleet.clusters) all_brokers += cluster.brokers;
  BlastRadius out;
  for (size_t c = 0; c < services.size(); ++c) {
    const double hit = part(static_cast<double>(services[c].size()), all_services);
    const double traffic = part(messages[c], all_messages);
    const double weight = part(fleet.clusters[c].brokers, all_brokers);
    out.services_mean += weight * hit;
    out.traffic_mean += weight * traffic;
    if (hit > out.services_worst) {
      out.services_worst = hit;
      out.worst = fleet.clusters[c].name;
    }
    out.traffic_worst = std::max(out.traffic_worst, traffic);
    std::set<Index> fed;
    const std::vector<bool> reached = fed_by(fleet, static_cast<Index>(c));
    for (size_t other = 0; other < services.size(); ++other) {
      if (reached[other]) fed.insert(services[other].begin(), services[other].end());
    }
    out.fed_worst = std::max(out.fed_worst, part(static_cast<double>(fed.size()), all_services));
  }
  return out;
}

}  // namespace freshet::fleet
