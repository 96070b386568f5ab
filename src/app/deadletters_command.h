// freshet deadletters {list,show,replay}: what was set aside, why, and sending it again.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 done, 1 failed (for replay: at least one letter was refused again), 2 wrong usage.
void add_deadletters_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
