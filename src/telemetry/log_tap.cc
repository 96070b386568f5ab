#include "telemetry/log_tap.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>
#include <mutex>
#include <utility>

#include "telemetry/metrics.h"

namespace freshet::telemetry {
namespace {

struct Tap {
  std::atomic<bool> on{false};
  std::mutex mutex;
  std::deque<LogLine> lines;  // guarded by mutex
};

// It is never destroyed, because threads may log while the process ends.
Tap& tap() {
  static auto* instance = new Tap;
  return *instance;
}

}  // namespace

void turn_on_log_tap() { tap().on = true; }

std::vector<LogLine> take_log_lines(size_t most) {
  Tap& all = tap();
  const std::lock_guard lock(all.mutex);
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, all.lines.size()));
  std::vector<LogLine> out(std::make_move_iterator(all.lines.begin()),
                           std::make_move_iterator(all.lines.begin() + count));
  all.lines.erase(all.lines.begin(), all.lines.begin() + count);
  return out;
}

void tap_log_line(LogLine line) {
  Tap& all = tap();
  if (!all.on.load(std::memory_order_relaxed)) return;
  static Counter& dropped = counter("freshet_otlp_dropped_total", "Lines and points that no collector was shown.",
                                    {{"signal", "logs"}, {"reason", "queue_full"}});
  const std::lock_guard lock(all.mutex);
  if (all.lines.size() >= kTapLinesMax) return dropped.add();
  all.lines.push_back(std::move(line));
}

}  // namespace freshet::telemetry
