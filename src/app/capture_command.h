// freshet capture: what changes in MongoDB's documents into Kafka topics, exactly once.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 done, 1 failed, 2 wrong usage or configuration.
void add_capture_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
