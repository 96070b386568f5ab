// These are inventories for Confluent's collection cp-ansible, which installs the community edition of Kafka on
// machines, too. Its variables are those of its own documentation (release 7.x); what it has a default for that we
// want, too, is left out.
#include "fleet/render/ansible.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/assert.h"
#include "fleet/access.h"
#include "fleet/broker_settings.h"
#include "fleet/kafka_version.h"
#include "fleet/plan/prices.h"
#include "fleet/render/files.h"
#include "fleet/render/names.h"
#include "fleet/render/terraform.h"
#include "fleet/render/users_script.h"
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

// "User:admin;User:ops"; principals of brokers among them: cp-ansible's SCRAM user, or the certificates' names, which
// whoever makes the certificates knows.
std::string super_users_of(const Cluster& cluster) {
  std::string out = scram_mechanism_of(cluster).empty() ? "" : "User:kafka";
  for (const std::string& user : cluster.security.super_users)
    out += (out.empty() ? "" : ";") + principal_of(cluster, user);
  return out;
}

// Of brokers and controllers alike: both refuse. A certificate's CN alone is the principal, as ACLs are written.
std::map<std::string, std::string> authorizer_of(const Cluster& cluster) {
  std::map<std::string, std::string> out = {
      {"allow.everyone.if.no.acl.found", "false"},
      {"authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer"},
  };
  if (const std::string users = super_users_of(cluster); !users.empty()) out["super.users"] = users;
  if (cluster.security.authentication == Authentication::kCertificates)
    out["ssl.principal.mapping.rules"] = "RULE:^CN=([^,]+).*$/CN=$1/,DEFAULT";
  return out;
}

// Ansible evaluates what stands in its variables (Jinja), wherever the text came from, unless it is told not to.
yaml::Node literal(std::string_view value) {
  for (const std::string_view opening : {"{{", "{%", "{#"})
    if (value.find(opening) != std::string_view::npos) return yaml::tagged("!unsafe", value);
  return yaml::text(value);
}

// Numbers and truth values stand as such, as somebody would write them.
yaml::Node settings_map(const std::map<std::string, std::string>& settings) {
  yaml::Node out = map();
  for (const auto& [name, value] : settings)
    yaml::put(out, name, is_plain_value(value) ? yaml::plain(value) : literal(value));
  return out;
}

// cp-ansible's words for it.
void put_security(const Cluster& cluster, yaml::Node& out) {
  if (cluster.security.transport == Transport::kTls) yaml::put(out, "ssl_enabled", true);
  switch (cluster.security.authentication) {
    case Authentication::kAnonymous: return;
    case Authentication::kScramSha256: return yaml::put(out, "sasl_protocol", "scram256");
    case Authentication::kScramSha512: return yaml::put(out, "sasl_protocol", "scram");
    case Authentication::kCertificates: return yaml::put(out, "ssl_client_authentication", "required");
  }
}

// As plans count (docs/fleet/plan.md): cp-ansible's own default is a gigabyte, whatever the machine. Of a machine that
// is not known it is left to that.
void put_heap(const Cluster& cluster, yaml::Node& out) {
  const Prices& prices = default_prices();
  const InstancePrice* const machine = prices.find_instance(cluster.instance);
  if (machine == nullptr) return;
  const auto mib = static_cast<uint64_t>(std::min(prices.heap_bytes_max, machine->memory_bytes / 2) / (1 << 20));
  yaml::put(out, "kafka_broker_service_environment_overrides",
            map("KAFKA_HEAP_OPTS", fmt::format("-Xms{0}m -Xmx{0}m", mib)));
}

yaml::Node variables(const Cluster& cluster) {
  const std::string rules = "{{ inventory_dir }}/../../jmx/kafka.yml";
  yaml::Node out = map("ansible_become", true, "ansible_connection", "ssh", "confluent_server_enabled", false);
  const std::string version = confluent_version(cluster.kafka_version);
  if (!version.empty()) yaml::put(out, "confluent_package_version", version + ".0");
  yaml::put(out, "default_internal_replication_factor", default_replication(cluster));
  yaml::put(out, "jmxexporter_enabled", true);
  yaml::put(out, "kafka_broker_jmxexporter_port", kBrokerExporterPort);
  yaml::put(out, "kafka_broker_jmxexporter_config_source_path", rules);
  put_heap(cluster, out);
  yaml::put(out, "kafka_controller_jmxexporter_port", kControllerExporterPort);
  yaml::put(out, "kafka_controller_jmxexporter_config_source_path", rules);
  put_security(cluster, out);
  return out;
}

// What the file says of all of them, as cp-ansible gives it to a host's process.
std::map<std::string, std::string> settings_of_cluster(const Cluster& cluster) {
  std::map<std::string, std::string> all = broker_settings_of(cluster);
  all.merge(own_topics_of(cluster));
  if (is_guarded(cluster)) all.merge(authorizer_of(cluster));
  return all;
}

// All of them with each host: a dictionary of a host replaces its group's, they are not merged.
yaml::Node properties(const Cluster& cluster, const Host& host) {
  std::map<std::string, std::string> all = settings_of_cluster(cluster);
  all["broker.rack"] = host.zone;
  all["log.dirs"] = log_dirs(cluster);
  return settings_map(all);
}

yaml::Node brokers(const std::vector<Host>& hosts, const Cluster& cluster) {
  yaml::Node out = map();
  for (const Host& host : hosts) {
    yaml::put(out, host.name,
              map("broker_id", host.node_id, "kafka_broker_custom_properties", properties(cluster, host)));
  }
  return map("hosts", std::move(out));
}

// Without controllers of their own the first brokers' machines run one too, as cp-ansible's second service. Controllers
// get the brokers' settings, which cp-ansible keeps apart: it is they who make topics, with their own replicas and
// partitions where nobody says how many, who refuse or allow tiered ones, and who elect leaders. What is for brokers
// alone they pass over.
yaml::Node controllers(const Topology& topology, const Cluster& cluster) {
  yaml::Node hosts = map();
  const yaml::Node settings = settings_map(settings_of_cluster(cluster));
  for (const Host& host : controllers_of(topology, cluster))
    yaml::put(hosts, host.name, map("node_id", host.node_id, "kafka_controller_custom_properties", settings));
  for (const Host& host : voters_of(topology, cluster))
    yaml::put(hosts, host.name, map("kafka_controller_custom_properties", settings));
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
  // Kafka 3.x is in Confluent Platform 7.x, 4.x in 8.x, with the same second number. A release of Kafka comes months
  // before the one of theirs that carries it, so each has a last one that is known.
  struct Known {
    std::string_view kafka, confluent;
    std::pair<uint32_t, uint32_t> last;
  };
  constexpr std::array<Known, 2> kKnown = {{{"3.", "7.", {3, 9}}, {"4.", "8.", {4, 2}}}};
  for (const Known& known : kKnown) {
    if (!kafka_version.starts_with(known.kafka) || parse_version(kafka_version) > known.last) continue;
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
    render_users_script(topology, i, source, out);
  }
  if (any) {
    out.files.push_back(
        {"ansible/fleet-watch.yml", "---\n" + comment_header(source) + std::string(kFleetWatchPlaybook)});
    out.files.push_back(
        {"ansible/node-exporter.yml", "---\n" + comment_header(source) + std::string(kNodeExporterPlaybook)});
  }
}

}  // namespace freshet::fleet
