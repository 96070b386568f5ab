#include "app/retirement.h"

#include <utility>

#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr env::TimeUs kRetireEveryUs = 600'000'000;
constexpr env::TimeUs kRetireFirstUs = 60'000'000;  // a start has other work
constexpr env::TimeUs kTellRetirementUs = 3'600'000'000;

telemetry::Counter& retirement_failures() {
  static telemetry::Counter& failures = telemetry::counter(
      "freshet_retire_failures_total", "Times that old changes could not be deleted; the log says why.");
  return failures;
}

}  // namespace

void Retirement::start() {
  (void)retirement_failures();
  turns_.emplace("retirement", [this, is_first = true](bool last) mutable {
    if (std::exchange(is_first, false)) return kRetireFirstUs;
    if (!last) step();
    return kRetireEveryUs;
  });
}

void Retirement::stop() {
  if (turns_) turns_->end();
}

// Brokers that are away are told by everybody else.
void Retirement::step() {
  const Status done = log_.retire(eventlog::Topic::kChanges);
  if (done) return;
  retirement_failures().add();
  const env::TimeUs now = clock_.monotonic_us();
  if (done.error().code == Code::kRetry || now < quiet_until_us_) return;
  quiet_until_us_ = now + kTellRetirementUs;
  log::error("changes that are old and read can't be deleted, so the topic grows: {}. Reaction needs Delete on it",
             done.error().message);
}

}  // namespace freshet::app
