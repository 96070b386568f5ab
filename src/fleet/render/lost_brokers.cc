// Read back from what was rendered, by whichever release. Of HCL that takes no parser: a line has a key and its value,
// or opens or closes a map.
#include "fleet/render/lost_brokers.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>

#include "base/text.h"
#include "fleet/render/documents.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

// ---- What both platforms say ----------------------------------------------------------------------------------------

int64_t leading_number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

constexpr std::string_view kQuorum = "a quorum counts them until it is told otherwise";

// "volumes of 100 GiB instead of 500 GiB: …"; what is not known, or not there any more, is not compared.
void compare_volumes(const std::string& cluster, int64_t count_was, int64_t count_is, int64_t gib_was, int64_t gib_is,
                     std::string_view who, std::vector<std::string>& out) {
  if (count_is > 0 && count_is < count_was)
    out.push_back(cluster + ": brokers have " + plural(static_cast<uint64_t>(count_is), "volume") + " instead of " +
                  std::to_string(count_was) + ": what lies on the others is given up");
  if (gib_is > 0 && gib_is < gib_was)
    out.push_back(cluster + ": volumes of " + std::to_string(gib_is) + " GiB instead of " + std::to_string(gib_was) +
                  " GiB: " + std::string(who) + " makes none smaller");
}

// ---- EC2 ------------------------------------------------------------------------------------------------------------

std::string unquoted(std::string_view text) {
  if (text.size() >= 2 && text.starts_with('"') && text.ends_with('"')) text = text.substr(1, text.size() - 2);
  return std::string(text);
}

// By their path, "inputs/volumes/size_gib".
std::map<std::string, std::string> values_in(std::string_view hcl) {
  std::map<std::string, std::string> out;
  std::vector<std::string> path;
  while (!hcl.empty()) {
    const size_t end = std::min(hcl.find('\n'), hcl.size());
    const std::string_view line = trim(hcl.substr(0, end));
    hcl.remove_prefix(std::min(end + 1, hcl.size()));
    const size_t equals = line.find('=');
    const std::string key = unquoted(trim(line.substr(0, std::min(equals, line.size()))));
    if (line == "}") {
      if (!path.empty()) path.pop_back();
    } else if (line.ends_with('{')) {
      path.push_back(key);
    } else if (equals != line.npos && !line.starts_with('#')) {
      path.push_back(key);
      out[joined(path, "/")] = std::string(trim(line.substr(equals + 1)));
      path.pop_back();
    }
  }
  return out;
}

struct RenderedHost {
  std::string id, zone;
  bool is_broker = true;
  int64_t volumes = 0;
};

struct RenderedMachines {
  std::string cluster;
  int64_t size_gib = 0;
  std::map<std::string, RenderedHost> hosts;  // by their names in the state
};

RenderedMachines machines_in(std::string_view hcl) {
  constexpr std::string_view kHosts = "inputs/hosts/";
  const std::map<std::string, std::string> values = values_in(hcl);
  const auto value = [&](const std::string& path) {
    const auto found = values.find(path);
    return found == values.end() ? "" : found->second;
  };
  RenderedMachines out{unquoted(value("inputs/cluster")), leading_number(value("inputs/volumes/size_gib")), {}};
  for (const auto& [path, text] : values) {
    const size_t slash = path.rfind('/');
    if (!path.starts_with(kHosts) || slash < kHosts.size()) continue;
    RenderedHost& host = out.hosts[path.substr(kHosts.size(), slash - kHosts.size())];
    const std::string key = path.substr(slash + 1);
    if (key == "node_id") host.id = text;
    if (key == "zone") host.zone = unquoted(text);
    if (key == "role") host.is_broker = unquoted(text) == "broker";
    if (key == "log_dirs") host.volumes = std::ranges::count(text, '"') / 2;
  }
  return out;
}

int64_t volumes_of(const RenderedMachines& machines) {
  int64_t most = 0;
  for (const auto& [name, host] : machines.hosts) most = std::max(most, host.volumes);
  return most;
}

// A machine makes file systems and mounts them at its first start (disks.sh.tftpl), and is not made anew for others.
void add_left_to_do(const std::string& cluster, const RenderedMachines& was, const RenderedMachines& is,
                    std::vector<std::string>& out) {
  if (volumes_of(is) > volumes_of(was) && volumes_of(was) > 0)
    out.push_back(cluster + ": brokers have " + plural(static_cast<uint64_t>(volumes_of(is)), "volume") +
                  " instead of " + std::to_string(volumes_of(was)) +
                  ": machines that run mount none by themselves, and until somebody has, their log directories lie on "
                  "the root volume");
  if (is.size_gib > was.size_gib && was.size_gib > 0)
    out.push_back(cluster + ": volumes of " + std::to_string(is.size_gib) + " GiB instead of " +
                  std::to_string(was.size_gib) + " GiB: file systems stay as large as they are until somebody grows " +
                  "them (xfs_growfs)");
}

// ---- Kubernetes -----------------------------------------------------------------------------------------------------

struct RenderedPools {
  std::string cluster;
  int64_t brokers = 0, controllers = 0;  // controllers of their own
  int64_t volumes = 0, size_gib = 0;
};

void add_pool(const yaml::Node& resource, RenderedPools& out) {
  const yaml::Node* kind = resource.find("kind");
  const yaml::Node* replicas = resource.find({"spec", "replicas"});
  const yaml::Node* roles = resource.find({"spec", "roles"});
  if (kind == nullptr || kind->text != "KafkaNodePool" || replicas == nullptr || roles == nullptr) return;
  if (const yaml::Node* cluster = resource.find({"metadata", "labels", "strimzi.io/cluster"}); cluster != nullptr)
    out.cluster = cluster->text;
  const bool of_brokers = std::ranges::find(roles->items, "broker", &yaml::Node::text) != roles->items.end();
  (of_brokers ? out.brokers : out.controllers) += leading_number(replicas->text);
  const yaml::Node* volumes = resource.find({"spec", "storage", "volumes"});
  if (!of_brokers || volumes == nullptr || volumes->items.empty()) return;
  out.volumes = static_cast<int64_t>(volumes->items.size());
  if (const yaml::Node* size = volumes->items.front().find("size"); size != nullptr && size->text.ends_with("Gi"))
    out.size_gib = leading_number(size->text);
}

RenderedPools pools_in(std::string_view file) {
  RenderedPools out;
  for (const yaml::Node& resource : documents_in(file)) add_pool(resource, out);
  return out;
}

}  // namespace

std::vector<std::string> lost_machines(std::string_view old_inputs, std::string_view new_inputs) {
  const RenderedMachines was = machines_in(old_inputs);
  const RenderedMachines is = machines_in(new_inputs);
  if (was.hosts.empty()) return {};
  const std::string cluster = "cluster " + was.cluster;
  if (is.hosts.empty())
    return {cluster + " is gone: its " + plural(was.hosts.size(), "machine") +
            " and their volumes are in no file any more, and stay until somebody destroys them"};
  std::vector<std::string> brokers, controllers, moved, out;
  for (const auto& [name, host] : was.hosts) {
    const auto found = is.hosts.find(name);
    if (found == is.hosts.end()) {
      (host.is_broker ? brokers : controllers).push_back(host.id);
    } else if (found->second.zone != host.zone) {
      moved.push_back(name);
    }
  }
  if (!brokers.empty())
    out.push_back(cluster + ": brokers " + joined(brokers, ", ") +
                  " are taken out: move what they have first (`freshet " + "fleet rebalance --drain " +
                  joined(brokers, ",") + "`); Terraform refuses to destroy their volumes");
  if (!controllers.empty())
    out.push_back(cluster + ": controllers " + joined(controllers, ", ") + " are taken out: " + std::string(kQuorum));
  if (!moved.empty())
    out.push_back(cluster + ": " + joined(moved, ", ") +
                  " would stand in another zone: machines and volumes are made " +
                  "anew for that, and Terraform refuses to destroy volumes");
  compare_volumes(cluster, volumes_of(was), volumes_of(is), was.size_gib, is.size_gib, "EBS", out);
  add_left_to_do(cluster, was, is, out);
  return out;
}

std::vector<std::string> lost_units(std::string_view mirror, std::string_view old_playbook,
                                    std::string_view new_playbook) {
  const auto port_in = [](std::string_view playbook) {
    constexpr std::string_view kListen = "--listen 0.0.0.0:";
    const size_t at = playbook.find(kListen);
    return at == playbook.npos ? 0 : leading_number(playbook.substr(at + kListen.size()));
  };
  const std::string name = "mirror " + std::string(mirror);
  const int64_t was = port_in(old_playbook), is = port_in(new_playbook);
  if (new_playbook.empty() && was > 0)
    return {name + " is gone: its units on the brokers run on, and copy, until somebody stops them"};
  if (is == 0 || was == 0 || is == was) return {};
  return {name + " has port " + std::to_string(is) + " instead of " + std::to_string(was) +
          ": run its playbook, or another mirror's figures are taken for its own"};
}

std::vector<std::string> lost_pods(std::string_view old_resources, std::string_view new_resources) {
  const RenderedPools was = pools_in(old_resources);
  const RenderedPools is = pools_in(new_resources);
  if (was.brokers == 0) return {};
  const std::string cluster = "cluster " + was.cluster;
  if (is.brokers == 0)
    return {cluster + " is gone: what makes resources of it deletes its brokers, whose volumes stay"};
  std::vector<std::string> out;
  if (is.brokers < was.brokers)
    out.push_back(cluster + ": " + plural(static_cast<uint64_t>(is.brokers), "broker") + " instead of " +
                  std::to_string(was.brokers) + ": move what the others have first (`freshet fleet rebalance " +
                  "--drain`); Strimzi's operator takes away none that has replicas");
  if (is.controllers < was.controllers)
    out.push_back(cluster + ": " + plural(static_cast<uint64_t>(is.controllers), "controller") + " instead of " +
                  std::to_string(was.controllers) + ": " + std::string(kQuorum));
  compare_volumes(cluster, was.volumes, is.volumes, was.size_gib, is.size_gib, "Strimzi's operator", out);
  return out;
}

}  // namespace freshet::fleet
