// freshet-sim: the command line.
#pragma once

namespace freshet::sim {

// The exit status is 0 if all is clean (or every mutant was found), 1 for a violation (or a mutant
// that survived), 2 for wrong usage.
int run_command(int argc, char** argv);

}  // namespace freshet::sim
