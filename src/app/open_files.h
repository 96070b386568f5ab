// Open files are bounded by the system: the stores of a process get theirs first, connections what is left.
#pragma once

#include <cstdint>

#include "app/config.h"
#include "base/result.h"

namespace freshet::app {

// Opens /dev/null as what is closed of standard input, output and error. Else the next files that are opened would take
// these numbers, and what is printed would go into a store.
void hold_standard_files();

// Lets the process open as many files as the system allows it (RLIMIT_NOFILE), and returns how many that are.
[[nodiscard]] uint64_t raise_open_files();

// Lowers config.store_files and the connections of both listeners to what fits, so that connections, however many
// come, never take what a store needs. kInvalid: not even the least fits, and how many files are needed.
[[nodiscard]] Status fit_open_files(Config& config, uint64_t limit, uint32_t threads);

}  // namespace freshet::app
