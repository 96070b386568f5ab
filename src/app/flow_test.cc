#include "app/flow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "action/worker_options.h"
#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"
#include "reaction/reactor_options.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::app {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using ::testing::HasSubstr;
using ::testing::Not;

// Two partitions a topic, of which the test says where they end, what is committed, and what record lies there.
class FlowLog final : public eventlog::FakeLog {
 public:
  FlowLog() : FakeLog(2) {}
  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition partition) override {
    if (is_away) return fail(Code::kRetry, "the brokers do not answer");
    ++asked;
    return eventlog::Watermarks{0, ends[partition]};
  }
  Result<std::optional<Offset>> committed(const std::string& group, eventlog::TopicPartition partition) override {
    if (is_away) return fail(Code::kRetry, "the brokers do not answer");
    const auto found = done.find({group, partition.partition});
    return found == done.end() ? std::nullopt : std::optional(found->second);
  }
  Result<eventlog::Fetched> read(eventlog::TopicPartition partition, Offset from, size_t) override {
    if (from >= readable_to) return eventlog::Fetched{partition, {}, from, nullptr};
    eventlog::Fetched out{partition, {}, std::max(from, ends[partition]), nullptr};
    if (const auto found = records.find({partition, from}); found != records.end())
      out.records.push_back({from, "", found->second});
    return out;
  }

  bool is_away = false;
  int asked = 0;
  Offset readable_to = std::numeric_limits<Offset>::max();  // of all partitions: a transaction is open there
  std::map<eventlog::TopicPartition, Offset> ends;
  std::map<std::pair<std::string, uint32_t>, Offset> done;
  std::map<std::pair<eventlog::TopicPartition, Offset>, std::string> records;
};

class FlowTest : public ::testing::Test {
 protected:
  std::string json(const std::vector<eventlog::Position>& readable = {}) {
    clock_.sleep_us(2'000'000);
    return flow_.json(readable);
  }

  FlowLog log_;
  env::FakeClock clock_;
  Flow flow_{log_, clock_};
};

TEST_F(FlowTest, SaysWhereRecordsWaitAndSinceWhen) {
  v1::Envelope envelope;
  envelope.set_received_at_us(1'767'323'045'678'000);
  log_.ends = {{{Topic::kActions, 0}, 7}, {{Topic::kActions, 1}, 100}};
  log_.done = {{{action::kActionGroup, 0}, 7}, {{action::kActionGroup, 1}, 95}};
  log_.records[{{Topic::kActions, 1}, 95}] = envelope.SerializeAsString();
  EXPECT_THAT(json(), HasSubstr(R"({"name":"action","partitions":2,"lag":5,"oldest_at":"2026-01-02T03:04:05.678Z",)"
                                R"("waiting":[{"partition":1,"end":100,"done":95,"lag":5,)"
                                R"("oldest_at":"2026-01-02T03:04:05.678Z","held":false}]})"));
}

// Its worker was killed in the middle of it: what waits is told, though nobody can read it before the brokers abort it.
TEST_F(FlowTest, WhatLiesBehindAnOpenTransactionIsHeld) {
  log_.ends = {{{Topic::kActions, 0}, 7}, {{Topic::kActions, 1}, 3}};
  log_.done = {{{action::kActionGroup, 0}, 3}, {{action::kActionGroup, 1}, 3}};
  log_.readable_to = 3;
  EXPECT_THAT(json(), HasSubstr(R"("lag":4,"oldest_at":null,"waiting":[{"partition":0,"end":7,"done":3,"lag":4,)"
                                R"("oldest_at":null,"held":true}]})"));
}

TEST_F(FlowTest, WhatIsReadableIsDone) {
  v1::Change change;
  change.set_received_at_us(1'767'323'045'678'000);
  log_.ends = {{{Topic::kChanges, 0}, 9}, {{Topic::kChanges, 1}, 4}};
  log_.records[{{Topic::kChanges, 1}, 0}] = change.SerializeAsString();
  const std::string text = json({{{Topic::kChanges, 0}, 9}});
  EXPECT_THAT(text, HasSubstr(R"({"name":"reaction","partitions":2,"lag":4,"oldest_at":"2026-01-02T03:04:05.678Z")"));
  EXPECT_THAT(text, Not(HasSubstr(R"("end":9)")));
}

TEST_F(FlowTest, WhatIsNoRecordHasNoAge) {
  log_.ends = {{{Topic::kActions, 0}, 1}};
  EXPECT_THAT(json(), HasSubstr(R"("lag":1,"oldest_at":null,"waiting":[{"partition":0,"end":1,"done":0,"lag":1,)"
                                R"("oldest_at":null,"held":false})"));
  log_.records[{{Topic::kActions, 0}, 0}] = "not an envelope";
  EXPECT_THAT(json(), HasSubstr(R"("lag":1,"oldest_at":null)"));
}

TEST_F(FlowTest, ALogThatIsAwayIsNotGuessedAt) {
  log_.is_away = true;
  EXPECT_THAT(json(), HasSubstr(R"({"name":"action","partitions":0,"lag":null,"oldest_at":null,"waiting":[]})"));
}

TEST_F(FlowTest, TheLogIsAskedOnceASecond) {
  static_cast<void>(json());
  const int asked = log_.asked;
  EXPECT_GT(asked, 0);
  EXPECT_EQ(flow_.json({}), flow_.json({}));
  EXPECT_EQ(log_.asked, asked);
}

}  // namespace
}  // namespace freshet::app
