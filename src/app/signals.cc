#include "app/signals.h"

#include <csignal>

namespace freshet::app {
namespace {

// A handler may do nothing but write such a flag.
volatile std::sig_atomic_t stop_asked = 0;

void ask_to_stop(int number) {
  stop_asked = 1;
  std::signal(number, SIG_DFL);
}

}  // namespace

sigset_t block_signals(std::initializer_list<int> numbers) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : numbers) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  return signals;
}

void ask_at_signals() {
  std::signal(SIGINT, ask_to_stop);
  std::signal(SIGTERM, ask_to_stop);
}

bool stop_was_asked() { return stop_asked != 0; }

}  // namespace freshet::app
