#include "env/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace freshet::env {

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void yield_to_others() {
  constexpr int kNice = 5;
  // Of one thread, on Linux. A process that may not is as it was.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace freshet::env
