// `freshet tenants`: shows and changes the tenants of a running Freshet, through the admin listener.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

void add_tenants_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
