// freshet erase: erases a person, says whether that is done, or lets an erased person come back.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 done (with --status: there is no profile), 1 failed (with --status: there still is one), 2 wrong usage.
void add_erase_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
