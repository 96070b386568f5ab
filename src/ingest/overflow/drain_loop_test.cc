#include "ingest/overflow/drain_loop.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <future>
#include <map>

#include "base/hash.h"
#include "eventlog/embedded/embedded_log.h"
#include "testing/clock.h"
#include "testing/dice.h"
#include "testing/memory_store.h"

namespace freshet::ingest {
namespace {

using eventlog::Topic;

// A process that dies: thrown out of a commit.
struct Death {};

// A consumer whose commits may fail, with or without having taken effect.
class FaultyConsumer final : public eventlog::Consumer {
 public:
  enum class Fault { kNone, kAborted, kUnknown, kDiesBefore, kDiesAfter };

  explicit FaultyConsumer(std::unique_ptr<eventlog::Consumer> inner) : inner_(std::move(inner)) {}
  Result<eventlog::PollResult> poll(size_t bytes_max, env::TimeUs) override {
    return inner_->poll(std::min(bytes_max, poll_bytes_max), 0);
  }
  void seek(eventlog::TopicPartition partition, eventlog::Offset next) override {
    ++seeks;
    inner_->seek(partition, next);
  }
  void pause(eventlog::TopicPartition partition, bool paused) override { inner_->pause(partition, paused); }
  Status commit(eventlog::Transaction transaction) override {
    const Fault fault = std::exchange(next_fault, Fault::kNone);
    if (fault == Fault::kDiesBefore) throw Death{};
    if (fault == Fault::kAborted) return fail(Code::kConflict, "aborted");
    const Status status = inner_->commit(std::move(transaction));
    if (fault == Fault::kDiesAfter) throw Death{};
    if (fault == Fault::kUnknown) return fail(Code::kRetry, "nobody knows");
    return status;
  }
  Result<std::optional<eventlog::Offset>> committed(eventlog::TopicPartition partition) override {
    return inner_->committed(partition);
  }
  void wake() override {}

  Fault next_fault = Fault::kNone;
  size_t poll_bytes_max = SIZE_MAX;
  size_t seeks = 0;

 private:
  std::unique_ptr<eventlog::Consumer> inner_;
};

// A log, and a node that drains it and can die.
class Node {
 public:
  explicit Node(uint32_t partitions = 1, uint32_t actions = 1) : partitions_(partitions) {
    kv::Options options;
    options.large_values = true;
    options.log_like = true;
    eventlog::EmbeddedLogOptions log_options;
    log_options.tail_bytes_max = 1;  // so that what was read is read again from the store
    log = eventlog::open_embedded_log(kv::open_memory(std::make_shared<kv::MemoryDisk>(), options), clock, log_options)
              .value();
    EXPECT_TRUE(log->create_topic(Topic::kOverflow, {partitions, 0, 0, {kDrainGroup}}));
    EXPECT_TRUE(log->create_topic(Topic::kActions, {actions, 0, 0, {}}));
    drain.log = log.get();
    drain.clock = &clock;
    drain.partitions = actions;
    drain.pause_us = 0;
    drain.trim_us = 0;
    start();
  }

  void start() {
    loop.reset();
    consumer.reset();
    LanesOptions options;
    options.clock = &clock;
    options.partitions = partitions_;
    options.left_over = true;
    lanes = std::make_unique<Lanes>(options);
    lanes->know(tenants);
    drain.lanes = lanes.get();
    consumer = std::make_unique<FaultyConsumer>(
        log->open_consumer({.group = kDrainGroup, .topics = {Topic::kOverflow}}).value());
    loop = std::make_unique<DrainLoop>(drain, *consumer);
  }

  // Puts a record into a lane; what it is shows in its value.
  void put(const LaneName& lane, const std::string& value, uint32_t partition = 0) {
    std::vector<eventlog::Produce> batches;
    eventlog::Produce produce{{Topic::kOverflow, partition}, {}};
    produce.records.add(overflow_key(lane, "key of " + value), value);
    batches.push_back(std::move(produce));
    std::promise<Status> done;
    log->append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
    EXPECT_TRUE(done.get_future().get());
  }
  void put_many(const LaneName& lane, size_t count, size_t bytes = 100, uint32_t partition = 0) {
    for (size_t i = 0; i < count; ++i) {
      std::string value = lane.tenant + std::to_string(i);
      value.resize(bytes, '.');
      put(lane, value, partition);
    }
  }

  // False: the process died in it, and is up again.
  bool step() {
    clock.now += 100;
    try {
      const Status status = loop->step();
      EXPECT_TRUE(status) << status.error().message;
      return true;
    } catch (const Death&) {
      start();
      return false;
    }
  }
  void run_until_idle(size_t steps = 1'000) {
    step();  // is told its partitions
    for (size_t i = 0; i < steps && !loop->idle(); ++i) {
      step();
      clock.now += 10'000;
    }
    EXPECT_TRUE(loop->idle());
  }

  // What is in `actions`, in order, by partition.
  std::vector<std::string> moved(uint32_t partition = 0) {
    std::vector<std::string> out;
    eventlog::Offset at = 0;
    while (true) {
      const auto fetched = log->read({Topic::kActions, partition}, at, 1u << 20).value();
      for (const auto& record : fetched.records) out.emplace_back(record.value);
      if (fetched.next <= at) return out;
      at = fetched.next;
    }
  }
  size_t moved_of(const std::string& tenant) {
    const auto all = moved();
    return static_cast<size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& value) { return value.starts_with(tenant); }));
  }

  env::FakeClock clock;
  std::unique_ptr<eventlog::EventLog> log;
  std::vector<std::shared_ptr<const model::Tenant>> tenants;
  std::unique_ptr<Lanes> lanes;
  DrainOptions drain;
  std::unique_ptr<FaultyConsumer> consumer;
  std::unique_ptr<DrainLoop> loop;

 private:
  const uint32_t partitions_;
};

LaneName live(const std::string& tenant) { return {tenant, LaneKind::kLive}; }
LaneName backfill(const std::string& tenant) { return {tenant, LaneKind::kBackfill}; }

void give_rate(Node& node, const std::string& name, uint64_t per_second, uint64_t burst) {
  model::Tenant tenant = model::default_tenant(name);
  tenant.rate = {per_second, burst};
  node.tenants.push_back(std::make_shared<model::Tenant>(tenant));
  node.lanes->know(node.tenants);
}

TEST(DrainLoop, MovesWhatWaitsToThePartitionOfItsKey) {
  Node node(2, 4);
  node.put_many(live("a"), 20, 100, 1);
  node.run_until_idle();
  size_t sum = 0;
  for (uint32_t p = 0; p < 4; ++p) {
    for (const std::string& value : node.moved(p)) EXPECT_EQ(partition_of("key of " + value, 4), p);
    sum += node.moved(p).size();
  }
  EXPECT_EQ(sum, 20u);
}

TEST(DrainLoop, MovesATenantAtItsRate) {
  Node node;
  give_rate(node, "a", 10, 20);
  node.put_many(live("a"), 200);
  for (int i = 0; i < 10; ++i) node.step();
  EXPECT_EQ(node.moved_of("a"), 20u) << "the burst";
  for (int i = 0; i < 100; ++i) {
    node.clock.now += 20'000;
    node.step();
  }
  EXPECT_EQ(node.moved_of("a"), 40u) << "and 10 in each of 2 seconds";
}

TEST(DrainLoop, ASlowTenantHoldsNobodyBack) {
  Node node;
  give_rate(node, "slow", 1, 1);
  node.put_many(live("slow"), 500, 200);
  node.put_many(live("quick"), 500, 200);
  node.drain.held_bytes_max = 1;  // the window of a lane is 4 KiB
  node.start();
  for (int i = 0; i < 300; ++i) node.step();
  EXPECT_EQ(node.moved_of("quick"), 500u);
  EXPECT_EQ(node.moved_of("slow"), 1u);
}

TEST(DrainLoop, LanesTakeTurnsByBytes) {
  Node node;
  node.put_many(live("many"), 800, 100);
  node.put_many(live("large"), 20, 4'000);
  node.drain.move_bytes_max = 8'000;
  node.drain.quantum_bytes = 2'000;
  node.start();
  while (node.moved().empty()) node.step();
  for (int i = 0; i < 6; ++i) node.step();
  const double many = static_cast<double>(node.moved_of("many")) * 130;
  const double large = static_cast<double>(node.moved_of("large")) * 4'030;
  EXPECT_GT(large, 0);
  EXPECT_NEAR(many / (many + large), 0.5, 0.15);
}

TEST(DrainLoop, TenThousandTenantsMayWait) {
  constexpr size_t kTenants = 10'000;
  Node node;
  std::vector<eventlog::Produce> batches;
  batches.push_back({{Topic::kOverflow, 0}, {}});
  for (size_t i = 0; i < 2 * kTenants; ++i) {
    const std::string tenant = "t" + std::to_string(i % kTenants);
    batches.back().records.add(overflow_key(live(tenant), "key"), std::string(200, 'x'));
  }
  std::promise<void> done;
  node.log->append(std::move(batches), [&](const Status&) { done.set_value(); });
  done.get_future().wait();
  size_t steps = 0;
  for (; steps < 100 && (steps < 2 || !node.loop->idle()); ++steps) {
    node.clock.now += 200'000;
    node.step();
  }
  EXPECT_LT(steps, 50u);
  EXPECT_EQ(node.moved().size(), 2 * kTenants);
}

TEST(DrainLoop, WhatIsOldGoesOnlyWhenNothingLiveIsLeft) {
  Node node;
  node.put_many(backfill("old"), 50);
  node.put_many(live("new"), 50);
  node.drain.move_bytes_max = 1'000;
  node.start();
  while (node.moved().size() < 45) node.step();
  EXPECT_EQ(node.moved_of("old"), 0u);
  node.run_until_idle();
  EXPECT_EQ(node.moved_of("old"), 50u);
}

// Of the live ones only the first few are in memory; what the rate allows is theirs all the same.
TEST(DrainLoop, WhatIsOldOfATenantWaitsForAllThatIsLiveOfIt) {
  Node node;
  give_rate(node, "a", 1'000, 1'000);
  node.put_many(live("a"), 100, 1'000);
  for (int i = 0; i < 50; ++i) {
    std::string value = "old" + std::to_string(i);
    value.resize(1'000, '.');
    node.put(backfill("a"), value);
  }
  node.drain.held_bytes_max = 1;  // the window of a lane is 4 KiB
  node.start();
  while (node.moved_of("a") < 90) node.step();
  EXPECT_EQ(node.moved_of("old"), 0u);
  node.run_until_idle();
  EXPECT_EQ(node.moved_of("old"), 50u);
}

// What waits for its own rate alone holds back nobody else.
TEST(DrainLoop, WhatIsOldDoesNotWaitForAnotherTenantsRate) {
  Node node;
  give_rate(node, "slow", 1, 1);
  node.put_many(live("slow"), 20);
  node.put_many(backfill("old"), 20);
  for (int i = 0; i < 50; ++i) node.step();
  EXPECT_EQ(node.moved_of("old"), 20u);
  EXPECT_EQ(node.moved_of("slow"), 1u);
}

// A change of tenants, and nothing comes of this one any more.
TEST(DrainLoop, AnotherRateHoldsForWhatWaits) {
  Node node;
  give_rate(node, "a", 1, 1);
  node.put_many(live("a"), 100);
  for (int i = 0; i < 50; ++i) node.step();
  EXPECT_EQ(node.moved_of("a"), 1u);
  give_rate(node, "a", 1'000'000, 1'000);
  for (int i = 0; i < 50; ++i) node.step();
  EXPECT_EQ(node.moved_of("a"), 100u);
}

TEST(DrainLoop, MovesNothingWhileTheStagesBehindHaveNoRoom) {
  Node node;
  Crowd crowd({.clock = &node.clock});
  int64_t backlog = 1'000'000;
  node.drain.crowd = &crowd;
  node.drain.backlog = [&] { return std::optional(backlog); };
  node.drain.observe_us = 0;
  node.start();
  node.put_many(live("a"), 20);
  for (int i = 0; i < 10; ++i) node.step();
  EXPECT_TRUE(node.moved().empty());
  backlog = 993;  // of the 1,000 that may be there
  while (node.moved().empty()) node.step();
  EXPECT_EQ(node.moved().size(), 7u);
}

TEST(DrainLoop, ALaneIsClosedWhenItIsEmpty) {
  Node node;
  give_rate(node, "a", 10, 10);
  for (int i = 0; i < 3; ++i) node.step();
  const model::Tenant& tenant = *node.tenants.front();
  const auto partition = node.lanes->enter(tenant, LaneKind::kLive, 15);
  ASSERT_TRUE(partition);
  for (int i = 0; i < 15; ++i) node.put(live("a"), "a" + std::to_string(i));
  for (int i = 0; i < 5; ++i) node.step();
  EXPECT_TRUE(node.lanes->any_open());
  node.lanes->left(live("a"), true, 0, 0);
  for (int i = 0; i < 5; ++i) node.step();
  EXPECT_TRUE(node.lanes->enter(tenant, LaneKind::kLive, 1)) << "five of them wait";
  node.lanes->left(live("a"), true, 0, 0);
  node.clock.now += 1'000'000;
  node.run_until_idle();
  node.step();
  EXPECT_FALSE(node.lanes->any_open());
  node.clock.now += 1'000'000;
  EXPECT_FALSE(node.lanes->enter(tenant, LaneKind::kLive, 1));
}

TEST(DrainLoop, AfterARestartWhatWaitsComesBeforeWhatComes) {
  Node node;
  give_rate(node, "a", 10, 10);
  node.put_many(live("a"), 50);
  while (node.moved().empty()) node.step();
  node.start();
  EXPECT_TRUE(node.lanes->enter(model::default_tenant("b"), LaneKind::kLive, 1)) << "it is not known what waits";
  for (int i = 0; i < 5; ++i) node.step();
  EXPECT_TRUE(node.lanes->enter(*node.tenants.front(), LaneKind::kLive, 1));
  EXPECT_FALSE(node.lanes->enter(model::default_tenant("c"), LaneKind::kLive, 1));
}

TEST(DrainLoop, TheLogForgetsWhatIsMoved) {
  Node node;
  give_rate(node, "slow", 1, 1);
  node.put_many(live("quick"), 100);
  node.put_many(live("slow"), 3);
  node.put_many(live("quick"), 100);
  for (int i = 0; i < 20; ++i) node.step();
  const auto low = [&] { return node.log->watermarks({Topic::kOverflow, 0}).value().low; };
  EXPECT_EQ(low(), 101) << "the first of slow is moved";
  node.clock.now += 10'000'000;
  node.run_until_idle();
  node.step();
  EXPECT_GE(low(), 203);
}

TEST(DrainLoop, ARecordOfSomebodyElseIsLeftOut) {
  Node node;
  std::vector<eventlog::Produce> batches;
  batches.push_back({{Topic::kOverflow, 0}, {}});
  batches.back().records.add("what is this", "?");
  std::promise<void> done;
  node.log->append(std::move(batches), [&](const Status&) { done.set_value(); });
  done.get_future().wait();
  node.put_many(live("a"), 1);
  node.run_until_idle();
  EXPECT_EQ(node.moved().size(), 1u);
}

// A record too large for what is left of a window, and polls that end where what was seen ends: nothing new was read.
TEST(DrainLoop, NewRecordsAreReadWhileALaneLacksALargeOne) {
  Node node;
  for (int i = 0; i < 40; ++i) {
    node.put_many(live("a"), 1, 500);
    node.put_many(live("a"), 1, 9'000);
    node.put_many(live("b"), 1, 500);
  }
  node.drain.held_bytes_max = 1;
  node.drain.fetch_bytes_max = 200'000;
  node.start();
  node.run_until_idle();
  EXPECT_EQ(node.moved().size(), 120u);
}

// "0-17": lane and number.
std::vector<std::string> numbers_of(const std::vector<std::string>& values) {
  std::vector<std::string> out;
  for (const std::string& value : values) out.push_back(value.substr(0, value.find('.')));
  return out;
}

// Whatever dies, fails or waits: each lane comes out as it went in, every record once.
void check_exactness(Dice dice) {
  const auto partitions = static_cast<uint32_t>(1 + dice.roll(2));
  Node node(partitions);
  node.drain.held_bytes_max = dice.one_in(2) ? 1 : 1u << 20;
  node.drain.move_bytes_max = 500 + dice.roll(20'000);
  node.drain.quantum_bytes = 100 + dice.roll(4'000);
  const std::vector<LaneName> names = {live("a"), live("b"), live("c"), backfill("a"), backfill("d")};
  for (const char* name : {"a", "b"})
    if (dice.one_in(2)) give_rate(node, name, 1 + dice.roll(100), 1 + dice.roll(100));
  node.start();
  std::map<LaneName, std::vector<std::string>> sent;
  using Fault = FaultyConsumer::Fault;
  const std::vector<Fault> faults = {Fault::kAborted, Fault::kUnknown, Fault::kDiesBefore, Fault::kDiesAfter};
  for (size_t i = 60 + dice.roll(100); i > 0; --i) {
    node.clock.now += static_cast<env::TimeUs>(dice.roll(200'000));
    const LaneName& lane = dice.pick(names);
    const size_t number = static_cast<size_t>(&lane - names.data());
    for (size_t n = dice.roll(12); n > 0; --n) {
      std::string value = std::to_string(number) + "-" + std::to_string(sent[lane].size());
      value.resize(20 + dice.roll(dice.one_in(10) ? 9'000 : 600), '.');
      node.put(lane, value, static_cast<uint32_t>(number) % partitions);
      sent[lane].push_back(value);
    }
    node.consumer->poll_bytes_max = dice.one_in(2) ? 1'000 + dice.roll(4'000) : SIZE_MAX;
    if (dice.one_in(6)) node.consumer->next_fault = dice.pick(faults);
    for (size_t n = dice.roll(4); n > 0; --n) node.step();
  }
  node.consumer->poll_bytes_max = SIZE_MAX;
  for (size_t i = 0; i < 30'000 && (i < 5 || !node.loop->idle()); ++i) {
    node.clock.now += 500'000;
    node.step();
  }
  RC_ASSERT(node.loop->idle());
  std::map<LaneName, std::vector<std::string>> came;
  for (const std::string& value : node.moved()) came[names[static_cast<size_t>(value[0] - '0')]].push_back(value);
  for (const LaneName& lane : names) RC_ASSERT(numbers_of(came[lane]) == numbers_of(sent[lane]));
}

RC_GTEST_PROP(DrainLoop, MovesEachLaneInOrderAndOnceWhateverFails, (uint64_t seed)) { check_exactness(Dice(seed)); }

}  // namespace
}  // namespace freshet::ingest
