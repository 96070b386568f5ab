#include "app/signal_exporter.h"

#include <chrono>
#include <utility>

#include "app/otlp_signals.h"
#include "env/thread.h"
#include "telemetry/families.h"
#include "telemetry/log_tap.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr size_t kLinesMax = 512;  // of a request
constexpr env::TimeUs kTurnUs = 1'000'000;

void count_dropped(const char* signal, const char* reason, size_t count) {
  telemetry::counter("freshet_otlp_dropped_total", "Lines and points that no collector was shown.",
                     {{"signal", signal}, {"reason", reason}})
      .add(count);
}

}  // namespace

SignalExporter::SignalExporter(SignalExporterOptions options, env::Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      began_ns_(clock.now_us() * 1000),
      metrics_(options_.to, "metrics"),
      logs_(options_.to, "logs") {
  telemetry::turn_on_log_tap();
  thread_ = std::thread([this] {
    env::name_thread("telemetry");
    run();
  });
}

SignalExporter::~SignalExporter() { stop(); }

void SignalExporter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stopped_.notify_all();
  std::call_once(joined_, [this] { thread_.join(); });
}

void SignalExporter::run() {
  env::TimeUs metrics_due = clock_.monotonic_us();
  while (!stopping_) {
    send_lines();
    if (clock_.monotonic_us() >= metrics_due) {
      metrics_due = clock_.monotonic_us() + options_.interval_us;
      send_metrics();
    }
    std::unique_lock lock(mutex_);
    stopped_.wait_for(lock, std::chrono::microseconds(kTurnUs), [this] { return stopping_.load(); });
  }
  send_lines();
  if (!metrics_.is_failing()) send_metrics();
}

// The next interval has all that this one had, so it is not tried again.
void SignalExporter::send_metrics() {
  const auto families = telemetry::metric_families();
  const auto answer = metrics_.send(encode_metrics(options_.process, families, began_ns_, clock_.now_us() * 1000));
  if (answer.outcome == OtlpSender::Outcome::kRefused) count_dropped("metrics", "refused", families.size());
}

void SignalExporter::send_lines() {
  while (true) {
    if (waiting_.empty()) {
      const std::vector<telemetry::LogLine> lines = telemetry::take_log_lines(kLinesMax);
      if (lines.empty()) return;
      waiting_ = encode_lines(options_.process, lines);
      waiting_lines_ = lines.size();
    }
    const auto outcome = logs_.send(waiting_).outcome;
    if (outcome == OtlpSender::Outcome::kAgain) return;
    if (outcome == OtlpSender::Outcome::kRefused) count_dropped("logs", "refused", waiting_lines_);
    waiting_.clear();
  }
}

}  // namespace freshet::app
