// One cluster watched for a while: groups that keep up, fall behind, stand still, stop and go back; topics that come
// and go; disks. The source is made up, look by look.
#include "fleet/watch/memory.h"

#include <fmt/core.h>
#include <gmock/gmock.h>

#include <functional>

#include "fleet/topology_yaml.h"

namespace freshet::fleet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr env::TimeUs kLookUs = 10'000'000;

Topology watched_topology() {
  yaml::Problems problems("fleet.yaml");
  auto topology = parse_topology(
      "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\n"
      "clusters: [{name: c, brokers: 1, volumes: {size: 100GiB}}]\n"
      "topics: [{name: t, partitions: 2}]\n"
      "services: [{name: nightly, instances: 1, consumes: [{topics: [t]}]}, {name: prompt, consumes: [{topics: "
      "[t]}]}]\n"
      "service_levels: [{name: l, group: nightly, lag_max: 24h}, {name: m, group: prompt, lag_max: 30s}]\n",
      problems);
  return std::move(topology).value();
}

class ClusterMemoryTest : public testing::Test {
 protected:
  // 100 messages a look into partition 0 of t, 10 into partition 1.
  Look look_of(int64_t n) const {
    Look look;
    look.at_us = n * kLookUs;
    look.cluster_id = "id";
    look.topics = {{"t", {{0, 100 * n, 1000 * n, 0, 1, 1}, {0, 10 * n, 100 * n, 0, 1, 1}}}};
    look.brokers = {{0, "host", 2, 2, {{"/d1", 1100 * n, -1, -1, false}}}};
    return look;
  }
  // Looks from `from` on, each changed by `change(look, n)`.
  std::shared_ptr<const Standing> watch(int64_t from, int64_t to, const std::function<void(Look&, int64_t)>& change) {
    for (int64_t n = from; n <= to; ++n) {
      Look look = look_of(n);
      change(look, n);
      last_ = memory_.take(look);
    }
    return last_;
  }
  static GroupLook group(const std::string& name, bool members, std::vector<CommittedSeen> committed) {
    return {name, members ? "Stable" : "Empty", members, std::move(committed)};
  }
  const GroupStanding& only() const {
    EXPECT_THAT(last_->groups, SizeIs(1));
    return last_->groups.at(0);
  }

  const Topology topology_ = watched_topology();
  ClusterMemory memory_{topology_, 0, {.window_us = 100'000'000}};
  std::shared_ptr<const Standing> last_;
};

TEST_F(ClusterMemoryTest, AGroupThatKeepsUp) {
  watch(1, 30, [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 0, 100 * n}, {0, 1, 10 * n - 1}})}; });
  EXPECT_EQ(only().verdict, Verdict::kOk);
  EXPECT_EQ(only().lag, 0);  // one message is no lag: it may be a marker
  EXPECT_EQ(only().age.seconds, 0);
  EXPECT_EQ(only().catch_up_s, 0);
  EXPECT_NEAR(only().read_per_s, 11, 0.2);
  EXPECT_THAT(last_->concerns, SizeIs(0));
  EXPECT_EQ(last_->partitions, 2u);
  ASSERT_THAT(last_->hot_topics, SizeIs(1));
  EXPECT_NEAR(last_->hot_topics[0].in_per_s, 11, 0.1);
  EXPECT_NEAR(*last_->hot_topics[0].out_bytes_per_s, 110, 2);
  EXPECT_NEAR(last_->hot_topics[0].skew, 20.0 / 11, 0.01);
}

TEST_F(ClusterMemoryTest, AGroupThatFallsBehindInOnePartition) {
  watch(1, 30, [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 0, 50 * n}, {0, 1, 10 * n}})}; });
  EXPECT_EQ(only().verdict, Verdict::kWarn);
  EXPECT_EQ(only().verdict_partition, 0u);
  EXPECT_EQ(only().lag, 1500);
  EXPECT_NEAR(only().age.seconds, 150, 1e-6);
  EXPECT_EQ(only().age.basis, AgeBasis::kMeasured);
  EXPECT_EQ(only().catch_up_s, std::nullopt);
  ASSERT_THAT(last_->concerns, SizeIs(1));
  EXPECT_THAT(last_->concerns[0].what, HasSubstr("falls behind (partition 0): 1.5 thousand messages wait"));
}

TEST_F(ClusterMemoryTest, CatchingUpTakesAsLongAsTheSlowestPartition) {
  // It reads 200 and 11 a look: partition 0 is done long before partition 1.
  watch(1, 30, [](Look& look, int64_t n) {
    look.groups = {
        group("g", true, {{0, 0, std::max<int64_t>(0, 100 * n - 2000 + 100 * (n - 20))}, {0, 1, 11 * n - 60}})};
  });
  EXPECT_EQ(only().verdict, Verdict::kOk);
  ASSERT_TRUE(only().catch_up_s);
  EXPECT_NEAR(*only().catch_up_s, 300, 10);  // 30 messages at 0.1 a second more than come in
}

TEST_F(ClusterMemoryTest, AGroupThatStandsStill) {
  const auto stuck = [](Look& look, int64_t) { look.groups = {group("g", true, {{0, 0, 50}})}; };
  watch(1, 8, stuck);
  EXPECT_EQ(only().verdict, Verdict::kUnknown);  // not watched for long enough
  watch(9, 30, stuck);
  EXPECT_EQ(only().verdict, Verdict::kStall);
  EXPECT_THAT(last_->concerns.at(0).what, HasSubstr("stands still"));
}

TEST_F(ClusterMemoryTest, AGroupThatStops) {
  watch(1, 20, [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 0, 100 * n}})}; });
  EXPECT_EQ(only().verdict, Verdict::kOk);
  watch(21, 22, [](Look& look, int64_t) { look.groups = {group("g", false, {{0, 0, 2000}})}; });
  EXPECT_EQ(only().verdict, Verdict::kOk);  // a restart
  watch(23, 40, [](Look& look, int64_t) { look.groups = {group("g", false, {{0, 0, 2000}})}; });
  EXPECT_EQ(only().verdict, Verdict::kStop);
  EXPECT_NEAR(only().age.seconds, 200, 1e-6);
  EXPECT_THAT(last_->concerns.at(0).what, HasSubstr("nobody reads"));
}

TEST_F(ClusterMemoryTest, AGroupThatHasFinishedIsFine) {
  watch(1, 10, [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 1, 10 * n}})}; });
  // Nothing comes into partition 1 any more, but for the marker of the last transaction.
  watch(11, 60, [](Look& look, int64_t) {
    look.topics[0].partitions[1].end = 101;
    look.groups = {group("g", false, {{0, 1, 100}})};
  });
  EXPECT_EQ(only().verdict, Verdict::kOk);
  EXPECT_EQ(only().lag, 0);
}

TEST_F(ClusterMemoryTest, AReaderOfTheNightKeepsItsPromise) {
  watch(1, 60, [](Look& look, int64_t) { look.groups = {group("nightly", false, {{0, 0, 100}})}; });
  EXPECT_EQ(only().verdict, Verdict::kOk);
  EXPECT_EQ(only().promised_s, 86'400);
  EXPECT_THAT(last_->concerns, SizeIs(0));
}

// One thing to do about one group: why it breaks its promise, not that and once more that nobody reads.
TEST_F(ClusterMemoryTest, ABrokenPromiseIsToldOnceWithItsCause) {
  watch(1, 30, [](Look& look, int64_t) { look.groups = {group("prompt", false, {{0, 0, 100}})}; });
  EXPECT_EQ(only().verdict, Verdict::kStop);
  ASSERT_THAT(last_->concerns, SizeIs(1));
  EXPECT_EQ(last_->concerns[0].severity, Severity::kCritical);
  EXPECT_THAT(last_->concerns[0].what, HasSubstr("nobody reads (partition 0): "));
  EXPECT_THAT(last_->concerns[0].what, HasSubstr("; promised are 30 s"));
  EXPECT_THAT(last_->concerns[0].action, HasSubstr("Start its readers"));
}

TEST_F(ClusterMemoryTest, AGroupThatGoesBack) {
  watch(1, 15,
        [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 0, n < 12 ? 100 * n : 50 * (n - 11)}})}; });
  EXPECT_EQ(only().verdict, Verdict::kRewind);
}

TEST_F(ClusterMemoryTest, RetentionIsFasterThanAGroup) {
  // The start of partition 0 moves by 500 every five looks: 10 a second. The group reads 2 a second.
  const auto retained = [](Look& look, int64_t n) {
    look.topics[0].partitions[0].start = std::max<int64_t>(0, 100 * (n / 5 * 5) - 2000);
    look.groups = {group("g", true, {{0, 0, 20 * n}})};
  };
  watch(1, 24, retained);
  EXPECT_FALSE(loses_messages(only()));
  watch(25, 32, [&](Look& look, int64_t n) {
    retained(look, n);
    look.groups[0].committed[0].offset += 600;
  });
  ASSERT_TRUE(only().retention_s);
  EXPECT_TRUE(loses_messages(only()));
  EXPECT_EQ(only().lost, 0);
  EXPECT_EQ(last_->concerns.at(0).severity, Severity::kCritical);
  EXPECT_THAT(last_->concerns.at(0).what, HasSubstr("retention reaches it in"));
  watch(33, 45, retained);
  EXPECT_EQ(only().lost, 2500 - 900);
  EXPECT_EQ(only().lag, 4500 - 2500);
  EXPECT_THAT(last_->concerns.at(0).what, HasSubstr("messages are lost to it"));
}

TEST_F(ClusterMemoryTest, AMachineThatIsBusyIsAConcern) {
  watch(1, 1, [](Look& look, int64_t) { look.brokers[0].cpu = 0.8; });
  EXPECT_EQ(last_->brokers.at(0).cpu, 0.8);
  EXPECT_THAT(last_->concerns, SizeIs(0));
  watch(2, 2, [](Look& look, int64_t) { look.brokers[0].cpu = 0.9; });
  EXPECT_EQ(last_->concerns.at(0).subject, "broker 0");
  EXPECT_THAT(last_->concerns.at(0).what, HasSubstr("its machine was 90 % busy"));
}

TEST_F(ClusterMemoryTest, TopicsComeAndGo) {
  watch(1, 5, [](Look& look, int64_t n) { look.groups = {group("g", true, {{0, 0, 100 * n}})}; });
  watch(6, 6, [](Look& look, int64_t) { look.topics.clear(); });
  EXPECT_EQ(last_->partitions, 0u);
  EXPECT_THAT(last_->groups, SizeIs(0));
  // Another topic gets its rows; what was known of them is not of it.
  watch(7, 8, [](Look& look, int64_t) {
    look.topics[0].name = "other";
    look.groups = {group("g", true, {{0, 0, 0}})};
  });
  EXPECT_EQ(only().age.basis, AgeBasis::kEstimated);
  EXPECT_EQ(only().verdict, Verdict::kUnknown);
  // Deleted and made anew between two looks: it is shorter.
  watch(9, 9, [](Look& look, int64_t) {
    look.topics = {{"other", {{0, 40, 0, 0, 1, 1}, {0, 0, 0, 0, 1, 1}, {0, 7, 0, 0, 1, 1}}}};
    look.groups = {group("g", true, {{0, 0, 0}, {0, 2, 0}, {0, 9, 0}})};
  });
  EXPECT_EQ(only().partitions, 2u);
  EXPECT_EQ(only().lag, 47);
  EXPECT_EQ(only().age.basis, AgeBasis::kAtLeast);
}

TEST_F(ClusterMemoryTest, PartitionsBrokersAndDisks) {
  const int64_t gib = 1 << 30;
  watch(1, 80, [&](Look& look, int64_t n) {
    look.topics[0].partitions[0].leader = -1;
    look.topics[0].partitions[1].replicas = 3;
    look.brokers = {{0, "a", 1, 1, {{"/d1", n * gib, -1, -1, false}, {"/d2", 5 * gib, 100 * gib, 90 * gib, false}}},
                    {1, "b", 3, 3, {{"/d1", 0, -1, -1, true}}}};
  });
  EXPECT_EQ(last_->offline, 1u);
  EXPECT_EQ(last_->under_replicated, 1u);
  EXPECT_NEAR(last_->skew.leaders, 1.5, 1e-9);
  ASSERT_THAT(last_->brokers, SizeIs(2));
  const LogDirStanding& filling = last_->brokers[0].dirs[0];
  EXPECT_EQ(*filling.total_bytes, 100 * gib);  // as the topology says
  ASSERT_TRUE(filling.full_s);
  EXPECT_NEAR(*filling.full_s, 200, 1);
  EXPECT_EQ(last_->brokers[0].dirs[1].used_bytes, 10 * gib);
  EXPECT_EQ(last_->brokers[0].dirs[1].full_s, std::nullopt);
  std::vector<std::string> subjects;
  for (const Concern& concern : last_->concerns) subjects.push_back(concern.subject);
  EXPECT_THAT(subjects, ElementsAre("broker 0, /d1", "broker 1, /d1", "cluster", "cluster", "cluster"));
}

// 11 messages a second come into t, so a sample with a message a batch is of 11 batches a second.
TEST_F(ClusterMemoryTest, ASampleHoldsOnWhileRatesChange) {
  watch(1, 30, [](Look& look, int64_t n) {
    if (n == 20) {
      TopicSample sample;
      for (int i = 0; i < 30; ++i) sample.batches.push_back({5, 2 * i, 1, 161, 200});
      sample.raw_bytes = 6000;
      sample.lz4.bytes = sample.zstd.bytes = sample.lz4_large.bytes = sample.zstd_large.bytes = 3000;
      look.samples.push_back(std::move(sample));
    }
  });
  ASSERT_THAT(last_->batches, SizeIs(1));
  EXPECT_EQ(last_->batches[0].topic, "t");
  EXPECT_NEAR(last_->batches[0].batches_per_s, 11, 0.1);
  EXPECT_EQ(last_->topics_sampled, 1u);
  EXPECT_EQ(last_->batches[0].advice, "");  // 11 batches a second cost nobody anything
  watch(31, 31, [](Look& look, int64_t) { look.topics.clear(); });
  EXPECT_THAT(last_->batches, SizeIs(0));
}

// So many topics are remembered; those that are go on being looked at.
TEST_F(ClusterMemoryTest, ATopicAmongAThousandIsSampledAgain) {
  const auto sample_of = [](uint32_t topic, uint32_t records) {
    TopicSample sample;
    sample.topic = topic;
    for (int i = 0; i < 30; ++i) sample.batches.push_back({5, 2 * i, records, 161 * records, 200 * records});
    sample.raw_bytes = 6000;
    sample.lz4.bytes = sample.zstd.bytes = sample.lz4_large.bytes = sample.zstd_large.bytes = 3000;
    return sample;
  };
  watch(1, 30, [&](Look& look, int64_t n) {
    for (uint32_t t = 1; t <= 1100; ++t) look.topics.push_back({fmt::format("u{}", t), {{0, 0, 0, 0, 1, 1}}});
    for (uint32_t t = 0; n == 20 && t <= 1100; ++t) look.samples.push_back(sample_of(t, 1));
    if (n == 25) look.samples.push_back(sample_of(0, 11));
  });
  EXPECT_EQ(last_->topics_sampled, 1000u);
  ASSERT_FALSE(last_->batches.empty());
  EXPECT_EQ(last_->batches[0].topic, "t");
  EXPECT_NEAR(last_->batches[0].batches_per_s, 1, 0.1);
}

TEST_F(ClusterMemoryTest, ProbesThatFail) {
  const auto probed = [&](int64_t from, int64_t to, const char* error) {
    return watch(from, to, [&](Look& look, int64_t) {
      look.probes_on = true;
      look.probes = {{0, 2000, 5000, error}};
    });
  };
  EXPECT_EQ(probed(1, 5, "")->probe.verdict, ProbeVerdict::kOk);
  EXPECT_THAT(last_->concerns, SizeIs(0));
  EXPECT_EQ(probed(6, 7, "broken")->probe.verdict, ProbeVerdict::kOk);  // twice is no verdict yet
  EXPECT_EQ(probed(8, 8, "broken")->probe.verdict, ProbeVerdict::kFails);
  ASSERT_THAT(last_->concerns, SizeIs(1));
  EXPECT_EQ(last_->concerns[0].severity, Severity::kCritical);
  EXPECT_THAT(last_->concerns[0].what, HasSubstr("the last 3 probes of it failed: broken"));
  EXPECT_EQ(probed(9, 9, "")->probe.verdict, ProbeVerdict::kOk);
  for (int64_t n = 10; n < 13; ++n) static_cast<void>(memory_.away({Code::kRetry, "no broker answers"}, n * kLookUs));
  EXPECT_EQ(memory_.last()->probe.verdict, ProbeVerdict::kFails);
  EXPECT_EQ(memory_.last()->probe.brokers.at(0).failures, 6u);
}

TEST_F(ClusterMemoryTest, AClusterThatIsAway) {
  EXPECT_FALSE(memory_.last()->looked);
  EXPECT_THAT(memory_.away({Code::kRetry, "no broker answers"}, kLookUs)->concerns.at(0).what,
              HasSubstr("no broker answers"));
  watch(1, 3, [](Look&, int64_t) {});
  const auto away = memory_.away({Code::kRetry, "no broker answers"}, 4 * kLookUs);
  EXPECT_TRUE(away->away);
  EXPECT_EQ(away->looks, 3u);
  EXPECT_EQ(away->failures, 2u);
  EXPECT_EQ(away->partitions, 2u);  // as last seen
  EXPECT_FALSE(watch(5, 5, [](Look&, int64_t) {})->away);
}

}  // namespace
}  // namespace freshet::fleet
