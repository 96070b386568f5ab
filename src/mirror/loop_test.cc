// The mirror between two clusters in memory: killed at any step, expelled, with partitions added, it copies each record
// once and keeps each key's order; what verify says of that is compared with what is there.
#include "mirror/loop.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "base/hash.h"
#include "cluster/stream/target.h"
#include "mirror/offsets.h"
#include "mirror/verify/verify.h"
#include "telemetry/metrics.h"
#include "testing/cluster/fake_cluster.h"

namespace freshet::mirror {
namespace {

using testing::FakeCluster;
using testing::FakeRecord;
using testing::Killed;

constexpr const char* kTopic = "orders";

Config seven() {
  Config config;
  config.name = "m";
  config.prefix = "freshet.mirror.m";
  config.source.name = "front";
  config.target.name = "back";
  config.topics.push_back({.match = "*", .to = "copy.*", .partitions = 7});
  config.offset_sync_us = 1'000'000;
  config.refresh_us = 1'000'000;
  return config;
}

// Both clusters, and what a process has of them.
struct World {
  env::FakeClock clock;
  FakeCluster source{clock}, target{clock};
};

struct Running {
  Running(World& world, Config with)
      : config(std::move(with)),
        source(world.source.admin()),
        target(world.target.admin()),
        writer(world.target.writer(transactional_id_of(config))),
        group(world.target.join(group_of(config), config.instance)),
        topics(config, *source, *target),
        loop({config, topics, *group, *writer, *source, *target,
              [&world](const std::string&) { return Result<std::unique_ptr<cluster::Reader>>(world.source.reader()); },
              world.clock}) {}
  Config config;
  std::unique_ptr<cluster::Admin> source, target;
  std::unique_ptr<cluster::Writer> writer;
  std::unique_ptr<cluster::Membership> group;
  Topics topics;
  Loop loop;
};

Config instance(const Config& config, const std::string& name) {
  Config out = config;
  set_instance(out, name);
  return out;
}

class FakeSides final : public Sides {
 public:
  explicit FakeSides(World& world) : world_(world), source_(world.source.admin()), target_(world.target.admin()) {}
  env::Clock& clock() override { return world_.clock; }
  cluster::Admin& source() override { return *source_; }
  cluster::Admin& target() override { return *target_; }
  Result<std::unique_ptr<cluster::Reader>> read_source() override { return world_.source.reader(); }
  Result<std::unique_ptr<cluster::Reader>> read_target() override { return world_.target.reader(); }

 private:
  World& world_;
  std::unique_ptr<cluster::Admin> source_, target_;
};

Verdict verified(World& world, const Config& config) {
  FakeSides sides(world);
  auto verdict = verify(config, sides, {});
  EXPECT_TRUE(verdict) << (verdict ? "" : verdict.error().message);
  return verdict ? *verdict : Verdict{};
}

using Values = std::map<std::string, std::vector<std::string>>;

Values by_key(const FakeCluster& cluster, const std::string& topic) {
  Values out;
  for (uint32_t p = 0; p < cluster.partitions(topic); ++p)
    for (const auto& [offset, record] : cluster.committed(topic, static_cast<int32_t>(p)))
      out[record.key.value_or("")].push_back(record.value.value_or("(none)"));
  return out;
}

// The n-th record of each key says so.
class Producer {
 public:
  explicit Producer(World& world) : world_(world) {}
  void send(uint32_t key, uint32_t partitions) {
    const std::string name = "k" + std::to_string(key);
    FakeRecord record{1'000 + static_cast<int64_t>(total_++), name, std::to_string(counts_[name]++), {{"h", "1"}}};
    world_.source.produce(kTopic, static_cast<int32_t>(partition_of(name, partitions)), std::move(record));
  }
  [[nodiscard]] Values expected() const {
    Values out;
    for (const auto& [name, count] : counts_)
      for (uint32_t i = 0; i < count; ++i) out[name].push_back(std::to_string(i));
    return out;
  }

 private:
  World& world_;
  std::map<std::string, uint32_t> counts_;
  uint32_t total_ = 0;
};

void run(Running& process, int steps) {
  for (int i = 0; i < steps; ++i) {
    const Status done = process.loop.step();
    ASSERT_TRUE(done) << done.error().message;
  }
}

TEST(MirrorLoop, CopiesIntoAnotherNumberOfPartitions) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 1000; ++i) producer.send(i % 37, 3);
  Running process(world, seven());
  run(process, 6);
  EXPECT_EQ(by_key(world.target, "copy.orders"), producer.expected());
  EXPECT_EQ(world.target.partitions("copy.orders"), 7u);
  const auto first = world.target.committed("copy.orders", static_cast<int32_t>(partition_of("k1", 7))).at(0).second;
  EXPECT_EQ(first.headers.front().first, "h");
  EXPECT_EQ(first.headers.back(), std::pair(std::string(kRouteHeader), std::optional<std::string>("front")));
  EXPECT_TRUE(verified(world, process.config).complete());
}

// Two processes that are killed, expelled, and go on as zombies, in any order.
RC_GTEST_PROP(MirrorLoop, CopiesOnceWhateverHappens, ()) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  std::vector<std::unique_ptr<Running>> processes(2);
  int until_kill = -1;
  world.target.at_step = [&](const char*) {
    if (until_kill > 0 && --until_kill == 0) throw Killed();
  };
  const auto ops = *rc::gen::container<std::vector<int>>(40, rc::gen::inRange(0, 100));
  for (const int op : ops) {
    for (int i = 0; i < op % 11; ++i) producer.send(static_cast<uint32_t>(op * 7 + i) % 13, 3);
    const auto who = static_cast<size_t>(op % 2);
    if (op < 10) world.target.expel("freshet.mirror.m", std::to_string(who));
    if (op >= 10 && op < 20) world.target.end_transactions();
    if (processes[who] == nullptr)
      processes[who] = std::make_unique<Running>(world, instance(seven(), std::to_string(who)));
    until_kill = op % 3 == 0 ? op / 4 + 1 : -1;
    try {
      const Status done = processes[who]->loop.step();
      RC_ASSERT(done.has_value());
    } catch (const Killed&) {
      processes[who].reset();
    }
  }
  until_kill = -1;
  processes[1].reset();
  world.target.expel("freshet.mirror.m", "1");
  world.target.end_transactions();
  if (processes[0] == nullptr) processes[0] = std::make_unique<Running>(world, instance(seven(), "0"));
  for (int i = 0; i < 12; ++i) RC_ASSERT(processes[0]->loop.step().has_value());
  RC_ASSERT(by_key(world.target, "copy.orders") == producer.expected());
  RC_ASSERT(verified(world, seven()).complete());
}

// Producers go over to the new partitions while the mirror runs and is killed, each key at another moment.
RC_GTEST_PROP(MirrorLoop, AddedPartitionsKeepTheOrderOfKeys, ()) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 50; ++i) producer.send(i % 9, 3);
  Config config = seven();
  config.switch_over_us = 60'000'000;
  auto process = std::make_unique<Running>(world, config);
  run(*process, 4);
  world.source.topics.at(kTopic).resize(5);
  const auto ops = *rc::gen::container<std::vector<int>>(60, rc::gen::inRange(0, 60));
  std::set<uint32_t> moved;
  for (const int op : ops) {
    const auto key = static_cast<uint32_t>(op % 9);
    if (op < 18) moved.insert(key);
    for (int i = 0; i < 1 + op % 4; ++i) producer.send(key, moved.contains(key) ? 5 : 3);
    if (op % 13 == 0) process = std::make_unique<Running>(world, config);
    if (op % 3 == 0) run(*process, 1);
  }
  for (uint32_t key = 0; key < 9; ++key) producer.send(key, 5);
  run(*process, 6);
  world.clock.now += config.switch_over_us;
  for (int i = 0; i < 16; ++i) {
    for (uint32_t key = 0; key < 9; ++key) producer.send(key, 5);
    run(*process, 2);
  }
  run(*process, 10);
  RC_ASSERT(by_key(world.target, "copy.orders") == producer.expected());
  RC_ASSERT(verified(world, config).complete());
  for (const auto& [of, place] : world.target.groups.at("freshet.mirror.m").places) {
    RC_ASSERT(decode_note(place.note).until_ms == 0);
    if (of.partition >= 3) RC_ASSERT(decode_note(place.note) == (Note{5, 3, 0, 0}));
  }
}

// With another partitioner a key's earlier records can't be told from its later ones.
TEST(MirrorLoop, StopsWhereKeysLieElsewhere) {
  World world;
  world.source.make(kTopic, 3);
  for (int32_t p = 0; p < 3; ++p) world.source.produce(kTopic, p, {1, "k", "v", {}});
  Running process(world, seven());
  run(process, 3);
  world.clock.now += 11'000'000;
  run(process, 3);
  uint32_t halted = 0;
  for (const Standing& one : process.loop.standings()) halted += one.halted.find("producers: any") != std::string::npos;
  EXPECT_EQ(halted, 2u);
  Config any = seven();
  any.topics[0].producers = Producers::kAny;
  Running again(world, any);
  run(again, 4);
  EXPECT_EQ(by_key(world.target, "copy.orders").at("k").size(), 3u);
}

TEST(MirrorLoop, SetsAsideWhatItCantWrite) {
  World world;
  world.source.make(kTopic, 1, {{"max.message.bytes", "2000", cluster::ConfigSource::kTopic, false, false}});
  Config config = seven();
  config.topics[0].keyless = Keyless::kSetAside;
  config.topics[0].fields = {"a"};
  world.source.produce(kTopic, 0, {1, "k", R"({"a":1,"b":2})", {}});
  world.source.produce(kTopic, 0, {2, "k", "not json", {}});
  world.source.produce(kTopic, 0, {3, std::nullopt, R"({"a":2})", {}});
  world.source.produce(kTopic, 0, {4, "k", "{\"a\":\"" + std::string(3000, 'x') + "\"}", {}});
  world.source.produce(kTopic, 0, {5, "k", std::nullopt, {}});
  world.source.produce(kTopic, 0, {6, "k", R"({"a":3})", {{std::string(kRouteHeader), "back"}}});
  Running process(world, config);
  run(process, 5);
  EXPECT_EQ(by_key(world.target, "copy.orders"), (Values{{"k", {R"({"a":1})", "(none)"}}}));
  const auto letters = world.target.committed(letters_topic(config), 0);
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_EQ(letters[0].second.value, "not json");
  EXPECT_EQ(letters[0].second.headers.back(),
            std::pair(std::string("freshet.mirror.offset"), std::optional<std::string>("1")));
  // Whoever relies on a verdict hears that not all of the source is in the topic.
  const Verdict verdict = verified(world, config);
  EXPECT_TRUE(verdict.same()) << verdict_text(verdict);
  EXPECT_FALSE(verdict.complete());
  EXPECT_EQ(verdict.topics.at(0).set_aside, 3u);
  EXPECT_NE(verdict_text(verdict).find("3 records were set aside: they are in freshet.mirror.m.deadletters"),
            std::string::npos)
      << verdict_text(verdict);
}

// A latency that overflowed would be the age of the world.
TEST(MirrorLoop, ATimestampAtTheEndOf64Bits) {
  World world;
  world.source.make(kTopic, 1);
  world.source.produce(kTopic, 0, {std::numeric_limits<int64_t>::max(), "k", "v", {}});
  Running process(world, seven());
  const auto& latency = telemetry::histogram("freshet_mirror_latency_us", "");
  const double before = latency.sum_us();
  run(process, 5);
  EXPECT_EQ(by_key(world.target, "copy.orders"), (Values{{"k", {"v"}}}));
  EXPECT_EQ(latency.sum_us() - before, 1);
}

// ---- what the target refuses ----------------------------------------------------------------------------------------

cluster::Config own(const std::string& name, const std::string& value) {
  return {name, value, cluster::ConfigSource::kTopic, false, false};
}

std::string halted(Loop& loop, const std::string& topic) {
  std::string why;
  for (const Standing& one : loop.standings())
    if (one.of.topic == topic && !one.halted.empty()) why = one.halted;
  return why;
}

constexpr int64_t kDayMs = 86'400'000;

// Records that nobody could know to be wrong: they are found, whatever else is in the same transactions, also while
// more and more comes of others.
TEST(MirrorLoop, SetsAsideWhatTheTargetRefuses) {
  World world;
  world.source.make(kTopic, 3, {own("message.timestamp.after.max.ms", "3600000")});
  world.source.make("others", 1);
  Producer producer(world);
  const int64_t now_ms = world.clock.now_us() / 1000;
  for (uint32_t i = 0; i < 3000; ++i) {
    producer.send(i % 37, 3);
    if (i == 1000 || i == 1001 || i == 2500)
      world.source.produce(kTopic, static_cast<int32_t>(partition_of("late", 3)),
                           {now_ms + kDayMs, "late", std::to_string(i), {}});
  }
  Running process(world, seven());
  size_t steps = 0;
  for (; steps < 300 && by_key(world.target, "copy.orders") != producer.expected(); ++steps) {
    world.source.produce("others", 0, {now_ms, "o", std::to_string(steps), {}});
    run(process, 1);
  }
  EXPECT_EQ(by_key(world.target, "copy.orders"), producer.expected()) << steps << " steps";
  run(process, 3);
  EXPECT_EQ(by_key(world.target, "copy.others").at("o").size(), steps) << "the others go on";
  const auto letters = world.target.committed(letters_topic(seven()), 0);
  ASSERT_EQ(letters.size(), 3u);
  const auto& headers = letters[0].second.headers;
  const auto has = [&](const std::string& name, const std::string& value) {
    return std::find(headers.begin(), headers.end(), std::pair(name, std::optional<std::string>(value))) !=
           headers.end();
  };
  EXPECT_TRUE(has("freshet.mirror.timestamp", std::to_string(now_ms + kDayMs)));
  EXPECT_TRUE(has("freshet.mirror.topic", kTopic));
  EXPECT_LT(letters[0].second.timestamp_ms, now_ms + kDayMs) << "the letters would be refused for it, too";
  EXPECT_EQ(halted(process.loop, kTopic), "");
  const Verdict verdict = verified(world, process.config);
  EXPECT_TRUE(verdict.same()) << verdict_text(verdict);
}

// Then it is not the records: the rest waits, in its place, and the log says why.
TEST(MirrorLoop, StopsWhereTheTargetRefusesOneAfterTheOther) {
  World world;
  world.source.make(kTopic, 1, {own("message.timestamp.after.max.ms", "3600000")});
  world.source.make("others", 1);
  const int64_t now_ms = world.clock.now_us() / 1000;
  for (int i = 0; i < 40; ++i) world.source.produce(kTopic, 0, {now_ms + kDayMs, "k", std::to_string(i), {}});
  Running process(world, seven());
  run(process, 150);
  EXPECT_NE(halted(process.loop, kTopic).find("one record after the other"), std::string::npos);
  EXPECT_EQ(world.target.committed(letters_topic(seven()), 0).size(), Refusals::kInARowMost);
  world.source.produce("others", 0, {now_ms, "o", "1", {}});
  run(process, 4);
  EXPECT_EQ(by_key(world.target, "copy.others").size(), 1u) << "the others go on";
  // Somebody raises the limit, and starts the process again.
  world.source.configs[kTopic] = {own("message.timestamp.after.max.ms", std::to_string(2 * kDayMs))};
  Running again(world, seven());
  run(again, 6);
  EXPECT_EQ(by_key(world.target, "copy.orders").at("k").size(), 30u);
}

TEST(MirrorLoop, APartitionOfTheTargetWithoutALeaderHoldsNobodyElseUp) {
  World world;
  world.source.make(kTopic, 1);
  world.source.make("others", 1);
  Producer producer(world);
  for (uint32_t i = 0; i < 100; ++i) producer.send(i % 9, 1);
  Running process(world, seven());
  run(process, 1);
  world.target.leaderless.insert({"copy.orders", 3});
  for (int i = 0; i < 20; ++i) {
    producer.send(static_cast<uint32_t>(i), 1);
    world.source.produce("others", 0, {1, "o", std::to_string(i), {}});
    run(process, 1);
  }
  run(process, 2);
  EXPECT_EQ(by_key(world.target, "copy.others").at("o").size(), 20u);
  world.target.leaderless.clear();
  world.clock.now += 3'000'000;
  run(process, 6);
  EXPECT_EQ(by_key(world.target, "copy.orders"), producer.expected());
}

// ---- topics of the target that are not as they must be --------------------------------------------------------------

struct Misfit {
  std::string name, value, told;
};

TEST(MirrorLoop, MirrorsIntoNoTopicThatWouldLoseOrChangeRecords) {
  for (const Misfit& misfit : {Misfit{"cleanup.policy", "compact",
                                      "copy.orders of the target has cleanup.policy=compact, and the source's "
                                      "topic delete"},
                               Misfit{"message.timestamp.type", "LogAppendTime", "set it to CreateTime"}}) {
    World world;
    world.source.make(kTopic, 3);
    world.source.make("others", 1);
    world.target.make("copy.orders", 7, {own(misfit.name, misfit.value)});
    Producer producer(world);
    for (uint32_t i = 0; i < 30; ++i) producer.send(i % 5, 3);
    world.source.produce("others", 0, {1, "o", "1", {}});
    Running process(world, seven());
    run(process, 5);
    EXPECT_TRUE(by_key(world.target, "copy.orders").empty()) << misfit.name;
    EXPECT_EQ(by_key(world.target, "copy.others").size(), 1u) << "the others go on";
    EXPECT_NE(halted(process.loop, kTopic).find(misfit.told), std::string::npos) << halted(process.loop, kTopic);
    // Somebody mends it, and later breaks it again.
    world.target.configs["copy.orders"].clear();
    world.clock.now += 2'000'000;
    run(process, 5);
    EXPECT_EQ(by_key(world.target, "copy.orders"), producer.expected());
    EXPECT_EQ(halted(process.loop, kTopic), "");
    const Values before = producer.expected();
    world.target.configs["copy.orders"] = {own(misfit.name, misfit.value)};
    world.clock.now += 2'000'000;
    run(process, 1);
    producer.send(1, 3);
    run(process, 3);
    EXPECT_EQ(by_key(world.target, "copy.orders"), before) << "one that ran stops";
    EXPECT_NE(halted(process.loop, kTopic), "");
  }
}

TEST(MirrorLoop, LettersAreKeptUntilSomebodyDeletesThem) {
  World world;
  world.source.make(kTopic, 1);
  const std::string letters = letters_topic(seven());
  Running process(world, seven());
  run(process, 1);
  EXPECT_EQ(cluster::value_of(world.target.configs[letters], "retention.ms"), "-1");
  // One of an earlier release, and one that somebody has decided about.
  for (const auto& [was, is] : {std::pair("", "-1"), std::pair("1000", "1000")}) {
    World other;
    other.source.make(kTopic, 1);
    other.target.make(letters, 1);
    if (*was != '\0') other.target.configs[letters] = {own("retention.ms", was)};
    Running again(other, seven());
    run(again, 1);
    EXPECT_EQ(cluster::value_of(other.target.configs[letters], "retention.ms"), is);
  }
}

TEST(MirrorLoop, StopsAtARecordWithoutAKey) {
  World world;
  world.source.make(kTopic, 1);
  world.source.make("others", 1);
  world.source.produce(kTopic, 0, {1, std::nullopt, "v", {}});
  world.source.produce("others", 0, {1, "k", "v", {}});
  Running process(world, seven());
  run(process, 5);
  EXPECT_TRUE(by_key(world.target, "copy.orders").empty());
  EXPECT_EQ(by_key(world.target, "copy.others").size(), 1u);
  const auto standings = process.loop.standings();
  EXPECT_TRUE(std::any_of(standings.begin(), standings.end(),
                          [](const Standing& one) { return one.halted.find("keyless: spread") != std::string::npos; }));
}

TEST(MirrorLoop, TellsWhatTheSourceHasDeleted) {
  World world;
  world.source.make(kTopic, 1);
  Producer producer(world);
  producer.send(1, 1);
  Running process(world, seven());
  run(process, 4);
  for (int i = 0; i < 9; ++i) producer.send(1, 1);
  world.source.topics.at(kTopic)[0].first = 5;
  run(process, 1);
  world.clock.now += 10'000'000;
  run(process, 3);
  Running again(world, seven());
  run(again, 4);
  EXPECT_NE(again.loop.standings().at(0).halted.find("offsets 1 to 4 were deleted"), std::string::npos)
      << again.loop.standings().at(0).halted;
}

// ---- verify ---------------------------------------------------------------------------------------------------------

Wrong planted(const std::function<void(FakeCluster::Log&)>& plant) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 5, 3);
  Running process(world, seven());
  run(process, 6);
  EXPECT_TRUE(verified(world, process.config).complete());
  plant(world.target.topics.at("copy.orders").at(partition_of("k1", 7)));
  const Verdict verdict = verified(world, process.config);
  EXPECT_FALSE(verdict.same());
  EXPECT_EQ(verdict.topics.at(0).compared.different, 1u);
  return verdict.topics.at(0).differences.at(0).wrong;
}

std::vector<size_t> places_of(const FakeCluster::Log& log, const std::string& key) {
  std::vector<size_t> out;
  for (size_t i = 0; i < log.entries.size(); ++i)
    if (log.entries[i].record.key == key) out.push_back(i);
  return out;
}

TEST(MirrorVerify, FindsALoss) {
  EXPECT_EQ(planted([](FakeCluster::Log& log) { log.entries[places_of(log, "k1")[20]].marker = true; }), Wrong::kLost);
  EXPECT_EQ(planted([](FakeCluster::Log& log) { log.entries[places_of(log, "k1").back()].marker = true; }),
            Wrong::kLost);
}

TEST(MirrorVerify, FindsADouble) {
  EXPECT_EQ(planted([](FakeCluster::Log& log) {
              const auto entry = log.entries[places_of(log, "k1")[20]];
              log.entries.insert(log.entries.begin() + 21 + static_cast<std::ptrdiff_t>(places_of(log, "k1")[20]),
                                 entry);
            }),
            Wrong::kDouble);
  EXPECT_EQ(planted([](FakeCluster::Log& log) { log.entries.push_back(log.entries[places_of(log, "k1")[3]]); }),
            Wrong::kDouble);
}

TEST(MirrorVerify, FindsASwap) {
  EXPECT_EQ(planted([](FakeCluster::Log& log) {
              const auto places = places_of(log, "k1");
              std::swap(log.entries[places[7]], log.entries[places[8]]);
            }),
            Wrong::kSwapped);
}

TEST(MirrorVerify, FindsAChange) {
  EXPECT_EQ(planted([](FakeCluster::Log& log) { log.entries[places_of(log, "k1")[7]].record.value = "other"; }),
            Wrong::kChanged);
}

// Compaction of the target alone takes records that the source has.
TEST(MirrorVerify, TheTargetsOwnCompactionIsNoExcuse) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 5, 3);
  Running process(world, seven());
  run(process, 6);
  world.target.configs["copy.orders"] = {own("cleanup.policy", "compact")};
  for (auto& log : world.target.topics.at("copy.orders"))
    for (size_t i = 0; i + 1 < log.entries.size(); ++i)
      for (size_t j = i + 1; j < log.entries.size(); ++j)
        if (!log.entries[j].marker && log.entries[j].record.key == log.entries[i].record.key)
          log.entries[i].marker = true;
  const Verdict verdict = verified(world, process.config);
  EXPECT_FALSE(verdict.same());
  EXPECT_EQ(verdict.topics.at(0).compared.different, 5u);
  EXPECT_NE(verdict_text(verdict).find("note: topic copy.orders of the target has cleanup.policy=compact"),
            std::string::npos)
      << verdict_text(verdict);
}

TEST(MirrorVerify, SaysThatTimestampsAreNotCompared) {
  World world;
  world.source.make(kTopic, 1);
  Running process(world, seven());
  run(process, 3);
  world.target.configs["copy.orders"] = {own("message.timestamp.type", "LogAppendTime")};
  EXPECT_NE(verdict_text(verified(world, process.config)).find("note: timestamps are not compared"), std::string::npos);
}

// What the source has deleted was mirrored before: it is no difference, and no proof.
TEST(MirrorVerify, CantTellOfWhatTheSourceHasDeleted) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 5, 3);
  Running process(world, seven());
  run(process, 6);
  for (auto& log : world.source.topics.at(kTopic)) log.first = static_cast<int64_t>(log.entries.size()) / 2;
  const Verdict verdict = verified(world, process.config);
  EXPECT_FALSE(verdict.same());
  EXPECT_EQ(verdict.topics.at(0).compared.different, 0u);
  EXPECT_EQ(verdict.topics.at(0).compared.untold, 5u);
  EXPECT_NE(verdict_text(verdict).find("copy.orders: CAN'T TELL"), std::string::npos) << verdict_text(verdict);
  // What is missing of the rest is seen all the same.
  auto& log = world.target.topics.at("copy.orders").at(partition_of("k1", 7));
  for (const size_t at : places_of(log, "k1")) log.entries[at].marker = true;
  EXPECT_EQ(verified(world, process.config).topics.at(0).compared.different, 1u);
}

// A key that lies in two partitions of the target, as it did before and after `partitions` was changed.
TEST(MirrorVerify, AnotherNumberOfPartitionsIsNoDifference) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 11, 3);
  {
    Running process(world, seven());
    run(process, 6);
  }
  world.target.expel("freshet.mirror.m", "1");
  Config nine = seven();
  nine.topics[0].partitions = 9;
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 11, 3);
  Running process(world, nine);
  run(process, 6);
  const Verdict verdict = verified(world, nine);
  EXPECT_TRUE(verdict.complete()) << verdict_text(verdict);
  EXPECT_GT(verdict.topics.at(0).compared.unordered, 0u);
  auto& log = world.target.topics.at("copy.orders").at(partition_of("k1", 9));
  log.entries[places_of(log, "k1").back()].marker = true;
  EXPECT_FALSE(verified(world, nine).same());
}

// ---- offsets of groups ----------------------------------------------------------------------------------------------

// What a group has not read of the source is in the target at or behind where it goes on.
RC_GTEST_PROP(MirrorOffsets, AMovedGroupLosesNothing, ()) {
  World world;
  const bool one_to_one = *rc::gen::arbitrary<bool>();
  world.source.make(kTopic, 3);
  Producer producer(world);
  Config config = seven();
  if (one_to_one) config.topics[0].partitions = 0;
  Running process(world, config);
  const auto bursts = *rc::gen::container<std::vector<uint32_t>>(12, rc::gen::inRange<uint32_t>(0, 30));
  for (const uint32_t burst : bursts) {
    for (uint32_t i = 0; i < burst; ++i) producer.send((burst + i) % 11, 3);
    run(process, 1);
    world.clock.now += 700'000;
  }
  run(process, 4);
  std::set<std::pair<std::string, std::string>> unread;
  for (int32_t p = 0; p < 3; ++p) {
    const auto records = world.source.committed(kTopic, p);
    const auto read = *rc::gen::inRange<int64_t>(-1, static_cast<int64_t>(records.size()) + 1);
    if (read >= 0) world.source.groups["g"].places[{kTopic, p}] = {{kTopic, p}, read, ""};
    for (const auto& [offset, record] : records)
      if (offset >= read) unread.emplace(*record.key, *record.value);
  }
  FakeSides sides(world);
  const auto moves = plan_moves(config, sides, "g", 1'000'000);
  RC_ASSERT(moves.has_value());
  if (moves->empty()) return;
  std::set<std::pair<std::string, std::string>> reads;
  const GroupMove& move = moves->at(0);
  for (size_t t = 0; t < move.next.size(); ++t)
    for (const auto& [offset, record] : world.target.committed(move.to, static_cast<int32_t>(t)))
      if (offset >= move.next[t].value_or(0)) reads.emplace(*record.key, *record.value);
  RC_ASSERT(std::includes(reads.begin(), reads.end(), unread.begin(), unread.end()));
}

// What docs/mirror.md states: a group that keeps up repeats what comes in `offsets_every` and a transaction.
TEST(MirrorOffsets, AGroupThatKeepsUpRepeatsLittle) {
  constexpr int kSteps = 40, kOfStep = 20, kStepMs = 700;
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  const Config config = seven();  // offsets_every is a second: less than two steps
  Running process(world, config);
  for (int step = 0; step < kSteps; ++step) {
    for (uint32_t i = 0; i < kOfStep; ++i) producer.send(i % 11, 3);
    run(process, 1);
    world.clock.now += kStepMs * 1000;
    if (step != kSteps * 3 / 4) continue;
    for (int32_t p = 0; p < 3; ++p) {
      const auto end = static_cast<int64_t>(world.source.committed(kTopic, p).size());
      world.source.groups["g"].places[{kTopic, p}] = {{kTopic, p}, end, ""};
    }
  }
  run(process, 4);
  std::set<std::pair<std::string, std::string>> read;
  for (int32_t p = 0; p < 3; ++p)
    for (const auto& [offset, record] : world.source.committed(kTopic, p))
      if (offset < world.source.groups["g"].places.at({kTopic, p}).next) read.emplace(*record.key, *record.value);
  FakeSides sides(world);
  const auto moves = plan_moves(config, sides, "g", 1'000'000);
  ASSERT_TRUE(moves);
  size_t repeated = 0;
  for (size_t t = 0; t < 7; ++t)
    for (const auto& [offset, record] : world.target.committed("copy.orders", static_cast<int32_t>(t)))
      repeated += offset >= moves->at(0).next[t].value_or(0) && read.contains({*record.key, *record.value});
  EXPECT_LE(repeated, 3U * kOfStep) << "of " << read.size();
}

// A group that has read everything, while nothing comes, repeats nothing.
TEST(MirrorOffsets, AGroupAtTheEndRepeatsNothing) {
  World world;
  world.source.make(kTopic, 3);
  Producer producer(world);
  Running process(world, seven());
  run(process, 3);
  for (uint32_t i = 0; i < 300; ++i) producer.send(i % 5, 3);
  run(process, 3);
  world.clock.now += 5'000'000;
  run(process, 2);
  for (int32_t p = 0; p < 3; ++p) {
    const auto end = static_cast<int64_t>(world.source.topics.at(kTopic)[static_cast<size_t>(p)].entries.size());
    world.source.groups["g"].places[{kTopic, p}] = {{kTopic, p}, end, ""};
  }
  FakeSides sides(world);
  const auto moves = plan_moves(process.config, sides, "g", 1'000'000);
  ASSERT_TRUE(moves);
  for (size_t t = 0; t < 7; ++t)
    for (const auto& [offset, record] : world.target.committed("copy.orders", static_cast<int32_t>(t)))
      EXPECT_LT(offset, moves->at(0).next[t].value_or(0));
}

}  // namespace
}  // namespace freshet::mirror
