// The module is a fixed file (render/files), and each cluster is an input of it: what differs between clusters is data
// that a person can read, and a change of the module is a change in one place.
#include "fleet/render/terraform.h"

#include <set>

#include "base/assert.h"
#include "base/text.h"
#include "fleet/fields.h"
#include "fleet/render/files.h"
#include "fleet/render/hcl.h"
#include "fleet/render/names.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

constexpr uint64_t kMib = 1ull << 20;

// A machine is called by its first label in the state: another dns_zone must not destroy and make it anew.
std::string short_name(const Host& host) { return host.name.substr(0, host.name.find('.')); }

yaml::Node host_input(const Host& host, const Cluster& cluster, bool is_broker) {
  yaml::Node log_dirs = yaml::list();
  for (uint32_t i = 0; is_broker && i < cluster.volumes.count; ++i) log_dirs.items.push_back(yaml::text(mount_of(i)));
  return yaml::map("fqdn", host.name, "role", is_broker ? "broker" : "controller", "node_id", host.node_id, "zone",
                   host.zone, "instance_type", is_broker ? cluster.instance : cluster.controller_instance, "log_dirs",
                   std::move(log_dirs));
}

// The provider refuses iops for gp2 and st1, and throughput for all but gp3.
bool takes_iops(const Volumes& volumes) {
  return volumes.type == "gp3" || volumes.type == "io1" || volumes.type == "io2";
}
bool takes_throughput(const Volumes& volumes) { return volumes.type == "gp3"; }

yaml::Node volumes_input(const Volumes& volumes) {
  // Only what the type lets one choose is written. Sizes are rounded up to what EBS sells.
  yaml::Node out = yaml::map("type", volumes.type, "size_gib", (volumes.size_bytes + kGiB - 1) / kGiB);
  if (takes_iops(volumes)) yaml::put(out, "iops", volumes.iops);
  if (takes_throughput(volumes)) {
    yaml::put(out, "throughput_mib", (volumes.throughput_bytes_per_s + kMib - 1) / kMib);
  }
  return out;
}

std::string cluster_file(const Topology& topology, const Cluster& cluster, const Source& source) {
  yaml::Node hosts = yaml::map();
  for (const Host& host : brokers_of(topology, cluster))
    yaml::put(hosts, short_name(host), host_input(host, cluster, true));
  for (const Host& host : controllers_of(topology, cluster)) {
    yaml::put(hosts, short_name(host), host_input(host, cluster, false));
  }
  const HclBlock include = {.type = "include",
                            .labels = {"root"},
                            .attributes = yaml::map("path", yaml::plain("find_in_parent_folders(\"root.hcl\")"))};
  const HclBlock module = {.type = "terraform", .attributes = yaml::map("source", "../../modules/kafka-cluster")};
  const yaml::Node inputs =
      yaml::map("inputs", yaml::map("fleet", topology.name, "cluster", cluster.name, "owner", cluster.owner, "dns_zone",
                                    dns_zone_of(topology, cluster), "volumes", volumes_input(cluster.volumes), "hosts",
                                    std::move(hosts)));
  return comment_header(source) + write_hcl(yaml::map(), {include, module}) + "\n" + write_hcl(inputs, {});
}

// Older providers refuse what EBS sells since 2025 (terraform-provider-aws, pull request 44514).
void note_provider(const Cluster& cluster, std::vector<std::string>& notes) {
  constexpr uint64_t kMibPerSOfOlder = 1000;
  if (cluster.volumes.type != "gp3" || cluster.volumes.throughput_bytes_per_s <= kMibPerSOfOlder * kMib) return;
  notes.push_back("cluster " + cluster.name + ": throughput above 1000MiB needs the AWS provider 6.17 or a later one");
}

void note_ignored(const Cluster& cluster, std::vector<std::string>& notes) {
  std::vector<std::string> keys;
  if (cluster.volumes_where.has("iops") && !takes_iops(cluster.volumes)) keys.emplace_back("iops");
  if (cluster.volumes_where.has("throughput") && !takes_throughput(cluster.volumes)) keys.emplace_back("throughput");
  if (!keys.empty())
    notes.push_back("cluster " + cluster.name + ": volumes of type " + cluster.volumes.type + " take no " +
                    joined(keys, ", ") + ": what the file says of it is not rendered");
}

// Brokers let in their own network unless they are told of others, and a mirror runs beside its target.
void note_networks(const Topology& topology, std::vector<std::string>& notes) {
  std::set<std::pair<Index, Index>> told;  // cluster and region
  for (const Mirror& mirror : topology.mirrors) {
    const Cluster& from = topology.clusters[mirror.from];
    const Index region = topology.clusters[mirror.to].region;
    if (from.platform != Platform::kEc2 || from.region == region || !told.emplace(mirror.from, region).second) continue;
    notes.push_back("cluster " + from.name + ": brokers let in their own network only: name that of " +
                    topology.regions[region].name + ", where it is mirrored to, when its Terraform is applied " +
                    "(TF_VAR_client_cidrs)");
  }
}

}  // namespace

std::string mount_of(uint32_t volume) { return "/var/lib/kafka/disk" + std::to_string(volume + 1); }

void render_terraform(const Topology& topology, const Source& source, Rendering& out) {
  std::set<Index> regions;
  for (const Cluster& cluster : topology.clusters) {
    if (cluster.platform != Platform::kEc2) continue;
    note_provider(cluster, out.notes);
    note_ignored(cluster, out.notes);
    const std::string region = topology.regions[cluster.region].name;
    if (regions.insert(cluster.region).second) {
      const HclBlock locals = {.type = "locals", .attributes = yaml::map("region", region)};
      out.files.push_back(
          {"terraform/" + region + "/region.hcl", comment_header(source) + write_hcl(yaml::map(), {locals})});
    }
    out.files.push_back(
        {"terraform/" + region + "/" + cluster.name + "/terragrunt.hcl", cluster_file(topology, cluster, source)});
  }
  if (regions.empty()) return;
  note_networks(topology, out.notes);
  for (const FixedFile& file : kTerraformFiles) {
    const bool is_root = file.name == kTerraformFiles.front().name;
    const bool is_script = file.text.starts_with("#!");  // its first line must stay the first
    FRESHET_ASSERT(!is_script || file.text.find('\n') != std::string_view::npos);
    const size_t first_line = is_script ? file.text.find('\n') + 1 : 0;
    out.files.push_back({(is_root ? "terraform/" : "terraform/modules/kafka-cluster/") + std::string(file.name),
                         std::string(file.text.substr(0, first_line)) + comment_header(source) +
                             std::string(file.text.substr(first_line))});
  }
}

}  // namespace freshet::fleet
