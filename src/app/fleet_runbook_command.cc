// `freshet fleet runbook …`: steps for people, with the exact commands, made of the file.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "fleet/runbook/migrate.h"

namespace freshet::app {
namespace {

struct MigrateOptions {
  std::string file;
  std::string from;     // the old file
  std::string cluster;  // of it; "": its only one
  bool json = false;
};

// A runbook that leaves something open is printed all the same: what is open stands first in it.
int migrate(const MigrateOptions& options) {
  const auto fleet = load_fleet(options.file, options.json);
  const auto old = load_fleet(options.from, options.json);
  if (!fleet || !old) return 2;
  const fleet::Index cluster =
      options.cluster.empty() && old->clusters.size() == 1 ? 0 : old->find_cluster(options.cluster);
  if (cluster == fleet::kNone)
    return report_fleet_error(
        "runbook migrate",
        {Code::kInvalid, options.cluster.empty() ? options.from + " has several clusters: say which by --cluster"
                                                 : "there is no cluster " + options.cluster + " in " + options.from},
        options.json);
  const auto runbook = fleet::plan_migration(*old, cluster, *fleet);
  if (!runbook) return report_fleet_error("runbook migrate", runbook.error(), options.json);
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", runbook->unresolved.empty()).key("unresolved").array(runbook->unresolved);
      json.member("runbook", runbook->text).end_object();
    });
  } else {
    fmt::print("{}", runbook->text);
    for (const std::string& one : runbook->unresolved) fmt::print(stderr, "not answered: {}\n", one);
  }
  return runbook->unresolved.empty() ? 0 : 1;
}

}  // namespace

void add_fleet_runbook_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* runbook = fleet.add_subcommand("runbook", "Steps for people, as Markdown, with the exact commands");
  runbook->require_subcommand(1);
  CLI::App* command =
      runbook->add_subcommand("migrate", "From one cluster to a fleet, topic by topic, with the way back at each step");
  command->footer(
      "Exit status: 0 printed, 1 printed and the files leave something open, 2 wrong usage or file.\nExample:\n"
      "  freshet fleet runbook migrate fleet.yaml --from monolith.yaml > migrate.md");
  command->add_option("FILE", options->file, "The fleet as it shall be (YAML)")->required();
  command->add_option("--from", options->from, "The file that has the cluster as it is")->required();
  command->add_option("--cluster", options->cluster, "Which cluster of that; may be left out if there is only one");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = migrate(*options); });
}

}  // namespace freshet::app
