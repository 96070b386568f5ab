#include "app/retirement.h"

#include <chrono>

#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr std::chrono::minutes kRetireEvery{10};
constexpr std::chrono::minutes kRetireFirst{1};  // a start has other work
constexpr env::TimeUs kTellRetirementUs = 3'600'000'000;

telemetry::Counter& retirement_failures() {
  static telemetry::Counter& failures = telemetry::counter(
      "freshet_retire_failures_total", "Times that old changes could not be deleted; the log says why.");
  return failures;
}

}  // namespace

void Retirement::start() {
  (void)retirement_failures();
  thread_ = std::thread([this] {
    env::name_thread("retirement");
    run();
  });
}

void Retirement::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
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

void Retirement::run() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kRetireFirst, [this] { return stopping_; });
  while (!stopping_) {
    lock.unlock();
    step();
    lock.lock();
    changed_.wait_for(lock, kRetireEvery, [this] { return stopping_; });
  }
}

}  // namespace freshet::app
