// Names that several targets must agree on: hosts, Kubernetes objects, receivers.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/topology.h"

namespace freshet::fleet {

// Node ids: brokers from 1, controllers of their own from 9991, as cp-ansible numbers them.
inline constexpr uint32_t kFirstBroker = 1;
inline constexpr uint32_t kFirstController = 9991;

// A host is a machine of a cluster on EC2.
struct Host {
  uint32_t node_id = 0;
  std::string name;  // fully qualified
  std::string zone;
  uint32_t zone_index = 0;  // in the zones of its cluster
};

// The longest first label of the cluster's hosts (EC2) or of its pods' names, which are their hosts' names (Strimzi).
// No label may have more than kLabelMost characters (RFC 1035).
[[nodiscard]] std::string longest_label(const Cluster& cluster);
// Likewise of the pods of the Connect cluster that runs the mirror, in Kubernetes, and of its service.
[[nodiscard]] std::string longest_label(const Mirror& mirror);
inline constexpr size_t kLabelMost = 63;
inline constexpr size_t kHostNameMost = 253;

// Strimzi's KafkaNodePool of the brokers, or of the controllers.
[[nodiscard]] std::string pool_name(const Cluster& cluster, bool of_brokers);
// Workers of a mirror: two at least, so that one may be lost; one runs about four tasks well.
[[nodiscard]] uint32_t workers_of(const Mirror& mirror);

// On EC2, in the order of their ids.
[[nodiscard]] std::vector<Host> brokers_of(const Topology& topology, const Cluster& cluster);
[[nodiscard]] std::vector<Host> controllers_of(const Topology& topology, const Cluster& cluster);  // of their own
// The brokers whose machines run a controller, too: of a cluster without controllers of its own. Else empty.
[[nodiscard]] std::vector<Host> voters_of(const Topology& topology, const Cluster& cluster);

// A label's value as it stands between double quotes in PromQL, in a matcher of Alertmanager and in promtool's series.
// A quote or a backslash that is not escaped would end the string early, and the file would not load.
[[nodiscard]] std::string escaped_label(std::string_view value);
// "host:9092,host:9092,…" (EC2, up to three brokers of different zones) or the bootstrap service (Strimzi).
[[nodiscard]] std::string bootstrap_of(const Topology& topology, const Cluster& cluster);
// Where mirrors find it: as `connect` says, else as it is rendered.
[[nodiscard]] std::string address_of(const Topology& topology, const Cluster& cluster);

// A Kubernetes object's name for `text`: lower case letters, digits, '-' and '.', at most 253; where that loses
// something, a hash of the text is appended, so that different texts have different names.
[[nodiscard]] std::string object_name(std::string_view text);

// The fleet's own dns_zone unless the cluster has one.
[[nodiscard]] const std::string& dns_zone_of(const Topology& topology, const Cluster& cluster);

// These ports are in security groups, inventories, scrape jobs and bootstrap addresses; all must say the same.
inline constexpr uint32_t kKafkaPort = 9092;
inline constexpr uint32_t kBrokerExporterPort = 8080;      // cp-ansible's default
inline constexpr uint32_t kControllerExporterPort = 8079;  // likewise
inline constexpr uint32_t kNodeExporterPort = 9100;        // Debian's default
inline constexpr uint32_t kWatchPort = 9308;               // of fleet watch, as its documentation has it

}  // namespace freshet::fleet
