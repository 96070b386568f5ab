#include "fleet/watch/probes.h"

#include <gtest/gtest.h>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kProbeLookUs = 10'000'000;

class ProbesTest : public testing::Test {
 protected:
  ProbeStanding probe(std::vector<ProbeSeen> probes, size_t brokers = 2) {
    Look look;
    look.at_us = ++looks_ * kProbeLookUs;
    look.probes_on = true;
    look.brokers.resize(brokers);
    look.probes = std::move(probes);
    return memory_.take(look);
  }

  ProbeMemory memory_{300'000'000};
  int64_t looks_ = 0;
};

TEST_F(ProbesTest, OffUntilTheFileGivesLeaveAndUnknownUntilABrokerIsProbed) {
  ProbeMemory other(1);
  EXPECT_EQ(other.take(Look()).verdict, ProbeVerdict::kOff);
  EXPECT_EQ(probe({}).verdict, ProbeVerdict::kUnknown);
  EXPECT_EQ(probe({}).not_probed, 2u);
}

TEST_F(ProbesTest, QuantilesAreOfEachBrokerAndOfAll) {
  ProbeStanding last;
  for (int i = 1; i <= 20; ++i) last = probe({{1, 500, i * 1000, ""}, {2, 500, 100'000, ""}});
  EXPECT_EQ(last.verdict, ProbeVerdict::kOk);
  ASSERT_EQ(last.brokers.size(), 2u);
  EXPECT_DOUBLE_EQ(*last.brokers[0].p50_s, 0.010);
  EXPECT_DOUBLE_EQ(*last.brokers[0].p99_s, 0.020);
  EXPECT_DOUBLE_EQ(*last.p50_s, 0.020);
  EXPECT_DOUBLE_EQ(*last.p99_s, 0.1);
  EXPECT_EQ(last.window_probes, 40u);
}

TEST_F(ProbesTest, OneThatIsSlowInAHundredIsSlowAndPasses) {
  ProbeStanding last;
  for (int i = 0; i < 25; ++i) last = probe({{1, 500, i == 0 ? 1'500'000 : 2000, ""}}, 1);
  EXPECT_EQ(last.verdict, ProbeVerdict::kSlow);
  for (int i = 0; i < 25; ++i) last = probe({{1, 500, 2000, ""}}, 1);
  EXPECT_EQ(last.verdict, ProbeVerdict::kOk);  // it is out of the window
}

// A broker restarts: it fails once or twice, then others lead its partition, then it is back.
TEST_F(ProbesTest, ARestartIsNoFailure) {
  for (int i = 0; i < 5; ++i) static_cast<void>(probe({{1, 1, 1, ""}, {2, 1, 1, ""}}));
  EXPECT_EQ(probe({{1, 1, 1, "away"}, {2, 1, 1, ""}}).verdict, ProbeVerdict::kOk);
  EXPECT_EQ(probe({{1, 1, 1, "away"}, {2, 1, 1, ""}}).verdict, ProbeVerdict::kOk);
  EXPECT_EQ(probe({{2, 1, 1, ""}}, 1).verdict, ProbeVerdict::kOk);
  const ProbeStanding back = probe({{1, 1, 1, "not yet"}, {2, 1, 1, ""}});
  EXPECT_EQ(back.verdict, ProbeVerdict::kOk);
  EXPECT_EQ(back.brokers[0].failing, 1u);
  EXPECT_EQ(back.brokers[0].failures, 3u);
  EXPECT_EQ(back.brokers[0].error, "not yet");
}

TEST_F(ProbesTest, QuantilesByNearestRank) {
  EXPECT_EQ(quantile({}, 0.5), std::nullopt);
  EXPECT_EQ(quantile({3}, 0.99), 3);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 0.5), 2);
  EXPECT_EQ(quantile({4, 1, 3, 2}, 1), 4);
}

}  // namespace
}  // namespace freshet::fleet
