// The thread that sends spans. Traces help people and decide nothing, so every way in which this
// can fail ends in a counter and a log line.

#include "app/trace_exporter.h"

#include <fmt/format.h>

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
// Of each step of a request. A collector is near; a slow one is as good as none.
constexpr uint32_t kTimeoutS = 1;
// How long the end of the process waits for the last spans.
constexpr env::TimeUs kFlushUs = 2'000'000;

// The statuses that OTLP/HTTP calls retryable; everything else is for good.
bool is_temporary(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }

}  // namespace

TraceExporter::TraceExporter(TraceExporterOptions options, telemetry::Tracer& tracer, env::Clock& clock)
    : options_(std::move(options)), tracer_(tracer), clock_(clock) {
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
  while (send(body, batch.size()) == Outcome::kAgain) {
    const bool is_last = stopping_ || clock_.monotonic_us() + wait_us >= give_up;
    if (is_last) return telemetry::count_dropped_spans("collector_away", batch.size());
    pause(wait_us);  // stop() ends it; one more try follows then
    wait_us = std::min(wait_us * 2, options_.retry_max_us);
  }
}

// Sends what is left. A collector that fails now is not waited for.
void TraceExporter::flush() {
  const env::TimeUs end = clock_.monotonic_us() + kFlushUs;
  for (bool works = !failing_;;) {
    const std::vector<telemetry::Span> batch = tracer_.take(kBatchMax, 0);
    if (batch.empty()) return;
    works = works && clock_.monotonic_us() < end &&
            send(encode_spans(options_.process, batch), batch.size()) == Outcome::kDone;
    if (!works) telemetry::count_dropped_spans("stopped", batch.size());
  }
}

TraceExporter::Outcome TraceExporter::send(const std::string& body, size_t spans) {
  const Result<http::Response> response = post(body);
  if (!response) {
    note(tl::unexpected(response.error()));
    return Outcome::kAgain;
  }
  const int status = response->status;
  if (status == 200) {
    note({});
    // A collector may take a batch and refuse some of its spans (partial success).
    if (const auto rejected = rejected_spans(response->body); rejected && *rejected > 0)
      telemetry::count_dropped_spans("refused", std::min<size_t>(*rejected, spans));
    return Outcome::kDone;
  }
  note(fail(Code::kRetry, fmt::format("it answered {} to POST /v1/traces", status)));
  if (is_temporary(status)) return Outcome::kAgain;
  telemetry::count_dropped_spans("refused", spans);
  return Outcome::kDone;
}

Result<http::Response> TraceExporter::post(const std::string& body) {
  // The connection is kept; the client makes a new one where it broke.
  if (client_ == nullptr) {
    FRESHET_ASSIGN(client_, http::Client::connect(options_.url, {.timeout_s = kTimeoutS, .ca_file = ""}));
  }
  http::Request request;
  request.method = "POST";
  request.path = "/v1/traces";
  request.headers = {{"Content-Type", "application/x-protobuf"}};
  request.body = body;
  return client_->send(request);
}

// Logs one line when sending begins to fail and one when it works again, not one for each batch.
void TraceExporter::note(const Status& health) {
  if (health.has_value() != failing_) return;
  failing_ = !health;
  if (failing_) {
    spdlog::warn("traces can't be sent to {}: {}; spans wait, and are dropped if they are too many or not wanted there",
                 options_.url, health.error().message);
  } else {
    spdlog::info("traces can be sent to {} again", options_.url);
  }
}

void TraceExporter::pause(env::TimeUs duration) {
  std::unique_lock lock(mutex_);
  stopped_.wait_for(lock, std::chrono::microseconds(duration), [this] { return stopping_.load(); });
}

}  // namespace freshet::app
