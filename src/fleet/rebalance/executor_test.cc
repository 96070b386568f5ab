// The executor on a cluster in memory that is killed at every step, with others who move and set things, too.
#include "fleet/rebalance/executor.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <tuple>

#include "testing/clock.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr double kMB = 1e6;

double seconds_of(const env::FakeClock& time) { return static_cast<double>(time.now) / 1e6; }

class FakeCluster final : public Port {
 public:
  using Settings = std::map<std::tuple<Setting::Kind, std::string, std::string>, std::string>;

  explicit FakeCluster(env::FakeClock& time) : time_(time) {
    for (int32_t k = 1; k <= 4; ++k)
      state.brokers.push_back({k, "", {{"/a", 1000 * kMB, 0, true}, {"/b", 1000 * kMB, 0, true}}});
  }

  void add(const std::string& topic, int32_t index, std::vector<int32_t> brokers, double bytes) {
    Partition partition;
    partition.topic = topic;
    partition.index = index;
    partition.leader = brokers.at(0);
    for (const int32_t broker : brokers) partition.replicas.push_back({{broker, 0}, bytes});
    state.partitions.push_back(partition);
  }

  // --- Port ---
  Result<std::string> cluster_id() override {
    FRESHET_TRY(call());
    return id;
  }
  Result<State> look() override {
    FRESHET_TRY(call());
    State out = state;
    for (Broker& broker : out.brokers)
      for (uint32_t d = 0; d < broker.dirs.size(); ++d)
        for (const Partition& partition : out.partitions)
          for (const Replica& replica : partition.replicas)
            if (replica.place == Place{broker.id, d}) broker.dirs[d].used_bytes += replica.bytes;
    for (const auto& [place, bytes, until] : leaving)
      if (until > seconds_of(time_))
        for (Broker& broker : out.brokers)
          if (broker.id == place.broker) broker.dirs[place.dir].used_bytes += bytes;
    return out;
  }
  Result<std::vector<Moving>> moving() override {
    FRESHET_TRY(call());
    std::vector<Moving> out = others;
    for (const auto& [key, copy] : copies) out.push_back(copy.moving);
    return out;
  }
  Result<Seen> fares(const std::vector<Moving>&) override {
    FRESHET_TRY(call());
    const double now_s = seconds_of(time_);
    return Seen{now_s >= suffers_from_s && now_s < suffers_until_s ? Signs{2, 0, 0} : Signs{}, {}};
  }
  Result<std::optional<std::string>> setting(Setting::Kind kind, const std::string& resource,
                                             const std::string& name) override {
    FRESHET_TRY(call());
    // Brokers show what was changed a second ago only.
    const Settings& shown = changed_s + 1 > seconds_of(time_) ? settings_before : settings;
    const auto at = shown.find({kind, resource, name});
    return at == shown.end() ? std::nullopt : std::optional(at->second);
  }
  Status change(const std::vector<Change>& changes) override {
    return act([&] {
      settings_before = settings;
      changed_s = seconds_of(time_);
      for (const Change& one : changes) {
        if (may_not_alter)
          return Status(fail(Code::kInvalid, "CLUSTER_AUTHORIZATION_FAILED (31): Cluster authorization failed."));
        if (one.value) settings[{one.kind, one.resource, one.name}] = *one.value;
        if (one.value && one.name == "leader.replication.throttled.rate" && one.resource == "1")
          rates.push_back(std::stod(*one.value));
        if (one.value && one.name == "replica.alter.log.dirs.io.max.bytes.per.second" && one.resource == "1")
          dir_rates.push_back(std::stod(*one.value));
        if (!one.value) settings.erase({one.kind, one.resource, one.name});
      }
      return Status();
    });
  }
  Status assign(const std::vector<Assignment>& assignments) override {
    return act([&] {
      for (const Assignment& one : assignments) begin(one);
      return Status();
    });
  }
  Status place(const std::vector<Placement>& placements) override {
    return act([&] {
      for (const Placement& one : placements) put(one);
      return Status();
    });
  }
  Status elect(const std::vector<Assignment>& partitions) override {
    return act([&] {
      for (const Assignment& one : partitions)
        find(one.topic, one.partition).leader = find(one.topic, one.partition).replicas[0].place.broker;
      return Status();
    });
  }

  Partition& find(const std::string& topic, int32_t index) {
    for (Partition& partition : state.partitions)
      if (partition.topic == topic && partition.index == index) return partition;
    ADD_FAILURE() << topic << index;
    return state.partitions.front();
  }
  [[nodiscard]] std::vector<int32_t> replicas_of(const std::string& topic, int32_t index) {
    std::vector<int32_t> out;
    for (const Replica& replica : find(topic, index).replicas) out.push_back(replica.place.broker);
    return out;
  }
  [[nodiscard]] bool has_throttle() const {
    for (const auto& [key, value] : settings)
      if (std::get<2>(key).find("throttled") != std::string::npos ||
          std::get<2>(key).find("io.max") != std::string::npos)
        return true;
    return false;
  }

  struct Copy {
    Moving moving;
    Place from, to;
    double done_s = 0;
    std::vector<int32_t> before;
  };
  State state;
  std::string id = "the-cluster";
  std::map<std::pair<std::string, int32_t>, Copy> copies;
  std::vector<std::tuple<Place, double, double>> leaving;  // what is deleted, and until when it is on the disk
  std::vector<Moving> others;
  Settings settings, settings_before;
  double changed_s = -1;
  bool may_not_alter = false;
  int calls = 0, dies_at = -1;  // then the call's effect is there or not, in turn, and nobody learns of it
  bool dead = false;
  double copy_s = 3;
  int copies_begun = 0, copies_without_throttle = 0;
  double suffers_from_s = 1e9, suffers_until_s = 1e9;
  std::vector<double> rates, dir_rates;  // that brokers were told, in order
  std::vector<double> begun_s;           // when copies between brokers began

  // Whether this call is one after the process has died. Copies go on meanwhile.
  Status call() {
    settle();
    if (dead || ++calls == dies_at) {
      dead = true;
      return fail(Code::kFatal, "killed");
    }
    return {};
  }

 private:
  template <class Do>
  Status act(const Do& what) {
    const bool is_done_first = (calls + 1) % 2 == 0;
    const bool dies_now = !dead && calls + 1 == dies_at;
    if (dies_now && is_done_first) (void)what();
    FRESHET_TRY(call());
    return what();
  }
  void settle() {
    for (auto at = copies.begin(); at != copies.end();) {
      if (at->second.done_s > seconds_of(time_)) {
        ++at;
        continue;
      }
      Partition& partition = find(at->first.first, at->first.second);
      for (Replica& replica : partition.replicas)
        if (replica.place == at->second.from) replica.place = at->second.to;
      leaving.emplace_back(at->second.from, partition.bytes(),
                           seconds_of(time_) + state.find(at->second.from.broker)->delete_delay_s);
      if (partition.leader == at->second.from.broker && at->second.from.broker != at->second.to.broker)
        partition.leader = partition.replicas.back().place.broker;
      at = copies.erase(at);
    }
  }
  void begin(const Assignment& one) {
    const std::pair key{one.topic, one.partition};
    if (!one.replicas) return void(copies.erase(key));
    Partition& partition = find(one.topic, one.partition);
    const std::vector<int32_t> now = replicas_of(one.topic, one.partition);
    if (now == *one.replicas) return;
    Copy copy;
    for (size_t i = 0; i < now.size(); ++i) {
      if (now[i] == one.replicas->at(i)) continue;
      copy.from = partition.replicas[i].place;
      copy.to = {one.replicas->at(i), preferred.contains({one.topic, one.partition, one.replicas->at(i)})
                                          ? preferred[{one.topic, one.partition, one.replicas->at(i)}]
                                          : 0};
      copy.moving = {one.topic, one.partition, {copy.to.broker}, {copy.from.broker}, -1, ""};
    }
    if (!has_throttle()) ++copies_without_throttle;
    ++copies_begun;
    begun_s.push_back(seconds_of(time_));
    copy.done_s = seconds_of(time_) + copy_s;
    copies[key] = copy;
  }
  void put(const Placement& one) {
    const uint32_t dir = one.dir == "/b" ? 1 : 0;
    preferred[{one.topic, one.partition, one.broker}] = dir;
    for (const Replica& replica : find(one.topic, one.partition).replicas) {
      if (replica.place.broker != one.broker) continue;
      if (replica.place.dir == dir) return void(copies.erase({one.topic, one.partition}));
      ++copies_begun;
      copies[{one.topic, one.partition}] = {{one.topic, one.partition, {}, {}, one.broker, one.dir},
                                            replica.place,
                                            {one.broker, dir},
                                            seconds_of(time_) + copy_s,
                                            {}};
    }
  }

  env::FakeClock& time_;
  std::map<std::tuple<std::string, int32_t, int32_t>, uint32_t> preferred;
};

// A cluster with something to do, and the journal of it.
struct Case {
  env::FakeClock time{1};
  FakeCluster cluster{time};
  Journal saved;
  std::vector<std::string> told;
  Wish wish = Wish::kGoOn;
  bool pauses_when_moving = false;

  Case() {
    for (int32_t i = 0; i < 4; ++i) cluster.add("t", i, {1 + i % 2, 3}, 100 * kMB);
    cluster.add("u", 0, {4}, 10 * kMB);
    cluster.settings[{Setting::Kind::kTopic, "t", "follower.replication.throttled.replicas"}] = "9:9";
    cluster.settings[{Setting::Kind::kTopic, "t", "retention.ms"}] = "1000";
    Goal goal;
    goal.drain = {1};
    Limits limits;
    limits.topic_share = 0.1;  // so it takes two waves
    const State state = cluster.look().value();
    Target target = target_of(state, goal).value();
    target.back() = {{4, 1}};  // u within its broker
    const auto plan = plan_waves(state, moves_of(state, target), limits);
    EXPECT_TRUE(plan.has_value()) << plan.error().message;
    saved = journal_of(state, *plan, limits, cluster.id);
  }

  ExecutorOptions options() {
    ExecutorOptions options;
    options.save = [this](const Journal& journal) -> Status {
      FRESHET_TRY(cluster.call());
      saved = journal_from_json(to_json(journal)).value();
      return {};
    };
    options.tell = [this](const std::string& line) { told.push_back(line); };
    options.wish = [this] {
      if (pauses_when_moving && !cluster.copies.empty()) wish = Wish::kPause;
      return wish;
    };
    options.away_max_us = 60'000'000;
    options.windows = Windows::parse(saved.windows).value();
    return options;
  }
  Executor executor() { return Executor(cluster, time, saved, options()); }
  void check_done() {
    EXPECT_EQ(saved.outcome, Outcome::kDone);
    for (int32_t i = 0; i < 4; ++i) EXPECT_THAT(cluster.replicas_of("t", i), testing::Not(testing::Contains(1))) << i;
    EXPECT_EQ(cluster.find("u", 0).replicas[0].place, (Place{4, 1}));
    for (const Partition& partition : cluster.state.partitions)
      EXPECT_EQ(partition.leader, partition.replicas[0].place.broker);
  }
};

TEST(MovesExecutor, MovesUnderThrottlesAndLeavesNone) {
  Case c;
  const FakeCluster::Settings before = c.cluster.settings;
  const Status ran = c.executor().run();
  ASSERT_TRUE(ran.has_value()) << ran.error().message;
  c.check_done();
  EXPECT_EQ(c.cluster.settings, before);
  EXPECT_EQ(c.cluster.copies_without_throttle, 0);
  EXPECT_EQ(c.cluster.copies_begun, 3);
}

// Killed at each of its calls, or at two hundred of them, of a cluster that fares as `prepare` makes it.
void killed_at_every_step(const std::function<void(Case&)>& prepare) {
  int steps = 0;
  {
    Case c;
    prepare(c);
    ASSERT_TRUE(c.executor().run().has_value());
    steps = c.cluster.calls;
  }
  const int stride = steps / 200 * 2 + 1;  // odd: what dies before its call and after it are met in turn
  for (int at = 1; at <= steps; at += stride) {
    SCOPED_TRACE(at);
    Case c;
    prepare(c);
    const FakeCluster::Settings before = c.cluster.settings;
    c.cluster.calls = 0;
    c.cluster.dies_at = at;
    const Status killed = c.executor().run();
    if (killed) continue;  // it ended before
    c.cluster.dead = false;
    const Status ran = c.executor().run();
    ASSERT_TRUE(ran.has_value()) << ran.error().message;
    c.check_done();
    EXPECT_EQ(c.cluster.settings, before);
    EXPECT_EQ(c.cluster.copies_without_throttle, 0);
  }
}

TEST(MovesExecutor, KilledAtEveryStepItGoesOn) {
  killed_at_every_step([](Case&) {});
}

TEST(MovesExecutor, KilledAtEveryStepWhileTheThrottleGoesUpAndDown) {
  killed_at_every_step([](Case& c) {
    c.cluster.copy_s = 60;
    c.cluster.suffers_from_s = 8;
    c.cluster.suffers_until_s = 12;
  });
}

TEST(MovesExecutor, WhatMayStillLieOnDisksIsWaitedFor) {
  for (const bool forgot : {false, true}) {
    Case c;
    for (Broker& broker : c.cluster.state.brokers) broker.delete_delay_s = 600;
    ExecutorOptions options = c.options();
    options.forgot_leaving = forgot;
    double began_s = 0;
    options.wish = [&] {
      if (began_s == 0 && !c.cluster.copies.empty()) began_s = seconds_of(c.time);
      return Wish::kGoOn;
    };
    const double from_s = seconds_of(c.time);
    ASSERT_TRUE(Executor(c.cluster, c.time, c.saved, options).run().has_value());
    EXPECT_EQ(began_s - from_s >= 630, forgot) << began_s - from_s;
  }
}

TEST(MovesExecutor, TheThrottleFollowsHowTheClusterFares) {
  Case c;
  c.cluster.copy_s = 400;
  c.cluster.suffers_from_s = 20;
  c.cluster.suffers_until_s = 200;
  const FakeCluster::Settings before = c.cluster.settings;
  const double most = c.saved.limits.throttle_bytes_per_s;
  ASSERT_TRUE(c.executor().run().has_value());
  c.check_done();
  EXPECT_EQ(c.cluster.settings, before);
  // Down to a tenth by halves, and up again to what is allowed.
  ASSERT_GT(c.cluster.rates.size(), 6u);
  EXPECT_EQ(c.cluster.rates.front(), most);
  EXPECT_EQ(*std::min_element(c.cluster.rates.begin(), c.cluster.rates.end()), most / 10);
  EXPECT_EQ(c.cluster.rates[1], most / 2);
  EXPECT_EQ(c.cluster.rates.back(), most);
  EXPECT_THAT(c.told, testing::Contains("the throttle is lowered from 50.0 MB/s to 25.0 MB/s: a small request takes "
                                        "2000 ms, 0 ms before"));
  // What moves within a broker is limited by another setting, which goes with it.
  EXPECT_EQ(*std::min_element(c.cluster.dir_rates.begin(), c.cluster.dir_rates.end()), most / 10);
}

TEST(MovesExecutor, AFixedThrottleStays) {
  Case c;
  c.saved.copy_rate.bounds.adapts = false;
  c.cluster.suffers_from_s = 0;
  ASSERT_TRUE(c.executor().run().has_value());
  for (const double rate : c.cluster.rates) EXPECT_EQ(rate, c.saved.limits.throttle_bytes_per_s);
}

TEST(MovesExecutor, TheThrottleNeverGoesBelowWhatConverges) {
  Case c;
  c.cluster.find("t", 0).in_bytes_per_s = 20e6;
  c.cluster.find("t", 2).in_bytes_per_s = 10e6;
  for (Partition& partition : c.cluster.state.partitions) partition.bytes_max = 120 * kMB;  // retention stops it
  c.cluster.copy_s = 400;
  c.cluster.suffers_from_s = 5;
  const Status ran = c.executor().run();
  ASSERT_TRUE(ran.has_value()) << ran.error().message;
  double least = 1e12;
  for (const double rate : c.cluster.rates) least = std::min(least, rate);
  EXPECT_GE(least, 12e6 - 1);  // 1.2 of what comes into the smaller one, which is in a wave of its own
  EXPECT_LT(least, 50e6);
}

// It is 00:00 on a Thursday of 1970.
TEST(MovesExecutor, WavesBeginWithinWindowsOnly) {
  Case c;
  c.saved.windows = {"thu 01:00-02:00", "fri 03:00-04:00"};
  c.cluster.copy_s = 3000;  // longer than it should take: the second wave is of the next window
  ASSERT_TRUE(c.executor().run().has_value());
  c.check_done();
  for (const double at : c.cluster.begun_s) {
    const bool is_within = (at >= 3600 && at < 7200) || (at >= 86'400 + 3 * 3600 && at < 86'400 + 4 * 3600);
    EXPECT_TRUE(is_within) << at;
  }
  EXPECT_LT(c.cluster.begun_s.front(), 3700);
  EXPECT_THAT(c.told, testing::Contains(testing::HasSubstr("it waits for Thu 1970-01-01 01:00 UTC")));
}

TEST(MovesExecutor, AWaveThatFitsIntoNoWindowIsRefused) {
  Case c;
  c.saved.limits.throttle_bytes_per_s = 1e5;
  c.saved.windows = {"thu 01:00-01:10"};
  const Status ran = c.executor().run();
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, Code::kConflict);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("no window of maintenance is longer than 10 min"));
  EXPECT_EQ(c.saved.outcome, Outcome::kPaused);
  EXPECT_EQ(c.cluster.copies_begun, 0);
}

TEST(MovesExecutor, WhatIsUnderWayAtTheCloseIsTakenBackIfWanted) {
  Case c;
  c.saved.windows = {"daily 01:00-02:00"};
  c.saved.at_close = AtClose::kTakeBack;
  c.cluster.copy_s = 5000;  // it does not end within the window
  const FakeCluster::Settings before = c.cluster.settings;
  bool was_back = false;
  ExecutorOptions options;
  options.save = [&](const Journal& journal) {
    c.saved = journal;
    return Status();
  };
  options.tell = [&](const std::string& line) { c.told.push_back(line); };
  options.wish = [&] {
    if (seconds_of(c.time) > 7300 && seconds_of(c.time) < 80'000 && !was_back) {
      was_back = true;
      EXPECT_TRUE(c.cluster.copies.empty());
      EXPECT_EQ(c.cluster.settings, before);
      c.cluster.copy_s = 3;  // the next night nobody is in the way
    }
    return Wish::kGoOn;
  };
  options.windows = Windows::parse(c.saved.windows).value();
  Executor executor(c.cluster, c.time, c.saved, options);
  ASSERT_TRUE(executor.run().has_value());
  EXPECT_TRUE(was_back);
  c.check_done();
  EXPECT_EQ(c.cluster.settings, before);
}

TEST(MovesExecutor, APauseIsHeardWhileItWaitsForAWindow) {
  Case c;
  c.saved.windows = {"sat 01:00-02:00"};
  int asked = 0;
  ExecutorOptions options;
  options.save = [&](const Journal& journal) {
    c.saved = journal;
    return Status();
  };
  options.tell = [](const std::string&) {};
  options.wish = [&] { return ++asked > 10 ? Wish::kPause : Wish::kGoOn; };
  options.windows = Windows::parse(c.saved.windows).value();
  Executor executor(c.cluster, c.time, c.saved, options);
  ASSERT_TRUE(executor.run().has_value());
  EXPECT_EQ(c.saved.outcome, Outcome::kPaused);
  EXPECT_EQ(c.cluster.copies_begun, 0);
  EXPECT_LT(seconds_of(c.time), 60);
}

TEST(MovesExecutor, KilledAtEveryStepItCanBeCancelled) {
  for (int at = 1; at < 40; ++at) {
    SCOPED_TRACE(at);
    Case c;
    const FakeCluster::Settings before = c.cluster.settings;
    c.cluster.copy_s = 1e6;  // nothing ends by itself
    c.cluster.calls = 0;
    c.cluster.dies_at = at;
    ASSERT_FALSE(c.executor().run().has_value());
    c.cluster.dead = false;
    const Status cancelled = c.executor().cancel();
    ASSERT_TRUE(cancelled.has_value()) << cancelled.error().message;
    EXPECT_EQ(c.saved.outcome, Outcome::kCancelled);
    EXPECT_EQ(c.cluster.settings, before);
    EXPECT_TRUE(c.cluster.copies.empty());
    EXPECT_EQ(c.cluster.replicas_of("t", 0), (std::vector<int32_t>{1, 3}));
    // Run again it does nothing.
    ASSERT_TRUE(c.executor().run().has_value());
    EXPECT_EQ(c.saved.outcome, Outcome::kCancelled);
  }
}

TEST(MovesExecutor, APauseEndsTheWaveAndGoesOn) {
  Case c;
  c.wish = Wish::kPause;
  ASSERT_TRUE(c.executor().run().has_value());
  EXPECT_EQ(c.saved.outcome, Outcome::kPaused);
  EXPECT_EQ(c.cluster.copies_begun, 0);
  c.wish = Wish::kGoOn;
  c.pauses_when_moving = true;
  ASSERT_TRUE(c.executor().run().has_value());
  EXPECT_EQ(c.saved.outcome, Outcome::kPaused);
  EXPECT_EQ(c.saved.wave, 1u);
  EXPECT_TRUE(c.cluster.copies.empty());
  EXPECT_EQ(c.saved.settings_set(), 0u);
  c.wish = Wish::kGoOn;
  c.pauses_when_moving = false;
  ASSERT_TRUE(c.executor().run().has_value());
  c.check_done();
}

TEST(MovesExecutor, MovesOfOthersAreToldAndWaitedFor) {
  Case c;
  c.cluster.others = {{"x", 7, {2}, {3}, -1, ""}};
  c.wish = Wish::kGoOn;
  int asked = 0;
  Executor executor = [&] {
    ExecutorOptions options;
    options.save = [&](const Journal& journal) {
      c.saved = journal;
      return Status();
    };
    options.tell = [&](const std::string& line) { c.told.push_back(line); };
    options.wish = [&] {
      if (++asked == 5) {
        EXPECT_EQ(c.cluster.copies_begun, 0);
        c.cluster.others.clear();
      }
      return Wish::kGoOn;
    };
    return Executor(c.cluster, c.time, c.saved, options);
  }();
  ASSERT_TRUE(executor.run().has_value());
  EXPECT_THAT(c.told, testing::Contains("x[7] is moved by somebody else: it is left alone, and waited for"));
  c.check_done();
}

TEST(MovesExecutor, WhatSomebodyElseHasMovedIsLeftAsItIs) {
  Case c;
  c.cluster.find("t", 0).replicas[0].place = {4, 0};
  c.cluster.find("t", 0).replicas[1].place = {2, 0};
  ASSERT_TRUE(c.executor().run().has_value());
  EXPECT_EQ(c.cluster.replicas_of("t", 0), (std::vector<int32_t>{4, 2}));
  EXPECT_THAT(c.told, testing::Contains(testing::HasSubstr("t[0] is gone, or was moved elsewhere by somebody else")));
}

TEST(MovesExecutor, AnotherClusterIsNotTouched) {
  Case c;
  c.cluster.id = "another";
  const Status ran = c.executor().run();
  EXPECT_EQ(ran.error().code, Code::kInvalid);
  EXPECT_EQ(ran.error().message,
            "the journal is of cluster the-cluster, and the brokers are of another: nothing was done");
  EXPECT_EQ(c.cluster.copies_begun, 0);
}

TEST(MovesExecutor, CredentialsThatMayOnlyLook) {
  Case c;
  c.cluster.may_not_alter = true;
  const Status ran = c.executor().run();
  EXPECT_EQ(ran.error().code, Code::kInvalid);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("CLUSTER_AUTHORIZATION_FAILED"));
  EXPECT_EQ(c.cluster.copies_begun, 0);
}

TEST(MovesExecutor, AWaveThatIsNoLongerSafeWaitsAndThenStopsWithTheProof) {
  Case c;
  // Somebody fills every disk after the plan was made.
  for (Broker& broker : c.cluster.state.brokers)
    for (LogDir& dir : broker.dirs) dir.used_bytes = 880 * kMB;
  const Status ran = c.executor().run();
  ASSERT_FALSE(ran.has_value());
  EXPECT_EQ(ran.error().code, Code::kConflict);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("over the 900 MB that it may have"));
  EXPECT_EQ(c.cluster.copies_begun, 0);
  EXPECT_EQ(c.saved.outcome, Outcome::kPaused);
  EXPECT_EQ(c.saved.settings_set(), 0u);
  EXPECT_GT(seconds_of(c.time), 60);  // it waited for what might have gone
  for (Broker& broker : c.cluster.state.brokers)
    for (LogDir& dir : broker.dirs) dir.used_bytes = 0;
  ASSERT_TRUE(c.executor().run().has_value());
  c.check_done();
}

TEST(MovesJournal, ThereAndBack) {
  Case c;
  c.saved.settings = {{Setting::Kind::kBroker, "1", "a", std::nullopt, true},
                      {Setting::Kind::kTopic, "t", "b", "1:2,\"x\"", false}};
  c.saved.wave = 1;
  c.saved.copy_rate = {{true, 0.25, 45, 0.2}, 12'500'000, 5'000'000, Signs{0.012, 3, 2}};
  c.saved.windows = {"sat 01:00-05:00 Europe/Berlin"};
  c.saved.at_close = AtClose::kTakeBack;
  c.saved.goal = "--drain 1";
  c.saved.dir_bytes = 5e12;
  const std::string text = to_json(c.saved);
  const auto back = journal_from_json(text);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(to_json(*back), text);
  EXPECT_EQ(back->copy_rate.bounds, c.saved.copy_rate.bounds);
  EXPECT_EQ(back->windows, c.saved.windows);
  EXPECT_EQ(back->goal, "--drain 1");
  EXPECT_EQ(back->dir_bytes, 5e12);
  // One of a release that did not adapt goes on as it was begun.
  const size_t from = text.find("\"pace\""), to = text.find("\"waves\"");
  const auto old = journal_from_json(text.substr(0, from) + text.substr(to));
  ASSERT_TRUE(old.has_value()) << old.error().message;
  EXPECT_FALSE(old->copy_rate.bounds.adapts);
  EXPECT_TRUE(old->windows.empty());
  EXPECT_TRUE(old->goal.empty());
  EXPECT_EQ(old->dir_bytes, 0);
  EXPECT_FALSE(back->settings[0].before.has_value());
  EXPECT_EQ(back->settings[1].before, "1:2,\"x\"");
  EXPECT_EQ(journal_from_json("{}").error().code, Code::kCorrupt);
  EXPECT_EQ(journal_from_json(text.substr(0, text.size() / 2)).error().code, Code::kCorrupt);
  // Somebody has edited it: brokers are numbers.
  std::string edited = text;
  edited.replace(edited.find("\"resource\":\"1\""), 14, "\"resource\":\"one\"");
  EXPECT_EQ(journal_from_json(edited).error().code, Code::kCorrupt);
  c.saved.limits.throttle_bytes_per_s = c.saved.dir_bytes = 1e300;
  EXPECT_NE(to_json(c.saved).find("\"throttle_bytes_per_s\":9223372036854775807"), std::string::npos);
  EXPECT_THAT(journal_from_json("{\"version\":2}").error().message, testing::HasSubstr("of another release"));
}

}  // namespace
}  // namespace freshet::fleet::rebalance
