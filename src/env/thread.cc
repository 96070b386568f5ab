// Linux's own calls for threads.

#include "env/thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

namespace freshet::env {

// The kernel keeps 15 bytes and refuses longer names, so the rest is cut off.
void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void yield_to_others() {
  constexpr int kNice = 5;
  // On Linux this is the niceness of one thread. A process that may not change it goes on as it
  // was.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

}  // namespace freshet::env
