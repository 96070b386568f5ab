// Sources that answer in ways of their own, as their senders see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingest/service.h"
#include "ingest/sources/logs/logs.h"
#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

using ::testing::HasSubstr;

TEST_F(ServiceTest, PartnersReportByPostAndByGet) {
  const std::string adjust = "/v1/attribution/adjust/demo-write-key";
  const std::string query = "?activity_kind=install&adid=a1&created_at=1767230400&tracker_name=Organic";
  const http::Response taken = send("GET", adjust + query);
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.body, R"({"accepted":1,"rejected":[]})");
  EXPECT_EQ(send("POST", adjust + query).status, 200);
  EXPECT_EQ(send("POST", adjust + "/", query.substr(1)).status, 200);
  EXPECT_EQ(send("POST", "/v1/attribution/appsflyer/demo-write-key?verdicts=1",
                 R"({"event_name":"install","appsflyer_id":"1-2"})")
                .status,
            200);
  EXPECT_EQ(send("POST", "/v1/attribution/branch/demo-write-key", R"({"name":"OPEN","user_data":{"idfv":"v"}})").status,
            200);
  ASSERT_EQ(actions().size(), 5u);
  EXPECT_EQ(actions()[0].message_id(), actions()[1].message_id()) << "sent again, in whatever way";
  EXPECT_EQ(actions()[0].message_id(), actions()[2].message_id());
  EXPECT_EQ(actions()[4].events(0).name(), "OPEN");

  // What only asks takes nothing.
  EXPECT_EQ(send("HEAD", adjust + query).status, 200);
  EXPECT_EQ(send("HEAD", "/v1/attribution/adjust/wrong" + query).status, 401);
  EXPECT_EQ(send("GET", adjust).status, 400);
  EXPECT_EQ(send("POST", "/v1/attribution/branch/demo-write-key", "{").status, 400);
  EXPECT_EQ(send("GET", "/v1/attribution/other/demo-write-key").status, 404);
  EXPECT_EQ(actions().size(), 5u);
  // A report that can't go in is kept, and the partner is done with it.
  const http::Response rejected = send("GET", adjust + "?activity_kind=install&adid=%7Badid%7D");
  EXPECT_EQ(rejected.status, 200);
  EXPECT_THAT(rejected.body, HasSubstr("missing_identifier"));
  ASSERT_EQ(dead_letters().size(), 1u);
  EXPECT_EQ(dead_letters()[0].endpoint(), "/v1/attribution/adjust");
  EXPECT_EQ(dead_letters()[0].body(), R"({"activity_kind":"install","adid":"{adid}"})");
}

TEST_F(ServiceTest, PartnersProveThemselvesByAWriteKeyInTheAddress) {
  leave_room_for_one();
  const std::string query = "?activity_kind=install&adid=a1";
  for (const char* key : {"wrong", "demo-secret", "demo-server-key"})
    EXPECT_EQ(send("GET", "/v1/attribution/adjust/" + std::string(key) + query, "", kWriteKey).status, 401) << key;
  EXPECT_EQ(send("GET", "/v1/attribution/adjust" + query, "", kWriteKey).status, 404);
  // Partners send again after 5xx only. The first is within the rate, the second waits, and no other fits in behind it.
  for (int i = 0; i < 2; ++i) EXPECT_EQ(send("GET", "/v1/attribution/adjust/demo-write-key" + query).status, 200);
  const http::Response late = send("GET", "/v1/attribution/adjust/demo-write-key" + query);
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(header(late, "Retry-After"), "4");
  EXPECT_THAT(late.body, HasSubstr("too_many_requests"));
  EXPECT_EQ(actions().size(), 1u);
}

TEST_F(ServiceTest, LogsGoAWayOfTheirOwn) {
  Logs logs(log, clock, {.inflight_bytes_max = 4000});
  options.logs = &logs;
  // What holds the others back does not count for them.
  options.has_room = [] { return false; };
  constexpr const char* kOtlp =
      R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"started"}}]}]}]})";
  const std::vector<std::pair<std::string, std::string>> json = {{"content-type", "application/json"}};
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 503);
  const http::Response otlp = send("POST", "/v1/logs", kOtlp, kWriteKey, json);
  EXPECT_EQ(otlp.status, 200);
  EXPECT_EQ(otlp.body, "{}");
  EXPECT_EQ(send("POST", "/v1/logs", "", kWriteKey, {{"content-type", "application/x-protobuf"}}).status, 200);
  EXPECT_EQ(send("POST", "/v1/logs", gzip(kOtlp), "Bearer demo-server-key",
                 {{"content-type", "application/json"}, {"content-encoding", "gzip"}})
                .status,
            200);
  EXPECT_EQ(send("POST", "/v1/logs/lines", "{\"msg\":\"a\"}\nno\n", kWriteKey).body.substr(0, 47),
            R"({"accepted":1,"rejected":[{"index":1,"code":"ba)");
  ASSERT_EQ(log.records[Topic::kLogs].size(), 3u);
  EXPECT_EQ(log.records[Topic::kLogs][0].key, "demo/");
  EXPECT_THAT(log.records[Topic::kLogs][0].value, HasSubstr(R"("body":"started")"));
  EXPECT_TRUE(actions().empty());
  EXPECT_TRUE(dead_letters().empty()) << "nor do the bad ones go where those of customers go";

  // In OTLP's own words, in the encoding of the request.
  EXPECT_EQ(send("POST", "/v1/logs", kOtlp, "", json).body,
            R"({"code":16,"message":"no valid key; send it as \"Authorization: Bearer KEY\""})");
  const http::Response binary =
      send("POST", "/v1/logs", "\xff", kWriteKey, {{"content-type", "application/x-protobuf"}});
  EXPECT_EQ(binary.status, 400);
  EXPECT_EQ(binary.content_type, "application/x-protobuf");
  log.refusal = true;
  const http::Response full = send("POST", "/v1/logs", kOtlp, kWriteKey, json);
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(header(full, "Retry-After"), "1");
}

TEST_F(ServiceTest, LogsBeyondTheirBoundAreRefusedBeforeTheyAreRead) {
  Logs logs(log, clock, {.inflight_bytes_max = 1000});
  options.logs = &logs;
  log.held = true;
  const auto head = [] {
    http::Request request;
    request.method = "POST";
    request.path = "/v1/logs/lines";
    request.headers = {{"authorization", kWriteKey}};
    return request;
  };
  EXPECT_TRUE(service().judge(head()).never_held);
  EXPECT_EQ(service().judge(head()).bodies, logs.bodies());
  EXPECT_FALSE(service().judge(head()).refuse);
  EXPECT_EQ(send("POST", "/v1/logs/lines", R"({"msg":")" + std::string(600, 'x') + "\"}", kWriteKey).status, 0);
  ASSERT_TRUE(service().judge(head()).refuse);
  EXPECT_EQ(service().judge(head()).refuse->status, 429);
  http::Request other = head();
  other.path = "/v1/records";
  EXPECT_FALSE(service().judge(other).refuse) << "the bound of logs is of nobody else";
  EXPECT_FALSE(service().judge(other).never_held);
  EXPECT_EQ(service().judge(other).bodies, nullptr);
  log.waiting.at(0)({});
  EXPECT_FALSE(service().judge(head()).refuse);
}

// Who reads no body gives nobody memory for one: four strangers that announce 10 MiB would else have all that there is.
TEST_F(ServiceTest, WhatReadsNoBodyTakesNone) {
  const auto judged = [&](const char* method, const char* path, const char* authorization) {
    http::Request head;
    head.method = method;
    head.path = path;
    head.headers = {{"authorization", authorization}};
    return service().judge(head);
  };
  for (const char* const path : {"/sourceConfig", "/v1/projects/demo-write-key/settings", "/pixel/v1/track",
                                 "/v1/attribution/adjust/demo-write-key"}) {
    for (const char* const method : {"GET", "HEAD", "OPTIONS"}) {
      for (const char* const key : {"", kWriteKey}) {
        const http::HeaderVerdict verdict = judged(method, path, key);
        EXPECT_FALSE(verdict.refuse) << method << " " << path;
        EXPECT_LE(verdict.body_bytes_max, 4096u) << method << " " << path;
      }
    }
  }
  EXPECT_LE(judged("OPTIONS", "/x", "").body_bytes_max, 4096u);
  EXPECT_EQ(judged("POST", "/v1/batch", "").body_bytes_max, 500u << 10);
  // What comes all the same is not looked at, and so not unpacked, in whatever way it is packed.
  for (const char* const coding : {"identity", "gzip", "br"})
    EXPECT_EQ(
        send("GET", "/pixel/v1/track?userId=u&event=E", "no gzip", kWriteKey, {{"content-encoding", coding}}).status,
        200)
        << coding;
}

}  // namespace
}  // namespace freshet::ingest
