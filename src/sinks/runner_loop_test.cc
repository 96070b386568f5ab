#include "sinks/runner_loop.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <functional>
#include <map>

#include "freshet/v1/event.pb.h"
#include "testing/dice.h"
#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

using eventlog::Offset;
using eventlog::Topic;

int number_of(const Item& item) {
  simdjson::dom::parser parser;
  return static_cast<int>(parser.parse(item.value)["properties"]["n"].get_int64().value());
}

// Keeps what it is given; `judge` says what becomes of each item.
class RecordingSink final : public Sink {
 public:
  using What = Outcome::What;
  std::function<What(int n)> judge = [](int) { return What::kDone; };
  std::map<uint32_t, std::vector<int>> got;

  BatchWish wish() const override { return {}; }
  std::vector<Outcome> take(std::span<const Batch> batches) override {
    std::vector<Outcome> out;
    for (const Batch& batch : batches) {
      Outcome& outcome = out.emplace_back();
      for (const Item& item : batch.items) {
        outcome.what = judge(number_of(item));
        outcome.why = "so the test says";
        if (outcome.what != What::kDone) break;
        got[batch.from.partition].push_back(number_of(item));
        ++outcome.done;
      }
    }
    return out;
  }
};

void run(SinkLog& log, RunnerLoop& loop, int steps) {
  for (int i = 0; i < steps; ++i) {
    ASSERT_TRUE(loop.step());
    log.clock.now += 1'000'000;
  }
}

TEST(RunnerLoop, HandsOverWhatConcernsTheSinkInOrder) {
  SinkLog log;
  for (int i = 0; i < 30; ++i) log.event(static_cast<uint32_t>(i % 3), i, i % 2 == 0 ? "E" : "F");
  log.around.sink.event = "E";
  RecordingSink sink;
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 10);
  EXPECT_EQ(sink.got[0], (std::vector<int>{0, 6, 12, 18, 24}));
  EXPECT_EQ(sink.got[1], (std::vector<int>{4, 10, 16, 22, 28}));
  // What was passed over is committed, too.
  for (uint32_t p = 0; p < SinkLog::kPartitions; ++p)
    EXPECT_EQ(log.log->committed("sink.acme.s", {Topic::kEvents, p})->value_or(-1), 20);
}

// Who began it was given more in one read than was wished for.
TEST(RunnerLoop, ABatchThatWasBegunIsReadToItsEnd) {
  class BegunSink final : public Sink {
   public:
    BatchWish wish() const override { return {1, 0}; }
    Result<Resume> assigned(eventlog::TopicPartition of, Offset committed) override {
      return Resume{committed, of.partition == 0 ? std::optional<Offset>(10) : std::nullopt};
    }
    std::vector<Outcome> take(std::span<const Batch> batches) override {
      std::vector<Outcome> out;
      for (const Batch& batch : batches) {
        got.push_back(batch.items.size());
        ends.push_back(batch.next);
        out.push_back({Outcome::What::kDone, batch.items.size(), "", 0});
      }
      return out;
    }
    std::vector<size_t> got;
    std::vector<Offset> ends;
  };
  SinkLog log;
  for (int i = 0; i < 5; ++i) log.event(0, i);
  BegunSink sink;
  const auto consumer = log.consumer();
  RunnerOptions options = log.options();
  options.fetch_bytes_max = 1;
  RunnerLoop loop(options, *consumer, sink);
  run(log, loop, 40);
  EXPECT_EQ(sink.got, (std::vector<size_t>{5}));
  EXPECT_EQ(sink.ends, (std::vector<Offset>{10}));
}

TEST(RunnerLoop, ANewSinkMayBeginNow) {
  SinkLog log;
  log.event(0, 1);
  log.around.sink.start = model::SinkStart::kNow;
  RecordingSink sink;
  {
    const auto consumer = log.consumer();
    RunnerLoop loop(log.options(), *consumer, sink);
    run(log, loop, 3);
  }
  log.event(0, 2);  // while it is away
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 5);
  EXPECT_EQ(sink.got[0], (std::vector<int>{2}));
}

TEST(RunnerLoop, WhatIsRefusedIsADeadLetterAndTheRestGoesOn) {
  SinkLog log;
  for (int i = 0; i < 6; ++i) log.event(0, i);
  RecordingSink sink;
  sink.judge = [](int n) { return n == 2 ? Outcome::What::kRefused : Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 60);
  EXPECT_EQ(sink.got[0], (std::vector<int>{0, 1, 3, 4, 5}));
  const auto letters = log.log->read({Topic::kDeadLetters, 0}, 0, 1 << 20);
  ASSERT_EQ(letters->records.size(), 1U);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(std::string(letters->records[0].value)));
  EXPECT_EQ(letter.tenant(), "acme");
  EXPECT_EQ(letter.code(), "sink_refused");
  EXPECT_EQ(letter.reason(), "sink s/events/0/4: so the test says");
}

// Keeps the keys of what it is given.
class KeepingSink final : public Sink {
 public:
  std::vector<std::string> keys;
  BatchWish wish() const override { return {}; }
  std::vector<Outcome> take(std::span<const Batch> batches) override {
    std::vector<Outcome> out;
    for (const Batch& batch : batches) {
      for (const Item& item : batch.items) keys.push_back(item.key);
      out.push_back({Outcome::What::kDone, batch.items.size(), "", 0});
    }
    return out;
  }
};

// Somebody else has written into the topic: no sink could look such a profile up, and none is asked to.
TEST(RunnerLoop, AChangeWithoutIdOrVersionIsADeadLetterAndTheRestGoesOn) {
  SinkLog log;
  log.around.sink.on = model::SinkOn::kChanges;
  for (const char* name : {"city", "plan"}) {
    v1::ComputedRule::Filter& filter = *log.around.sink.where.add_where();
    filter.set_property(name);
    filter.set_test(v1::ComputedRule::EXISTS);
    filter.mutable_value()->set_boolean(true);
  }
  log.around.read_profile = [](const v1::Change& change, auto, auto, auto) -> Result<std::optional<v1::Document>> {
    (void)Hash128::from(change.id());
    return std::optional<v1::Document>();
  };
  const auto append = [&](const std::string& key, const std::string& id, uint64_t version, bool whole) {
    v1::Change change;
    change.set_tenant("acme");
    change.set_id(id);
    change.set_version(version);
    change.set_whole(whole);
    for (const char* name : {"city", "plan"}) {
      if (!whole && std::string_view(name) == "plan") continue;
      v1::ChangeOp& op = *change.add_ops();
      op.set_type(v1::ChangeOp::SET);
      op.set_section(v1::ATTRIBUTES);
      op.set_name(name);
      op.mutable_value()->set_text("x");
    }
    log.append({Topic::kChanges, 0}, key, change.SerializeAsString());
  };
  append("a", std::string(16, 'i'), 1, true);
  append("short", "i", 2, false);
  append("long", std::string(64 << 10, 'i'), 2, false);
  append("none", "", 2, false);
  append("unversioned", std::string(16, 'i'), 0, true);
  append("b", std::string(16, 'i'), 3, true);
  KeepingSink sink;
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 20);
  EXPECT_EQ(sink.keys, (std::vector<std::string>{"a", "b"}));
  const auto letters = log.log->read({Topic::kDeadLetters, 0}, 0, 1 << 20);
  ASSERT_EQ(letters->records.size(), 4U);
  for (const eventlog::RecordView& record : letters->records) {
    v1::DeadLetter letter;
    ASSERT_TRUE(letter.ParseFromString(std::string(record.value)));
    EXPECT_EQ(letter.code(), "damaged_change");
    EXPECT_EQ(letter.body_type(), v1::DeadLetter::CHANGE);
  }
  EXPECT_EQ(log.log->committed(group_of("acme", "s"), {Topic::kChanges, 0}).value(), 6);
}

// Somebody has added a column that must not be null, or the secret is wrong: all of it would end in the dead letters.
TEST(RunnerLoop, ATargetThatRefusesEverythingIsWaitedFor) {
  SinkLog log;
  for (int i = 0; i < 60; ++i) log.event(static_cast<uint32_t>(i % 3), i);
  RecordingSink sink;
  bool refusing = true;
  sink.judge = [&](int) { return refusing ? Outcome::What::kRefused : Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 600);
  EXPECT_EQ(log.log->watermarks({Topic::kDeadLetters, 0})->high, kLettersInARowMax);
  EXPECT_TRUE(sink.got.empty());
  EXPECT_EQ(SinkMetrics("acme", "s").up.value(), 0);
  refusing = false;
  run(log, loop, 200);
  size_t got = 0;
  for (const auto& [partition, numbers] : sink.got) got += numbers.size();
  EXPECT_EQ(got, 60U - kLettersInARowMax);
  // While it takes others, what is wrong with some is theirs.
  for (int i = 60; i < 100; ++i) log.event(static_cast<uint32_t>(i % 3), i);
  sink.judge = [](int n) { return n % 2 == 0 ? Outcome::What::kRefused : Outcome::What::kDone; };
  run(log, loop, 600);
  EXPECT_EQ(log.log->watermarks({Topic::kDeadLetters, 0})->high, kLettersInARowMax + 20);
}

TEST(RunnerLoop, ATargetThatIsAwayLosesNothingAndMakesNoLetters) {
  SinkLog log;
  for (int i = 0; i < 6; ++i) log.event(static_cast<uint32_t>(i % 2), i);
  RecordingSink sink;
  bool away = true;
  sink.judge = [&](int) { return away ? Outcome::What::kUnsure : Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 300);
  EXPECT_TRUE(sink.got.empty());
  away = false;
  run(log, loop, 100);
  EXPECT_EQ(sink.got[0], (std::vector<int>{0, 2, 4}));
  EXPECT_EQ(sink.got[1], (std::vector<int>{1, 3, 5}));
  EXPECT_EQ(log.log->watermarks({Topic::kDeadLetters, 0})->high, 0);
}

TEST(RunnerLoop, WhatFailsAloneIsBlamedWhileOthersGoWell) {
  SinkLog log;
  log.event(0, 0);
  RecordingSink sink;
  sink.judge = [](int n) { return n == 0 ? Outcome::What::kUnsure : Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  for (int i = 1; i < 40; ++i) {
    log.event(1, i);
    run(log, loop, 5);
  }
  EXPECT_EQ(sink.got[1].size(), 39U);
  EXPECT_EQ(log.log->watermarks({Topic::kDeadLetters, 0})->high, 1);
}

TEST(RunnerLoop, TellsWhatRetentionHasTaken) {
  SinkLog log;
  for (int i = 0; i < 10; ++i) log.event(0, i);
  RecordingSink sink;
  {
    sink.judge = [](int n) { return n < 2 ? Outcome::What::kDone : Outcome::What::kLater; };
    const auto consumer = log.consumer();
    RunnerLoop loop(log.options(), *consumer, sink);
    run(log, loop, 3);
  }
  const uint64_t before = telemetry::counter_total("freshet_sink_lost_offsets_total");
  ASSERT_TRUE(log.log->trim({Topic::kEvents, 0}, 10));
  sink.judge = [](int) { return Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 5);
  EXPECT_EQ(sink.got[0], (std::vector<int>{0, 1, 5, 6, 7, 8, 9}));
  EXPECT_EQ(telemetry::counter_total("freshet_sink_lost_offsets_total") - before, 6U);  // 4 to 9
}

// A sink that does not know where to go on is asked again each second: what was lost is lost once.
TEST(RunnerLoop, TellsALossOnce) {
  struct Unready final : Sink {
    BatchWish wish() const override { return {}; }
    Result<Resume> assigned(eventlog::TopicPartition, Offset) override { return fail(Code::kRetry, "not yet"); }
    std::vector<Outcome> take(std::span<const Batch>) override { return {}; }
  };
  SinkLog log;
  for (int i = 0; i < 10; ++i) log.event(0, i);
  {
    RecordingSink sink;
    sink.judge = [](int n) { return n < 2 ? Outcome::What::kDone : Outcome::What::kLater; };
    const auto consumer = log.consumer();
    RunnerLoop loop(log.options(), *consumer, sink);
    run(log, loop, 3);
  }
  ASSERT_TRUE(log.log->trim({Topic::kEvents, 0}, 10));
  const uint64_t before = telemetry::counter_total("freshet_sink_lost_offsets_total");
  Unready sink;
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 30);
  EXPECT_EQ(telemetry::counter_total("freshet_sink_lost_offsets_total") - before, 6U);
}

// Passes everything on; of commits that it does it may not tell the end.
class MuteConsumer final : public eventlog::Consumer {
 public:
  explicit MuteConsumer(eventlog::Consumer& inner) : inner_(inner) {}
  Result<eventlog::PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override {
    return inner_.poll(bytes_max, timeout_us);
  }
  void seek(eventlog::TopicPartition partition, Offset next) override { inner_.seek(partition, next); }
  void pause(eventlog::TopicPartition partition, bool paused) override { inner_.pause(partition, paused); }
  Status commit(eventlog::Transaction transaction) override {
    FRESHET_TRY(inner_.commit(std::move(transaction)));
    if (mute) return fail(Code::kRetry, "no answer to a commit");
    return {};
  }
  Result<std::optional<Offset>> committed(eventlog::TopicPartition partition) override {
    return inner_.committed(partition);
  }
  void wake() override { inner_.wake(); }

  bool mute = false;

 private:
  eventlog::Consumer& inner_;
};

// A sink names what it begins by the place that is durable. One of which nobody knows whether it is durable is asked
// for again before anything is begun, also if records have come meanwhile.
TEST(RunnerLoop, BeginsNothingAtAPlaceThatMayBeBehind) {
  struct Beginnings final : Sink {
    BatchWish wish() const override { return {}; }
    std::vector<Outcome> take(std::span<const Batch> batches) override {
      std::vector<Outcome> out;
      for (const Batch& batch : batches) {
        begins.push_back(batch.begin);
        out.push_back({Outcome::What::kDone, batch.items.size(), "", 0});
      }
      return out;
    }
    std::vector<Offset> begins;
  } sink;
  SinkLog log;
  log.around.sink.event = "E";
  const auto inner = log.consumer();
  MuteConsumer consumer(*inner);
  RunnerLoop loop(log.options(), consumer, sink);
  run(log, loop, 3);
  log.event(0, 1, "F");  // two records that do not concern it
  consumer.mute = true;
  run(log, loop, 3);
  const auto durable = log.log->committed("sink.acme.s", {Topic::kEvents, 0});
  ASSERT_EQ(durable->value_or(-1), 2);
  log.event(0, 2);
  run(log, loop, 1);
  consumer.mute = false;
  run(log, loop, 5);
  EXPECT_EQ(sink.begins, (std::vector<Offset>{2}));
}

// Before the log knows that it has gone on from where it took a partition up, the sink does, once; and where somebody
// else has begun something there, it is asked anew.
TEST(RunnerLoop, TheSinkIsToldOfWhatWasPassedBeforeTheLogIs) {
  struct Passing final : Sink {
    BatchWish wish() const override { return {}; }
    Status passed(eventlog::TopicPartition of, Offset from, Offset to) override {
      told.push_back({from, to});
      EXPECT_LE(log->committed("sink.acme.s", of)->value_or(0), from);
      return begun ? Status(fail(Code::kConflict, "begun")) : Status{};
    }
    Result<Resume> assigned(eventlog::TopicPartition, Offset committed) override {
      ++asked;
      return Resume{committed, std::nullopt};
    }
    std::vector<Outcome> take(std::span<const Batch> batches) override {
      std::vector<Outcome> out;
      for (const Batch& batch : batches) out.push_back({Outcome::What::kDone, batch.items.size(), "", 0});
      return out;
    }
    eventlog::EventLog* log = nullptr;
    bool begun = true;
    int asked = 0;
    std::vector<std::pair<Offset, Offset>> told;
  } sink;
  SinkLog log;
  sink.log = log.log.get();
  log.around.sink.event = "E";
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 3);
  const int asked = sink.asked;
  log.event(0, 1, "F");  // two records that do not concern it
  run(log, loop, 2);
  EXPECT_GT(sink.asked, asked);
  sink.begun = false;
  run(log, loop, 5);
  ASSERT_GE(sink.told.size(), 2U);
  EXPECT_EQ(sink.told.back(), (std::pair<Offset, Offset>{0, 2}));
  const size_t told = sink.told.size();
  log.event(0, 2, "F");
  run(log, loop, 5);
  EXPECT_EQ(sink.told.size(), told) << "of where it was taken up, and of nothing later";
  EXPECT_EQ(log.log->committed("sink.acme.s", {Topic::kEvents, 0})->value_or(-1), 4);
}

// Whatever fails and dies: each partition's records come in order, none is left out, and none again but those of the
// batch that was under way.
RC_GTEST_PROP(RunnerLoop, LeavesNothingOut, (uint64_t seed)) {
  Dice dice(seed);
  SinkLog log;
  int made = 0;
  RecordingSink sink;
  std::map<uint32_t, std::vector<int>> sent;
  const size_t failing = dice.roll(4);
  sink.judge = [&](int) { return dice.roll(5) < failing ? Outcome::What::kLater : Outcome::What::kDone; };
  for (int life = 0; life < 4; ++life) {
    const auto consumer = log.consumer();
    RunnerLoop loop(log.options(), *consumer, sink);
    const auto steps = dice.between(1, 12);
    for (int i = 0; i < steps; ++i) {
      const auto partition = static_cast<uint32_t>(dice.roll(SinkLog::kPartitions));
      log.event(partition, made);
      sent[partition].push_back(made++);
      RC_ASSERT(loop.step().has_value());
      log.clock.now += 5'000'000;
    }
  }
  sink.judge = [](int) { return Outcome::What::kDone; };
  const auto consumer = log.consumer();
  RunnerLoop loop(log.options(), *consumer, sink);
  run(log, loop, 40);
  for (auto& [partition, numbers] : sent) {
    std::vector<int> first;  // of each number its first arrival
    for (const int n : sink.got[partition])
      if (std::find(first.begin(), first.end(), n) == first.end()) first.push_back(n);
    RC_ASSERT(first == numbers);
  }
}

}  // namespace
}  // namespace freshet::sinks
