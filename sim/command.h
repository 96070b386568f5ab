// freshet-sim: the command line.
#pragma once

namespace freshet::sim {

// Exit status: 0 clean (or every mutant found), 1 a violation (or a mutant survived), 2 wrong usage.
int run_command(int argc, char** argv);

}  // namespace freshet::sim
