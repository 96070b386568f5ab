#include "sinks/runner.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "env/thread.h"
#include "sinks/sinks.h"
#include "telemetry/log.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kOpenAgainFirstUs = 1'000'000;
constexpr env::TimeUs kOpenAgainMaxUs = 30'000'000;

}  // namespace

Runner::Runner(RunnerOptions options) : options_(std::move(options)) {
  options_.around.stopping = &stopping_;
  thread_ = std::thread([this] {
    env::name_thread("sink-" + options_.around.sink.name);
    env::yield_to_others();
    run();
  });
}

Runner::~Runner() {
  stop();
  thread_.join();
}

void Runner::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  if (consumer_ != nullptr) consumer_->wake();
  wake_.notify_all();
}

void Runner::run() {
  SinkMetrics metrics(options_.around.tenant, options_.around.sink.name);
  env::TimeUs pause = kOpenAgainFirstUs;
  while (!stopping_) {
    const env::TimeUs began = options_.around.clock->monotonic_us();
    const Status status = run_once();
    if (status || stopping_) break;
    metrics.up.set(0);
    metrics.failures.add();
    if (options_.around.clock->monotonic_us() - began > kOpenAgainMaxUs) pause = kOpenAgainFirstUs;
    log::warn("sink {} of {}: {}; it is opened again in {} s", options_.around.sink.name, options_.around.tenant,
              status.error().message, pause / 1'000'000);
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::microseconds(pause), [this] { return stopping_.load(); });
    pause = std::min(2 * pause, kOpenAgainMaxUs);
  }
  // A sink that is taken out is behind with nothing.
  metrics.lag_records.set(0);
  metrics.lag_seconds.set(0);
}

Status Runner::run_once() {
  FRESHET_ASSIGN(const auto sink, open_sink(options_.around));
  eventlog::ConsumerOptions reader;
  reader.group = group_of(options_.around.tenant, options_.around.sink.name);
  reader.topics = topics_of(options_.around.sink);
  reader.delivery = eventlog::Delivery::kAtLeastOnce;
  FRESHET_ASSIGN(const auto consumer, options_.log->open_consumer(reader));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return {};
    consumer_ = consumer.get();
  }
  RunnerLoop loop(options_, *consumer, *sink);
  Status status;
  while (status && !stopping_) status = loop.step();
  const std::lock_guard lock(mutex_);
  consumer_ = nullptr;
  return status;
}

}  // namespace freshet::sinks
