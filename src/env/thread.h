// Names of threads: what `top -H`, perf and our own CPU accounting by stage show.
#pragma once

#include <string>

namespace freshet::env {

// Of the calling thread; the first 15 bytes count.
void name_thread(const std::string& name);

}  // namespace freshet::env
