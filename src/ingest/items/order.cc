#include "ingest/items/order.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::ingest {
namespace {

void set_time(v1::Envelope& envelope, int64_t time_us) {
  const int64_t before = envelope.time_us();
  if (before == time_us) return;
  FRESHET_ASSERT(time_us <= envelope.received_at_us());
  envelope.set_time_us(time_us);
  for (v1::Event& event : *envelope.mutable_events())
    if (event.time_us() == before) event.set_time_us(time_us);
}

bool earlier(const v1::Envelope* a, const v1::Envelope* b) { return a->time_us() < b->time_us(); }

}  // namespace

void set_apart(const std::vector<v1::Envelope*>& envelopes) {
  const auto not_later = [](const v1::Envelope* a, const v1::Envelope* b) { return a->time_us() >= b->time_us(); };
  if (std::adjacent_find(envelopes.begin(), envelopes.end(), not_later) == envelopes.end()) return;
  thread_local std::vector<v1::Envelope*> by_time;
  by_time.assign(envelopes.begin(), envelopes.end());
  if (!std::is_sorted(by_time.begin(), by_time.end(), earlier))
    std::stable_sort(by_time.begin(), by_time.end(), earlier);
  // To the later side first, which nobody sees who looks at milliseconds; what would be later than its receipt then
  // comes back from there.
  thread_local std::vector<int64_t> times;
  times.clear();
  for (const v1::Envelope* const envelope : by_time)
    times.push_back(times.empty() ? envelope->time_us() : std::max(envelope->time_us(), times.back() + 1));
  int64_t latest = by_time.back()->received_at_us();
  for (size_t i = times.size(); i-- > 0; latest = times[i] - 1) times[i] = std::min(times[i], latest);
  for (size_t i = 0; i < times.size(); ++i) set_time(*by_time[i], times[i]);
}

}  // namespace freshet::ingest
