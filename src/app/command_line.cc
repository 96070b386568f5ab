// The command line: each command is a file of its own that adds itself here.

#include "app/command_line.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include "app/capture_command.h"
#include "app/check_command.h"
#include "app/checkpoint_command.h"
#include "app/deadletters_command.h"
#include "app/doctor_command.h"
#include "app/erase_command.h"
#include "app/fleet_command.h"
#include "app/import_command.h"
#include "app/mirror_command.h"
#include "app/profiles_command.h"
#include "app/run_command.h"
#include "app/tail_command.h"
#include "app/tenants_command.h"
#include "base/version.h"

namespace freshet::app {

int run_command_line(int argc, char** argv) {
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
  add_tail_command(app, exit_code);
  add_tenants_command(app, exit_code);
  add_checkpoint_command(app, exit_code);
  add_profiles_command(app, exit_code);
  add_check_command(app, exit_code);
  add_doctor_command(app, exit_code);
  add_fleet_command(app, exit_code);
  add_mirror_command(app, exit_code);
  add_capture_command(app, exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 has exit statuses of its own for each mistake; here all of them are wrong usage.
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}

}  // namespace freshet::app
