// Names of threads: what `top -H`, perf and our own CPU accounting by stage show; and which of them may wait.
#pragma once

#include <string>

namespace freshet::env {

// Of the calling thread; the first 15 bytes count.
void name_thread(const std::string& name);
// The calling thread does what can wait (persists, compactions) while others keep things fresh: a third of their share
// of a busy processor, which is enough to keep up.
void yield_to_others();

}  // namespace freshet::env
