// What becomes of dead letters that are replayed by action, not by ingest.
#include "app/letters.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "freshet/v1/change.pb.h"
#include "model/home.h"
#include "testing/clock.h"
#include "testing/event_log.h"

namespace freshet::app {
namespace {

class Appended final : public eventlog::FakeLog {
 public:
  Appended() : FakeLog(4) {}
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    for (eventlog::Produce& one : batches) all.push_back(std::move(one));
    done({});
  }
  std::vector<eventlog::Produce> all;
};

v1::DeadLetter refused_by_store(const v1::Change& change) {
  v1::DeadLetter letter;
  letter.set_id("l1");
  letter.set_tenant("acme");
  letter.set_code("refused_by_store");
  letter.set_body(change.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::CHANGE);
  return letter;
}

TEST(ReplayChange, ActionIsAskedForThatProfile) {
  Appended log;
  env::FakeClock clock;
  const Hash128 id = hash128("somebody");
  v1::Change change;
  change.set_tenant("acme");
  change.set_id(std::string(id.view()));
  int done = 0;
  const auto count = [&](const Status& status) { done += status.has_value(); };
  ASSERT_TRUE(replay_change(refused_by_store(change), log, clock, count));
  EXPECT_EQ(done, 1);
  ASSERT_EQ(log.all.size(), 1U);
  EXPECT_EQ(log.all[0].to, (eventlog::TopicPartition{eventlog::Topic::kActions, model::partition_of(id, 4)}));
  std::string_view data = log.all[0].records.data(), key, value;
  bool corrupt = false;
  ASSERT_TRUE(eventlog::next_record(data, key, value, &corrupt));
  v1::Envelope record;
  ASSERT_TRUE(record.ParseFromString(std::string(value)));
  EXPECT_EQ(record.control().republish().id(), id.view());
  ASSERT_EQ(record.control().tenants_size(), 1);
  EXPECT_EQ(record.control().tenants(0).name(), "acme");
}

// Letters come from a topic that others may write to, too.
TEST(ReplayChange, WhatIsNoChangeOfItsTenantIsRefused) {
  Appended log;
  env::FakeClock clock;
  v1::Change of_another, without_id;
  of_another.set_tenant("other");
  of_another.set_id(std::string(16, 'i'));
  without_id.set_tenant("acme");
  v1::DeadLetter damaged = refused_by_store(of_another);
  damaged.set_body("\xff");
  for (const v1::DeadLetter& letter : {refused_by_store(of_another), refused_by_store(without_id), damaged}) {
    const Status refused = replay_change(letter, log, clock, [](const Status&) { ADD_FAILURE(); });
    EXPECT_EQ(refused.error().code, Code::kInvalid);
  }
  EXPECT_TRUE(log.all.empty());
}

}  // namespace
}  // namespace freshet::app
