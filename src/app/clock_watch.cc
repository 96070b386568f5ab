// The log and the keeper of dead letters look at the clock by themselves, each at the moment when it is about to delete
// something. What is said of it is said here, once.
#include "app/clock_watch.h"

#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

telemetry::Counter& clock_jumps() {
  return telemetry::counter("freshet_clock_jumps_total", "Times that the wall clock jumped by more than a minute.");
}

}  // namespace

ClockWatch::ClockWatch(env::Clock& clock) : clock_(clock) {
  static_cast<void>(clock_jumps());  // It is shown from the start.
  steadiness_.look(clock_);
}

void ClockWatch::tick() {
  steadiness_.look(clock_);
  if (steadiness_.jumped_us() == 0) return;
  clock_jumps().add();
  log::warn("the clock has jumped by {} s: for {} s nothing is deleted because of its age",
            steadiness_.jumped_us() / 1'000'000, env::kSteadyUs / 1'000'000);
}

env::TimeUs ClockWatch::expires_before_us(env::TimeUs kept_us) const {
  return steadiness_.may_expire(kept_us) ? clock_.now_us() - kept_us : 0;
}

}  // namespace freshet::app
