// The keys of fleet.yaml, described once (yaml/fields.h) for the parser and the JSON Schema. Private to src/fleet.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/fields_access.h"
#include "fleet/limits.h"
#include "fleet/topology.h"
#include "yaml/fields.h"

namespace freshet::fleet {

inline constexpr uint64_t kGiB = 1ull << 30;
inline constexpr uint64_t kMiB = 1ull << 20;
inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kDayUs = 86400 * kSecondUs;
inline constexpr int64_t kRetentionMostUs = 3650 * kDayUs;
inline constexpr uint64_t kRetentionMostBytes = 1ull << 50;

using yaml::Need;
using yaml::Ref;

extern const yaml::TextRule kAnyName;
extern const yaml::TextRule kDnsName;    // clusters, regions, services, mirrors: they become names of machines
extern const yaml::TextRule kTopicName;  // Kafka's
extern const yaml::TextRule kKafkaVersion;
extern const yaml::TextRule kDnsZone;
extern const yaml::TextRule kWindow;     // of maintenance
extern const yaml::TextRule kCloudName;  // types of machines and volumes, zones

// As they stand in the file, before references are resolved.
struct ClusterText {
  Cluster value;
  Ref region;
};
struct TopicText {
  Topic value;
  Ref cluster;
};
struct ProducerText {
  Producer value;
  Ref cluster;
  std::vector<Ref> topics;
};
struct ConsumerText {
  Consumer value;
  Ref cluster;
  std::vector<Ref> topics;
};
struct ServiceText {
  Service value;
  ProducerText usual;  // what each of `produces` has if it doesn't say otherwise
  std::vector<ProducerText> produces;
  std::vector<ConsumerText> consumes;
};
struct MirrorText {
  Mirror value;
  Ref from;
  Ref to;
  std::vector<Ref> topics;
};
struct UserText {
  User value;
  Ref cluster;
  Ref service;
  std::vector<AclText> acls;
};
struct ServiceLevelText {
  ServiceLevel value;
  Ref cluster;
  Ref topic;
};
struct AlertRouteText {
  AlertRoute value;
  std::string slack;
  std::string pagerduty;
};
struct Defaults {
  ClusterText cluster;
  TopicText topic;
  ProducerText producer;
};
struct FleetText {
  Topology value;
  Defaults defaults;
  std::vector<ClusterText> clusters;
  std::vector<TopicText> topics;
  std::vector<ServiceText> services;
  std::vector<MirrorText> mirrors;
  std::vector<UserText> users;
  std::vector<ServiceLevelText> service_levels;
  std::vector<AlertRouteText> alert_routes;
};

inline Where& where_of(Region& region) { return region.where; }
inline Where& where_of(Accepted& accepted) { return accepted.where; }
template <class Text>
Where& where_of(Text& text) {
  return text.value.where;
}

// A map of names of its own in `defaults` is filled first; each value is replaced by that of the thing itself.
template <class Value>
void set_named(std::vector<std::pair<std::string, Value>>& map, const std::string& name, const Value& value) {
  for (auto& [known, old] : map) {
    if (known == name) return void(old = value);
  }
  map.emplace_back(name, value);
}

template <class V>
void describe(V& v, RegionPrices& prices) {
  constexpr double kUsdMost = 1e6;
  const auto by_name = [&](const char* key, const char* called, const char* doc, RegionPrices::ByName& out) {
    v.map(key, called, "", doc, [&out](auto& entries, const std::string& name) {
      double usd = -1;  // not given
      if (entries.number(name, usd, 0, kUsdMost, "")) set_named(out, name, usd);
    });
  };
  by_name("machines", "FAMILY",
          "US dollars an hour of the xlarge of a family, as `c6g: 0.1552`; other sizes are paid by their cores",
          prices.machines);
  by_name("volumes", "TYPE", "US dollars a GiB and month of a type of volume, as `gp3: 0.0952`", prices.volumes);
  double usd = -1;
  if (v.number("cross_zone_usd_per_gb", usd, 0, kUsdMost, "US dollars for each GB between its zones, both directions"))
    prices.cross_zone_usd_per_gb = usd;
  if (v.number("cross_region_usd_per_gb", usd, 0, kUsdMost, "US dollars for each GB from it into another region"))
    prices.cross_region_usd_per_gb = usd;
}

template <class V>
void describe(V& v, Region& region) {
  v.text("name", region.name, kDnsName, "Name of the region, as the cloud calls it", Need::kRequired);
  v.texts("zones", region.zones, kCloudName, "Its availability zones, as the cloud calls them", Need::kRequired);
  v.section("prices", "What `freshet fleet plan` counts with there; default: what is known of the region",
            [&](auto& prices) { describe(prices, region.prices); });
}

template <class V>
void describe(V& v, Volumes& volumes) {
  v.count("count", volumes.count, 1, 64, "Volumes of each broker; each is a log dir");
  v.text("type", volumes.type, kCloudName, "Type of volume, as the cloud calls it");
  v.bytes("size", volumes.size_bytes, kGiB, 64ull << 40, "Size of one volume");
  v.count("iops", volumes.iops, 100, 256'000, "Provisioned operations a second of one volume");
  v.bytes("throughput", volumes.throughput_bytes_per_s, kMiB, 4096 * kMiB,
          "Provisioned throughput of one volume, in bytes a second");
}

template <class V>
void describe(V& v, Connect& connect) {
  v.text("bootstrap", connect.bootstrap, kAnyName,
         "Brokers to ask first, `host:9092,host:9092`; default: those that are rendered");
  v.text("cluster_id", connect.cluster_id, kAnyName,
         "The id that the cluster must have: one with another id is not touched");
  v.map("properties", "NAME", "",
        "librdkafka's properties, as in `log.kafka.properties` of freshet.yaml; `${NAME}` in a value is looked up in "
        "the environment when a command connects",
        [&connect](auto& properties, const std::string& name) {
          std::string value;
          if (properties.text(name, value, yaml::kAnyText, "")) set_named(connect.properties, name, value);
        });
}

template <class V>
void describe(V& v, Watch& watch) {
  v.text("probe", watch.probe, kTopicName,
         "A topic of its own that `fleet watch` may make and write to, to probe each broker from end to end; default: "
         "none, and nothing is written");
}

// What may stand in defaults.cluster, too.
template <class V>
void describe_settings(V& v, ClusterText& text) {
  Cluster& cluster = text.value;
  v.choice("platform", cluster.platform, "What brokers run on: virtual machines, or Kubernetes with Strimzi");
  v.ref("region", text.region, "Its region; may be left out if there is only one", Need::kOptional);
  v.texts("zones", cluster.zones, kCloudName, "Zones of its region that brokers are spread over; default: all",
          Need::kOptional);
  v.count("brokers", cluster.brokers, 1, 1000, "Number of brokers");
  v.text("instance", cluster.instance, kCloudName, "Machine type of a broker");
  v.section(
      "volumes", "Disks of each broker", [&](auto& volumes) { describe(volumes, cluster.volumes); }, Need::kOptional,
      &cluster.volumes_where);
  v.count("controllers", cluster.controllers, 0, 9,
          "Controllers with machines of their own; 0: brokers play this part too");
  v.text("controller_instance", cluster.controller_instance, kCloudName, "Machine type of a controller");
  v.text("kafka_version", cluster.kafka_version, kKafkaVersion,
         "Version of Apache Kafka; default with platform: strimzi: 4.1.0");
  v.text("dns_zone", cluster.dns_zone, kDnsZone, "Where brokers get their names; default: the fleet's");
  v.text("namespace", cluster.kubernetes_namespace, kDnsName, "Kubernetes namespace (platform: strimzi)");
  v.text("storage_class", cluster.storage_class, kDnsName, "Kubernetes storage class (platform: strimzi)");
  v.text("owner", cluster.owner, kAnyName, "The team that is alerted");
  v.choice("read_from", cluster.read_from,
           "What consumers and mirrors read: the leader, or the closest replica (their clients must say client.rack)");
  v.section(
      "security", "How clients and brokers know each other",
      [&](auto& security) { describe(security, cluster.security); }, Need::kOptional, &cluster.security_where);
  v.texts(
      "maintenance", cluster.maintenance, kWindow,
      "When [moves](rebalance.md#windows-of-maintenance) may begin, as `sat,sun 01:00-05:00 Europe/Berlin`; default: "
      "always",
      Need::kOptional);
  v.map("settings", "NAME", "", "Settings of Kafka's brokers that have no key here, as `num.io.threads`",
        [&cluster](auto& settings, const std::string& name) {
          std::string value;
          if (settings.text(name, value, yaml::kAnyText, "")) set_named(cluster.settings, name, value);
        });
  v.section(
      "connect", "How commands reach the living cluster", [&](auto& connect) { describe(connect, cluster.connect); },
      Need::kOptional, &cluster.connect_where);
  v.section(
      "watch", "What `fleet watch` may do beside looking", [&](auto& watch) { describe(watch, cluster.watch); },
      Need::kOptional, &cluster.watch_where);
}

template <class V>
void describe(V& v, ClusterText& text) {
  Cluster& cluster = text.value;
  v.text("name", cluster.name, kDnsName, "Name of the cluster", Need::kRequired);
  v.choice("kind", cluster.kind,
           "fronting: root topics, for producers and mirrors only; backend: topics of a group of services");
  v.texts("service_groups", cluster.service_groups, kDnsName, "The groups of services that may use it",
          Need::kOptional);
  v.text("shared_because", cluster.shared_because, kAnyName, "Why more than one group of services shares this cluster");
  v.text("description", cluster.description, kAnyName, "What it is for, for people");
  describe_settings(v, text);
}

template <class V>
void describe_settings(V& v, TopicText& text) {
  Topic& topic = text.value;
  v.count("partitions", topic.partitions, 1, kPartitionsMax, "Number of partitions");
  v.count("replication", topic.replication, 1, 32, "Number of replicas of each partition");
  v.count("min_isr", topic.min_isr, 1, 32,
          "In-sync replicas without which writes are refused; default: one less than the replicas, at most 2");
  v.duration("retention", topic.retention_us, 0, kRetentionMostUs, "How long messages are kept; 0: without end");
  v.bytes("retention_bytes", topic.retention_bytes, 0, kRetentionMostBytes,
          "How much of a partition is kept; 0: without bound, unless brokers have log.retention.bytes");
  v.duration("local_retention", topic.local_retention_us, 0, kRetentionMostUs,
             "With tiered storage: how long messages are on brokers' disks, too; 0: not tiered");
  v.choice("cleanup", topic.cleanup, "What happens to old messages");
  v.bytes("compacted_bytes", topic.compacted_bytes, 0, 1ull << 50,
          "What compaction leaves of the whole topic: the last message of each key, compressed; 0: not known");
  v.choice("compression", topic.compression, "Codec of the producers");
  v.number("compression_ratio", topic.compression_ratio, 0, 100,
           "Size before compression to size after it; 0: what is usual for the codec");
  v.number("messages_per_second", topic.messages_per_s, 0, 1e9,
           "Messages into this topic, on average; of a mirrored topic the source's by default");
  v.bytes("message_bytes", topic.message_bytes, 1, 1ull << 30, "Average size of a message before compression");
  v.bytes("message_bytes_max", topic.message_bytes_max, 1, 1ull << 30, "Size of the largest message allowed");
  v.number("peak_factor", topic.peak_factor, 1, 1000, "Highest rate of a day to the average rate");
  v.number("growth_percent_per_month", topic.growth_percent_per_month, -50, 1000,
           "How fast the rate grows; default: the fleet's");
  v.text("owner", topic.owner, kAnyName, "The team that is alerted");
  v.map("settings", "NAME", "",
        "Settings of Kafka's topics that have no key here, as `segment.bytes`; a setting that does not stand here is "
        "left as it is",
        [&topic](auto& settings, const std::string& name) {
          std::string value;
          if (settings.text(name, value, yaml::kAnyText, "")) set_named(topic.settings, name, value);
        });
}

template <class V>
void describe(V& v, TopicText& text) {
  v.text("name", text.value.name, kTopicName, "Name of the topic", Need::kRequired);
  v.ref("cluster", text.cluster, "Its cluster; may be left out if there is only one", Need::kOptional);
  v.text("description", text.value.description, kAnyName, "What is in it, for people");
  describe_settings(v, text);
}

template <class V>
void describe_settings(V& v, ProducerText& text) {
  Producer& producer = text.value;
  v.duration("linger", producer.linger_us, 0, 60 * kSecondUs, "How long a producer waits for a batch to fill");
  v.bytes("batch", producer.batch_bytes, 0, 64 * kMiB, "Size at which a batch is sent");
  v.choice("acks", producer.acks, "What a write waits for: all in-sync replicas, the leader, or nothing");
}

template <class V>
void describe(V& v, ProducerText& text) {
  v.ref("cluster", text.cluster, "The cluster; may be left out if there is only one", Need::kOptional);
  v.refs("topics", text.topics, "Topics of that cluster, written by this service", Need::kRequired);
  v.number("messages_per_second", text.value.messages_per_s, 0, 1e9,
           "Of all instances into all these topics, on average; 0: an equal share of what the topics get");
  describe_settings(v, text);
}

template <class V>
void describe(V& v, ConsumerText& text) {
  v.ref("cluster", text.cluster, "The cluster; may be left out if there is only one", Need::kOptional);
  v.refs("topics", text.topics, "Topics of that cluster, read by this service", Need::kRequired);
  v.text("group", text.value.group, kAnyName, "Consumer group; default: the service's name");
  v.number("messages_per_second_each", text.value.messages_per_s_each, 0, 1e9,
           "How much one instance can handle; 0: not known");
}

template <class V>
void describe(V& v, ServiceText& text) {
  Service& service = text.value;
  v.text("name", service.name, kDnsName, "Name of the service", Need::kRequired);
  v.text("group", service.group, kDnsName, "The group of services that it belongs to; default: its own name");
  v.text("owner", service.owner, kAnyName, "The team that runs it");
  v.count("instances", service.instances, 1, kInstancesMax, "How many run, usually");
  v.count("instances_max", service.instances_max, 1, kInstancesMax,
          "How many run at most, if it is scaled automatically");
  v.list("produces", text.produces, "What it writes", Need::kOptional, text.usual);
  v.list("consumes", text.consumes, "What it reads");
}

template <class V>
void describe(V& v, MirrorText& text) {
  Mirror& mirror = text.value;
  v.text("name", mirror.name, kDnsName, "Name of the mirror; default: FROM-to-TO");
  v.choice(
      "kind", mirror.kind,
      "The program that copies: MirrorMaker 2, or `freshet mirror`, exactly once and into any number of partitions");
  v.ref("from", text.from, "Cluster that is read", Need::kRequired);
  v.ref("to", text.to, "Cluster that is written", Need::kRequired);
  v.refs("topics", text.topics, "Topics, or beginnings of names followed by *; they keep their names", Need::kRequired);
  v.count("partitions", mirror.partitions, 0, kPartitionsMax,
          "Partitions of the topics that it makes (those that `topics` does not declare); 0: as many as at the source");
  v.choice("guarantee", mirror.guarantee, "What happens to messages when the mirror fails and resumes");
  v.count("tasks", mirror.tasks, 1, 10'000, "How many tasks copy; a process has four");
  v.text("user", mirror.user, kUserName, "The user that it connects as, on both clusters, where brokers ask for one");
  v.text("owner", mirror.owner, kAnyName, "The team that is alerted");
}

template <class V>
void describe(V& v, UserText& text) {
  User& user = text.value;
  v.text("name", user.name, kUserName, "What brokers know it by", Need::kRequired);
  v.ref("cluster", text.cluster, "Its cluster; may be left out if there is only one", Need::kOptional);
  v.ref("service", text.service, "The service that connects as it: it may do what the service's clients do",
        Need::kOptional);
  v.text("password", user.password, yaml::kAnyText,
         "Where its password is: `${NAME}`, a variable of the environment; a password itself is refused");
  v.list("acls", text.acls, "What it may do beside that");
  v.section("quota", "How much of each broker it may use", [&](auto& quota) { describe(quota, user.quota); });
  v.text("owner", user.owner, kAnyName, "The team that has it");
  v.text("description", user.description, kAnyName, "Who it is, for people");
}

template <class V>
void describe(V& v, ServiceLevelText& text) {
  ServiceLevel& level = text.value;
  v.text("name", level.name, kDnsName, "Name of the promise", Need::kRequired);
  v.ref("cluster", text.cluster, "For this cluster; default: for all", Need::kOptional);
  v.ref("topic", text.topic, "For this topic of the cluster; default: for all", Need::kOptional);
  v.text("group", level.group, kAnyName, "For this consumer group; default: for all");
  v.number("availability", level.availability, 0, 99.9999, "Percent of the time that writes are accepted, as 99.9");
  v.duration("produce_p99", level.produce_p99_us, 0, 3600 * kSecondUs, "99 of 100 produce requests take less");
  v.duration("lag_max", level.lag_max_us, 0, 30 * kDayUs, "Age of the oldest message that a group has not read");
}

template <class V>
void describe(V& v, AlertRouteText& text) {
  v.choice("severity", text.value.severity, "Which alerts");
  v.text("owner", text.value.owner, kAnyName, "Only alerts of what this team owns; default: all");
  v.text("slack", text.slack, kAnyName, "Slack channel");
  v.text("pagerduty", text.pagerduty, kAnyName, "PagerDuty service");
}

template <class V>
void describe(V& v, Accepted& accepted) {
  v.text("rule", accepted.rule, kDnsName, "Rule of `freshet fleet lint`", Need::kRequired);
  v.text("subject", accepted.subject, kAnyName,
         "What it is accepted for, as the finding shows it; default: everything");
  v.text("because", accepted.because, kAnyName, "The reason", Need::kRequired);
}

template <class V>
void describe(V& v, Defaults& defaults) {
  const auto settings = [&v](const char* key, auto& text, const char* doc) {
    v.section(key, doc, [&text](auto& inner) { describe_settings(inner, text); }, Need::kOptional, &text.value.where);
  };
  settings("cluster", defaults.cluster, "For clusters");
  settings("topic", defaults.topic, "For topics");
  settings("producer", defaults.producer, "For what services produce");
}

template <class V>
void describe(V& v, FleetText& text) {
  Topology& fleet = text.value;
  v.text("fleet", fleet.name, kDnsName, "Name of the fleet", Need::kRequired);
  v.text("dns_zone", fleet.dns_zone, kDnsZone, "Where brokers get their names");
  v.number("growth_percent_per_month", fleet.growth_percent_per_month, -50, 1000, "How fast the rates grow");
  v.section("defaults", "What clusters, topics and producers have if they don't say otherwise",
            [&](auto& defaults) { describe(defaults, text.defaults); });
  v.list("regions", fleet.regions, "Regions of the cloud, with their zones", Need::kRequired);
  v.list("clusters", text.clusters, "Kafka clusters", Need::kRequired, text.defaults.cluster);
  v.list("topics", text.topics, "Topics; those that a mirror makes need not stand here", Need::kOptional,
         text.defaults.topic);
  ServiceText service;
  service.usual = text.defaults.producer;
  v.list("services", text.services, "Who writes and reads", Need::kOptional, service);
  v.list("mirrors", text.mirrors, "Copies of topics from cluster to cluster");
  v.list("users", text.users, "Whom brokers know by name, and what each may do");
  v.list("service_levels", text.service_levels, "What is promised");
  v.list("alert_routes", text.alert_routes, "Where alerts go");
  v.list("accepted", fleet.accepted, "Findings of `freshet fleet lint` that are known and wanted");
}

}  // namespace freshet::fleet
