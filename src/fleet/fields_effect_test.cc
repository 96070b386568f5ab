// No key of fleet.yaml that does nothing: `users[].owner` and `accepted[].because` did once.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "fleet/fields.h"
#include "testing/key_effects.h"

namespace freshet::fleet {
namespace {

constexpr KeyEffect kFleetEffects[] = {
    {"fleet", "fleet/render/grafana.cc", "topology.name"},
    {"dns_zone", "fleet/resolve.cc", "dns_zone"},
    {"growth_percent_per_month", "fleet/resolve.cc", "growth_percent_per_month"},
    {"regions", "fleet/plan/plan.cc", "fleet.regions"},
    {"regions[].name", "fleet/plan/plan.cc", "regions[cluster.region].name"},
    {"regions[].zones", "fleet/resolve.cc", "zones"},
    {"regions[].prices.machines", "fleet/plan/prices.cc", "told.machines"},
    {"regions[].prices.volumes", "fleet/plan/prices.cc", "told.volumes"},
    {"regions[].prices.cross_zone_usd_per_gb", "fleet/plan/prices.cc", "told.cross_zone_usd_per_gb"},
    {"regions[].prices.cross_region_usd_per_gb", "fleet/plan/prices.cc", "told.cross_region_usd_per_gb"},
    {"clusters", "fleet/plan/plan.cc", "fleet.clusters"},
    {"clusters[].name", "fleet/lint/batching.cc", "cluster.name"},
    {"clusters[].kind", "fleet/lint/segregation.cc", "cluster.kind"},
    {"clusters[].service_groups", "fleet/lint/segregation.cc", "cluster.service_groups"},
    {"clusters[].shared_because", "fleet/lint/segregation.cc", "shared_because"},
    {"clusters[].description", "fleet/render/strimzi.cc", "cluster.description"},
    {"clusters[].platform", "fleet/lint/durability.cc", "cluster.platform"},
    {"clusters[].region", "fleet/lint/durability.cc", "cluster.region"},
    {"clusters[].zones", "fleet/lint/durability.cc", "cluster.zones"},
    {"clusters[].brokers", "fleet/broker_settings.cc", "cluster.brokers"},
    {"clusters[].instance", "fleet/lint/partitions.cc", "cluster.instance"},
    {"clusters[].volumes.count", "fleet/lint/durability.cc", "cluster.volumes.count"},
    {"clusters[].volumes.type", "fleet/lint/storage.cc", "volumes.type"},
    {"clusters[].volumes.size", "fleet/lint/storage.cc", "volumes.size_bytes"},
    {"clusters[].volumes.iops", "fleet/lint/storage.cc", "volumes.iops"},
    {"clusters[].volumes.throughput", "fleet/lint/storage.cc", "volumes.throughput_bytes_per_s"},
    {"clusters[].controllers", "fleet/lint/durability.cc", "cluster.controllers"},
    {"clusters[].controller_instance", "fleet/plan/plan.cc", "cluster.controller_instance"},
    {"clusters[].kafka_version", "fleet/kafka_version.cc", "kafka_version"},
    {"clusters[].dns_zone", "fleet/render/names.cc", "cluster.dns_zone"},
    {"clusters[].namespace", "fleet/render/names.cc", "cluster.kubernetes_namespace"},
    {"clusters[].storage_class", "fleet/render/strimzi.cc", "cluster.storage_class"},
    {"clusters[].owner", "fleet/render/alertmanager.cc", "cluster.owner"},
    {"clusters[].read_from", "fleet/broker_settings.cc", "cluster.read_from"},
    {"clusters[].security.transport", "fleet/access.cc", "security.transport"},
    {"clusters[].security.authentication", "fleet/access.cc", "cluster.security.authentication"},
    {"clusters[].security.super_users", "fleet/render/ansible.cc", "cluster.security.super_users"},
    {"clusters[].maintenance", "app/fleet_rebalance_command.cc", "cluster.maintenance"},
    {"clusters[].settings", "fleet/broker_settings.cc", "cluster.settings"},
    {"clusters[].connect.bootstrap", "fleet/lint/mirrors.cc", "from.connect.bootstrap"},
    {"clusters[].connect.cluster_id", "fleet/live/now.cc", "cluster.connect.cluster_id"},
    {"clusters[].connect.properties", "fleet/lint/access.cc", "cluster.connect.properties"},
    {"clusters[].watch.probe", "fleet/live/now.cc", "cluster.watch.probe"},
    {"topics", "fleet/rates.cc", ".topics"},
    {"topics[].name", "fleet/lint/batching.cc", "topic.name"},
    {"topics[].cluster", "fleet/lint/partitions.cc", "topic.cluster"},
    {"topics[].description", "fleet/render/strimzi.cc", "topic.description"},
    {"topics[].partitions", "fleet/lint/durability.cc", "topic.partitions"},
    {"topics[].replication", "fleet/lint/durability.cc", "topic.replication"},
    {"topics[].min_isr", "fleet/lint/durability.cc", "topic.min_isr"},
    {"topics[].retention", "fleet/lint/hygiene.cc", "topic.retention_us"},
    {"topics[].retention_bytes", "fleet/lint/storage.cc", "topic.retention_bytes"},
    {"topics[].local_retention", "fleet/rates.cc", "topic.local_retention_us"},
    {"topics[].cleanup", "fleet/lint/storage.cc", "topic.cleanup"},
    {"topics[].compacted_bytes", "fleet/rates.cc", "topic.compacted_bytes"},
    {"topics[].compression", "fleet/lint/storage.cc", "topic.compression"},
    {"topics[].compression_ratio", "fleet/lint/storage.cc", "topic.compression_ratio"},
    {"topics[].messages_per_second", "fleet/lint/durability.cc", "topic.messages_per_s"},
    {"topics[].message_bytes", "fleet/lint/storage.cc", "topic.message_bytes"},
    {"topics[].message_bytes_max", "fleet/topic_settings.cc", "message_bytes_max"},
    {"topics[].peak_factor", "fleet/lint/partitions.cc", "topic.peak_factor"},
    {"topics[].growth_percent_per_month", "fleet/plan/loads.cc", "topic.growth_percent_per_month"},
    {"topics[].owner", "fleet/render/alertmanager.cc", "topic.owner"},
    {"topics[].settings", "fleet/live/changes.cc", "topic.settings"},
    {"services", "fleet/change.cc", "services"},
    {"services[].name", "fleet/lint/access.cc", "service.name"},
    {"services[].group", "fleet/lint/segregation.cc", "service.group"},
    {"services[].owner", "fleet/render/prometheus_facts.cc", "topology.services[consumer.service].owner"},
    {"services[].instances", "fleet/change.cc", "service.instances"},
    {"services[].instances_max", "fleet/change.cc", "instances_max"},
    {"services[].produces", "fleet/access.cc", "fleet.producers"},
    {"services[].produces[].cluster", "fleet/access.cc", "producer.topics"},
    {"services[].produces[].topics", "fleet/access.cc", "producer.topics"},
    {"services[].produces[].messages_per_second", "fleet/plan/plan.cc", "producer.messages_per_s"},
    {"services[].produces[].linger", "fleet/lint/batching.cc", "linger_us"},
    {"services[].produces[].batch", "fleet/lint/batching.cc", "batch_bytes"},
    {"services[].produces[].acks", "fleet/lint/durability.cc", "producer.acks"},
    {"services[].consumes", "fleet/access.cc", "fleet.consumers"},
    {"services[].consumes[].cluster", "fleet/access.cc", "consumer.topics"},
    {"services[].consumes[].topics", "fleet/access.cc", "consumer.topics"},
    {"services[].consumes[].group", "fleet/access.cc", "consumer.group"},
    {"services[].consumes[].messages_per_second_each", "fleet/lint/partitions.cc", "consumer.messages_per_s_each"},
    {"mirrors", "fleet/plan/mirrors.cc", "mirrors"},
    {"mirrors[].name", "fleet/lint/segregation.cc", "mirror.name"},
    {"mirrors[].kind", "fleet/lint/mirrors.cc", "mirror.kind"},
    {"mirrors[].from", "fleet/lint/access.cc", "mirror.from"},
    {"mirrors[].to", "fleet/lint/access.cc", "mirror.to"},
    {"mirrors[].topics", "fleet/lint/mirrors.cc", "mirror.topics"},
    {"mirrors[].partitions", "fleet/resolve.cc", "mirror.partitions"},
    {"mirrors[].guarantee", "fleet/render/strimzi_mirrors.cc", "mirror.guarantee"},
    {"mirrors[].tasks", "fleet/lint/mirrors.cc", "mirror.tasks"},
    {"mirrors[].user", "fleet/lint/access.cc", "mirror.user"},
    {"mirrors[].owner", "fleet/render/alertmanager.cc", "mirror.owner"},
    {"users", "fleet/lint/access.cc", ".users"},
    {"users[].name", "fleet/lint/access.cc", "user.name"},
    {"users[].cluster", "fleet/access.cc", "user.cluster"},
    {"users[].service", "fleet/access.cc", "user.service"},
    {"users[].password", "fleet/live/access_now.cc", "user.password"},
    {"users[].acls", "fleet/access.cc", "user.acls"},
    {"users[].acls[].topic", "fleet/access.cc", "rule.resource"},
    {"users[].acls[].group", "fleet/access.cc", "kGroup"},
    {"users[].acls[].transactional_id", "fleet/access.cc", "kTransactionalId"},
    {"users[].acls[].operations", "fleet/access.cc", "rule.operations"},
    {"users[].quota.produce", "fleet/live/access_now.cc", "quota.produce_bytes_per_s"},
    {"users[].quota.consume", "fleet/live/access_now.cc", "quota.consume_bytes_per_s"},
    {"users[].quota.request_percent", "fleet/live/access_now.cc", "quota.request_percent"},
    {"users[].owner", "fleet/render/users_script.cc", "user.owner"},
    {"users[].description", "fleet/render/strimzi_users.cc", "user.description"},
    {"service_levels", "fleet/render/prometheus.cc", "service_levels"},
    {"service_levels[].name", "fleet/lint/hygiene.cc", "level.name"},
    {"service_levels[].cluster", "fleet/lint/hygiene.cc", "level.cluster"},
    {"service_levels[].topic", "fleet/lint/hygiene.cc", "level.topic"},
    {"service_levels[].group", "fleet/lint/hygiene.cc", "level.group"},
    {"service_levels[].availability", "fleet/render/prometheus.cc", "level.availability"},
    {"service_levels[].produce_p99", "fleet/render/prometheus.cc", "level.produce_p99_us"},
    {"service_levels[].lag_max", "fleet/lint/hygiene.cc", "level.lag_max_us"},
    {"alert_routes", "fleet/render/alertmanager.cc", "alert_routes"},
    {"alert_routes[].severity", "fleet/lint/hygiene.cc", "route.severity"},
    {"alert_routes[].owner", "fleet/lint/hygiene.cc", "route.owner"},
    {"alert_routes[].slack", "fleet/render/alertmanager.cc", "AlertRoute::Kind::kSlack"},
    {"alert_routes[].pagerduty", "fleet/render/alertmanager.cc", "\"pagerduty-\""},
    {"accepted", "fleet/lint/lint.cc", "fleet.accepted"},
    {"accepted[].rule", "fleet/lint/lint.cc", "entry.rule"},
    {"accepted[].subject", "fleet/lint/lint.cc", "entry.subject"},
    {"accepted[].because", "fleet/lint/lint.cc", "fleet.accepted[accepted].because"},
};

// Keys of `defaults` are those of the things themselves, by the same description.
std::string key_of_thing(const std::string& key) {
  constexpr std::pair<std::string_view, std::string_view> kSections[] = {
      {"defaults.cluster.", "clusters[]."},
      {"defaults.topic.", "topics[]."},
      {"defaults.producer.", "services[].produces[]."},
  };
  for (const auto& [begin, things] : kSections)
    if (key.starts_with(begin)) return std::string(things) + key.substr(begin.size());
  return "";
}

TEST(FleetKeys, EachIsReadByCodeThatIsNotTheDescription) {
  yaml::FieldTable table;
  FleetText fresh;
  describe(table, fresh);
  std::vector<yaml::FieldRow> rows = table.rows();
  for (const yaml::FieldRow& row : table.rows()) {
    const std::string thing = key_of_thing(row.key);
    if (thing.empty()) continue;
    EXPECT_TRUE(std::ranges::any_of(rows, [&](const yaml::FieldRow& other) { return other.key == thing; })) << row.key;
  }
  std::erase_if(rows, [](const yaml::FieldRow& row) { return row.key.starts_with("defaults."); });
  expect_each_key_is_read(rows, kFleetEffects, "fleet/fields");
}

}  // namespace
}  // namespace freshet::fleet
