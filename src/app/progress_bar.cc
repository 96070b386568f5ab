// Draws with the two oldest terminal codes: carriage return, and erase to the end of the line.

#include "app/progress_bar.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/assert.h"

namespace freshet::app {
namespace {

// What is over sooner needs no bar.
constexpr env::TimeUs kQuietUs = 2'000'000;
constexpr env::TimeUs kIntervalUs = 100'000;
constexpr size_t kWidth = 30;

}  // namespace

bool is_terminal() { return isatty(STDERR_FILENO) == 1; }

std::string ProgressBar::line(std::string_view what, uint64_t done, uint64_t total, env::TimeUs elapsed_us) {
  const double part = total == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<size_t>(part * kWidth);
  const double rate = elapsed_us <= 0 ? 0 : static_cast<double>(done) / static_cast<double>(elapsed_us);
  FRESHET_ASSERT(filled <= kWidth);
  return fmt::format("{}  [{}{}]  {:3.0f} %  {:.1f} MB/s", what, std::string(filled, '#'),
                     std::string(kWidth - filled, '.'), part * 100, rate);
}

void ProgressBar::show(std::string_view what, uint64_t done, uint64_t total) {
  const env::TimeUs now = clock_.monotonic_us();
  if (what != what_) {
    what_ = what;
    started_us_ = now;
  }
  if (!terminal_ || now - started_us_ < kQuietUs || now - drawn_us_ < kIntervalUs) return;
  drawn_us_ = now;
  visible_ = true;
  fmt::print(stderr, "\r{}\x1b[K", line(what, done, total, now - started_us_));
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (!visible_) return;
  visible_ = false;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
}

}  // namespace freshet::app
