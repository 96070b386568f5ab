// freshet doctor: whether everything is there that a Freshet with this configuration needs, and what to do if not.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 nothing failed, 1 something did, 2 the configuration is wrong.
void add_doctor_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
