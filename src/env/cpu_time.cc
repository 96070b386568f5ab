// Linux's own calls: a clock that counts what a thread has run, and the niceness of one thread.
#include "env/cpu_time.h"

#include <sys/resource.h>
#include <unistd.h>

#include <ctime>

namespace freshet::env {

TimeUs thread_cpu_us() {
  timespec now{};
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0) return 0;
  return TimeUs{now.tv_sec} * 1'000'000 + now.tv_nsec / 1'000;
}

void yield_to_all() {
  constexpr int kNice = 10;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace freshet::env
