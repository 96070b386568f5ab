// The worker's steps against a log that fails: what it waits for, and what ends it.
#include "action/worker_loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "action/late_records.h"
#include "action/profile_reads.h"
#include "state/checkpoint/keeper.h"
#include "telemetry/exemplar.h"
#include "telemetry/metrics.h"
#include "testing/action/cluster.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::action {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

constexpr uint32_t kPartitions = 2;

// One group member with all partitions, in memory.
class FakeConsumer final : public eventlog::Consumer {
 public:
  explicit FakeConsumer(env::FakeClock& clock) : clock_(clock) {
    for (uint32_t p = 0; p < kPartitions; ++p) rebalance.assigned.push_back({Topic::kActions, p});
  }
  Result<eventlog::PollResult> poll(size_t, env::TimeUs timeout_us) override {
    clock_.now += timeout_us;
    if (!poll_fails.empty()) {
      Error error = poll_fails.front();
      poll_fails.pop_front();
      return tl::unexpected(std::move(error));
    }
    eventlog::PollResult result = std::exchange(rebalance, {});
    if (!result.assigned.empty() || !result.revoked.empty() || !result.followed.empty()) return result;
    for (uint32_t p = 0; p < kPartitions; ++p) {
      const auto next = static_cast<size_t>(position[p]);
      if (paused.contains(p) || next >= records[p].size()) continue;
      eventlog::Fetched fetched{{Topic::kActions, p}, {}, static_cast<Offset>(records[p].size()), nullptr};
      for (size_t at = next; at < records[p].size(); ++at)
        fetched.records.push_back({static_cast<Offset>(at), {}, records[p][at]});
      position[p] = fetched.next;
      result.fetched.push_back(std::move(fetched));
    }
    return result;
  }
  void seek(TopicPartition of, Offset next) override { position[of.partition] = next; }
  void pause(TopicPartition of, bool on) override {
    if (on) {
      paused.insert(of.partition);
    } else {
      paused.erase(of.partition);
    }
  }
  Status commit(eventlog::Transaction transaction) override {
    if (!commit_fails.empty()) {
      Error error = commit_fails.front();
      commit_fails.pop_front();
      return tl::unexpected(std::move(error));
    }
    for (const eventlog::Position& done : transaction.done) {
      EXPECT_GT(done.next, committed_to[done.of.partition]) << "an offset was committed twice";
      committed_to[done.of.partition] = done.next;
    }
    for (const eventlog::Produce& output : transaction.outputs) outputs += output.records.count();
    return {};
  }
  Result<std::optional<Offset>> committed(TopicPartition of) override {
    ++committed_asked;
    if (committed_fails.contains(of.partition)) return fail(Code::kRetry, "Local: Timed out");
    return committed_to[of.partition];
  }
  std::optional<Offset> foreign_place(TopicPartition of) const override {
    const auto found = foreign.find(of.partition);
    return found == foreign.end() ? std::nullopt : std::optional(found->second);
  }
  void wake() override {}

  std::map<uint32_t, Offset> foreign;  // what somebody else has committed
  eventlog::PollResult rebalance;      // what the next poll tells
  std::map<uint32_t, std::vector<std::string>> records;
  std::map<uint32_t, Offset> position, committed_to;
  std::set<uint32_t> paused, committed_fails;
  std::deque<Error> poll_fails, commit_fails;
  size_t outputs = 0;
  int committed_asked = 0;

 private:
  env::FakeClock& clock_;
};

class InPlace final : public Persistence {
 public:
  Status finish(uint32_t partition, state::PartitionState& state, Upkeep upkeep, uint64_t round) override {
    upkeep_of[partition] = upkeep;
    round_of[partition] = round;
    return state.finish_persist();
  }
  Status status() override { return failure; }
  Status wait() override { return {}; }
  std::map<uint32_t, Upkeep> upkeep_of;
  std::map<uint32_t, uint64_t> round_of;
  Status failure;
};

class AskingKeeper final : public state::CheckpointKeeper {
 public:
  int64_t persisted(uint32_t partition, const state::PartitionState&, uint64_t round) override {
    told[partition] = round;
    return 0;
  }
  uint64_t round() const override { return asked; }
  void takes_part(uint64_t round, uint32_t, const std::vector<uint32_t>& partitions) override {
    part[round] = partitions;
  }
  uint64_t asked = 0;
  std::map<uint32_t, uint64_t> told;
  std::map<uint64_t, std::vector<uint32_t>> part;
};

class WorkerLoopTest : public ::testing::Test {
 protected:
  WorkerLoopTest() : consumer_(clock_) {
    v1::Envelope control = control_record({model::default_tenant("t")}, kPartitions, "0123456789abcdef", 1);
    control.mutable_control()->set_revision(1);
    for (uint32_t p = 0; p < kPartitions; ++p) consumer_.records[p].push_back(control.SerializeAsString());
    WorkerOptions options;
    options.log = &log_;
    options.clock = &clock_;
    options.open_state = [this](uint32_t partition) { return open(partition); };
    options.reads = &reads_;
    options.says_changes = &says_changes_;
    options.late_records = &late_records_;
    options.gather_rows_max = 1;
    options.checkpoints = &keeper_;
    loop_ = std::make_unique<WorkerLoop>(options, consumer_, persistence_);
  }
  Result<std::unique_ptr<state::PartitionState>> open(uint32_t partition) {
    ++opened_[partition];
    if (in_use_.contains(partition)) return fail(Code::kConflict, "store 0000 is in use");
    return state::PartitionState::open({}, {}, [&](const kv::Options& options) -> Result<std::unique_ptr<kv::Store>> {
      return kv::open_memory(disks_[partition], options);
    });
  }
  // One whose identifiers live in that partition.
  void send(uint32_t partition, const std::string& message_id, const std::string& trace_parent = {}) {
    for (int i = 0;; ++i) {
      v1::Envelope record = testing::make_record(message_id, {{"user_id", "u" + std::to_string(i)}}, 1'000, "E");
      if (model::home_of("t", v1::ENTITY_KIND_USER, record.user(0), kPartitions) != partition) continue;
      record.set_trace_parent(trace_parent);
      consumer_.records[partition].push_back(record.SerializeAsString());
      return;
    }
  }
  static v1::Envelope envelope_of(const std::string& record) {
    v1::Envelope envelope;
    EXPECT_TRUE(envelope.ParseFromString(record));
    return envelope;
  }
  // So many steps of a tenth of a second, all of them well.
  void steps(int count) {
    for (int i = 0; i < count; ++i) {
      const Status status = loop_->step(100'000);
      ASSERT_TRUE(status) << status.error().message;
    }
  }
  // Asks who it is that send() sends of; 0: no answer yet.
  std::shared_ptr<uint64_t> ask_version(uint32_t partition) {
    for (int i = 0;; ++i) {
      const v1::Envelope record = testing::make_record("m", {{"user_id", "u" + std::to_string(i)}}, 1'000, "E");
      if (model::home_of("t", v1::ENTITY_KIND_USER, record.user(0), kPartitions) != partition) continue;
      auto version = std::make_shared<uint64_t>(0);
      find_profile(reads_, kPartitions, {"t", v1::ENTITY_KIND_USER, record.user(0), {}}, [version](const auto& found) {
        ASSERT_TRUE(found && *found);
        *version = (*found)->document.version();
      });
      return version;
    }
  }
  [[nodiscard]] bool done(uint32_t partition) {
    return consumer_.committed_to[partition] == static_cast<Offset>(consumer_.records[partition].size());
  }

  env::FakeClock clock_{1'000'000};
  eventlog::FakeLog log_{kPartitions};
  ProfileReads reads_{kPartitions, clock_};
  std::atomic<bool> says_changes_{true};
  LateRecordCounter late_records_;
  FakeConsumer consumer_;
  InPlace persistence_;
  AskingKeeper keeper_;
  std::set<uint32_t> in_use_;
  std::map<uint32_t, int> opened_;
  std::map<uint32_t, std::shared_ptr<kv::MemoryDisk>> disks_{{0, std::make_shared<kv::MemoryDisk>()},
                                                             {1, std::make_shared<kv::MemoryDisk>()}};
  std::unique_ptr<WorkerLoop> loop_;
};

TEST_F(WorkerLoopTest, ALogThatDoesNotSayWhatIsCommittedIsAskedAgain) {
  send(0, "m0");
  send(1, "m1");
  consumer_.committed_fails = {0};
  steps(100);
  EXPECT_FALSE(loop_->caught_up());
  EXPECT_EQ(consumer_.committed_to[0], 0) << "records were processed without knowing what is committed";
  EXPECT_TRUE(done(1)) << "the other partition waited, too";
  EXPECT_LT(consumer_.committed_asked, 20) << "asked without a pause that grows";
  consumer_.committed_fails = {};
  steps(60);
  EXPECT_TRUE(loop_->caught_up());
  EXPECT_TRUE(done(0));
  EXPECT_TRUE(consumer_.paused.empty());
}

TEST_F(WorkerLoopTest, AfterACommitOfUnknownOutcomeItIsAskedUntilTheLogSaysIt) {
  steps(3);
  ASSERT_TRUE(loop_->caught_up());
  const size_t before = consumer_.outputs;
  send(0, "m0");
  consumer_.commit_fails = {{Code::kRetry, "no answer"}};
  consumer_.committed_fails = {0};
  steps(5);
  EXPECT_EQ(consumer_.outputs, before);
  EXPECT_FALSE(loop_->caught_up());
  consumer_.committed_fails = {};
  steps(60);
  EXPECT_TRUE(done(0));
  EXPECT_EQ(consumer_.outputs, before + 2);  // a change and an event: once
}

TEST_F(WorkerLoopTest, AStateThatIsStillOpenElsewhereIsWaitedForHoweverLong) {
  send(0, "m0");
  send(1, "m1");
  in_use_ = {0};
  steps(600);  // a minute
  EXPECT_TRUE(done(1)) << "the other partition waited, too";
  EXPECT_FALSE(loop_->caught_up());
  in_use_ = {};
  steps(60);
  EXPECT_TRUE(done(0));
  EXPECT_TRUE(loop_->caught_up());
}

TEST_F(WorkerLoopTest, APartitionThatIsTakenAwayWhileItWaitsIsForgotten) {
  in_use_ = {0};
  steps(3);
  consumer_.rebalance.revoked = {{Topic::kActions, 0}};
  steps(1);
  in_use_ = {};
  steps(60);
  EXPECT_EQ(consumer_.committed_to[0], 0);
  EXPECT_TRUE(loop_->caught_up());  // of what is its own
  consumer_.rebalance.assigned = {{Topic::kActions, 0}};
  consumer_.paused.clear();
  steps(3);
  EXPECT_TRUE(done(0));
}

// A reader of somebody else's has taken the partition for a while, and said that the next record is done, too.
TEST_F(WorkerLoopTest, AnOffsetThatIsNotOursSkipsNothing) {
  send(0, "m0");
  steps(3);
  ASSERT_TRUE(done(0));
  const size_t said = consumer_.outputs;
  consumer_.rebalance = {};
  consumer_.rebalance.revoked = {{Topic::kActions, 0}};
  steps(1);
  send(0, "m1");
  consumer_.foreign[0] = 3;  // while committed_to stays what we have committed ourselves
  consumer_.rebalance = {};
  consumer_.rebalance.assigned = {{Topic::kActions, 0}};
  steps(3);
  EXPECT_TRUE(done(0));
  EXPECT_EQ(consumer_.outputs, 2 * said)
      << "what was said of m1 is what was said of m0; neither is lost nor said twice";
}

TEST_F(WorkerLoopTest, AStandbySaysNothingAndGoesOnWhereTheOwnerCommittedLast) {
  for (uint32_t p = 0; p < kPartitions; ++p) consumer_.committed_to[p] = 1;
  consumer_.rebalance = {};
  consumer_.rebalance.followed = {{Topic::kActions, 0}};
  consumer_.rebalance.assigned = {{Topic::kActions, 1}};
  send(0, "m0");
  steps(200);  // long enough that the state is made durable
  EXPECT_EQ(consumer_.committed_to[0], 1) << "a standby has committed";
  EXPECT_EQ(consumer_.outputs, 0u);
  EXPECT_TRUE(loop_->caught_up()) << "it waits for what is not its own";
  ASSERT_TRUE(persistence_.upkeep_of.contains(0));
  EXPECT_EQ(persistence_.upkeep_of[0], Upkeep::kNone) << "a standby decides what the log may forget";

  consumer_.committed_to[0] = 2;  // the owner had committed m0, and then died
  consumer_.rebalance.assigned = {{Topic::kActions, 0}};
  const int opened = opened_[0];
  send(0, "m1");
  steps(3);
  EXPECT_TRUE(done(0));
  EXPECT_EQ(consumer_.outputs, 2u) << "of m1: a change and an event; of m0 they were the owner's";
  EXPECT_EQ(opened_[0], opened) << "the state was opened anew";
}

TEST_F(WorkerLoopTest, AReaderIsShownWhatIsCommittedAndNothingElse) {
  send(0, "m0");
  steps(3);
  const auto first = ask_version(0);
  EXPECT_EQ(*first, 0u) << "answered on the wrong thread";
  steps(2);
  EXPECT_EQ(*first, 1u);

  send(0, "m1");
  consumer_.commit_fails = {{Code::kConflict, "aborted"}};
  consumer_.committed_fails = {0};
  const auto second = ask_version(0);
  steps(5);
  EXPECT_EQ(*second, 0u) << "an aborted batch, or a state that has yet to replay, was shown";
  consumer_.committed_fails = {};
  steps(60);
  EXPECT_TRUE(done(0));
  EXPECT_GE(*second, 1u);
  const auto third = ask_version(0);
  steps(2);
  EXPECT_EQ(*third, 2u);
}

TEST_F(WorkerLoopTest, ChangesThatNobodyReadsAreNotSaidButAreFresh) {
  says_changes_ = false;
  const uint64_t before = telemetry::counter_total("freshet_action_changes_total");
  const size_t said = consumer_.outputs;
  send(0, "m0");
  steps(3);
  ASSERT_TRUE(done(0));
  EXPECT_EQ(consumer_.outputs, said + 1) << "the event";
  EXPECT_EQ(telemetry::counter_total("freshet_action_changes_total"), before + 1);
  EXPECT_GT(telemetry::histogram("freshet_freshness_us", "", {{"tenant", "t"}}).count(), 0u);
  says_changes_ = true;  // somebody wants them from now on
  send(0, "m1");
  steps(3);
  EXPECT_EQ(consumer_.outputs, said + 3) << "an event and a change";
}

TEST_F(WorkerLoopTest, RecordsOfErasedPersonsAreTold) {
  send(0, "m0");
  const auto first = envelope_of(consumer_.records[0].back());
  v1::Envelope erase = first;
  erase.set_message_id("x");
  erase.set_kind(v1::Envelope::ERASE);
  erase.clear_events();
  consumer_.records[0].push_back(erase.SerializeAsString());
  send(0, "m1");
  steps(3);
  ASSERT_TRUE(done(0));
  const auto letters = late_records_.take(1, env::real_random());
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].tenant(), "t");
  EXPECT_EQ(letters[0].uncounted(), 1u);
}

TEST_F(WorkerLoopTest, RepeatedIdsAreCountedByTenant) {
  telemetry::Counter& counted = telemetry::counter("freshet_action_duplicates_total", "", {{"tenant", "t"}});
  const uint64_t before = counted.value();
  for (const char* id : {"m0", "m1", "m0", "m0"}) send(0, id);
  steps(3);
  ASSERT_TRUE(done(0));
  EXPECT_EQ(counted.value(), before + 2);
}

class TracedWorkerLoopTest : public WorkerLoopTest {
 protected:
  TracedWorkerLoopTest() {
    telemetry::tracer().start({}, [](size_t n) { return env::real_random().bytes(n); });
  }
  ~TracedWorkerLoopTest() override {
    telemetry::tracer().stop();
    (void)spans();
  }
  static std::vector<telemetry::Span> spans() { return telemetry::tracer().take(1000, 0); }
  const std::string trace_parent_ = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
};

TEST_F(TracedWorkerLoopTest, ARecordHasASpanFromThePollToTheCommit) {
  steps(3);
  send(0, "m0");
  send(1, "m1", trace_parent_);
  steps(3);
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].name, "process");
  EXPECT_EQ(made[0].kind, telemetry::SpanKind::kConsumer);
  const telemetry::TraceContext parent = *telemetry::parse_trace_parent(trace_parent_);
  EXPECT_EQ(made[0].context.trace_id, parent.trace_id);
  EXPECT_EQ(made[0].parent, parent.span_id);
  EXPECT_EQ(made[0].error, "");
  std::map<std::string, decltype(made[0].attributes[0].value)> told;
  for (const auto& attribute : made[0].attributes) told[std::string(attribute.key)] = attribute.value;
  EXPECT_EQ(std::get<std::string>(told["freshet.tenant"]), "t");
  EXPECT_EQ(std::get<int64_t>(told["freshet.partition"]), 1);
  EXPECT_EQ(std::get<int64_t>(told["freshet.offset"]), 1) << "behind the rules";
  EXPECT_EQ(std::get<std::string>(told["freshet.outcome"]), "processed");
  EXPECT_EQ(std::get<std::string>(told["messaging.operation.type"]), "process");
  EXPECT_EQ(std::get<std::string>(told["messaging.destination.partition.id"]), "1");
}

TEST_F(TracedWorkerLoopTest, ASlowRecordHasALateSpan) {
  steps(3);
  send(0, "m0");
  steps(3);
  EXPECT_TRUE(spans().empty()) << "nothing is slow";
  clock_.now = testing::make_record("m", {}, 0).received_at_us() + 2'000'000;
  telemetry::tracer().start({.slow_us = 1'000'000}, [](size_t n) { return env::real_random().bytes(n); });
  send(0, "m1");
  steps(3);
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u) << "the one of the batch that was received first";
  EXPECT_EQ(made[0].name, "process");
  EXPECT_EQ(made[0].parent, telemetry::SpanId{});
  EXPECT_EQ(std::get<std::string>(made[0].attributes.back().value), telemetry::kBySlow);
}

TEST_F(TracedWorkerLoopTest, ATracedRecordIsAnExemplarOfFreshness) {
  steps(3);
  send(0, "m0", trace_parent_);
  steps(3);
  bool found = false;
  for (const telemetry::Exemplar& one :
       telemetry::exemplars_of(telemetry::histogram("freshet_freshness_us", "", {{"tenant", "t"}})))
    found = found || one.trace_id == telemetry::parse_trace_parent(trace_parent_)->trace_id;
  EXPECT_TRUE(found);
}

TEST_F(TracedWorkerLoopTest, AnAbortIsSeenAndARecordThatIsReplayedHasNoSpan) {
  steps(3);
  send(0, "m0", trace_parent_);
  consumer_.commit_fails = {{Code::kConflict, "aborted"}};
  steps(1);
  std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].error, "aborted");
  steps(3);
  made = spans();
  ASSERT_EQ(made.size(), 1u) << "processed again, for good";
  EXPECT_EQ(made[0].error, "");

  send(1, "m1", trace_parent_);
  consumer_.committed_to[1] = 2;  // by somebody who had it before
  consumer_.position[1] = 0;
  consumer_.rebalance.revoked = {{Topic::kActions, 1}};
  consumer_.rebalance.assigned = {{Topic::kActions, 1}};
  steps(3);
  EXPECT_TRUE(spans().empty());
}

TEST_F(WorkerLoopTest, APollThatFindsTheBrokersAwayIsRepeated) {
  send(0, "m0");
  consumer_.poll_fails = {{Code::kRetry, "asking for the low watermarks: Local: Timed out"}};
  steps(4);
  EXPECT_TRUE(done(0));
}

TEST_F(WorkerLoopTest, APersistGoesOnARowAtATimeWhileRecordsCome) {
  send(0, "m0");
  steps(3);
  for (int i = 1; i <= 700; ++i) {  // More than an interval between two persists.
    send(0, "m" + std::to_string(i));
    steps(1);
  }
  EXPECT_TRUE(done(0));
  EXPECT_TRUE(persistence_.upkeep_of.contains(0)) << "it never ended";
  // Nothing comes any more: what has begun goes on all the same.
  steps(700);
  auto state = open(0);
  ASSERT_TRUE(state);
  EXPECT_EQ((*state)->offset(), consumer_.committed_to[0]);
}

// Long before its time, of what is its own; with nothing new it says so at once.
TEST_F(WorkerLoopTest, CheckpointsThatAreAskedForAreMadeDurableAtOnce) {
  consumer_.committed_to[1] = 1;
  consumer_.rebalance = {};
  consumer_.rebalance.followed = {{Topic::kActions, 1}};
  consumer_.rebalance.assigned = {{Topic::kActions, 0}};
  send(0, "m0");
  steps(3);
  EXPECT_TRUE(persistence_.round_of.empty()) << "its time has not come";
  keeper_.asked = 1;
  steps(10);  // a row at a time
  EXPECT_EQ(keeper_.part, (std::map<uint64_t, std::vector<uint32_t>>{{1, {0}}}));
  EXPECT_EQ(persistence_.round_of, (std::map<uint32_t, uint64_t>{{0, 1}}));
  EXPECT_TRUE(keeper_.told.empty()) << "that is the persister's to do";
  keeper_.asked = 2;
  steps(3);
  EXPECT_EQ(keeper_.told, (std::map<uint32_t, uint64_t>{{0, 2}})) << "nothing is new, so nothing is made durable";
}

TEST_F(WorkerLoopTest, APersistThatFailedEndsIt) {
  steps(3);
  persistence_.failure = fail(Code::kFatal, "the disk is full");
  const Status status = loop_->step(100'000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "the disk is full");
}

TEST_F(WorkerLoopTest, AnotherOwnerEndsIt) {
  consumer_.poll_fails = {{Code::kFenced, "another process has the place"}};
  EXPECT_FALSE(loop_->step(100'000));
  steps(2);
  send(0, "m0");
  consumer_.commit_fails = {{Code::kFenced, "another process has begun this transactional id"}};
  const Status status = loop_->step(100'000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::kFenced);
}

}  // namespace
}  // namespace freshet::action
