// freshet tail: prints the enriched events of a tenant, or the changes of its profiles, one JSON object a line.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 done, 1 failed, 2 wrong usage.
void add_tail_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
