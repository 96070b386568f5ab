// Hosts, bootstrap addresses and object names. Terraform makes the machines, Ansible reaches them, Prometheus finds
// them and Strimzi names its services: all by the names that are made here, so none may make its own.
#include "fleet/render/names.h"

#include <algorithm>

#include "base/assert.h"
#include "base/hash.h"

namespace freshet::fleet {
namespace {

constexpr std::string_view kBrokerInfix = "-";
constexpr std::string_view kControllerInfix = "-controller-";

std::string label_of(const Cluster& cluster, std::string_view infix, uint32_t number) {
  return cluster.name + std::string(infix) + std::to_string(number);
}

std::vector<Host> hosts(const Topology& topology, const Cluster& cluster, uint32_t count, uint32_t first_id,
                        std::string_view infix) {
  // Zones are dealt in turn, so that any number of first brokers is spread: bootstrap addresses, and voters of a
  // cluster without controllers of its own.
  FRESHET_ASSERT(!cluster.zones.empty());
  std::vector<Host> out;
  for (uint32_t i = 0; i < count; ++i) {
    const auto zone = static_cast<uint32_t>(i % cluster.zones.size());
    out.push_back({.node_id = first_id + i,
                   .name = label_of(cluster, infix, i + 1) + "." + dns_zone_of(topology, cluster),
                   .zone = cluster.zones[zone],
                   .zone_index = zone});
  }
  return out;
}

}  // namespace

const std::string& dns_zone_of(const Topology& topology, const Cluster& cluster) {
  return cluster.dns_zone.empty() ? topology.dns_zone : cluster.dns_zone;
}

std::string longest_label(const Cluster& cluster) {
  const bool controllers = cluster.controllers > 0;
  if (cluster.platform == Platform::kEc2) {
    return controllers ? label_of(cluster, kControllerInfix, cluster.controllers)
                       : label_of(cluster, kBrokerInfix, cluster.brokers);
  }
  // Pods are CLUSTER-POOL-ID; ids go on from pool to pool.
  return cluster.name + "-" + pool_name(cluster, !controllers) + "-" +
         std::to_string(cluster.brokers + cluster.controllers - 1);
}

std::string longest_label(const Mirror& mirror) {
  // Its service, or from 1,000 pods on a pod.
  const std::string last = std::to_string(workers_of(mirror) - 1);
  return object_name(mirror.name) + "-mirrormaker2-" + (last.size() > 3 ? last : "api");
}

std::string pool_name(const Cluster& cluster, bool of_brokers) {
  return cluster.name + (of_brokers ? "-brokers" : "-controllers");
}

uint32_t workers_of(const Mirror& mirror) {
  FRESHET_ASSERT(mirror.tasks > 0);
  return std::max(2u, (mirror.tasks + 3) / 4);
}

std::vector<Host> brokers_of(const Topology& topology, const Cluster& cluster) {
  return hosts(topology, cluster, cluster.brokers, kFirstBroker, kBrokerInfix);
}

std::vector<Host> controllers_of(const Topology& topology, const Cluster& cluster) {
  return hosts(topology, cluster, cluster.controllers, kFirstController, kControllerInfix);
}

std::vector<Host> voters_of(const Topology& topology, const Cluster& cluster) {
  // A quorum of three loses one; more voters only make each commit of metadata wait for more machines. Two voters are
  // worse than one: the loss of either stops both.
  constexpr size_t kVotersMost = 3;
  if (cluster.controllers > 0) return {};
  std::vector<Host> out = brokers_of(topology, cluster);
  FRESHET_ASSERT(!out.empty());
  out.resize(out.size() < kVotersMost ? 1 : kVotersMost);
  return out;
}

std::string bootstrap_of(const Topology& topology, const Cluster& cluster) {
  if (cluster.platform == Platform::kStrimzi) {
    return cluster.name + "-kafka-bootstrap." + cluster.kubernetes_namespace + ".svc:" + std::to_string(kKafkaPort);
  }
  constexpr size_t kBootstrapMost = 3;  // the first brokers are in different zones
  std::string out;
  const std::vector<Host> brokers = brokers_of(topology, cluster);
  for (size_t i = 0; i < std::min(brokers.size(), kBootstrapMost); ++i) {
    out += (i > 0 ? "," : "") + brokers[i].name + ":" + std::to_string(kKafkaPort);
  }
  return out;
}

std::string address_of(const Topology& topology, const Cluster& cluster) {
  return cluster.connect.bootstrap.empty() ? bootstrap_of(topology, cluster) : cluster.connect.bootstrap;
}

std::string escaped_label(std::string_view value) {
  std::string out;
  for (const char c : value) (out += c == '"' || c == '\\' ? "\\" : "") += c;
  return out;
}
std::string object_name(std::string_view text) {
  // Kubernetes' DNS subdomain names (RFC 1123). Kafka's names allow more, and two of them may differ only in what is
  // lost here; eight digits of a hash tell them apart.
  constexpr size_t kNameMost = 253;
  constexpr size_t kNameHashDigits = 8;
  const auto is_inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  std::string out;
  for (const char c : text) out += c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  for (size_t i = 0; i < out.size(); ++i) {
    const bool between = i > 0 && i + 1 < out.size() && is_inner(out[i - 1]) && is_inner(out[i + 1]);
    if (!is_inner(out[i]) && (out[i] != '.' || !between)) out[i] = '-';
  }
  if (out == text && out.size() <= kNameMost && !out.empty() && out.front() != '-' && out.back() != '-') return out;
  out.resize(std::min(out.size(), kNameMost - kNameHashDigits - 3));
  if (out.empty() || out.front() == '-') out.insert(0, "x");
  while (out.back() == '-' || out.back() == '.') out.pop_back();
  FRESHET_ASSERT(!out.empty() && out.size() + kNameHashDigits + 1 <= kNameMost);
  return out + "-" + hash128(text).hex().substr(0, kNameHashDigits);
}

}  // namespace freshet::fleet
