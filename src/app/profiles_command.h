// `freshet profiles restore`: a lost profile store made again of a tenant's state topic.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

void add_profiles_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
