#include "action/identity/counters.h"

#include <gtest/gtest.h>

#include <set>

#include "telemetry/metrics.h"

namespace freshet::action {
namespace {

TEST(IdentityCounters, EveryReasonHasItsOwnWord) {
  std::set<std::string_view> words;
  for (size_t i = 0; i < kReasons; ++i) EXPECT_TRUE(words.insert(word_of(static_cast<Reason>(i))).second) << i;
  EXPECT_FALSE(words.contains("unknown"));
}

TEST(IdentityCounters, MetricsGrowByWhatIsNew) {
  ProtocolCounters before, now;
  before.dropped_by[static_cast<size_t>(Reason::kCommon)] = 2;
  now.dropped_by[static_cast<size_t>(Reason::kCommon)] = 5;
  now.refused_by[static_cast<size_t>(Reason::kMergesMax)] = 1;
  const auto counted = [](const char* name, const char* reason) {
    return telemetry::counter_totals(name, "reason")[reason];
  };
  const uint64_t dropped = counted("freshet_identity_dropped_total", "common");
  const uint64_t refused = counted("freshet_identity_refused_total", "merges_max");
  count_reasons(now, before);
  EXPECT_EQ(counted("freshet_identity_dropped_total", "common"), dropped + 3);
  EXPECT_EQ(counted("freshet_identity_refused_total", "merges_max"), refused + 1);
}

}  // namespace
}  // namespace freshet::action
