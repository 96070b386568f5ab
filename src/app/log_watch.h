// Whether the log answers. An ingest whose log is away accepts nothing, so it says that it is not ready, and whoever
// shares requests out turns to another one; a topic that somebody has deleted looks just like that.
//
// note() is called by one thread; is_silent() by any.
#pragma once

#include <atomic>

#include "env/clock.h"
#include "telemetry/metrics.h"

namespace freshet::app {

class LogWatch {
 public:
  // For so long a log may be silent: a broker that is replaced takes seconds.
  static constexpr env::TimeUs kSilentMaxUs = 8'000'000;

  LogWatch();
  // What came of a question about the topic `actions`, which was asked at that (monotonic) time.
  void note(bool answered, env::TimeUs now);
  [[nodiscard]] bool is_silent() const { return silent_; }

 private:
  std::atomic<bool> silent_{false};
  env::TimeUs answered_at_ = 0;
  bool asked_ = false;
  telemetry::Gauge& gauge_;
};

}  // namespace freshet::app
