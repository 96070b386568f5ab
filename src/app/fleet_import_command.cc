// `freshet fleet import`: a first fleet.yaml from living clusters.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "cluster/admin/admin.h"
#include "fleet/live/import.h"

namespace freshet::app {
namespace {

struct FleetImportOptions {
  std::vector<std::string> bootstraps;  // "HOST:PORT,…" or "NAME=HOST:PORT,…"
  std::string properties;
  std::string name = "imported";
  std::string out;
  bool json = false;
};

Result<fleet::ClusterSeen> see(const std::string& name, const cluster::Connection& connection,
                               std::vector<std::string>& notes) {
  FRESHET_ASSIGN(const auto admin, cluster::connect(connection));
  fleet::ClusterSeen out;
  out.name = name;
  out.bootstrap = connection.bootstrap;
  FRESHET_ASSIGN(out.now, fleet::look(*admin));
  FRESHET_ASSIGN(out.groups, fleet::look_at_groups(*admin, out.now, notes));
  return out;
}

// NAME and the addresses; without a name they are cluster, cluster-2, ….
std::pair<std::string, std::string> split(const std::string& bootstrap, size_t number) {
  const size_t equals = bootstrap.find('=');
  if (equals != bootstrap.npos) return {fleet::dns_name_of(bootstrap.substr(0, equals)), bootstrap.substr(equals + 1)};
  return {number == 1 ? "cluster" : fmt::format("cluster-{}", number), bootstrap};
}

Result<fleet::Imported> import_all(const FleetImportOptions& options) {
  std::vector<fleet::ClusterSeen> clusters;
  std::vector<std::string> notes;
  std::set<std::string> names;
  FRESHET_ASSIGN(const auto properties, connection_without_file({"", options.properties}));
  for (const std::string& bootstrap : options.bootstraps) {
    cluster::Connection connection = properties;
    std::string name;
    std::tie(name, connection.bootstrap) = split(bootstrap, clusters.size() + 1);
    if (!names.insert(name).second)
      return fail(Code::kInvalid, fmt::format("--bootstrap: two clusters are called {}", name));
    auto seen = see(name, connection, notes);
    if (!seen) return fail(Code::kRetry, fmt::format("cluster {}: {}", name, seen.error().message));
    clusters.push_back(*std::move(seen));
  }
  fleet::Imported out = fleet::import_fleet(fleet::dns_name_of(options.name), properties.properties, clusters);
  out.notes.insert(out.notes.begin(), notes.begin(), notes.end());
  return out;
}

// What somebody has filled in since the last import is not to be lost by the next.
Status write_new_file(const std::string& path, const std::string& text) {
  std::error_code error;
  const bool is_there = std::filesystem::exists(path, error);
  if (error) return fail(Code::kInvalid, path + ": can't be written: " + error.message());
  if (is_there) return fail(Code::kInvalid, path + ": is there already, and is left as it is");
  std::ofstream file(path, std::ios::binary);
  if (file << text && file.flush()) return {};
  return fail(Code::kFatal, path + ": can't be written");
}

int import_fleet_command(const FleetImportOptions& options) {
  const auto imported = import_all(options);
  if (!imported) return report_fleet_error("import", imported.error(), options.json);
  if (!options.out.empty()) {
    if (const Status written = write_new_file(options.out, imported->text); !written)
      return report_fleet_error("import", written.error(), options.json);
  }
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", true).member("file", options.out).member("text", imported->text);
      json.key("notes").array(imported->notes).end_object();
    });
    return 0;
  }
  for (const std::string& note : imported->notes) fmt::print(stderr, "note: {}\n", note);
  if (options.out.empty()) fmt::print("{}", imported->text);
  return 0;
}

}  // namespace

void add_fleet_import_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<FleetImportOptions>();
  CLI::App* command = fleet.add_subcommand("import", "A first fleet.yaml from living clusters");
  command->footer(
      "Example:\n  freshet fleet import --bootstrap orders=kafka-1:9092 --bootstrap clicks=kafka-9:9092 -o fleet.yaml");
  command
      ->add_option("--bootstrap", options->bootstraps,
                   "HOST:PORT,HOST:PORT of a cluster, or NAME=HOST:PORT,…; once for each cluster")
      ->required()
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--properties", options->properties, "A file of librdkafka's properties, NAME=VALUE lines");
  command->add_option("--name", options->name, "Name of the fleet")->capture_default_str();
  command->add_option("-o,--out", options->out, "The file to write; default: standard output");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = import_fleet_command(*options); });
}

}  // namespace freshet::app
