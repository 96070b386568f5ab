// freshet import FILE: a CSV file (plain, gzip or zstd) into a running Freshet, resumable and exact.
#pragma once

namespace CLI {
class App;
}

namespace freshet::app {

// Exit code: 0 every row was handled (rejected ones are counted and printed), 1 failed, 2 wrong usage or mapping.
void add_import_command(CLI::App& app, int& exit_code);

}  // namespace freshet::app
