#include "app/fleet_live.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/config.h"
#include "app/json_output.h"
#include "env/file.h"
#include "fleet/live/connection.h"
#include "fleet/live/kafka_access.h"
#include "fleet/live/kafka_brokers.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

// What the options say of properties replaces what the file says of them, as a whole: two halves of credentials are
// none.
Status take_properties(const ReachOptions& options, cluster::Connection& connection) {
  if (options.properties.empty()) return {};
  const auto text = env::read_file(options.properties);
  if (!text || text->empty())
    return fail(Code::kInvalid, options.properties + ": can't be read, or is empty: it must have lines NAME=VALUE");
  auto properties = cluster::parse_properties(*text);
  if (!properties) return fail(Code::kInvalid, options.properties + ": " + properties.error().message);
  if (const Status right = cluster::check_properties(*properties); !right)
    return fail(Code::kInvalid, options.properties + ": " + right.error().message);
  connection.properties = *std::move(properties);
  return {};
}

std::vector<std::string> names_of_clusters(const fleet::Topology& topology) {
  std::vector<std::string> out;
  for (const fleet::Cluster& cluster : topology.clusters) out.push_back(cluster.name);
  return out;
}

}  // namespace

void add_reach_options(CLI::App& command, ReachOptions& options) {
  command.add_option("--bootstrap", options.bootstrap,
                     "Brokers to ask first, HOST:PORT,HOST:PORT, instead of the file's");
  command.add_option("--properties", options.properties,
                     "A file of librdkafka's properties, NAME=VALUE lines, instead of the file's");
}

Result<cluster::Connection> connection_without_file(const ReachOptions& options) {
  cluster::Connection out;
  out.bootstrap = options.bootstrap;
  FRESHET_TRY(take_properties(options, out));
  return out;
}

Result<std::unique_ptr<cluster::protocol::Client>> open_protocol(const cluster::Connection& reach,
                                                                 const std::string& cluster_name,
                                                                 const std::string& wanted_id) {
  cluster::protocol::ConnectionOptions options;
  FRESHET_ASSIGN(options.security, cluster::protocol::security_of(reach.properties));
  options.client_id = reach.client_id;
  options.timeout_us = reach.timeout_us;
  FRESHET_ASSIGN(auto client, cluster::protocol::Client::open(reach.bootstrap, options));
  if (!wanted_id.empty() && client->cluster_id() != wanted_id)
    return fail(Code::kInvalid, fmt::format("{} must be cluster {}, and the brokers are of {}: nothing was done",
                                            cluster_name, wanted_id, client->cluster_id()));
  return client;
}

// ACLs and quotas are asked by Kafka's protocol itself: librdkafka has no requests for quotas.
Result<std::unique_ptr<fleet::Access>> open_access(const fleet::Topology& topology, const Reachable& one) {
  const fleet::Cluster& cluster = topology.clusters[one.cluster];
  FRESHET_ASSIGN(auto client, open_protocol(one.connection, cluster.name, cluster.connect.cluster_id));
  return std::make_unique<fleet::KafkaAccess>(std::move(client), process_environment());
}

Result<std::unique_ptr<fleet::Brokers>> open_brokers(const fleet::Topology& topology, const Reachable& one) {
  const fleet::Cluster& cluster = topology.clusters[one.cluster];
  FRESHET_ASSIGN(auto client, open_protocol(one.connection, cluster.name, cluster.connect.cluster_id));
  return std::make_unique<fleet::KafkaBrokers>(std::move(client));
}

Result<std::vector<Reachable>> reachable(const fleet::Topology& topology, const std::string& name,
                                         const ReachOptions& options) {
  std::vector<Reachable> out;
  for (fleet::Index i = 0; i < topology.clusters.size(); ++i) {
    fleet::Cluster cluster = topology.clusters[i];
    if (!name.empty() && cluster.name != name) continue;
    if (!options.properties.empty()) cluster.connect.properties.clear();
    FRESHET_ASSIGN(auto connection, fleet::connection_of(topology, cluster, process_environment()));
    if (!options.bootstrap.empty()) connection.bootstrap = options.bootstrap;
    FRESHET_TRY(take_properties(options, connection));
    out.push_back({i, std::move(connection)});
  }
  if (out.empty()) {
    const std::vector<std::string> names = names_of_clusters(topology);
    const std::string hint = yaml::did_you_mean(name, names);
    return fail(Code::kInvalid, "there is no cluster \"" + name + "\"" + (hint.empty() ? "." : hint) +
                                    " There are: " + yaml::join_names(names));
  }
  if (!options.bootstrap.empty() && out.size() > 1)
    return fail(Code::kInvalid, "--bootstrap is of one cluster, and the file has several: say which by --cluster");
  return out;
}

int report_fleet_error(std::string_view command, const Error& error, bool json) {
  return print_failure(fmt::format("freshet fleet {}: ", command), error, json);
}

}  // namespace freshet::app
