// `freshet checkpoint create|list|restore|verify`: checkpoints by hand, of the place that a configuration names.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

void add_checkpoint_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
