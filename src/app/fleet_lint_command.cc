// `freshet fleet lint`: prints what the rules find.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <memory>

#include "app/fleet_command.h"
#include "fleet/lint/report.h"
#include "fleet/schema.h"

namespace freshet::app {
namespace {

// A fleet of two hundred clusters with one bad habit would otherwise print it two hundred times.
constexpr size_t kShownPerRule = 10;

struct LintOptions {
  std::string file;
  bool json = false;
  bool all = false;
  bool rules = false;
  bool schema = false;
};

int lint(const LintOptions& options) {
  if (options.rules) return fmt::print("{}", fleet::rules_markdown()), 0;
  if (options.schema) return fmt::print("{}", fleet::schema_json()), 0;
  if (options.file.empty()) return fmt::print(stderr, "FILE is missing: the fleet to look at (YAML)\n"), 2;
  const auto topology = load_fleet(options.file, options.json);
  if (!topology) return 2;
  const fleet::LintReport report = fleet::lint(*topology);
  const size_t per_rule = options.all ? std::numeric_limits<size_t>::max() : kShownPerRule;
  fmt::print("{}", options.json ? json_of(report, *topology) : text_of(report, *topology, per_rule));
  return report.count(fleet::Grade::kError) == 0 ? 0 : 1;
}

}  // namespace

void add_fleet_lint_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<LintOptions>();
  CLI::App* command = fleet.add_subcommand("lint", "What is unwise in a fleet, why, and what would mend it");
  command->footer(
      "Exit status: 0 no errors, 1 errors found, 2 the file is not a fleet.\nExample:\n  freshet fleet lint "
      "fleet.yaml");
  command->add_option("FILE", options->file, "The fleet (YAML)");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->add_flag("--all", options->all, fmt::format("Every finding, not only {} of each rule", kShownPerRule));
  command->add_flag("--rules", options->rules, "List the rules (Markdown) and do nothing else");
  command->add_flag("--schema", options->schema, "Print the JSON Schema of fleet.yaml and do nothing else");
  command->callback([options, &exit_code] { exit_code = lint(*options); });
}

}  // namespace freshet::app
