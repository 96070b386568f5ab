// freshet run: plays the roles until SIGTERM or SIGINT.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

void add_run_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
