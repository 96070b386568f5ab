// The kernel's clocks of CPU time. They are no clocks of the day, so env has nothing to do with
// them.

#include "common/cpu_time.h"

#include <ctime>

namespace freshet::bench {

namespace {

int64_t read_ns(clockid_t clock) {
  timespec now{};
  if (clock_gettime(clock, &now) != 0) return 0;
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t process_cpu_ns() { return read_ns(CLOCK_PROCESS_CPUTIME_ID); }

int64_t thread_cpu_ns() { return read_ns(CLOCK_THREAD_CPUTIME_ID); }

}  // namespace freshet::bench
