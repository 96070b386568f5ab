// The command line of the binary `freshet`: every command with its options.
#pragma once

namespace freshet::app {

// Runs what the arguments ask for, to its end, and returns the exit status of the process: 0 done, 1 failed, 2 wrong
// usage or configuration. Call it once, from main().
[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace freshet::app
