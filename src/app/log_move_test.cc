// What stands in the topics of two logs between which an installation moves. The rows: state/repartition_test.cc; all
// of it on brokers: tests/integration/test_partitions.py.
#include "app/log_move.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/drained.h"
#include "app/log.h"
#include "eventlog/embedded/embedded_log.h"
#include "freshet/v1/overflow.pb.h"
#include "ingest/overflow/lane_key.h"
#include "testing/memory_store.h"

namespace freshet::app {
namespace {

using eventlog::Topic;
using eventlog::TopicPartition;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using v1::Move;

using Log = std::unique_ptr<eventlog::EventLog>;

Config config_with(const std::string& prefix, uint32_t partitions) {
  Config config = default_config();
  config.log.topic_prefix = prefix;
  config.log.partitions = partitions;
  return config;
}

Log make_log(const Config* config) {
  auto log =
      eventlog::open_embedded_log(kv::open_memory(std::make_shared<kv::MemoryDisk>(), {}), env::real_clock(), {});
  EXPECT_TRUE(log);
  if (config != nullptr) {
    EXPECT_TRUE(create_topics(**log, *config));
  }
  return std::move(*log);
}

void put(eventlog::EventLog& log, TopicPartition to, const std::string& key, const std::string& value) {
  std::vector<eventlog::Produce> batches(1);
  batches[0].to = to;
  batches[0].records.add(key, value);
  ASSERT_TRUE(append(log, std::move(batches)));
}

class LogMoveTest : public ::testing::Test {
 protected:
  const Config before_ = config_with("a.", 3), after_ = config_with("b.", 5);
  const Log from_ = make_log(&before_), to_ = make_log(nullptr);
  std::unique_ptr<schema::Registry> registry_ = schema::make_registry();
  Agreement old_{*from_, *registry_};

  // The command, begun anew: what it knows it has from the logs.
  Status prepare() {
    LogMove move(before_, after_, *from_, *to_);
    FRESHET_TRY(move.look());
    return move.prepare();
  }
  void SetUp() override {
    ASSERT_EQ(old_.hash_key("0123456789abcdef").value(), "0123456789abcdef");
    ASSERT_EQ(old_.partitions(3).value(), 3u);
    ASSERT_TRUE(old_.claim(1, {"aa", "aa"}));
    discover("signup");
  }
  void discover(const std::string& event) {
    v1::SchemaChange change;
    change.set_tenant("acme");
    change.set_subject(v1::SchemaChange::EVENT);
    change.set_name(event);
    put(*from_, {Topic::kSchema, 0}, "acme", change.SerializeAsString());
  }
  // The events that a process of the new log knows.
  std::vector<std::string> known() {
    const auto registry = schema::make_registry();
    Agreement now(*to_, *registry);
    EXPECT_TRUE(now.follow());
    std::vector<std::string> names;
    for (const schema::Known& one : registry->list("acme")) names.push_back(one.name);
    return names;
  }
  size_t records_of_schema() {
    size_t count = 0;
    EXPECT_TRUE(read_to_end(*to_, {Topic::kSchema, 0}, 0, [&](const eventlog::Fetched& fetched) -> Result<bool> {
      count += fetched.records.size();
      return true;
    }));
    return count;
  }
};

TEST_F(LogMoveTest, AllThatProcessesAgreeOnComesAlong) {
  ASSERT_TRUE(prepare());
  Agreement now(*to_, *registry_);
  EXPECT_EQ(now.hash_key("fedcba9876543210").value(), "0123456789abcdef");
  EXPECT_EQ(now.partitions(3).value(), 5u);
  EXPECT_EQ(now.revision(), 1u);
  EXPECT_EQ(now.moves().at(), Move::AWAITED);
  EXPECT_TRUE(now.moves().begins_with_state());
  EXPECT_THAT(known(), ElementsAre("signup"));
  ASSERT_TRUE(old_.follow());
  EXPECT_EQ(old_.moves().at(), Move::LEAVING);
}

TEST_F(LogMoveTest, AgainItCopiesWhatHasCome) {
  ASSERT_TRUE(prepare());
  const size_t first = records_of_schema();
  ASSERT_TRUE(prepare());
  EXPECT_EQ(records_of_schema(), first) << "nothing is copied twice";
  discover("purchase");
  ASSERT_TRUE(prepare());
  EXPECT_EQ(records_of_schema(), first + 1);
  EXPECT_THAT(known(), ElementsAre("purchase", "signup"));
}

// Whoever is ended has copied a part, in order. The next one goes on behind it.
TEST_F(LogMoveTest, EndedAtAnyRecordItIsGoneOnWith) {
  for (int i = 0; i < 5; ++i) discover("event" + std::to_string(i));
  ASSERT_TRUE(prepare());
  std::vector<std::pair<std::string, std::string>> all;
  ASSERT_TRUE(read_to_end(*to_, {Topic::kSchema, 0}, 0, [&](const eventlog::Fetched& fetched) -> Result<bool> {
    for (const auto& record : fetched.records) all.emplace_back(record.key, record.value);
    return true;
  }));
  for (size_t part = 0; part <= all.size(); ++part) {
    const Log log = make_log(&after_);
    for (size_t i = 0; i < part; ++i) put(*log, {Topic::kSchema, 0}, all[i].first, all[i].second);
    LogMove move(before_, after_, *from_, *log);
    ASSERT_TRUE(move.look());
    ASSERT_TRUE(move.prepare());
    size_t at = 0;
    ASSERT_TRUE(read_to_end(*log, {Topic::kSchema, 0}, 0, [&](const eventlog::Fetched& fetched) -> Result<bool> {
      for (const auto& record : fetched.records) {
        EXPECT_LT(at, all.size());
        if (at < all.size()) {
          EXPECT_EQ(record.value, all[at].second) << part << " were there, record " << at;
        }
        ++at;
      }
      return true;
    }));
    EXPECT_EQ(at, all.size());
  }
}

// No revision is given away on both sides.
TEST_F(LogMoveTest, NoRevisionCanBeClaimedWhereItIsLeft) {
  Agreement late(*from_, *registry_);
  ASSERT_TRUE(late.follow());
  ASSERT_TRUE(prepare());
  const Status claimed = late.claim(2, {"bb", "bb"});  // it has not seen that the log is left
  ASSERT_FALSE(claimed);
  EXPECT_TRUE(late.claim(1, {"aa", "aa"})) << "a process that starts again with the file that is in force";
  const Status again = late.claim(2, {"bb", "bb"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_THAT(again.error().message, HasSubstr("\"b.\""));
  ASSERT_TRUE(prepare());  // with the claim that came too late in its topic
  Agreement now(*to_, *registry_);
  EXPECT_TRUE(now.claim(2, {"cc", "cc"}));
}

TEST_F(LogMoveTest, ItArrivesOnce) {
  ASSERT_TRUE(prepare());
  LogMove move(before_, after_, *from_, *to_);
  ASSERT_TRUE(move.look());
  EXPECT_FALSE(move.has_arrived());
  ASSERT_TRUE(move.arrive());
  EXPECT_TRUE(move.has_arrived());
  ASSERT_TRUE(move.arrive());
  ASSERT_TRUE(old_.follow());
  EXPECT_EQ(old_.moves().at(), Move::LEFT);
  const Status open = old_.moves().check_open();
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("\"b.\""));
  Agreement now(*to_, *registry_);
  ASSERT_TRUE(now.follow());
  EXPECT_EQ(now.moves().at(), Move::ARRIVED);
  ASSERT_TRUE(now.take_step(Move::CAUGHT_UP, "a."));
  EXPECT_TRUE(now.moves().check_open());
}

TEST_F(LogMoveTest, CalledOffAllIsAsBefore) {
  ASSERT_TRUE(prepare());
  put(*to_, {Topic::kActions, 4}, "", [] {  // what a process says that has only started
    v1::Envelope rules;
    rules.set_kind(v1::Envelope::CONTROL);
    return rules.SerializeAsString();
  }());
  LogMove move(before_, after_, *from_, *to_);
  ASSERT_TRUE(move.look());
  ASSERT_TRUE(move.call_off());
  ASSERT_TRUE(old_.follow());
  EXPECT_EQ(old_.moves().at(), Move::STEP_UNSPECIFIED);
  EXPECT_TRUE(old_.claim(2, {"bb", "bb"}));
  const Status again = prepare();
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("called off"));
  Agreement now(*to_, *registry_);
  ASSERT_TRUE(now.follow());
  EXPECT_FALSE(now.moves().check_open());
  // To others it may go.
  const Config third = config_with("c.", 7);
  const Log there = make_log(nullptr);
  LogMove other(before_, third, *from_, *there);
  ASSERT_TRUE(other.look());
  EXPECT_TRUE(other.prepare());
}

TEST_F(LogMoveTest, WhatWasAcceptedIsNotCalledOff) {
  ASSERT_TRUE(prepare());
  v1::Envelope sent;
  sent.set_kind(v1::Envelope::TRACK);
  put(*to_, {Topic::kActions, 2}, "k", sent.SerializeAsString());
  LogMove move(before_, after_, *from_, *to_);
  ASSERT_TRUE(move.look());
  const Status off = move.call_off();
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().code, Code::kConflict);
}

TEST_F(LogMoveTest, WhatIsRefused) {
  const auto refused = [&](const Config& before, const Config& after, eventlog::EventLog& from,
                           eventlog::EventLog& to) {
    LogMove move(before, after, from, to);
    Status status = move.look();
    if (status) status = move.prepare();
    return status ? std::string() : status.error().message;
  };
  const Log used = make_log(&after_);
  put(*used, {Topic::kActions, 0}, "", "x");
  EXPECT_THAT(refused(before_, after_, *from_, *used), HasSubstr("has records"));
  ASSERT_TRUE(old_.follow());
  EXPECT_EQ(old_.moves().at(), Move::STEP_UNSPECIFIED) << "what was refused has told nobody";
  ASSERT_TRUE(prepare());
  EXPECT_THAT(refused(before_, config_with("c.", 5), *from_, *make_log(nullptr)), HasSubstr("on its way to"));
  EXPECT_THAT(refused(before_, config_with("b.", 6), *from_, *to_), HasSubstr("prepared with 5"));
  EXPECT_THAT(refused(after_, config_with("c.", 5), *to_, *make_log(nullptr)), HasSubstr("not caught up"));
  EXPECT_THAT(refused(config_with("z.", 3), after_, *make_log(&before_), *to_), HasSubstr("for what comes from"));
}

// A process that is all there is on a log that nobody was told of: docs/operations/checkpoints.md, all stopped.
TEST_F(LogMoveTest, WithoutNoticeTheOldLogIsNotWritten) {
  const auto before = from_->watermarks({Topic::kSchema, 0});
  LogMove move(before_, after_, *from_, *to_);
  ASSERT_TRUE(move.look());
  ASSERT_TRUE(move.begin());
  ASSERT_TRUE(move.arrive());
  EXPECT_EQ(from_->watermarks({Topic::kSchema, 0})->high, before->high);
  Agreement now(*to_, *registry_);
  ASSERT_TRUE(now.follow());
  EXPECT_EQ(now.moves().at(), Move::CAUGHT_UP);
}

// ---- what is on its way

TEST_F(LogMoveTest, WhatWaitsInOverflowIsOnItsWay) {
  const std::vector<eventlog::Offset> states(3, 0);
  ASSERT_TRUE(check_drained(*from_, before_, states));
  const TopicPartition of{Topic::kOverflow, 1};
  v1::Envelope sent;
  sent.set_kind(v1::Envelope::TRACK);
  const std::string key = ingest::overflow_key({"acme", ingest::LaneKind::kLive}, "k");
  put(*from_, of, key, sent.SerializeAsString());
  put(*from_, of, key, sent.SerializeAsString());
  EXPECT_EQ(*waiting_in_overflow(*from_, 1, 0), 2u);
  const Status drained = check_drained(*from_, before_, states);
  ASSERT_FALSE(drained);
  EXPECT_EQ(drained.error().code, Code::kConflict);
  EXPECT_THAT(drained.error().message, HasSubstr("overflow"));
  // The drain has moved both, and says so behind them.
  v1::OverflowProgress progress;
  auto* const lane = progress.add_lanes();
  lane->set_tenant("acme");
  lane->set_next(2);
  put(*from_, of, "", progress.SerializeAsString());
  EXPECT_EQ(*waiting_in_overflow(*from_, 1, 0), 0u);
  EXPECT_TRUE(check_drained(*from_, before_, states));
}

}  // namespace
}  // namespace freshet::app
