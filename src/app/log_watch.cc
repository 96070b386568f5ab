#include "app/log_watch.h"

#include "telemetry/log.h"

namespace freshet::app {

LogWatch::LogWatch()
    : gauge_(telemetry::gauge("freshet_log_silent",
                              "1 while the log has not answered ingest for 8 s; then ingest is not ready.")) {}

void LogWatch::note(bool answered, env::TimeUs now) {
  if (answered || !asked_) answered_at_ = now;
  asked_ = true;
  const bool silent = now - answered_at_ > kSilentMaxUs;
  if (silent == silent_) return;
  silent_ = silent;
  gauge_.set(silent ? 1 : 0);
  if (silent) {
    log::warn(
        "the log has not answered for {} s what is in the topic actions: nothing can be accepted, and ingest is not "
        "ready. Are its brokers up, and is the topic there?",
        (now - answered_at_) / 1'000'000);
  } else {
    log::info("the log answers again: ingest is ready");
  }
}

}  // namespace freshet::app
