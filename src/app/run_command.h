// freshet run: plays the roles until SIGTERM or SIGINT.
#pragma once

#include <CLI/CLI.hpp>

namespace freshet::app {

void add_run_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
