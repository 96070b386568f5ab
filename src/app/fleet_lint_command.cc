#include <fmt/format.h>

#include <memory>

#include "app/fleet_command.h"

namespace freshet::app {
namespace {

struct LintOptions {
  std::string file;
  bool json = false;
};

int lint(const LintOptions& options) {
  const auto topology = load_fleet(options.file, options.json);
  if (!topology) return 2;
  fmt::print("{}: read: {} clusters, {} topics\n", options.file, topology->clusters.size(), topology->topics.size());
  return 0;
}

}  // namespace

void add_fleet_lint_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<LintOptions>();
  CLI::App* command = fleet.add_subcommand("lint", "What is unwise in a fleet, why, and what would mend it");
  command->footer("Example:\n  freshet fleet lint fleet.yaml");
  command->add_option("FILE", options->file, "The fleet (YAML)")->required();
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = lint(*options); });
}

}  // namespace freshet::app
