#include "env/thread.h"

#include <pthread.h>

namespace freshet::env {

void name_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

}  // namespace freshet::env
