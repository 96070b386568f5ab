// The thread that sends spans. Traces help people and decide nothing, so every way in which this
// can fail ends in a counter and a log line.

#include "app/trace_exporter.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

// What OpenTelemetry's SDKs send at once.
constexpr size_t kBatchMax = 512;
// How long the end of the process waits for the last spans.
constexpr env::TimeUs kFlushUs = 2'000'000;

}  // namespace

TraceExporter::TraceExporter(TraceExporterOptions options, telemetry::Tracer& tracer, env::Clock& clock)
    : options_(std::move(options)), tracer_(tracer), clock_(clock), sender_(options_.to, "traces") {
  thread_ = std::thread([this] {
    env::name_thread("traces");
    run();
  });
}

TraceExporter::~TraceExporter() { stop(); }

void TraceExporter::stop() {
  tracer_.stop();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  tracer_.wake();
  std::call_once(joined_, [this] { thread_.join(); });
}

void TraceExporter::run() {
  while (!stopping_) {
    const std::vector<telemetry::Span> batch = tracer_.take(kBatchMax, options_.batch_age_us);
    FRESHET_ASSERT(batch.size() <= kBatchMax);
    if (!batch.empty()) deliver(batch);
  }
  flush();
}

void TraceExporter::deliver(const std::vector<telemetry::Span>& batch) {
  const std::string body = encode_spans(options_.process, batch);
  const env::TimeUs give_up = clock_.monotonic_us() + options_.give_up_us;
  env::TimeUs wait_us = options_.retry_first_us;
  while (!send(body, batch.size())) {
    const bool is_last = stopping_ || clock_.monotonic_us() + wait_us >= give_up;
    if (is_last) return telemetry::count_dropped_spans("collector_away", batch.size());
    pause(wait_us);  // stop() ends it; one more try follows then
    wait_us = std::min(wait_us * 2, options_.retry_max_us);
  }
}

// Sends what is left. A collector that fails now is not waited for.
void TraceExporter::flush() {
  const env::TimeUs end = clock_.monotonic_us() + kFlushUs;
  for (bool works = !sender_.is_failing();;) {
    const std::vector<telemetry::Span> batch = tracer_.take(kBatchMax, 0);
    if (batch.empty()) return;
    works = works && clock_.monotonic_us() < end && send(encode_spans(options_.process, batch), batch.size());
    if (!works) telemetry::count_dropped_spans("stopped", batch.size());
  }
}

bool TraceExporter::send(const std::string& body, size_t spans) {
  const OtlpSender::Answer answer = sender_.send(body);
  if (answer.outcome == OtlpSender::Outcome::kAgain) return false;
  if (answer.outcome == OtlpSender::Outcome::kRefused) {
    telemetry::count_dropped_spans("refused", spans);
    return true;
  }
  // A collector may take a batch and refuse some of its spans (partial success).
  if (const auto rejected = rejected_spans(answer.body); rejected && *rejected > 0)
    telemetry::count_dropped_spans("refused", std::min<size_t>(*rejected, spans));
  return true;
}

void TraceExporter::pause(env::TimeUs duration) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, std::chrono::microseconds(duration), [this] { return stopping_.load(); });
}

}  // namespace freshet::app
