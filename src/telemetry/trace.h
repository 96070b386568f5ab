// Traces: contexts as W3C Trace Context carries them, spans as OTLP knows them, and the process's
// collector of finished spans. It is off until Tracer::start, and asking whether it is on costs one
// relaxed load. Spans are for people who look for slowness: nothing that is kept or decided depends
// on them. Sources: W3C Trace Context level 1 (header traceparent); OpenTelemetry's trace API.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "telemetry/exemplar.h"

namespace freshet::telemetry {

using SpanId = std::array<unsigned char, 8>;

// A span as others refer to it.
struct TraceContext {
  TraceId trace_id{};  // never all zeros
  SpanId span_id{};    // never all zeros
  bool sampled = false;
  bool operator==(const TraceContext&) const = default;
};

// The text is "00-<32 hex>-<16 hex>-<2 hex>" in lower case. Anything else, or an id of zeros, is
// nullopt. Of the flags only `sampled` is kept.
[[nodiscard]] std::optional<TraceContext> parse_trace_parent(std::string_view header);
[[nodiscard]] std::string format_trace_parent(const TraceContext& context);

// The numbers are those of OTLP.
enum class SpanKind : uint8_t { kServer = 2, kClient = 3, kConsumer = 5 };

struct SpanAttribute {
  std::string_view key;  // a literal
  std::variant<std::string, int64_t> value;
};

// A piece of work that a trace shows.
struct Span {
  std::string name;  // one of a bounded set, without identifiers
  SpanKind kind = SpanKind::kServer;
  TraceContext context;
  SpanId parent{};       // zeros if it is the first one of its trace
  int64_t begin_ns = 0;  // since 1970
  int64_t end_ns = 0;
  std::vector<SpanAttribute> attributes;
  std::string error;  // "" if it went well, else why not; without identifiers' values and secrets

  void set(std::string_view key, std::string value) { attributes.push_back({key, std::move(value)}); }
  void set(std::string_view key, const char* value) { set(key, std::string(value)); }
  void set(std::string_view key, int64_t value) { attributes.push_back({key, value}); }
};

// The systems that spans tell of, in the words of OpenTelemetry's semantic conventions.
struct TracedSystems {
  std::string log = "freshet";  // messaging.system: "kafka", or the embedded one
  std::string topic_prefix;
  std::string store = "freshet";  // db.system.name: "mongodb", or the embedded one
};

// How much is traced.
struct TracerOptions {
  double sample = 0;         // share of requests without a trace of their own that begin one, 0 to 1
  size_t spans_max = 8'192;  // spans that wait to be taken; more are dropped and counted
  int64_t slow_us = 0;       // what took longer is shown whatever the sampler said; 0: nothing is slow
  uint32_t late_per_s = 20;  // late spans a second at most, so that an outage does not make each record a span
  TracedSystems systems = {};
};

// Makes so many random bytes, for ids. Thread-safe.
using RandomBytes = std::string (*)(size_t);

// Thread-safe; nothing blocks but take(). Times are microseconds since 1970.
class Tracer {
 public:
  // From now on spans are collected. Call it once.
  void start(const TracerOptions& options, RandomBytes random);
  // Nothing more is collected; what is there can still be taken.
  void stop();
  [[nodiscard]] bool on() const { return on_.load(std::memory_order_relaxed); }

  // The span of a request, if it is to have one. It continues the trace that the header names, if
  // that is sampled; without a valid header the sampler decides by `random8`, at least 8 random
  // bytes. REQUIRES: on().
  [[nodiscard]] std::optional<Span> begin_request(std::string_view trace_parent, std::string_view random8,
                                                  std::string name, int64_t begin_us);
  // REQUIRES: on().
  [[nodiscard]] const TracedSystems& systems() const { return *systems_.load(std::memory_order_acquire); }
  // A span under `parent`. REQUIRES: start() was called once.
  [[nodiscard]] Span begin(std::string name, SpanKind kind, const TraceContext& parent, int64_t begin_us);
  // Whether something that took so long is to have a late span. False while the tracer is off.
  [[nodiscard]] bool is_slow(int64_t took_us) const {
    return on() && took_us > slow_us_.load(std::memory_order_relaxed);
  }
  // A late span: of something that no sampler took and that was slow, or failed. Its trace is made of whose record it
  // is and when that was received, so all processes that find the record slow name one trace, although nobody has
  // handed a context on. nullopt: enough of them began in this second (of begin_us). REQUIRES: start() was called once.
  [[nodiscard]] std::optional<Span> begin_late(std::string name, SpanKind kind, std::string_view tenant,
                                               int64_t received_at_us, int64_t begin_us);
  // Hands the span over to the collector. If that is full, it is dropped and counted: tracing never
  // slows the work down.
  void end(Span&& span, int64_t end_us);

  // Takes up to `most` spans, the oldest first, as soon as there are so many, or else those that
  // came within `timeout_us`; it returns earlier after wake().
  [[nodiscard]] std::vector<Span> take(size_t most, int64_t timeout_us);
  // Makes a take() that waits return now.
  void wake();

 private:
  std::atomic<bool> on_{false};
  std::atomic<RandomBytes> random_{nullptr};
  std::atomic<double> sample_{0};
  std::atomic<int64_t> slow_us_{0};
  std::atomic<const TracedSystems*> systems_{nullptr};  // the last of systems_kept_
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Span> spans_;  // guarded by mutex_, as are the members below
  size_t spans_max_ = 0;
  size_t enough_ = 0;  // how many take() waits for
  bool woken_ = false;
  uint32_t late_per_s_ = 0;
  std::deque<TracedSystems> systems_kept_;
  int64_t late_second_ = 0;  // the newest of begin_late's
  uint32_t late_count_ = 0;  // that began in it
};

// Why a span is there that no sampler took: its attribute freshet.sampled_by.
inline constexpr const char* kBySlow = "slow";
inline constexpr const char* kByError = "error";

// The tracer of this process.
[[nodiscard]] Tracer& tracer();

// `why` is one of a bounded set, since it becomes a label.
void count_dropped_spans(const std::string& why, size_t count);

}  // namespace freshet::telemetry
