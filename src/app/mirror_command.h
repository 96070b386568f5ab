// freshet mirror: copies topics from a cluster into another, exactly once; and checks that they are the same.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 done, 1 failed, 2 wrong usage or configuration.
void add_mirror_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
