// A progress bar on standard error, for what takes over two seconds, and only on a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "env/clock.h"

namespace freshet::app {

// One line that is drawn over itself. One thread uses it.
class ProgressBar {
 public:
  ProgressBar(env::Clock& clock, bool terminal)
      : clock_(clock), terminal_(terminal), started_us_(clock.monotonic_us()) {}
  ~ProgressBar() { clear(); }

  // Shows `done` of `total` bytes of `what` (such as "sending"). It draws at most ten times a
  // second.
  void show(std::string_view what, uint64_t done, uint64_t total);
  // Takes the bar off the line, so that something else can be printed.
  void clear();

  // The text of the bar, such as "sending  [#####.....]  50 %  12.3 MB/s".
  [[nodiscard]] static std::string line(std::string_view what, uint64_t done, uint64_t total, env::TimeUs elapsed_us);

 private:
  env::Clock& clock_;
  const bool terminal_;
  std::string what_;
  env::TimeUs started_us_;
  env::TimeUs drawn_us_ = 0;
  bool visible_ = false;
};

// Whether standard error is a terminal.
[[nodiscard]] bool is_terminal();

}  // namespace freshet::app
