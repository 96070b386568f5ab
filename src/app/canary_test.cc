#include "app/canary.h"

#include <gtest/gtest.h>

#include <vector>

#include "telemetry/metrics.h"
#include "testing/clock.h"

namespace freshet::app {
namespace {

uint64_t canaries(const std::string& result) {
  return telemetry::counter_totals("freshet_canary_records_total", "result")[result];
}

TEST(Canary, SendsWhenOneIsDueAndStopsWhileNobodyAnswers) {
  env::FakeClock clock;
  std::vector<Canary::Done> waiting;
  std::vector<v1::Envelope> sent;
  Canary canary(
      "abc", 1'000'000,
      [&](v1::Envelope envelope, Canary::Done done) {
        sent.push_back(std::move(envelope));
        waiting.push_back(std::move(done));
        return Status{};
      },
      clock);
  const uint64_t sent_before = canaries("sent"), failed_before = canaries("failed");
  canary.tick();
  canary.tick();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].tenant(), "freshet-canary");
  EXPECT_EQ(sent[0].user(0).value(), "abc");
  for (int i = 0; i < 100; ++i) {
    clock.sleep_us(1'000'000);
    canary.tick();
  }
  EXPECT_EQ(sent.size(), 60U);
  EXPECT_EQ(canaries("failed"), failed_before + 41);
  for (const Canary::Done& done : waiting) done({});
  EXPECT_EQ(canaries("sent"), sent_before + 60);
  clock.sleep_us(1'000'000);
  canary.tick();
  EXPECT_EQ(sent.size(), 61U);
}

TEST(Canary, CountsWhatIsNotTaken) {
  env::FakeClock clock;
  Canary canary(
      "abc", 1'000'000, [](v1::Envelope, Canary::Done) -> Status { return fail(Code::kRetry, "full"); }, clock);
  const uint64_t failed_before = canaries("failed");
  canary.tick();
  EXPECT_EQ(canaries("failed"), failed_before + 1);
}

}  // namespace
}  // namespace freshet::app
