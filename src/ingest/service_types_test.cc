// Values of other types than were learned, what is told of them, and what a head has proved.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "ingest/service.h"
#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string record_of(const std::string& id, const std::string& properties) {
  return R"({"message_id":")" + id + R"(","user":{"user_id":"u"},"event":"E","properties":)" + properties + "}\n";
}

// "E/n/wrong_type/string 2 m1,m2" of each group in the last report.
std::vector<std::string> last_report(TakingLog& log) {
  std::vector<std::string> out;
  if (log.records[Topic::kDeadLetters].empty()) return out;
  v1::DeadLetter record;
  EXPECT_TRUE(record.ParseFromString(log.records[Topic::kDeadLetters].back().value));
  v1::PlanViolations body;
  if (record.body_type() != v1::DeadLetter::PLAN_VIOLATIONS || !body.ParseFromString(record.body())) return out;
  for (const auto& group : body.groups()) {
    std::string& text = out.emplace_back(group.event() + "/" + group.property() + "/" + group.rule() + "/" +
                                         group.found() + " " + std::to_string(group.count()) + " ");
    for (int i = 0; i < group.message_ids_size(); ++i) text += (i == 0 ? "" : ",") + group.message_ids(i);
  }
  return out;
}

TEST_F(ServiceTest, WhatIsRefusedForItsTypeIsKeptWholeAndTold) {
  model::Tenant tenant = demo_tenant();
  tenant.conflicts = model::TypeConflicts::kRefuse;
  service().use_tenants(Tenants({tenant}));
  const auto answer = send("POST", "/v1/records", record_of("m1", R"({"n":1})") + record_of("m2", R"({"n":"1"})"),
                           "Bearer demo-write-key");
  EXPECT_EQ(answer.body, R"({"accepted":1,"rejected":[{"index":1,"code":"wrong_type",)"
                         R"("message":"\"n\" is known with type number, and came as string"}]})");
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(log.records[Topic::kDeadLetters].back().value));
  EXPECT_EQ(letter.code(), "wrong_type");
  EXPECT_THAT(letter.body(), HasSubstr(R"("properties":{"n":"1"})"));
  service().report_violations();
  EXPECT_THAT(last_report(log), ElementsAre("E/n/wrong_type/string 1 m2"));
}

TEST_F(ServiceTest, AReportThatTheLogDoesNotTakeIsSentWithTheNext) {
  const auto send_one = [&](const std::string& id, const std::string& properties) {
    EXPECT_EQ(send("POST", "/v1/records", record_of(id, properties), "Bearer demo-write-key").status, 200);
  };
  send_one("m0", R"({"n":1})");
  send_one("m1", R"({"n":"x"})");
  log.refusal = true;
  service().report_violations();
  service().report_violations();
  log.refusal = false;
  send_one("m2", R"({"n":"y"})");
  send_one("m3", R"({"n":[1]})");
  service().report_violations();
  EXPECT_THAT(last_report(log), ElementsAre("E/n/wrong_type/list 1 m3", "E/n/wrong_type/string 2 m1,m2"));
  const size_t before = log.records[Topic::kDeadLetters].size();
  service().report_violations();
  EXPECT_EQ(log.records[Topic::kDeadLetters].size(), before) << "nothing is counted twice";
}

// What is refused before anything is appended says nothing of types, and a batch that the log does not take neither.
TEST_F(ServiceTest, WhatDidNotGoInIsNotTold) {
  EXPECT_EQ(send("POST", "/v1/records", record_of("m0", R"({"n":1})"), "Bearer demo-write-key").status, 200);
  log.refusal = true;
  EXPECT_EQ(send("POST", "/v1/records", record_of("m1", R"({"n":"x"})"), "Bearer demo-write-key").status, 503);
  log.refusal = false;
  service().report_violations();
  EXPECT_THAT(last_report(log), IsEmpty());
}

TEST_F(ServiceTest, WhatAHeadHasProvedIsNotAskedAgain) {
  http::Request request;
  request.method = "POST";
  request.path = "//v1/track/";
  request.headers = {{"authorization", kWriteKey}};
  const http::HeaderVerdict verdict = service().judge(request);
  ASSERT_FALSE(verdict.refuse);
  ASSERT_NE(verdict.found, nullptr);
  request.judged = verdict.found;
  request.body = kTrack;
  service().use_tenants(Tenants());
  int status = 0;
  service().handle(request, [&](const http::Response& response) { status = response.status; });
  EXPECT_EQ(status, 200) << "a request under way goes on with the tenants that it found";
  EXPECT_EQ(actions().size(), 1u);
  request.judged = nullptr;
  service().handle(request, [&](const http::Response& response) { status = response.status; });
  EXPECT_EQ(status, 401);
}

TEST_F(ServiceTest, APixelIsACallInAQuery) {
  const auto answer = send("GET",
                           "/pixel/v1/track?writeKey=demo-write-key&userId=u&event=Mail%20Opened&messageId=m1&"
                           "properties.mail=spring&context.traits.email=a%40b.c");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "image/gif");
  EXPECT_EQ(send("GET", "/pixel/v1/page?writeKey=demo-write-key&anonymousId=a&name=Home&properties.n=5").status, 200);
  const std::vector<v1::Envelope> sent = actions();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].events(0).name(), "Mail Opened");
  EXPECT_EQ(sent[0].events(0).properties(), R"({"mail":"spring"})");
  EXPECT_EQ(sent[0].message_id(), "m1");
  EXPECT_FALSE(sent[0].verified());
  EXPECT_EQ(sent[1].events(0).name(), "Page Viewed");
  EXPECT_EQ(sent[1].events(0).properties(), R"({"n":"5","name":"Home"})");

  EXPECT_EQ(send("HEAD", "/pixel/v1/track?writeKey=demo-write-key&userId=u&event=E").status, 200);
  EXPECT_EQ(send("GET", "/pixel/v1/track?writeKey=wrong&userId=u&event=E").status, 401);
  EXPECT_EQ(send("GET", "/pixel/v1/track?writeKey=demo-server-key&userId=u&event=E").status, 401)
      << "addresses are logged";
  EXPECT_EQ(send("GET", "/pixel/v1/track?writeKey=demo-write-key&userId=%ff").status, 400);
  EXPECT_EQ(actions().size(), 2u);

  // Nobody is there to read why: it is kept, and can be replayed as what it was.
  EXPECT_EQ(send("GET", "/pixel/v1/track?writeKey=demo-write-key&event=E").status, 200);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(log.records[Topic::kDeadLetters].back().value));
  EXPECT_EQ(letter.code(), "missing_identifier");
  EXPECT_EQ(letter.body(), R"({"event":"E"})");
  EXPECT_EQ(letter.endpoint(), "/pixel/v1/track");
  letter.set_body(R"({"event":"E","userId":"u"})");
  EXPECT_TRUE(service().replay(letter, [](const Status&) {}));
}

// Segment's pixel has its key in the message, and the message in `data`.
TEST_F(ServiceTest, SegmentsPixelIsACallToo) {
  const std::string data = "eyJ3cml0ZUtleSI6ImRlbW8td3JpdGUta2V5IiwidXNlcklkIjoidSIsImV2ZW50IjoiT3BlbmVkIn0";
  const http::Response answer = send("GET", "/v1/pixel/track?data=" + data);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.content_type, "image/gif");
  EXPECT_EQ(send("GET", "/v1/pixel/identify?writeKey=demo-write-key&userId=u&traits.city=Pune").status, 200);
  const std::vector<v1::Envelope> sent = actions();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].events(0).name(), "Opened");
  EXPECT_EQ(sent[1].attributes(0).value().text(), "Pune");
  EXPECT_EQ(send("GET", "/v1/pixel/track?data=e30").status, 401) << "a message without a key";
  EXPECT_EQ(send("GET", "/v1/pixel/track?writeKey=demo-write-key&data=e").status, 400);
  EXPECT_EQ(send("POST", "/v1/pixel/track").status, 405);
}

}  // namespace
}  // namespace freshet::ingest
