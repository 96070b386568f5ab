// Signals, as the commands take them that run until one comes.
#pragma once

#include <signal.h>

#include <initializer_list>

namespace freshet::app {

// Blocks them. Called before any thread starts, so that all threads leave them to whoever waits for them
// (sigtimedwait). SIGPIPE and SIGXFSZ are ignored: neither a peer that closes its connection nor a limit on the size of
// files (ulimit -f) may end the process, and the write's error says it too, as it says that a disk is full.
[[nodiscard]] sigset_t block_signals(std::initializer_list<int> numbers);

// From here on SIGINT or SIGTERM asks to stop where stopping does no harm; the second one ends the process, as ever.
void ask_at_signals();
[[nodiscard]] bool stop_was_asked();

}  // namespace freshet::app
