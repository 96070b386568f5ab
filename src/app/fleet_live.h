// What the fleet's commands that touch living clusters share: which clusters, and how they are reached.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/admin/connection.h"
#include "cluster/protocol/client.h"
#include "fleet/live/access_now.h"
#include "fleet/live/brokers.h"
#include "fleet/topology.h"

namespace CLI {
class App;
}

namespace freshet::app {

// How one cluster is reached, instead of what fleet.yaml says.
struct ReachOptions {
  std::string bootstrap;   // "": as the file says
  std::string properties;  // path of a file of properties; "": as the file says
};
void add_reach_options(CLI::App& command, ReachOptions& options);

// A cluster of the file and the way to the living one.
struct Reachable {
  fleet::Index cluster = fleet::kNone;
  cluster::Connection connection;
};
// Of the cluster with this name; "": of all. kInvalid: there is no such cluster, a variable or file is missing, or one
// address is given for several clusters.
[[nodiscard]] Result<std::vector<Reachable>> reachable(const fleet::Topology& topology, const std::string& name,
                                                       const ReachOptions& options);
// By Kafka's protocol. kInvalid: it is not the cluster of this id ("": any will do).
[[nodiscard]] Result<std::unique_ptr<cluster::protocol::Client>> open_protocol(const cluster::Connection& reach,
                                                                               const std::string& cluster_name,
                                                                               const std::string& wanted_id);
// Who may do what on it, and the way to change it.
[[nodiscard]] Result<std::unique_ptr<fleet::Access>> open_access(const fleet::Topology& topology, const Reachable& one);
// What its brokers are set to, likewise.
[[nodiscard]] Result<std::unique_ptr<fleet::Brokers>> open_brokers(const fleet::Topology& topology,
                                                                   const Reachable& one);
// Without a file. REQUIRES: a bootstrap.
[[nodiscard]] Result<cluster::Connection> connection_without_file(const ReachOptions& options);

// Prints the error, "freshet fleet COMMAND: …" or a JSON object, and returns the exit status.
[[nodiscard]] int report_fleet_error(std::string_view command, const Error& error, bool json);

}  // namespace freshet::app
