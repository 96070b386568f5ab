#include "reaction/reactor_loop.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

#include "telemetry/trace.h"
#include "testing/change_generator.h"
#include "testing/reaction_fakes.h"

namespace freshet::reaction {
namespace {

using model::testing::make_op;
using model::testing::random_change;
using model::testing::text_value;
using namespace testing;  // NOLINT: the fakes

struct World {
  World(uint32_t partitions, uint64_t seed) : dice(seed), log(partitions, dice), store(dice) {
    options.log = &log;
    options.store = &store;
    options.clock = &clock;
    options.bulk_entities_max = 3;
    options.bulks_in_flight_max = 2;
    options.commit_interval_us = 50'000;
    start();
  }
  void start() {
    loop.reset();
    consumer = std::make_unique<FakeConsumer>(log, store, clock, dice);
    loop = std::make_unique<ReactorLoop>(options, *consumer);
  }
  [[nodiscard]] bool all_committed() const {
    for (uint32_t p = 0; p < log.changes.size(); ++p) {
      if (log.high(p) > 0 && log.committed_to[p].value_or(0) < log.high(p)) return false;
    }
    return true;
  }
  // Entity `number` has its partition for ever.
  void add(const v1::Change& change) {
    v1::Document& document = expected[change.id()];
    if (change.tenant() != "poison") (void)model::apply_change(document, change);
    log.add(static_cast<uint32_t>(change.id()[0]) % static_cast<uint32_t>(log.changes.size()),
            change.SerializeAsString());
  }

  Dice dice;
  env::FakeClock clock{1'000'000};
  FakeLog log;
  FakeStore store;
  ReactorOptions options;
  std::map<std::string, v1::Document> expected;
  std::unique_ptr<FakeConsumer> consumer;
  std::unique_ptr<ReactorLoop> loop;
};

v1::Change change_of(char entity, uint64_t version) {
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(std::string(16, entity));
  change.set_version(version);
  *change.add_ops() = make_op(v1::ChangeOp::SET, v1::ATTRIBUTES, "n", text_value(std::to_string(version)));
  return change;
}

RC_GTEST_PROP(ReactorProperty, EndsWithEveryChangeAppliedInOrder, (uint64_t seed)) {
  World world(static_cast<uint32_t>(seed % 3 + 1), seed);
  world.store.retry_percent = std::array<size_t, 3>{0, 10, 60}[world.dice.roll(3)];
  if (world.dice.one_in(3)) world.options.waiting_bytes_max = 400;
  world.start();
  std::map<char, uint64_t> versions;
  const size_t damaged_before = world.dice.roll(3);
  for (size_t i = 0; i < damaged_before; ++i) world.log.add(0, "\xff damaged");
  if (world.dice.one_in(3)) world.log.add(0, "");  // nothing
  for (size_t i = 1 + world.dice.roll(60); i > 0; --i) {
    const char entity = "aaabcdp"[world.dice.roll(7)];
    v1::Change change = random_change(++versions[entity]);
    change.set_id(std::string(16, entity));
    if (entity == 'p') change.set_tenant("poison");
    world.add(change);
  }
  size_t crashes = world.dice.roll(4);
  for (int step = 0; step < 5'000 && !world.all_committed(); ++step) {
    RC_ASSERT(world.loop->step());
    if (crashes > 0 && world.dice.one_in(10)) {
      --crashes;
      world.store.crash();
      world.start();
    }
  }
  RC_ASSERT(world.all_committed());
  for (const auto& [id, document] : world.expected) {
    RC_ASSERT(world.store.documents[id].SerializeAsString() == document.SerializeAsString());
  }
  RC_ASSERT(world.store.bulks_max <= world.options.bulk_entities_max);
  RC_ASSERT(world.store.in_flight_max <= world.options.bulks_in_flight_max);
  size_t damaged = 0;
  for (const auto& [id, letter] : world.log.letters) damaged += letter.code() == "damaged_change";
  RC_ASSERT(damaged == std::min<size_t>(damaged_before, 1));  // the same bytes: the same letter
}

TEST(ReactorLoop, CoalescesWhatWaitsBehindAWrite) {
  rc::check([](uint64_t seed) {
    World world(1, seed);
    world.options.commit_interval_us = 1'000'000'000;
    world.start();
    for (uint64_t version = 1; version <= 40; ++version) world.add(change_of('a', version));
    std::string last;
    for (int step = 0; step < 1'000 && last != "40"; ++step) {
      RC_ASSERT(world.loop->step());
      const v1::Value* value = model::find_field(world.store.documents[std::string(16, 'a')], v1::ATTRIBUTES, "n");
      if (value != nullptr) last = value->text();
    }
    RC_ASSERT(last == "40");
    RC_ASSERT(world.store.writes < 40U);
  });
}

std::string trace_parent(int number) { return fmt::format("00-0af7651916cd43dd8448eb211c80319c-{:016x}-01", number); }

class ReactorLoopTraces : public ::testing::Test {
 protected:
  ReactorLoopTraces() {
    telemetry::tracer().start({}, [](size_t n) { return env::real_random().bytes(n); });
  }
  ~ReactorLoopTraces() override {
    telemetry::tracer().stop();
    (void)spans();
  }
  static std::vector<telemetry::Span> spans() { return telemetry::tracer().take(1000, 0); }
  static void add(World& world, uint64_t version, const std::string& trace_parent) {
    v1::Change change = change_of('a', version);
    change.set_trace_parent(trace_parent);
    world.add(change);
  }
  static void write_all(World& world) {
    for (int step = 0; step < 5'000 && !world.all_committed(); ++step) ASSERT_TRUE(world.loop->step());
    ASSERT_TRUE(world.all_committed());
  }
};

TEST_F(ReactorLoopTraces, AWriteHasASpanForEachTraceThatLedToIt) {
  World world(1, 1);
  add(world, 1, trace_parent(1));
  add(world, 2, "");
  add(world, 3, "00-a-b-01");
  add(world, 4, trace_parent(2).substr(0, 53) + "00");
  write_all(world);
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].name, "write");
  EXPECT_EQ(made[0].kind, telemetry::SpanKind::kClient);
  EXPECT_EQ(made[0].parent, telemetry::parse_trace_parent(trace_parent(1))->span_id);
  EXPECT_EQ(made[0].error, "");
  std::map<std::string_view, std::string> told;
  for (const telemetry::SpanAttribute& one : made[0].attributes) told[one.key] = std::get<std::string>(one.value);
  EXPECT_EQ(told, (std::map<std::string_view, std::string>{{"freshet.tenant", "acme"},
                                                           {"freshet.result", "written"},
                                                           {"db.system.name", "freshet"},
                                                           {"db.namespace", "freshet_acme"},
                                                           {"db.collection.name", "users"},
                                                           {"db.operation.name", "bulkWrite"}}));
}

TEST_F(ReactorLoopTraces, EachTryIsSeen) {
  World world(1, 1);
  world.store.retry_percent = 100;
  add(world, 1, trace_parent(1));
  for (int step = 0; step < 5'000 && world.store.writes < 3; ++step) ASSERT_TRUE(world.loop->step());
  world.store.retry_percent = 0;
  write_all(world);
  const std::vector<telemetry::Span> made = spans();
  ASSERT_GE(made.size(), 3u);
  for (size_t i = 0; i + 1 < made.size(); ++i) EXPECT_EQ(made[i].error, "retry");
  EXPECT_EQ(made.back().error, "");
}

// Folded changes: the traces of all of them, each once, up to a bound.
TEST(Coalescer, GathersTheTracesOfAWrite) {
  Coalescer coalescer;
  uint64_t version = 0;
  const auto add = [&](int trace) {
    v1::Change change = change_of('a', ++version);
    change.set_trace_parent(trace_parent(trace));
    coalescer.add(change, coalescer.tenant_handle("acme"), {});
  };
  add(1);
  add(2);
  add(1);
  Bulk first = coalescer.take(1);
  ASSERT_EQ(first.writes.size(), 1u);
  ASSERT_EQ(first.writes[0].traces.size(), 2u);
  EXPECT_EQ(first.writes[0].traces[1], *telemetry::parse_trace_parent(trace_parent(2)));
  add(3);
  add(2);
  coalescer.put_back(std::move(first.writes[0]), std::move(first.changes[0]), 5);
  coalescer.wake(5);
  Bulk again = coalescer.take(1);
  ASSERT_EQ(again.writes.size(), 1u);
  ASSERT_EQ(again.writes[0].traces.size(), 3u) << "what failed and what came meanwhile";
  EXPECT_EQ(again.writes[0].traces[2], *telemetry::parse_trace_parent(trace_parent(3)));
  for (int trace = 10; trace < 30; ++trace) add(trace);
  coalescer.written(again.writes[0], std::move(again.changes[0]));
  EXPECT_EQ(coalescer.take(1).writes.at(0).traces.size(), kTracesMax);
}

TEST(ReactorLoop, StopsAtAnErrorOfTheStoreAndCommitsNothing) {
  class Broken final : public FakeStore {
   public:
    using FakeStore::FakeStore;
    void write(std::vector<v1::Change> bulk, docstore::WriteDone done) override {
      std::vector<Status> results(bulk.size(), Status(fail(Code::kFatal, "disk full")));
      done(std::move(bulk), std::move(results));
    }
  };
  rc::check([](uint64_t seed) {
    World world(1, seed);
    Broken broken(world.dice);
    world.options.store = &broken;
    world.start();
    world.add(change_of('a', 1));
    Status status;
    for (int step = 0; step < 1'000 && status; ++step) status = world.loop->step();
    RC_ASSERT(!status);
    RC_ASSERT(status.error().message == "disk full");
    RC_ASSERT(!world.loop->drain());
    RC_ASSERT(!world.log.committed_to[0].has_value());
  });
}

TEST(ReactorLoop, PausesWhenTooMuchWaits) {
  rc::check([](uint64_t seed) {
    World world(1, seed);
    world.options.waiting_bytes_max = 200;
    world.start();
    world.store.retry_percent = 100;
    for (int i = 0; i < 200; ++i)
      world.add(change_of(static_cast<char>('A' + i % 50), static_cast<uint64_t>(i / 50 + 1)));
    for (int step = 0; step < 60; ++step) RC_ASSERT(world.loop->step());
    RC_ASSERT(world.consumer->pauses > 0);
    world.store.retry_percent = 0;
    for (int step = 0; step < 5'000 && !world.all_committed(); ++step) RC_ASSERT(world.loop->step());
    RC_ASSERT(world.all_committed());
  });
}

TEST(Offsets, LowWaterIsTheFirstUndone) {
  rc::check([](const std::vector<bool>& order) {
    Offsets offsets;
    std::vector<uint64_t> open;
    std::vector<eventlog::Offset> of;
    eventlog::Offset next = 5;
    for (const bool begin : order) {
      if (begin || open.empty()) {
        open.push_back(offsets.begin(next));
        of.push_back(next);
        next += 2;
        offsets.read_to(next);
      } else {
        const auto at = *rc::gen::inRange<size_t>(0, open.size());
        offsets.done(open[at]);
        open.erase(open.begin() + static_cast<ptrdiff_t>(at));
        of.erase(of.begin() + static_cast<ptrdiff_t>(at));
      }
      RC_ASSERT(offsets.low_water() == (of.empty() ? next : of.front()));
    }
  });
}

}  // namespace
}  // namespace freshet::reaction
