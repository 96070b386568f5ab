// CPU time, for benchmarks only: what a measurement cost, and not when it happened. Shared machines
// make wall clocks lie.
#pragma once

#include <cstdint>

namespace freshet::bench {

// User and system time of all threads of this process so far, in nanoseconds.
[[nodiscard]] int64_t process_cpu_ns();
// The same of the calling thread alone.
[[nodiscard]] int64_t thread_cpu_ns();

}  // namespace freshet::bench
