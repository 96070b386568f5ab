// What senders are told of what is wrong with a request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ServiceTest, ARefusedBodyIsToldItsByteAndItem) {
  // A quote that is left open: no message of the batch can be told from the others.
  const std::string open = R"({"batch":[{"type":"track","userId":"u","event":"A"},{"type":"track","event":"B}]})";
  const http::Response batch = send("POST", "/v1/batch", open, kWriteKey);
  EXPECT_EQ(batch.status, 400);
  EXPECT_THAT(batch.body, HasSubstr("not valid JSON at byte " + std::to_string(open.size()) +
                                    ", in batch[1].event: the text ends here, too early"));
  EXPECT_THAT(send("POST", "/v1/track", R"({"userId":"u","event":"E","properties":{"total":NaN}})", kWriteKey).body,
              HasSubstr("at byte 48, in properties.total: NaN is no JSON"));
  EXPECT_THAT(send("POST", "/v1/track", "", kWriteKey).body, HasSubstr("the body is empty"));
  EXPECT_THAT(send("POST", "/v1/track", "[]", kWriteKey).body, HasSubstr("a JSON object is expected"));
  EXPECT_THAT(send("POST", "/v1/batch", "{}", kWriteKey).body, HasSubstr("the body has no \\\"batch\\\""));
  EXPECT_THAT(send("POST", "/v1/customer/demo", "{\"type\":\"customer\",\"customer_id\":\"\xff\"}", kSecret).body,
              HasSubstr("at byte 34, in customer_id: a byte that is not UTF-8"));
  EXPECT_THAT(send("POST", "/v1/attribution/branch/demo-write-key", R"({"name":"OPEN",})").body,
              HasSubstr("at byte 15: a name in double quotes is expected"));
}

// The data API answers with the first fault alone, so it says which item has it.
TEST_F(ServiceTest, TheDataApiSaysWhichItemIsWrong) {
  const auto answer = [&](const std::string& actions) {
    return send("POST", "/v1/event/demo", R"({"type":"event","customer_id":"c","actions":)" + actions + "}", kSecret)
        .body;
  };
  EXPECT_THAT(answer(R"([{},{}])"), HasSubstr(R"("message":"item 0: an action needs)"));
  EXPECT_THAT(answer(R"([{"a":1},{"action":NaN},{"action":1 2}])"), HasSubstr(R"("message":"item 0: an action needs)"));
  EXPECT_THAT(answer(R"([{"action":NaN},{"action":1 2}])"),
              HasSubstr(R"("message":"item 0: not valid JSON at byte 10, in action: NaN is no JSON")"));
  EXPECT_THAT(answer("[{}]"), HasSubstr(R"("message":"an action needs)"));
}

TEST_F(ServiceTest, AFullOverflowIsToldInEachSourcesWords) {
  leave_room_for_one();
  constexpr const char* kCustomer = R"({"type":"customer","customer_id":"c"})";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send("POST", "/v1/customer/demo", kCustomer, kSecret).status, 200);
  const http::Response data_api = send("POST", "/v1/customer/demo", kCustomer, kSecret);
  EXPECT_EQ(data_api.status, 429);
  EXPECT_THAT(data_api.body, HasSubstr(R"("type":"RateLimitExceededError")"));
  EXPECT_EQ(header(data_api, "x-ratelimit-limit"), "1");
  EXPECT_EQ(header(data_api, "x-ratelimit-remaining"), "0");
  EXPECT_EQ(header(data_api, "x-ratelimit-reset"), "4");

  const http::Response segment = send("POST", "/v1/track", kTrack, kWriteKey, {{"origin", "https://shop.example"}});
  EXPECT_EQ(segment.status, 429);
  EXPECT_EQ(header(segment, "Retry-After"), "4");
  EXPECT_EQ(header(segment, "X-RateLimit-Reset"), "4");
  EXPECT_EQ(header(segment, "Access-Control-Expose-Headers"), "Retry-After, X-RateLimit-Reset")
      << "or no page can read them";
  EXPECT_EQ(header(send("POST", "/v1/track", kTrack, kWriteKey, {{"user-agent", "analytics-node-next/latest"}}),
                   "X-RateLimit-Reset"),
            std::to_string(clock.now_us() / 1000 + 4000));
  EXPECT_EQ(header(send("POST", "/v1/records", "{}", kWriteKey), "X-RateLimit-Reset"), "");
}

// Probes have no key, and are answered while everything else waits.
TEST_F(ServiceTest, AProbeIsAnswered) {
  options.has_room = [] { return false; };
  const http::Response answer = send("GET", "/healthz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"status":"ok"})");
  EXPECT_EQ(send("HEAD", "/healthz").status, 200);
  EXPECT_EQ(send("POST", "/healthz").status, 405);
  http::Request head;
  head.method = "GET";
  head.path = "/healthz";
  const http::HeaderVerdict verdict = service().judge(head);
  EXPECT_FALSE(verdict.refuse);
  EXPECT_TRUE(verdict.never_held);
}

TEST_F(ServiceTest, ARepeatedIdWithOtherContentIsToldAndKept) {
  const std::string first = R"({"message_id":"1001","user":{"user_id":"u"},"event":"Order Created"})";
  const std::string other = R"({"message_id":"1001","user":{"user_id":"u"},"event":"Parcel Sent"})";
  EXPECT_THAT(
      send("POST", "/v1/records", first + "\n" + other + "\n" + first, kWriteKey).body,
      HasSubstr(R"({"accepted":2,"rejected":[{"index":1,"code":"repeated_id","message":"the message id is that of)"));
  ASSERT_EQ(dead_letters().size(), 1u);
  EXPECT_EQ(dead_letters()[0].body(), other);
}

}  // namespace
}  // namespace freshet::ingest
