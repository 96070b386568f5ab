// These are inventories for Confluent's collection cp-ansible, which installs the community edition of Kafka on
// machines, too. Its variables are those of its own documentation (release 7.x); what it has a default for that we
// want, too, is left out.
#include "fleet/render/ansible.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "fleet/kafka_version.h"
#include "fleet/render/files.h"
#include "fleet/render/names.h"
#include "fleet/render/terraform.h"
#include "fleet/text.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::map;

std::string log_dirs(const Cluster& cluster) {
  std::string out;
  for (uint32_t i = 0; i < cluster.volumes.count; ++i) out += (i > 0 ? "," : "") + mount_of(i) + "/kafka";
  return out;
}

// Kafka's own topics have so many replicas, and others that are made without saying how many.
uint32_t default_replication(const Cluster& cluster) { return std::min(cluster.brokers, 3u); }

yaml::Node variables(const Cluster& cluster) {
  const std::string rules = "{{ inventory_dir }}/../../jmx/kafka.yml";
  yaml::Node out = map("ansible_become", true, "ansible_connection", "ssh", "confluent_server_enabled", false);
  const std::string version = confluent_version(cluster.kafka_version);
  if (!version.empty()) yaml::put(out, "confluent_package_version", version + ".0");
  yaml::put(out, "default_internal_replication_factor", default_replication(cluster));
  yaml::put(out, "jmxexporter_enabled", true);
  yaml::put(out, "kafka_broker_jmxexporter_port", kBrokerExporterPort);
  yaml::put(out, "kafka_broker_jmxexporter_config_source_path", rules);
  yaml::put(out, "kafka_controller_jmxexporter_port", kControllerExporterPort);
  yaml::put(out, "kafka_controller_jmxexporter_config_source_path", rules);
  return out;
}

// All of them with each host: a dictionary of a host replaces its group's, they are not merged.
// These settings replace what Kafka's defaults get wrong for a cluster that must not lose anything: topics that a typo
// creates, replicas all in one rack, one replica, and leaders that lack messages. All of them are with each host: a
// dictionary of a host replaces its group's, they are not merged.
yaml::Node properties(const Cluster& cluster, const Host& host) {
  const uint32_t replication = default_replication(cluster);
  return map("auto.create.topics.enable", false, "broker.rack", host.zone, "default.replication.factor", replication,
             "log.dirs", log_dirs(cluster), "min.insync.replicas", replication > 2 ? 2 : 1,
             "unclean.leader.election.enable", false);
}

yaml::Node brokers(const std::vector<Host>& hosts, const Cluster& cluster) {
  yaml::Node out = map();
  for (const Host& host : hosts) {
    yaml::put(out, host.name,
              map("broker_id", host.node_id, "kafka_broker_custom_properties", properties(cluster, host)));
  }
  return map("hosts", std::move(out));
}

// Without controllers of their own the first brokers' machines run one too, as cp-ansible's second service.
yaml::Node controllers(const Topology& topology, const Cluster& cluster) {
  yaml::Node hosts = map();
  for (const Host& host : controllers_of(topology, cluster)) yaml::put(hosts, host.name, map("node_id", host.node_id));
  for (const Host& host : voters_of(topology, cluster)) yaml::put(hosts, host.name, yaml::Node{});
  return map("hosts", std::move(hosts));
}

// Brokers make no topic by themselves (auto.create.topics.enable is false), and what is rendered for EC2 does not,
// either.
void note_topics(const Topology& topology, Index cluster, std::vector<std::string>& notes) {
  const auto topics =
      std::ranges::count_if(topology.topics, [&](const Topic& topic) { return topic.cluster == cluster; });
  if (topics == 0) return;
  notes.push_back(
      fmt::format("cluster {}: nothing that is rendered makes its {}, as it is on EC2: topics are "
                  "rendered for Strimzi only. `freshet fleet apply` makes them",
                  topology.clusters[cluster].name, plural(static_cast<uint64_t>(topics), "topic")));
}

}  // namespace

std::string confluent_version(std::string_view kafka_version) {
  // Confluent's table "Supported versions and interoperability" has the pairs.
  // Kafka 3.x is in Confluent Platform 7.x, 4.x in 8.x, with the same second number.
  struct Known {
    std::string_view kafka, confluent;
  };
  constexpr std::array<Known, 2> kKnown = {{{"3.", "7."}, {"4.", "8."}}};
  for (const Known& known : kKnown) {
    if (!is_released(kafka_version) || !kafka_version.starts_with(known.kafka)) continue;
    const std::string_view minor = kafka_version.substr(2, kafka_version.find('.', 2) - 2);
    return std::string(known.confluent) + std::string(minor);
  }
  return "";
}

void render_ansible(const Topology& topology, const Source& source, Rendering& out) {
  bool any = false;
  for (Index i = 0; i < topology.clusters.size(); ++i) {
    const Cluster& cluster = topology.clusters[i];
    if (cluster.platform != Platform::kEc2) continue;
    any = true;
    note_topics(topology, i, out.notes);
    if (confluent_version(cluster.kafka_version).empty()) {
      out.notes.push_back("cluster " + cluster.name + ": no Confluent Platform is known to carry Kafka " +
                          cluster.kafka_version + ": the inventory leaves confluent_package_version to cp-ansible");
    }
    const yaml::Node inventory =
        map("all", map("vars", variables(cluster)), "kafka_controller", controllers(topology, cluster), "kafka_broker",
            brokers(brokers_of(topology, cluster), cluster));
    out.files.push_back(
        {"ansible/" + cluster.name + "/hosts.yml", "---\n" + comment_header(source) + yaml::write(inventory)});
  }
  if (any) {
    out.files.push_back(
        {"ansible/lag-exporter.yml", "---\n" + comment_header(source) + std::string(kLagExporterPlaybook)});
    out.files.push_back(
        {"ansible/node-exporter.yml", "---\n" + comment_header(source) + std::string(kNodeExporterPlaybook)});
  }
}

}  // namespace freshet::fleet
