// freshet check FILE: whether a configuration is right, and everything that is wrong with it. --schema and --keys print
// what one may say, and --metrics what a Freshet shows, for editors and documents.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 right, 2 wrong.
void add_check_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
