// The follower on a cluster in memory: nothing is ever taken away that is needed, and killed at any step it goes on.
#include "fleet/restart/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "fleet/restart/report.h"
#include "testing/clock.h"

namespace freshet::fleet::restart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr env::TimeUs kSecond = 1'000'000;

struct Killed {};

class FakeCluster final : public Port {
 public:
  explicit FakeCluster(env::FakeClock& clock, int32_t brokers = 3) : clock_(clock) {
    for (int32_t id = 1; id <= brokers; ++id)
      state.brokers.push_back({id, "b" + std::to_string(id), 9092, id % 2 == 0 ? "x" : "y"});
    state.cluster_id = "c1";
  }

  void add(const std::string& topic, int32_t index, std::vector<int32_t> replicas, int32_t min_isr) {
    Partition partition;
    partition.topic = topic;
    partition.index = index;
    partition.leader = replicas.front();
    partition.leader_epoch = 1;
    partition.replicas = partition.in_sync = std::move(replicas);
    partition.min_isr = min_isr;
    state.partitions.push_back(std::move(partition));
  }

  Result<State> look() override {
    step();
    settle();
    State out = state;
    std::erase_if(out.brokers, [&](const Broker& broker) { return is_down(broker.id); });
    return out;
  }
  Status elect(const std::vector<Partition>& partitions) override {
    step();
    for (const Partition& wanted : partitions) {
      for (Partition& partition : state.partitions) {
        if (partition.name() != wanted.name()) continue;
        partition.leader = partition.replicas.front();
        ++partition.leader_epoch;
      }
    }
    return {};
  }
  Status begin(const Broker& broker) override {
    step();
    settle();
    began_us_ = clock_.monotonic_us();
    commands.push_back(broker.host);
    if (does_nothing) return {};
    if (!is_down(broker.id)) {
      for (const auto& [id, until] : down_until_)
        others_down_max = std::max(others_down_max, until > began_us_ ? 1 : 0);
      for (const Partition& partition : state.partitions) {
        const auto left = static_cast<int32_t>(partition.in_sync.size()) - (partition.is_in_sync_on(broker.id) ? 1 : 0);
        if (left < std::min<int32_t>(partition.min_isr, 1)) ++unserved;
        if (partition.has_replica_on(broker.id) && left < partition.min_isr) ++refused;
      }
    }
    down_until_[broker.id] = began_us_ + 5 * kSecond;
    in_sync_from_[broker.id] = began_us_ + 20 * kSecond;
    take_away(broker.id);
    return {};
  }
  Result<std::optional<int>> ended() override {
    step();
    if (clock_.monotonic_us() < began_us_ + 3 * kSecond) return std::optional<int>();
    return std::optional<int>(status);
  }

  State state;
  int status = 0;
  bool does_nothing = false;
  std::vector<std::string> commands;  // the hosts that they were for
  int others_down_max = 0, unserved = 0, refused = 0;

  // At the so-manieth call from now on; -1: never.
  void kill_after(int calls) {
    dies_at_ = calls;
    calls_ = 0;
  }

 private:
  void step() {
    if (dies_at_ >= 0 && calls_++ == dies_at_) throw Killed();
  }
  [[nodiscard]] bool is_down(int32_t id) const {
    const auto found = down_until_.find(id);
    return found != down_until_.end() && found->second > clock_.monotonic_us();
  }
  void take_away(int32_t id) {
    for (Partition& partition : state.partitions) {
      std::erase(partition.in_sync, id);
      if (partition.leader != id) continue;
      partition.leader = partition.in_sync.empty() ? -1 : partition.in_sync.front();
      ++partition.leader_epoch;
    }
  }
  void settle() {
    for (const auto& [id, from] : in_sync_from_) {
      if (from > clock_.monotonic_us()) continue;
      for (Partition& partition : state.partitions) {
        if (!partition.has_replica_on(id) || partition.is_in_sync_on(id)) continue;
        partition.in_sync.push_back(id);
        if (partition.leader < 0) partition.leader = id;
      }
    }
  }

  env::FakeClock& clock_;
  env::TimeUs began_us_ = 0;
  std::map<int32_t, env::TimeUs> down_until_, in_sync_from_;
  int calls_ = 0, dies_at_ = -1;
};

struct Restarts {
  env::FakeClock clock;
  FakeCluster cluster{clock};
  Journal saved;
  std::vector<std::string> told;
  FollowOptions options;

  explicit Restarts(int32_t brokers = 3) : cluster(clock, brokers) {
    options.save = [this](const Journal& now) {
      saved = now;
      return Status();
    };
    options.tell = [this](const std::string& line) { told.push_back(line); };
    options.stops = [] { return false; };
    saved.cluster_id = "c1";
  }
  void plan() {
    for (const Broker& broker : order_of(cluster.state, {})) saved.brokers.push_back({broker, Stage::kWaiting});
  }
  Status follow() { return Follower(cluster, clock, saved, options).run(); }
};

TEST(Restart, OneAfterAnotherRackByRackAndLeadersComeBack) {
  Restarts run;
  for (int32_t p = 0; p < 6; ++p) run.cluster.add("t", p, {p % 3 + 1, (p + 1) % 3 + 1, (p + 2) % 3 + 1}, 2);
  run.plan();
  ASSERT_TRUE(run.follow());
  EXPECT_EQ(run.saved.outcome, Outcome::kDone);
  EXPECT_THAT(run.cluster.commands, ElementsAre("b2", "b1", "b3"));
  EXPECT_EQ(run.cluster.refused, 0);
  for (const Partition& partition : run.cluster.state.partitions)
    EXPECT_EQ(partition.leader, partition.replicas.front());
}

TEST(Restart, NothingIsTouchedWhileAReplicaIsNotInSync) {
  Restarts run;
  run.cluster.add("t", 0, {1, 2, 3}, 1);
  run.cluster.state.partitions[0].in_sync = {1, 2};
  run.plan();
  const Status done = run.follow();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kConflict);
  EXPECT_THAT(done.error().message, HasSubstr("1 partition with replicas that are not in sync; the first is t[0]"));
  EXPECT_TRUE(run.cluster.commands.empty());
  EXPECT_EQ(run.saved.outcome, Outcome::kStopped);
}

TEST(Restart, ABrokerThatIsNeededStays) {
  Restarts run;
  run.cluster.add("t", 0, {1, 2}, 2);
  run.cluster.add("u", 0, {3}, 1);
  run.plan();
  const Status done = run.follow();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("without broker 2 0 partitions can't be read or written, and 1 refuse "
                                              "writes (t[0])"));
  EXPECT_TRUE(run.cluster.commands.empty());
  run.options.may_stop_writes = true;
  ASSERT_TRUE(run.follow());
  EXPECT_EQ(run.cluster.commands.size(), 3U);
}

TEST(Restart, ACommandThatFailsOrDoesNothingEndsIt) {
  Restarts run;
  run.cluster.add("t", 0, {2, 1, 3}, 1);
  run.plan();
  run.cluster.status = 7;
  Status done = run.follow();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("broker 2: the command ended with status 7"));
  EXPECT_EQ(run.saved.brokers[0].stage, Stage::kAway);
  // Gone on with, it is run again for the same broker.
  run.cluster.status = 0;
  run.clock.now += 60 * kSecond;
  ASSERT_TRUE(run.follow());
  EXPECT_THAT(run.cluster.commands, ElementsAre("b2", "b2", "b1", "b3"));

  Restarts idle;
  idle.cluster.add("t", 0, {2, 1, 3}, 1);
  idle.plan();
  idle.cluster.does_nothing = true;
  done = idle.follow();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, HasSubstr("it was never away"));
  EXPECT_EQ(idle.cluster.commands.size(), 1U);
}

TEST(Restart, AnotherClusterIsNotTouched) {
  Restarts run;
  run.cluster.add("t", 0, {1, 2, 3}, 1);
  run.plan();
  run.saved.cluster_id = "another";
  const Status done = run.follow();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::kInvalid);
  EXPECT_TRUE(run.cluster.commands.empty());
}

TEST(Restart, StopsWhenTheBrokerIsBack) {
  Restarts run;
  run.cluster.add("t", 0, {1, 2, 3}, 1);
  run.plan();
  run.options.stops = [&] { return !run.cluster.commands.empty(); };
  ASSERT_TRUE(run.follow());
  EXPECT_EQ(run.saved.outcome, Outcome::kStopped);
  EXPECT_EQ(run.saved.done(), 1U);
  EXPECT_EQ(text_of_journal(run.saved), "stopped, 1 of 3 brokers done");
}

// Killed at any call, as often as it takes: never two brokers away, never one that is needed, and each is restarted.
RC_GTEST_PROP(Restart, KilledAtAnyStepItGoesOn, ()) {
  const auto brokers = *rc::gen::inRange<int32_t>(3, 6);
  Restarts run(brokers);
  const auto count = *rc::gen::inRange<int32_t>(1, 8);
  for (int32_t p = 0; p < count; ++p) {
    const auto first = *rc::gen::inRange<int32_t>(0, brokers);
    run.cluster.add("t", p, {first + 1, (first + 1) % brokers + 1, (first + 2) % brokers + 1}, 2);
  }
  run.plan();
  const auto kills = *rc::gen::container<std::vector<int>>(rc::gen::inRange(1, 60));
  Status done;
  for (size_t i = 0; i <= kills.size(); ++i) {
    run.cluster.kill_after(i < kills.size() ? kills[i] : -1);
    try {
      done = run.follow();
      break;
    } catch (const Killed&) {
      // What is saved survives; the cluster goes on by itself.
    }
  }
  RC_ASSERT(done.has_value());
  RC_ASSERT(run.saved.outcome == Outcome::kDone);
  RC_ASSERT(run.cluster.others_down_max == 0);
  RC_ASSERT(run.cluster.refused == 0);
  const std::set<std::string> restarted(run.cluster.commands.begin(), run.cluster.commands.end());
  RC_ASSERT(restarted.size() == static_cast<size_t>(brokers));
}

TEST(Restart, TheJournalIsReadAsItWasWritten) {
  Journal journal{"id\"x", Outcome::kStopped, {{{3, "h", 9092, "r"}, Stage::kAway}, {{1, "", 0, ""}, Stage::kDone}}};
  const auto read = journal_from_json(to_json(journal));
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, journal);
  for (const char* wrong :
       {"", "{}", "{\"version\":2}",
        "{\"version\":1,\"cluster_id\":\"c\",\"outcome\":\"running\",\"brokers\":[{\"id\":1,\"host\":"
        "\"h\",\"port\":1,\"rack\":\"\",\"stage\":\"gone\"}]}"}) {
    const auto bad = journal_from_json(wrong);
    ASSERT_FALSE(bad) << wrong;
    EXPECT_EQ(bad.error().code, Code::kCorrupt);
  }
}

TEST(Restart, ThePlanSaysWhatAnUpgradeNeeds) {
  Restarts run;
  run.cluster.add("t", 0, {1}, 1);
  const std::string text = text_of_plan(run.cluster.state, order_of(run.cluster.state, {1}), {"3.9.1", "4.1.0"});
  EXPECT_THAT(text,
              HasSubstr("ready: every replica is in sync\n1. broker 1 (b1:9092, y): 1 partition get another leader; 1 "
                        "can't be read or written meanwhile, as t[0]\n"));
  EXPECT_THAT(text, HasSubstr("upgrade --release-version 4.1\n"));
  EXPECT_THAT(text, HasSubstr("Kafka 4.1.0 refuses clients older than 2.1 and metadata older than 3.3"));
  EXPECT_THAT(text_of_plan(run.cluster.state, {}, {"4.0.0", "4.1.0"}), testing::Not(HasSubstr("refuses clients")));
  EXPECT_EQ(upgrade_fault({"3.9.1", ""}), "");
  EXPECT_EQ(upgrade_fault({"3.9.1", "4.0.0"}), "");
  EXPECT_THAT(upgrade_fault({"3.2.0", "4.0.0"}), HasSubstr("go from 3.2.0 to 3.9 first"));
  EXPECT_THAT(upgrade_fault({"4.0.0", "3.9.1"}), HasSubstr("no rolling way leads back"));
  EXPECT_THAT(upgrade_fault({"4.0.0", "4.9.0"}), HasSubstr("no release 4.9.0"));
}

}  // namespace
}  // namespace freshet::fleet::restart
