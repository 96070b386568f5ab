// Contexts and the collector of spans. Who makes spans only appends to a queue; an exporter
// (app/trace_exporter.h) takes them away on a thread of its own.

#include "telemetry/trace.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>

#include "base/assert.h"
#include "base/hash.h"
#include "telemetry/metrics.h"

namespace freshet::telemetry {
namespace {

// The header's parts are version-trace_id-span_id-flags, at these places.
constexpr size_t kTraceIdAt = 3;
constexpr size_t kSpanIdAt = 36;
constexpr size_t kFlagsAt = 53;
constexpr size_t kHeaderBytes = 55;
constexpr unsigned kSampledFlag = 1;

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;  // upper case is not allowed
}

template <size_t n>
bool read_hex(std::string_view text, std::array<unsigned char, n>& out) {
  for (size_t i = 0; i < n; ++i) {
    const int high = digit_of(text[2 * i]);
    const int low = digit_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return true;
}

template <size_t n>
bool is_zero(const std::array<unsigned char, n>& id) {
  return std::all_of(id.begin(), id.end(), [](unsigned char byte) { return byte == 0; });
}

template <size_t n>
std::string_view bytes_of(const std::array<unsigned char, n>& id) {
  return {reinterpret_cast<const char*>(id.data()), n};
}

// All zeros are not valid as an id (W3C Trace Context), so they are rolled again.
template <size_t n>
void make_id(RandomBytes random_bytes, std::array<unsigned char, n>& id) {
  FRESHET_ASSERT(random_bytes != nullptr);  // start() was called
  do {
    const std::string bytes = random_bytes(n);
    FRESHET_ASSERT(bytes.size() == n);
    std::memcpy(id.data(), bytes.data(), n);
  } while (is_zero(id));
}

}  // namespace

// ---- contexts -----------------------------------------------------------------------------------------------------

std::optional<TraceContext> parse_trace_parent(std::string_view header) {
  if (header.size() != kHeaderBytes || !header.starts_with("00-")) return std::nullopt;
  if (header[kSpanIdAt - 1] != '-' || header[kFlagsAt - 1] != '-') return std::nullopt;
  TraceContext context;
  std::array<unsigned char, 1> flags{};
  if (!read_hex(header.substr(kTraceIdAt), context.trace_id) || !read_hex(header.substr(kSpanIdAt), context.span_id) ||
      !read_hex(header.substr(kFlagsAt), flags))
    return std::nullopt;
  if (is_zero(context.trace_id) || is_zero(context.span_id)) return std::nullopt;
  context.sampled = (flags[0] & kSampledFlag) != 0;
  return context;
}

std::string format_trace_parent(const TraceContext& context) {
  std::string out = "00-";
  out.reserve(kHeaderBytes);
  out += to_hex(bytes_of(context.trace_id));
  out += '-';
  out += to_hex(bytes_of(context.span_id));
  out += context.sampled ? "-01" : "-00";
  return out;
}

// ---- the collector ------------------------------------------------------------------------------------------------

void Tracer::start(const TracerOptions& options, RandomBytes random) {
  FRESHET_ASSERT(random != nullptr && options.spans_max > 0);
  {
    const std::lock_guard lock(mutex_);
    spans_max_ = options.spans_max;
    late_per_s_ = options.late_per_s;
    systems_ = &systems_kept_.emplace_back(options.systems);
  }
  sample_ = std::clamp(options.sample, 0.0, 1.0);
  slow_us_ = options.slow_us > 0 ? options.slow_us : std::numeric_limits<int64_t>::max();
  random_ = random;
  on_ = true;
}

void Tracer::stop() { on_ = false; }

std::optional<Span> Tracer::begin_request(std::string_view trace_parent, std::string_view random8, std::string name,
                                          int64_t begin_us) {
  // The sender's decision holds for the whole trace, so that a trace is either whole or not there.
  if (const std::optional<TraceContext> parent = parse_trace_parent(trace_parent)) {
    if (!parent->sampled) return std::nullopt;
    return begin(std::move(name), SpanKind::kServer, *parent, begin_us);
  }
  FRESHET_ASSERT(random8.size() >= sizeof(uint64_t));
  uint64_t dice = 0;
  std::memcpy(&dice, random8.data(), sizeof dice);
  // Compared with as many bits as a double has: a share of 1 is always, of 0 never.
  constexpr int kBits = 53;
  constexpr auto kSides = static_cast<double>(uint64_t{1} << kBits);
  if (static_cast<double>(dice >> (64 - kBits)) >= sample_.load(std::memory_order_relaxed) * kSides)
    return std::nullopt;
  TraceContext first;
  make_id(random_, first.trace_id);
  return begin(std::move(name), SpanKind::kServer, first, begin_us);
}

Span Tracer::begin(std::string name, SpanKind kind, const TraceContext& parent, int64_t begin_us) {
  Span span;
  span.name = std::move(name);
  span.kind = kind;
  span.context.trace_id = parent.trace_id;
  span.context.sampled = true;
  make_id(random_, span.context.span_id);
  span.parent = parent.span_id;
  span.begin_ns = begin_us * 1000;
  return span;
}

std::optional<Span> Tracer::begin_late(std::string name, SpanKind kind, std::string_view tenant, int64_t received_at_us,
                                       int64_t begin_us) {
  static Counter& left_out =
      counter("freshet_trace_late_left_out_total", "Slow or failed records that had no span, as there were many.");
  {
    const std::lock_guard lock(mutex_);
    // What began earlier counts in the newest second; a clock that was set back begins anew.
    constexpr int64_t kSetBackS = 60;
    const int64_t second = begin_us / 1'000'000;
    if (second > late_second_ || second < late_second_ - kSetBackS) {
      late_second_ = second;
      late_count_ = 0;
    }
    if (late_count_ >= late_per_s_) {
      left_out.add();
      return std::nullopt;
    }
    ++late_count_;
  }
  std::string key(tenant);
  key.append(1, '\0').append(std::to_string(received_at_us));
  TraceContext record;
  record.trace_id = hash128(key).bytes;
  record.trace_id[0] |= 1;  // An id of zeros is none.
  Span span = begin(std::move(name), kind, record, begin_us);
  span.parent = {};
  span.set("freshet.tenant", std::string(tenant));
  return span;
}

void Tracer::end(Span&& span, int64_t end_us) {
  static Counter& made = counter("freshet_trace_spans_total", "Spans made, those that were dropped later too.");
  made.add();
  // The wall clock may have been set back meanwhile, and a span must not end before it begins.
  span.end_ns = std::max(span.begin_ns, end_us * 1000);
  {
    const std::lock_guard lock(mutex_);
    if (on() && spans_.size() < spans_max_) {
      spans_.push_back(std::move(span));
      // The taker is woken once, when there is enough for it, and not by every span.
      if (spans_.size() == enough_) changed_.notify_all();
      return;
    }
  }
  count_dropped_spans("queue_full", 1);
}

std::vector<Span> Tracer::take(size_t most, int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  enough_ = most;
  changed_.wait_for(lock, std::chrono::microseconds(timeout_us),
                    [&] { return woken_ || spans_.size() >= most || timeout_us <= 0; });
  woken_ = false;
  const auto count = static_cast<std::ptrdiff_t>(std::min(most, spans_.size()));
  std::vector<Span> out(std::make_move_iterator(spans_.begin()), std::make_move_iterator(spans_.begin() + count));
  FRESHET_ASSERT(out.size() <= most);
  spans_.erase(spans_.begin(), spans_.begin() + count);
  return out;
}

void Tracer::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

Tracer& tracer() {
  // It is never destroyed, because threads may trace while the process ends.
  static auto* const instance = new Tracer;
  return *instance;
}

void count_dropped_spans(const std::string& why, size_t count) {
  counter("freshet_trace_dropped_total", "Spans that no collector was shown, by reason.", {{"reason", why}}).add(count);
}

}  // namespace freshet::telemetry
