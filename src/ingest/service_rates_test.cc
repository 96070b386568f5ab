// What a tenant's rate does to its requests.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ingest/overflow/lane_key.h"
#include "ingest/overflow/lanes.h"
#include "ingest/service.h"
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
