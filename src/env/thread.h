// Names of threads, which `top -H`, perf and our own CPU accounting by stage show; and which
// threads may wait.
#pragma once

#include <string>

namespace freshet::env {

// Names the calling thread; the first 15 bytes count.
void name_thread(const std::string& name);
// Tells the kernel that the calling thread does what can wait (persists, compactions) while others
// keep things fresh. It gets about a third of their share of a busy processor, which is enough to
// keep up.
void yield_to_others();

}  // namespace freshet::env
