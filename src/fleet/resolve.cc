// Names are resolved in an order in which nothing refers forward: regions, clusters, topics, mirrors (which make
// topics, until no mirror finds a new one), services, promises, routes. Each step goes on after a problem, so that one
// run shows all of them; what depends on a thing that was refused is left out without a word.
#include "fleet/resolve.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"
#include "cluster/admin/connection.h"
#include "fleet/access.h"
#include "fleet/broker_settings.h"
#include "fleet/kafka_version.h"
#include "fleet/limits.h"
#include "fleet/render/names.h"
#include "fleet/topic_settings.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

using yaml::Place;
using yaml::Problems;

// These bound what a file of some megabytes can ask for: "*" in a chain of mirrors multiplies topics.
constexpr size_t kTopicsMax = 1'000'000;  // also made by mirrors
constexpr size_t kClustersMax = 2000;
constexpr size_t kHintsMax = 50;  // a hint looks at every name

std::string hint_of(const std::string& name, const std::vector<std::string>& names) {
  const std::string hint = yaml::did_you_mean(name, names);
  return (hint.empty() ? "." : hint) + " There are: " + yaml::join_names(names);
}

// Knows the names of one kind of thing, finds them and refuses repetition.
class Names {
 public:
  Names(std::string kind, Problems& problems) : kind_(std::move(kind)), problems_(problems) {}

  void add(const std::string& name, Place at) {
    const auto index = static_cast<Index>(list_.size());
    list_.push_back(name);
    if (name.empty()) return;  // has been refused
    const auto [found, is_new] = index_.emplace(name, Entry{index, at});
    if (is_new) return;
    list_.back().clear();
    problems_.add(at, "the " + kind_ + " \"" + name + "\" is there twice (also at line " +
                          std::to_string(found->second.at.line) + ")");
  }
  [[nodiscard]] size_t size() const { return list_.size(); }

  [[nodiscard]] Index find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? kNone : found->second.index;
  }

  // Finds what the reference names, or the only one there is if it names nothing.
  Index get(const Ref& ref, Place owner, const std::string& where) {
    if (!ref.given() && list_.size() == 1) return 0;
    if (!ref.given() && list_.empty()) return kNone;  // a problem of its own
    if (!ref.given()) {
      problems_.add(owner, where + ": is missing: one of " + yaml::join_names(list_));
      return kNone;
    }
    const Index index = find(ref.name);
    if (index == kNone) refuse(ref, where);
    return index;
  }

  void refuse(const Ref& ref, const std::string& where) {
    std::string message = where + ": there is no " + kind_ + " \"" + ref.name + "\"";
    if (hints_++ < kHintsMax && !index_.empty()) {
      std::vector<std::string> names;
      for (const std::string& name : list_) {
        if (!name.empty()) names.push_back(name);
      }
      message += hint_of(ref.name, names);
    }
    problems_.add(ref.at, std::move(message));
  }

 private:
  struct Entry {
    Index index;
    Place at;
  };
  std::string kind_;
  Problems& problems_;
  std::vector<std::string> list_;  // by index; "": not to be found
  std::unordered_map<std::string, Entry> index_;
  size_t hints_ = 0;
};

// The names that are made of the cluster's must be names of hosts, too.
void refuse_long_names(const Topology& fleet, const Cluster& cluster, Problems& problems) {
  if (cluster.name.empty()) return;  // has been refused
  const std::string label = longest_label(cluster);
  if (label.size() > kLabelMost) {
    problems.add(cluster.where.of("name"), "name: too long by " + std::to_string(label.size() - kLabelMost) +
                                               ": a host's name would begin with " + label +
                                               ", and no part of one may have more than " + std::to_string(kLabelMost) +
                                               " characters");
  } else if (label.size() + 1 + dns_zone_of(fleet, cluster).size() > kHostNameMost) {
    problems.add(cluster.where.of("name"), "name: too long together with dns_zone: a host's name has at most " +
                                               std::to_string(kHostNameMost) + " characters");
  }
}

// Services of Kubernetes begin with a letter (RFC 1035), and each of these has some.
void refuse_no_service_name(const std::string& name, Platform platform, Place at, Problems& problems) {
  if (platform == Platform::kStrimzi && !name.empty() && is_digit(name.front()))
    problems.add(at, "name: in Kubernetes it must begin with a letter, as services are called after it");
}

// What is in the environment is not known before somebody connects, and neither is whether it is right.
void refuse_wrong_properties(const Cluster& cluster, Problems& problems) {
  cluster::Properties known;
  for (const auto& [name, value] : cluster.connect.properties) {
    if (value.find("${") == value.npos) known.emplace_back(name, value);
  }
  if (known.empty()) return;
  if (const Status right = cluster::check_properties(known); !right)
    problems.add(cluster.connect_where.of("properties"), "properties: " + right.error().message);
}

// What one target or Kafka itself can't do is refused here, since nobody would notice before it is applied.
void refuse_wrong_security(const Cluster& cluster, Problems& problems) {
  const Security& security = cluster.security;
  const Place at = cluster.security_where.of("authentication");
  if (security.authentication == Authentication::kCertificates && security.transport != Transport::kTls)
    problems.add(at, "authentication: certificates need transport: tls");
  if (security.authentication == Authentication::kScramSha256 && cluster.platform == Platform::kStrimzi)
    problems.add(at, "authentication: Strimzi has scram_sha_512 and certificates, not scram_sha_256");
  if (!security.super_users.empty() && !is_guarded(cluster))
    problems.add(cluster.security_where.of("super_users"),
                 "super_users: without authentication everybody may do everything");
}

// What shrinks to half has a ratio of 2: the other way round disks would be planned four times as large.
void refuse_wrong_ratio(const Topic& topic, Problems& problems) {
  constexpr double kLeast = 0.9;  // what can't be compressed grows a little
  if (topic.compression_ratio > 0 && topic.compression_ratio < kLeast)
    problems.add(topic.where.of("compression_ratio"),
                 "compression_ratio: is the size before compression to the size after it: 2 where half is left");
}

// Kafka refuses both when the topic is made.
void refuse_wrong_tiers(const Topic& topic, Problems& problems) {
  if (topic.local_retention_us == 0) return;
  const Place at = topic.where.of("local_retention");
  if (topic.cleanup != Cleanup::kDelete)
    problems.add(at, "local_retention: tiered storage takes topics with cleanup: delete only");
  if (topic.retention_us > 0 && topic.local_retention_us > topic.retention_us)
    problems.add(at, "local_retention: must be at most retention");
}

// "kafka-1.example:9092", "[::1]:9092"; a protocol before it is librdkafka's.
bool is_address(std::string_view text) {
  if (const size_t protocol = text.find("://"); protocol != text.npos) text.remove_prefix(protocol + 3);
  const size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || text.find_first_of(" /\t") != text.npos) return false;
  const std::string_view host = text.substr(0, colon);
  if (host.find(':') != host.npos && !(host.starts_with('[') && host.ends_with(']'))) return false;
  return to_number<uint16_t>(text.substr(colon + 1)).value_or(0) > 0;
}

void refuse_wrong_settings(const Cluster& cluster, Problems& problems) {
  for (const auto& [name, value] : cluster.settings) {
    if (const std::string why = why_not_a_broker_setting(name, cluster.platform); !why.empty())
      problems.add(cluster.where.of("settings"), "settings: " + name + ": " + why);
  }
}

// AWS refuses a longer tag, which machines and volumes have of it.
void refuse_long_owner(const Cluster& cluster, Problems& problems) {
  constexpr std::ptrdiff_t kTagMost = 256;
  if (cluster.platform == Platform::kEc2 && std::ranges::count_if(cluster.owner, begins_character) > kTagMost)
    problems.add(cluster.where.of("owner"), "owner: becomes a tag of machines, which has at most 256 characters");
}

// Java's clients, and so MirrorMaker 2, refuse an address without a port, which librdkafka takes.
void refuse_wrong_bootstrap(const Cluster& cluster, Problems& problems) {
  for (std::string_view rest = cluster.connect.bootstrap; !rest.empty();) {
    const size_t end = std::min(rest.find(','), rest.size());
    const std::string_view address = rest.substr(0, end);
    const size_t next = rest.find_first_not_of(' ', end + 1);
    rest.remove_prefix(std::min(next, rest.size()));
    if (is_address(address)) continue;
    problems.add(cluster.connect_where.of("bootstrap"),
                 "bootstrap: \"" + std::string(address) + "\" is no HOST:PORT, as in kafka-1.example:9092");
  }
}

// What can't be a KafkaUser. One whose numbers the operator can't read keeps it from all others.
void refuse_no_kafka_user(const User& user, Problems& problems) {
  constexpr uint64_t kQuotaMost = std::numeric_limits<int32_t>::max();
  if (object_name(user.name) != user.name)
    problems.add(user.where.of("name"), "name: is an object's name in Kubernetes, too: a-z 0-9 . - only");
  if (std::max(user.quota.produce_bytes_per_s, user.quota.consume_bytes_per_s) > kQuotaMost)
    problems.add(user.where.of("quota"), "quota: Strimzi takes less than 2GiB for produce and consume");
}

// Brokers are called CLUSTER-N, controllers CLUSTER-controller-N: two machines of one name are one record in DNS, and
// the second is refused.
void refuse_same_hosts(const Topology& fleet, Problems& problems) {
  constexpr std::string_view kOfControllers = "-controller";
  for (const Cluster& cluster : fleet.clusters) {
    const std::string_view name = cluster.name;
    if (cluster.platform != Platform::kEc2 || !name.ends_with(kOfControllers)) continue;
    const Index found = fleet.find_cluster(name.substr(0, name.size() - kOfControllers.size()));
    if (found == kNone) continue;
    const Cluster& other = fleet.clusters[found];
    if (other.platform != Platform::kEc2 || other.controllers == 0) continue;
    if (dns_zone_of(fleet, other) != dns_zone_of(fleet, cluster)) continue;
    problems.add(cluster.where.of("name"), "name: its brokers would be called as the controllers of cluster " +
                                               other.name + ": " + cluster.name + "-1");
  }
}

// On EC2 each has a port of its own on the target's brokers.
void refuse_too_many_mirrors(const Topology& fleet, Problems& problems) {
  std::vector<uint32_t> counts(fleet.clusters.size());
  for (const Mirror& mirror : fleet.mirrors) {
    const Cluster& to = fleet.clusters[mirror.to];
    if (mirror.kind != MirrorKind::kFreshet || to.platform != Platform::kEc2) continue;
    if (++counts[mirror.to] == kMirrorsMost + 1)
      problems.add(mirror.where.at, "mirrors: at most " + std::to_string(kMirrorsMost) +
                                        " of kind freshet into one cluster on EC2, where each takes a port, and " +
                                        to.name + " has more");
  }
}

// What would be taken, and watched by nothing.
void refuse_empty_promise(const ServiceLevel& level, Problems& problems) {
  constexpr double kAvailabilityLeast = 50;  // percent; below, somebody has written 0.999
  if (level.availability <= 0 && level.produce_p99_us == 0 && level.lag_max_us == 0) {
    problems.add(level.where.at,
                 "service_levels: promises nothing: needs one of availability, produce_p99 and lag_max");
  } else if (!level.group.empty() && level.lag_max_us == 0) {
    problems.add(level.where.of("group"), "group: only lag_max is a promise to a consumer group");
  }
  if (level.availability > 0 && level.availability < kAvailabilityLeast)
    problems.add(level.where.of("availability"), "availability: is percent of the time, as 99.9, and at least 50");
}

// From the texts of an entry to its one resource.
AclRule rule_of(AclText text, Problems& problems) {
  AclRule rule = std::move(text.value);
  size_t given = 0;
  const auto take = [&](std::string& name, AclResource resource) {
    if (name.empty()) return;
    ++given;
    rule.resource = resource;
    rule.is_prefix = name.size() > 1 && name.ends_with('*');
    if (rule.is_prefix) name.pop_back();
    rule.name = std::move(name);
  };
  take(text.topic, AclResource::kTopic);
  take(text.group, AclResource::kGroup);
  take(text.transactional_id, AclResource::kTransactionalId);
  if (given > 1)
    problems.add(rule.where.at, "acls: at most one of topic, group and transactional_id; without any, the cluster");
  for (const AclOperation operation : rule.operations) {
    if (given <= 1 && !is_possible(rule.resource, operation))
      problems.add(rule.where.of("operations"), "operations: Kafka has no " + std::string(name_of(operation)) +
                                                    " of a " + std::string(name_of(rule.resource)));
  }
  return rule;
}

class Resolver {
 public:
  Resolver(FleetText text, Problems& problems)
      : text_(std::move(text)),
        problems_(problems),
        regions_("region", problems),
        clusters_("cluster", problems),
        services_("service", problems) {}

  Topology run() {
    fleet_ = std::move(text_.value);
    regions();
    clusters();
    topics();
    mirrors();
    probes();
    services();
    users();
    service_levels();
    alert_routes();
    return std::move(fleet_);
  }

 private:
  void regions() {
    for (const Region& region : fleet_.regions) regions_.add(region.name, region.where.of("name"));
  }

  void clusters() {
    if (text_.clusters.size() > kClustersMax) {
      problems_.add(fleet_.where.of("clusters"), "clusters: at most " + std::to_string(kClustersMax));
      text_.clusters.resize(kClustersMax);
    }
    const bool version_given = text_.defaults.cluster.value.where.has("kafka_version");
    for (ClusterText& text : text_.clusters) {
      Cluster& cluster = text.value;
      if (!version_given && !cluster.where.has("kafka_version"))
        cluster.kafka_version = default_kafka(cluster.platform);
      clusters_.add(cluster.name, cluster.where.of("name"));
      cluster.region = regions_.get(text.region, cluster.where.at, "region");
      if (cluster.region != kNone) zones(cluster, fleet_.regions[cluster.region]);
      if (cluster.dns_zone.empty()) cluster.dns_zone = fleet_.dns_zone;
      refuse_long_names(fleet_, cluster, problems_);
      refuse_no_service_name(cluster.name, cluster.platform, cluster.where.of("name"), problems_);
      refuse_wrong_properties(cluster, problems_);
      refuse_wrong_security(cluster, problems_);
      refuse_wrong_settings(cluster, problems_);
      refuse_long_owner(cluster, problems_);
      refuse_wrong_bootstrap(cluster, problems_);
      fleet_.clusters.push_back(std::move(cluster));
      topics_.emplace_back("topic", problems_);
      topics_of_.emplace_back();
    }
    refuse_same_hosts(fleet_, problems_);
  }

  void zones(Cluster& cluster, const Region& region) {
    if (cluster.zones.empty()) cluster.zones = region.zones;
    for (const std::string& zone : cluster.zones) {
      if (std::find(region.zones.begin(), region.zones.end(), zone) != region.zones.end()) continue;
      problems_.add(cluster.where.of("zones"),
                    "zones: region " + region.name + " has no zone \"" + zone + "\"" + hint_of(zone, region.zones));
    }
  }

  void topics() {
    const bool min_isr_given = text_.defaults.topic.value.where.has("min_isr");
    const bool growth_given = text_.defaults.topic.value.where.has("growth_percent_per_month");
    for (TopicText& text : text_.topics) {
      Topic& topic = text.value;
      topic.cluster = clusters_.get(text.cluster, topic.where.at, "cluster");
      if (!min_isr_given && !topic.where.has("min_isr"))
        // The default is one less than the replicas, so that a restart does not stop writes; and two at most, which
        // survive the loss of a disk: more would only make writes stop sooner.
        topic.min_isr = std::clamp<uint32_t>(topic.replication - 1, 1, 2);
      if (!growth_given && !topic.where.has("growth_percent_per_month"))
        topic.growth_percent_per_month = fleet_.growth_percent_per_month;
      if (topic.where.has("compacted_bytes") && topic.cleanup == Cleanup::kDelete)
        problems_.add(topic.where.of("compacted_bytes"), "compacted_bytes: needs cleanup: compact or compact_delete");
      refuse_wrong_tiers(topic, problems_);
      refuse_wrong_ratio(topic, problems_);
      for (const auto& [name, value] : topic.settings) {
        if (const std::string why = why_not_a_setting(name); !why.empty())
          problems_.add(topic.where.of("settings"), "settings: " + name + ": " + why);
      }
      const Place at = topic.where.of("name");
      if (topic.cluster != kNone) add_topic(std::move(topic), at);
    }
  }

  // Whoever writes probes into a topic that others read makes their data wrong.
  void probes() {
    for (Index i = 0; i < fleet_.clusters.size(); ++i) {
      const Cluster& cluster = fleet_.clusters[i];
      const std::string& name = cluster.watch.probe;
      const Place at = cluster.watch_where.of("probe");
      if (name.starts_with("__")) problems_.add(at, "probe: " + name + ": names like this are of Kafka itself");
      if (!name.empty() && fleet_.find_topic(i, name) != kNone)
        problems_.add(at,
                      "probe: " + name + " is a topic of cluster " + cluster.name + ": a probe needs one of its own");
    }
  }

  Index add_topic(Topic topic, Place at) {
    const auto index = static_cast<Index>(fleet_.topics.size());
    topics_[topic.cluster].add(topic.name, at);
    topics_of_[topic.cluster].push_back(index);
    sources_.emplace_back();
    fleet_.topics.push_back(std::move(topic));
    return index;
  }

  // Finds the topic's index in the fleet.
  [[nodiscard]] Index find_topic(Index cluster, const std::string& name) const {
    const Index place = topics_[cluster].find(name);
    return place == kNone ? kNone : topics_of_[cluster][place];
  }

  std::vector<Index> find_topics(const std::vector<Ref>& refs, Index cluster, const std::string& where) {
    std::vector<Index> found;
    for (const Ref& ref : refs) {
      const Index topic = find_topic(cluster, ref.name);
      if (topic == kNone) {
        topics_[cluster].refuse(ref, where + " in cluster " + fleet_.clusters[cluster].name);
      } else {
        found.push_back(topic);
      }
    }
    return found;
  }

  void mirrors() {
    Names names("mirror", problems_);
    for (MirrorText& text : text_.mirrors) {
      Mirror& mirror = text.value;
      // That one is missing has been said.
      if (text.from.given()) mirror.from = clusters_.get(text.from, mirror.where.at, "from");
      if (text.to.given()) mirror.to = clusters_.get(text.to, mirror.where.at, "to");
      if (mirror.from == mirror.to && mirror.from != kNone) {
        problems_.add(text.to.at, "to: is the cluster that is read; it must be another one");
        mirror.to = kNone;
      }
      if (mirror.name.empty()) mirror.name = text.from.name + "-to-" + text.to.name;
      names.add(mirror.name, mirror.where.at);
      refuse_long_name(mirror);
    }
    std::erase_if(text_.mirrors, [](const MirrorText& m) { return m.value.from == kNone || m.value.to == kNone; });
    // A mirror may read what another one makes: until nothing is new.
    while (mirror_once() && !too_many_) {
    }
    refuse_unmatched();
    fill_.assign(fleet_.topics.size(), Fill::kTodo);
    for (Index i = 0; i < fleet_.topics.size(); ++i) fill_in(i);
    for (MirrorText& text : text_.mirrors) fleet_.mirrors.push_back(std::move(text.value));
    refuse_too_many_mirrors(fleet_, problems_);
  }

  // Also of one that was not given: FROM-to-TO.
  void refuse_long_name(const Mirror& mirror) {
    if (mirror.to == kNone || fleet_.clusters[mirror.to].platform != Platform::kStrimzi) return;
    if (mirror.kind == MirrorKind::kMirrorMaker)
      refuse_no_service_name(mirror.name, Platform::kStrimzi, mirror.where.of("name"), problems_);
    const std::string label = longest_label(mirror);
    if (label.size() <= kLabelMost) return;
    problems_.add(mirror.where.of("name"), "name: too long by " + std::to_string(label.size() - kLabelMost) +
                                               ": a pod or service would be called " + label + ", of which " +
                                               std::to_string(kLabelMost) + " characters are allowed");
  }

  // Says whether there was something new.
  bool mirror_once() {
    bool progress = false;
    for (size_t i = 0; i < text_.mirrors.size() && !too_many_; ++i) {
      MirrorText& text = text_.mirrors[i];
      std::vector<Index> sources;
      for (const Ref& ref : text.topics) find_sources(ref, text.value.from, sources);
      std::sort(sources.begin(), sources.end());
      sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
      if (sources.size() == text.value.topics.size()) continue;
      progress = true;
      std::vector<MirroredTopic> all;
      for (const Index source : sources) all.push_back({source, target_of(text.value, static_cast<Index>(i), source)});
      text.value.topics = std::move(all);
    }
    return progress;
  }

  void find_sources(const Ref& ref, Index cluster, std::vector<Index>& out) const {
    if (!ref.name.ends_with('*')) {
      const Index topic = find_topic(cluster, ref.name);
      if (topic != kNone) out.push_back(topic);
      return;
    }
    const std::string_view prefix = std::string_view(ref.name).substr(0, ref.name.size() - 1);
    for (const Index topic : topics_of_[cluster]) {
      if (fleet_.topics[topic].name.starts_with(prefix)) out.push_back(topic);
    }
  }

  // Finds the topic that the mirror writes, and makes it if there is none.
  Index target_of(const Mirror& mirror, Index index, Index source) {
    Index target = find_topic(mirror.to, fleet_.topics[source].name);
    if (target == kNone) {
      Topic made = fleet_.topics[source];
      made.cluster = mirror.to;
      made.mirrors.clear();
      made.declared = false;
      made.local_retention_us = 0;  // of the place: its brokers may have no remote storage
      made.where = {mirror.where.at, {}};
      if (mirror.partitions > 0) made.partitions = mirror.partitions;
      target = add_topic(std::move(made), mirror.where.at);
    }
    Topic& topic = fleet_.topics[target];
    if (std::find(topic.mirrors.begin(), topic.mirrors.end(), index) == topic.mirrors.end()) {
      topic.mirrors.push_back(index);
      sources_[target].push_back(source);
    }
    if (fleet_.topics.size() > kTopicsMax && !too_many_) {
      too_many_ = true;
      problems_.add(mirror.where.at, "topics: more than " + std::to_string(kTopicsMax) + " with those of mirrors");
    }
    return target;
  }

  void refuse_unmatched() {
    for (const MirrorText& text : text_.mirrors) {
      for (const Ref& ref : text.topics) {
        std::vector<Index> found;
        find_sources(ref, text.value.from, found);
        if (!found.empty()) continue;
        const std::string& cluster = fleet_.clusters[text.value.from].name;
        if (ref.name.ends_with('*')) {
          problems_.add(ref.at, "topics: no topic of cluster " + cluster + " matches \"" + ref.name + "\"");
        } else {
          topics_[text.value.from].refuse(ref, "topics in cluster " + cluster);
        }
      }
    }
  }

  // What a mirrored topic has from its source, whose own are filled in first.
  // This recurses along mirrors: as deep as clusters are chained, kClustersMax at most.
  void fill_in(Index index) {
    if (fill_[index] != Fill::kTodo) return;  // kDoing: a cycle, which lint refuses
    fill_[index] = Fill::kDoing;
    double sum = 0;
    for (const Index source : sources_[index]) {
      fill_in(source);
      sum += fleet_.topics[source].messages_per_s;
    }
    fill_[index] = Fill::kDone;
    if (sources_[index].empty()) return;
    Topic& topic = fleet_.topics[index];
    inherit(fleet_.topics[sources_[index].front()], topic);
    if (!topic.where.has("messages_per_second")) topic.messages_per_s = sum;
  }

  // A copy has from its source, unless the file says otherwise, what is true of the messages. Partitions, replicas and
  // retention are of the place where it is kept.
  static void inherit(const Topic& from, Topic& to) {
    const auto take = [&](std::string_view key, auto Topic::* member) {
      if (!to.where.has(key)) to.*member = from.*member;
    };
    take("message_bytes", &Topic::message_bytes);
    take("message_bytes_max", &Topic::message_bytes_max);
    take("peak_factor", &Topic::peak_factor);
    take("growth_percent_per_month", &Topic::growth_percent_per_month);
    take("compression", &Topic::compression);
    take("compression_ratio", &Topic::compression_ratio);
  }

  void services() {
    for (ServiceText& text : text_.services) {
      Service& service = text.value;
      services_.add(service.name, service.where.of("name"));
      if (service.group.empty()) service.group = service.name;
      service.autoscaled = service.where.has("instances_max");
      if (!service.autoscaled) service.instances_max = service.instances;
      if (service.instances_max < service.instances)
        problems_.add(service.where.of("instances_max"),
                      "instances_max: must be at least instances, which is " + std::to_string(service.instances));
      const auto index = static_cast<Index>(fleet_.services.size());
      for (ProducerText& producer : text.produces) produce(producer, index);
      for (ConsumerText& consumer : text.consumes) consume(consumer, index, service.name);
      fleet_.services.push_back(std::move(service));
    }
  }

  void produce(ProducerText& text, Index service) {
    const Index cluster = clusters_.get(text.cluster, text.value.where.at, "cluster");
    if (cluster == kNone) return;
    text.value.service = service;
    text.value.topics = find_topics(text.topics, cluster, "topics");
    fleet_.producers.push_back(std::move(text.value));
  }

  void consume(ConsumerText& text, Index service, const std::string& service_name) {
    const Index cluster = clusters_.get(text.cluster, text.value.where.at, "cluster");
    if (cluster == kNone) return;
    text.value.service = service;
    text.value.topics = find_topics(text.topics, cluster, "topics");
    if (text.value.group.empty()) text.value.group = service_name;
    fleet_.consumers.push_back(std::move(text.value));
  }

  void users() {
    std::vector<Names> names(fleet_.clusters.size(), Names("user", problems_));
    for (UserText& text : text_.users) {
      User& user = text.value;
      user.cluster = clusters_.get(text.cluster, user.where.at, "cluster");
      if (user.cluster == kNone) continue;
      names[user.cluster].add(user.name, user.where.of("name"));
      if (text.service.given()) {
        user.service = services_.find(text.service.name);
        if (user.service == kNone) services_.refuse(text.service, "service");
      }
      const Cluster& cluster = fleet_.clusters[user.cluster];
      if (!user.password.empty()) refuse_wrong_password(cluster, user);
      if (cluster.platform == Platform::kStrimzi) refuse_no_kafka_user(user, problems_);
      for (AclText& acl : text.acls) user.acls.push_back(rule_of(std::move(acl), problems_));
      fleet_.users.push_back(std::move(user));
    }
  }

  // The value is never shown: it may be the password itself.
  void refuse_wrong_password(const Cluster& cluster, const User& user) {
    const Place at = user.where.of("password");
    if (variable_of(user.password).empty())
      problems_.add(at,
                    "password: must be a variable of the environment, as \"${BILLING_PASSWORD}\": a password does not "
                    "stand in this file");
    if (scram_mechanism_of(cluster).empty())
      problems_.add(at, "password: users of cluster " + cluster.name + " have none: its security.authentication is " +
                            std::string(name_of(cluster.security.authentication)));
  }

  void service_levels() {
    Names names("service level", problems_);
    for (ServiceLevelText& text : text_.service_levels) {
      ServiceLevel& level = text.value;
      names.add(level.name, level.where.of("name"));
      if (text.cluster.given() || text.topic.given())
        level.cluster = clusters_.get(text.cluster, level.where.at, "cluster");
      if (text.topic.given() && level.cluster != kNone) {
        const std::vector<Index> found = find_topics({text.topic}, level.cluster, "topic");
        if (!found.empty()) level.topic = found.front();
      }
      refuse_empty_promise(level, problems_);
      fleet_.service_levels.push_back(std::move(level));
    }
  }

  void alert_routes() {
    for (AlertRouteText& text : text_.alert_routes) {
      AlertRoute& route = text.value;
      if (text.slack.empty() == text.pagerduty.empty()) {
        problems_.add(route.where.at, "alert_routes: needs one of slack (a channel) and pagerduty (a service)");
        continue;
      }
      route.kind = text.slack.empty() ? AlertRoute::Kind::kPagerduty : AlertRoute::Kind::kSlack;
      route.target = text.slack.empty() ? text.pagerduty : text.slack;
      fleet_.alert_routes.push_back(std::move(route));
    }
  }

  FleetText text_;
  Problems& problems_;
  Topology fleet_;
  Names regions_;
  Names clusters_;
  Names services_;
  std::vector<Names> topics_;                  // of each cluster
  std::vector<std::vector<Index>> topics_of_;  // the same, as indices into fleet_.topics
  enum class Fill : uint8_t { kTodo, kDoing, kDone };
  std::vector<Fill> fill_;                   // of each topic
  std::vector<std::vector<Index>> sources_;  // of each topic: where its mirrors have it from
  bool too_many_ = false;
};

}  // namespace

namespace {

// Asserts what resolve() promises and nobody checks again. A name that was not found is a problem, never an index out
// of range.
void assert_resolved(const Topology& fleet) {
  const auto are_topics = [&](const std::vector<Index>& topics) {
    return std::ranges::all_of(topics, [&](Index topic) { return topic < fleet.topics.size(); });
  };
  for (const Cluster& cluster : fleet.clusters) {
    FRESHET_ASSERT(cluster.region < fleet.regions.size() && !cluster.zones.empty());
  }
  for (const Topic& topic : fleet.topics) {
    FRESHET_ASSERT(topic.cluster < fleet.clusters.size());
    for (const Index mirror : topic.mirrors) FRESHET_ASSERT(mirror < fleet.mirrors.size());
  }
  for (const Producer& producer : fleet.producers) {
    FRESHET_ASSERT(producer.service < fleet.services.size() && are_topics(producer.topics));
  }
  for (const Consumer& consumer : fleet.consumers) {
    FRESHET_ASSERT(consumer.service < fleet.services.size() && are_topics(consumer.topics));
  }
  for (const User& user : fleet.users) {
    FRESHET_ASSERT(user.cluster < fleet.clusters.size());
    FRESHET_ASSERT(user.service == kNone || user.service < fleet.services.size());
  }
  for (const Mirror& mirror : fleet.mirrors) {
    FRESHET_ASSERT(mirror.from < fleet.clusters.size() && mirror.to < fleet.clusters.size());
    for (const MirroredTopic& topic : mirror.topics) {
      FRESHET_ASSERT(topic.from < fleet.topics.size() && fleet.topics[topic.from].cluster == mirror.from);
      FRESHET_ASSERT(topic.to < fleet.topics.size() && fleet.topics[topic.to].cluster == mirror.to);
    }
  }
}

}  // namespace
Topology resolve(FleetText text, Problems& problems) {
  Topology fleet = Resolver(std::move(text), problems).run();
  if (problems.empty()) assert_resolved(fleet);
  return fleet;
}

}  // namespace freshet::fleet
