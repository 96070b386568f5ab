// `freshet fleet …`: a fleet of Kafka clusters from one file. There is one function for each of its
// subcommands.
#pragma once

#include <optional>
#include <string>

#include "fleet/topology.h"

namespace CLI {
class App;
}

namespace freshet::app {

// Adds `fleet` with all of its subcommands.
void add_fleet_command(CLI::App& app, int& exit_code);

void add_fleet_lint_command(CLI::App& fleet, int& exit_code);
void add_fleet_plan_command(CLI::App& fleet, int& exit_code);
void add_fleet_render_command(CLI::App& fleet, int& exit_code);
void add_fleet_diff_command(CLI::App& fleet, int& exit_code);
void add_fleet_apply_command(CLI::App& fleet, int& exit_code);
void add_fleet_import_command(CLI::App& fleet, int& exit_code);
void add_fleet_rebalance_command(CLI::App& fleet, int& exit_code);
void add_fleet_restart_command(CLI::App& fleet, int& exit_code);
void add_fleet_runbook_command(CLI::App& fleet, int& exit_code);
void add_fleet_watch_command(CLI::App& fleet, int& exit_code);

// For the subcommands: the topology of this file. nullopt: what is wrong was printed (as `freshet
// check` does it), and the command's exit status is 2.
[[nodiscard]] std::optional<fleet::Topology> load_fleet(const std::string& file, bool json);

// Asks whoever sits at the terminal; only "y" and "yes" are a yes.
[[nodiscard]] bool is_agreed(const std::string& question);

}  // namespace freshet::app
