#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "app/check_command.h"
#include "app/checkpoint_command.h"
#include "app/deadletters_command.h"
#include "app/erase_command.h"
#include "app/fleet_command.h"
#include "app/import_command.h"
#include "app/run_command.h"
#include "base/version.h"

// Read by jemalloc, which RocksDB brings along: what is free goes back to the system soon, so that the memory of the process
// follows its budgets.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:3000,muzzy_decay_ms:0";
}

int main(int argc, char** argv) {
  using namespace freshet;
  using namespace freshet::app;
  CLI::App app("Freshet: real-time customer-data ingestion", "freshet");
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("{} (commit {})", version(), commit()));
  app.footer(
      "Exit status: 0 done, 1 failed, 2 wrong usage or configuration.\n`freshet COMMAND --help` has an example for "
      "each command.");
  int exit_code = 0;
  add_run_command(app, exit_code);
  add_import_command(app, exit_code);
  add_deadletters_command(app, exit_code);
  add_erase_command(app, exit_code);
  add_checkpoint_command(app, exit_code);
  add_check_command(app, exit_code);
  add_fleet_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}
