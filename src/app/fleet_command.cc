// The part that all fleet commands share: reading the file and telling what is wrong with it.

#include "app/fleet_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "app/problems.h"
#include "fleet/topology_yaml.h"

namespace freshet::app {

std::optional<fleet::Topology> load_fleet(const std::string& file, bool json) {
  yaml::Problems problems(file);
  auto topology = fleet::load_topology(file, problems);
  if (!topology) print_problems(problems, json);
  return topology;
}

bool is_agreed(const std::string& question) {
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  return static_cast<bool>(std::getline(std::cin, answer)) && (answer == "y" || answer == "yes");
}

void add_fleet_command(CLI::App& app, int& exit_code) {
  CLI::App* fleet = app.add_subcommand("fleet", "A fleet of Kafka clusters from one file");
  fleet->require_subcommand(1);
  add_fleet_lint_command(*fleet, exit_code);
  add_fleet_plan_command(*fleet, exit_code);
  add_fleet_render_command(*fleet, exit_code);
  add_fleet_diff_command(*fleet, exit_code);
  add_fleet_apply_command(*fleet, exit_code);
  add_fleet_import_command(*fleet, exit_code);
  add_fleet_rebalance_command(*fleet, exit_code);
  add_fleet_restart_command(*fleet, exit_code);
  add_fleet_runbook_command(*fleet, exit_code);
  add_fleet_watch_command(*fleet, exit_code);
}

}  // namespace freshet::app
