#include "console/freshness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace freshet::console {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr env::TimeUs kSecondUs = 1'000'000;

telemetry::Histogram& histogram_of(const std::string& tenant) {
  return telemetry::histogram(kFreshnessMetric, kFreshnessHelp, {{"tenant", tenant}});
}

TEST(Freshness, TheSlowestOfTheLastMinuteComeFirstAndTheIdleLast) {
  Freshness freshness;
  const std::vector<std::string> all = {"f-fast", "f-idle", "f-slow", "f-was-slow"};
  for (const std::string& tenant : all) freshness.track(tenant, 0);
  histogram_of("f-was-slow").record(90 * kSecondUs, 100);
  freshness.sample(5 * kSecondUs);
  histogram_of("f-fast").record(10'000, 100);
  histogram_of("f-slow").record(2 * kSecondUs, 100);
  EXPECT_THAT(freshness.slowest(all, 100 * kSecondUs, 10), ElementsAre("f-slow", "f-fast", "f-idle", "f-was-slow"));
  EXPECT_THAT(freshness.slowest(all, 100 * kSecondUs, 1), ElementsAre("f-slow"));
}

// Samples that would be like the one before are left out, and the last minute is a minute all the same.
TEST(Freshness, TheLastMinuteOfWhoSendsNothingIsAMinute) {
  Freshness freshness;
  freshness.track("f-quiet", 0);
  histogram_of("f-quiet").record(10'000, 7);
  for (env::TimeUs at = 0; at <= 3'600; at += 5) freshness.sample(at * kSecondUs);
  const std::string text = freshness.json("f-quiet", 3'600 * kSecondUs, std::nullopt);
  EXPECT_THAT(text, HasSubstr(R"("last_minute":{"seconds":60,"count":0,"p50_ms":null)"));
  histogram_of("f-quiet").record(10'000, 3);
  EXPECT_THAT(freshness.json("f-quiet", 3'604 * kSecondUs, std::nullopt), HasSubstr(R"("seconds":60,"count":3,)"));
  for (env::TimeUs at = 3'605; at <= 3'660; at += 5) freshness.sample(at * kSecondUs);
  EXPECT_THAT(freshness.json("f-quiet", 3'660 * kSecondUs, std::nullopt), HasSubstr(R"("count":3,)"));
  for (env::TimeUs at = 3'665; at <= 3'700; at += 5) freshness.sample(at * kSecondUs);
  EXPECT_THAT(freshness.json("f-quiet", 3'700 * kSecondUs, std::nullopt), HasSubstr(R"("count":0,)"));
}

}  // namespace
}  // namespace freshet::console
