// From what the protocol counts in plain numbers to metrics. The protocol itself touches no metric, so that its work
// stays a function of its records, and shadows and standbys that do the same work are not counted twice.
#include "action/identity/counters.h"

#include <string>

#include "base/assert.h"
#include "telemetry/metrics.h"

namespace freshet::action {
namespace {

using Counters = std::array<telemetry::Counter*, kReasons>;

Counters counters_of(const char* name, const char* help) {
  Counters counters{};
  for (size_t i = 0; i < kReasons; ++i)
    counters[i] = &telemetry::counter(name, help, {{"reason", std::string(word_of(static_cast<Reason>(i)))}});
  return counters;
}

void add(const Counters& counters, const ByReason& now, const ByReason& before) {
  for (size_t i = 0; i < kReasons; ++i) {
    FRESHET_ASSERT(now[i] >= before[i]);  // The difference is unsigned: it would be a jump by 2^64.
    if (now[i] != before[i]) counters[i]->add(now[i] - before[i]);
  }
}

}  // namespace

std::string_view word_of(Reason reason) {
  switch (reason) {
    case Reason::kIdentifierLimit: return "identifier_limit";
    case Reason::kIdentifiersMax: return "identifiers_max";
    case Reason::kMergesMax: return "merges_max";
    case Reason::kSharedLimit: return "shared_limit";
    case Reason::kCommon: return "common";
    case Reason::kContested: return "contested";
    case Reason::kSuppressed: return "suppressed";
    case Reason::kMoved: return "moved";
    case Reason::kDevicesMax: return "devices_max";
    case Reason::kUsersMax: return "users_max";
  }
  return "unknown";
}

void count_reasons(const ProtocolCounters& now, const ProtocolCounters& before) {
  static const Counters refused =
      counters_of("freshet_identity_refused_total", "Joins refused, by reason: the profiles stay apart.");
  static const Counters dropped =
      counters_of("freshet_identity_dropped_total", "Identifiers and references left out or let go, by reason.");
  add(refused, now.refused_by, before.refused_by);
  add(dropped, now.dropped_by, before.dropped_by);
}

}  // namespace freshet::action
