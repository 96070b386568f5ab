// What a tenant's rate does to its requests.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ingest/overflow/lane_key.h"
#include "ingest/overflow/lanes.h"
#include "ingest/service.h"
#include "ingest/sources/csv/imports.h"
#include "model/identifier.h"
#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

class RatedServiceTest : public ServiceTest {
 protected:
  RatedServiceTest() {
    lanes_options.clock = &clock;
    lanes_options.partitions = 4;
  }
  // REQUIRES: the service is not made yet, the first time.
  Lanes& lanes() {
    if (!made_) {
      made_ = std::make_shared<Lanes>(lanes_options);
      options.lanes = made_;
    }
    return *made_;
  }
  size_t count(Topic topic) { return log.records[topic].size(); }

  LanesOptions lanes_options;

 private:
  std::shared_ptr<Lanes> made_;
};

TEST_F(RatedServiceTest, WhatIsOverTheRateGoesIntoOverflowAndCounts) {
  rate = {10, 5};
  lanes().own({0, 1, 2, 3});
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
  EXPECT_EQ(count(Topic::kActions), 1u);
  std::string lines;
  for (int i = 0; i < 5; ++i)
    lines += R"({"message_id":"m)" + std::to_string(i) + R"(","user":{"user_id":"u"},"event":"E"})" + "\n";
  const http::Response response = send("POST", "/v1/records", lines, kWriteKey);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"accepted":5,"rejected":[]})");
  EXPECT_EQ(count(Topic::kActions), 1u);
  ASSERT_EQ(count(Topic::kOverflow), 5u);
  const TakingLog::Record& record = log.records[Topic::kOverflow].front();
  OverflowKey key;
  ASSERT_TRUE(parse_overflow_key(record.key, key));
  EXPECT_EQ(key.tenant, "demo");
  EXPECT_EQ(key.kind, LaneKind::kLive);
  v1::Envelope envelope;
  ASSERT_TRUE(envelope.ParseFromString(record.value));
  EXPECT_EQ(key.key_in_actions, model::identifier_key("demo", v1::ENTITY_KIND_USER, envelope.user(0)));
  EXPECT_EQ(envelope.received_at_us(), clock.now_us()) << "stamped when it came, not when it is moved";
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
  EXPECT_EQ(count(Topic::kOverflow), 6u) << "it queues behind the others, though its rate would allow it";
}

TEST_F(RatedServiceTest, WhatIsOldHasALaneOfItsOwn) {
  rate = {1, 1};
  lanes().own({0});
  const std::string old = R"({"message_id":"o","user":{"user_id":"u"},"event":"E","timestamp":"2020-01-01T00:00:00Z"})";
  const std::string young = R"({"message_id":"y","user":{"user_id":"u"},"event":"E"})";
  EXPECT_EQ(send("POST", "/v1/records", old + "\n" + old + "\n" + young + "\n" + young, kWriteKey).status, 200);
  ASSERT_EQ(count(Topic::kOverflow), 4u);
  std::map<LaneKind, int> kinds;
  for (const TakingLog::Record& record : log.records[Topic::kOverflow]) {
    OverflowKey key;
    ASSERT_TRUE(parse_overflow_key(record.key, key));
    ++kinds[key.kind];
  }
  EXPECT_EQ(kinds[LaneKind::kLive], 2);
  EXPECT_EQ(kinds[LaneKind::kBackfill], 2);
}

TEST_F(RatedServiceTest, OnlyAFullOverflowRefuses) {
  rate = {1, 1};
  lanes_options.records_max = 2;
  lanes().own({0});
  const std::string two = R"({"batch":[{"type":"track","userId":"u","event":"E","messageId":"1"},)"
                          R"({"type":"track","userId":"u","event":"E","messageId":"2"}]})";
  EXPECT_EQ(send("POST", "/v1/batch", two, kWriteKey).status, 200);
  const http::Response response = send("POST", "/v1/batch", two, kWriteKey);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(header(response, "Retry-After"), "4") << "one a second over four partitions, of which this node has one";
  EXPECT_EQ(count(Topic::kOverflow), 2u);
  EXPECT_EQ(count(Topic::kActions), 0u);
}

// Whoever got 503 sends the same rows again, until they are taken: what they have against the plan counts then, once.
TEST_F(RatedServiceTest, RowsCountAgainstThePlanWhenTheyAreTaken) {
  rate = {1, 1};
  lanes_options.records_max = 1;
  lanes().own({0, 1, 2, 3});
  const auto tenant = service().tenants().by_name("demo");
  const auto append = [&](const std::string& id) {
    v1::Envelope envelope;
    envelope.set_tenant("demo");
    envelope.set_kind(v1::Envelope::IDENTIFY);
    envelope.set_message_id(id);
    envelope.add_user()->set_type("user_id");
    envelope.mutable_user(0)->set_value("u");
    ImportBatch batch;
    batch.envelopes.push_back(&envelope);
    batch.plan_misses.push_back({.event = "E", .property = "n", .rule = "type", .message_id = id});
    Status came;
    service().append_import(*tenant, std::move(batch), [&](Status status) { came = std::move(status); });
    return came.has_value();
  };
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);  // all that the rate allows
  log.refusal = true;
  EXPECT_FALSE(append("1")) << "the log takes nothing";
  log.refusal = false;
  EXPECT_TRUE(append("2"));
  EXPECT_FALSE(append("3")) << "the overflow is full";
  service().report_violations();
  v1::DeadLetter record;
  ASSERT_EQ(log.records[Topic::kDeadLetters].size(), 1u);
  ASSERT_TRUE(record.ParseFromString(log.records[Topic::kDeadLetters].back().value));
  v1::PlanViolations body;
  ASSERT_TRUE(body.ParseFromString(record.body()));
  ASSERT_EQ(body.groups_size(), 1);
  EXPECT_EQ(body.groups(0).count(), 1u);
  ASSERT_EQ(body.groups(0).message_ids_size(), 1);
  EXPECT_EQ(body.groups(0).message_ids(0), "2");
}

TEST_F(RatedServiceTest, AnOrderOfTheOperatorDoesNotQueue) {
  rate = {1, 1};
  lanes().own({0});
  v1::Envelope erase;
  erase.set_tenant("demo");
  erase.set_kind(v1::Envelope::ERASE);
  erase.add_user()->set_type("user_id");
  erase.mutable_user(0)->set_value("u");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(service().submit(erase, [](const Status&) {}));
  EXPECT_EQ(count(Topic::kActions), 3u);
}

}  // namespace
}  // namespace freshet::ingest
