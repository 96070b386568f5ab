#include "ingest/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <thread>

#include "base/hash.h"
#include "ingest/replay.h"
#include "model/identifier.h"
#include "model/plan.h"
#include "telemetry/exemplar.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"
#include "telemetry/trace.h"
#include "testing/ingest_service.h"
#include "testing/project_path.h"

namespace freshet::ingest {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kPlan = R"({"events":{"E":{"required":["n"],"properties":{"n":{"type":"number"}}},"F":{}}})";

TEST_F(ServiceTest, APlanRefusesInStrictModeAndCountsInBoth) {
  model::Tenant tenant = demo_tenant();
  tenant.plan = *model::Plan::compile(kPlan);
  const auto event = [](const std::string& name, const std::string& properties) {
    const std::string id = "m" + std::to_string(name[0]) + std::to_string(properties.size());
    return R"({"user":{"user_id":"u"},"message_id":")" + id + R"(","event":")" + name + R"(","properties":)" +
           properties + "}";
  };
  const std::string lines = event("E", R"({"n":1,"other":"x"})") + "\n" + event("E", R"({"n":"x"})") + "\n" +
                            event("E", "{}") + "\n" + event("G", "{}") + "\n" + event("F", R"({"any":[1]})");
  const auto violations = [&] {
    service().report_violations();
    v1::DeadLetter record;
    EXPECT_TRUE(record.ParseFromString(log.records[Topic::kDeadLetters].back().value));
    EXPECT_EQ(record.body_type(), v1::DeadLetter::PLAN_VIOLATIONS);
    v1::PlanViolations body;
    EXPECT_TRUE(body.ParseFromString(record.body()));
    std::vector<std::string> out;
    for (const auto& group : body.groups())
      out.push_back(group.event() + "/" + group.property() + "/" + group.rule() + " " + std::to_string(group.count()) +
                    " " + (group.message_ids().empty() ? "none" : group.message_ids(0)));
    return out;
  };
  const std::vector<std::string> wanted = {"E/n/required 1 m692", "E/n/type 1 m699", "G//unplanned_event 1 m712"};
  for (const bool strict : {true, false}) {
    tenant.strict_schema = strict;
    service().use_tenants(Tenants({tenant}));
    log.records.clear();
    const auto answer = send("POST", "/v1/records", lines, "Bearer demo-write-key");
    if (strict) {
      EXPECT_THAT(answer.body, AllOf(HasSubstr(R"("accepted":2)"), HasSubstr(R"("index":1,"code":"plan_violation")"),
                                     HasSubstr("n is not as the tracking plan says: type"),
                                     HasSubstr(R"("index":3,"code":"unplanned_event")")));
      EXPECT_EQ(log.records[Topic::kDeadLetters].size(), 3u);
    } else {
      EXPECT_EQ(answer.body, R"({"accepted":5,"rejected":[]})");
    }
    EXPECT_EQ(violations(), wanted) << strict;
  }
  const size_t before = log.records[Topic::kDeadLetters].size();
  service().report_violations();
  EXPECT_EQ(log.records[Topic::kDeadLetters].size(), before) << "nothing is counted twice";
}

// A broker refuses a whole batch, whichever record was too large: the next try finds out which, and the others go in.
TEST_F(ServiceTest, WhatTheLogTakesNoLongerIsADeadLetter) {
  const std::string value = ":\"" + std::string(200, 'x') + "\"";
  const std::string large = R"({"user":{"user_id":"u"},"message_id":"l","set":{"a")" + value + ",\"b\"" + value +
                            ",\"c\"" + value + ",\"d\"" + value + "}}";
  const std::string lines = R"({"user":{"user_id":"u"},"message_id":"s","event":"E"})"
                            "\n" +
                            large;
  EXPECT_EQ(send("POST", "/v1/records", lines, "Bearer demo-write-key").body, R"({"accepted":2,"rejected":[]})");
  EXPECT_EQ(log.asked, 0) << "nobody asks while nothing is refused";
  log.records.clear();
  log.bytes_max = 600;
  EXPECT_EQ(send("POST", "/v1/records", lines, "Bearer demo-write-key").status, 503);
  for (int i = 0; i < 3; ++i) {
    const http::Response answer = send("POST", "/v1/records", lines, "Bearer demo-write-key");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.body, AllOf(HasSubstr(R"("accepted":1)"), HasSubstr(R"("index":1,"code":"too_large")"),
                                   HasSubstr("max.message.bytes")));
  }
  EXPECT_EQ(log.asked, 1);
  EXPECT_EQ(log.records[Topic::kActions].size(), 3u);
  ASSERT_EQ(log.records[Topic::kDeadLetters].size(), 3u);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(log.records[Topic::kDeadLetters][0].value));
  EXPECT_EQ(letter.body(), large);
  log.bytes_max = SIZE_MAX;
  clock.now += 61'000'000;
  EXPECT_EQ(send("POST", "/v1/records", lines, "Bearer demo-write-key").body, R"({"accepted":2,"rejected":[]})");
}

TEST_F(ServiceTest, TheLogSaysWhyNothingWasAccepted) {
  log.held = true;
  send("POST", "/v1/track", kTrack, kWriteKey);
  ::testing::internal::CaptureStderr();
  telemetry::set_up_log("warn", false);
  log.waiting.at(0)(fail(Code::kRetry, "no brokers"));
  const std::string lines = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(lines.find("POST /v1/track of tenant demo was answered 503 after "), std::string::npos) << lines;
  EXPECT_NE(lines.find(" ms: nothing was accepted: no brokers\n"), std::string::npos) << lines;
}

TEST_F(ServiceTest, WriteKeysAreTakenFromEverywhere) {
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
  EXPECT_EQ(send("POST", "/v1/track/", kTrack, kWriteKeyWithoutColon).status, 200);
  EXPECT_EQ(send("POST", "/v1/t", kTrack, "Bearer demo-write-key").status, 200);
  EXPECT_EQ(send("POST", "/v1/t", R"({"userId":"u","event":"E","writeKey":"demo-write-key"})").status, 200);
  EXPECT_EQ(send("POST", "/v1/t", R"({"userId":"u","event":"E","writeKey":"demo-write-key"})", "Bearer token").status,
            200);
  EXPECT_EQ(actions().size(), 5u);
  for (const char* authorization : {"", "Basic !!!", "Basic d3Jvbmc6", "Digest x", "Bearer"}) {
    const http::Response response = send("POST", "/v1/track", kTrack, authorization);
    EXPECT_EQ(response.status, 401) << authorization;
    EXPECT_THAT(response.body, HasSubstr("no valid write key"));
  }
  EXPECT_EQ(send("POST", "/v1/records", "{}", "").status, 401);
  EXPECT_EQ(actions().size(), 5u);
}

TEST_F(ServiceTest, WhatTheTenantItselfSendsIsVerified) {
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
  EXPECT_EQ(send("POST", "/v1/track", kTrack, "Bearer demo-server-key").status, 200);
  EXPECT_EQ(send("POST", "/v1/records", R"({"user":{"user_id":"u"},"event":"E"})", "Bearer demo-server-key").status,
            200);
  EXPECT_EQ(send("POST", "/v1/customer/demo", R"({"type":"customer","customer_id":"c"})", kSecret).status, 200);
  const std::vector<v1::Envelope> sent = actions();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_FALSE(sent[0].verified()) << "a write key stands in every page";
  for (size_t i = 1; i < sent.size(); ++i) EXPECT_TRUE(sent[i].verified()) << i;
}

TEST_F(ServiceTest, RoutesByTheFirstIdentifierInOneAppend) {
  std::string body;
  for (int i = 0; i < 50; ++i)
    body += R"({"user":{"user_id":"u)" + std::to_string(i) +
            R"("},"event":"E"})"
            "\n";
  body += "{}\n";
  const http::Response response =
      send("POST", "/v1/records", body, "Bearer demo-write-key", {{"traceparent", kTraceParent}});
  EXPECT_EQ(response.body, R"({"accepted":50,"rejected":[{"index":50,"code":"missing_identifier","message":)"
                           R"("the record names nobody; give at least one identifier of a user or a device"}]})");
  EXPECT_EQ(log.appends, 1);
  ASSERT_EQ(log.records[Topic::kActions].size(), 50u);
  for (const TakingLog::Record& record : log.records[Topic::kActions]) {
    v1::Envelope envelope;
    ASSERT_TRUE(envelope.ParseFromString(record.value));
    EXPECT_EQ(record.partition, model::home_of("demo", v1::ENTITY_KIND_USER, envelope.user(0), 4));
    EXPECT_EQ(record.key, model::identifier_key("demo", v1::ENTITY_KIND_USER, envelope.user(0)));
    EXPECT_EQ(envelope.trace_parent(), kTraceParent);
  }
  ASSERT_EQ(log.records[Topic::kSchema].size(), 1u);
  const v1::DeadLetter letter = dead_letters().at(0);
  EXPECT_EQ(letter.body(), "{}");
  EXPECT_EQ(letter.id().substr(0, 16), "0006475c63f7a000");
  EXPECT_EQ(letter.id().size(), 32u);
  EXPECT_EQ(letter.endpoint(), "/v1/records");
}

TEST_F(ServiceTest, WithoutTracingAValidTraceParentIsPassedOnAsItIs) {
  const std::string unsampled = std::string(kTraceParent).substr(0, 53) + "00";
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", unsampled}}).status, 200);
  EXPECT_EQ(actions().at(0).trace_parent(), unsampled);
  for (const char* bad : {"00-a-b-01", "", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"})
    EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", bad}}).status, 200);
  for (size_t i = 1; i < 4; ++i) EXPECT_EQ(actions().at(i).trace_parent(), "") << "an invalid one is ignored";
}

// What a tenant's requests cost, that tenant waits for: the lane's thread is held here, and only who has to wait does.
TEST_F(ServiceTest, WhoseRequestsTakeLongRunsBesideAndTheOthersDoNot) {
  std::promise<void> held, go_on;
  Lane lane(64u << 20);
  options.lane = &lane;
  model::Tenant other = demo_tenant();
  other.name = "other";
  other.write_keys = {"other-key"};
  other.server_keys.clear();
  other.app_id = "other";
  service().use_tenants(Tenants({demo_tenant(), other}));
  std::string garbage;  // below what goes to the lane for its size, and more than a server thread should have to do
  for (int i = 0; i < 30'000; ++i) garbage += "x\n";
  EXPECT_EQ(send("POST", "/v1/records", garbage, "Bearer demo-write-key").status, 200);
  ASSERT_TRUE(lane.run({"held"}, 1, [&] {
    held.set_value();
    go_on.get_future().wait();
  }));
  held.get_future().wait();
  const std::string record = R"({"user":{"user_id":"u"},"event":"E"})";
  EXPECT_EQ(send("POST", "/v1/records", record, "Bearer other-key").status, 200);
  EXPECT_EQ(send("POST", "/v1/t", R"({"userId":"u","event":"E","writeKey":"other-key"})").status, 200);
  auto answer = std::make_shared<std::promise<int>>();
  auto answered = answer->get_future();
  http::Request request{"POST", "/v1/records", "", {{"authorization", "Bearer demo-write-key"}}, record, "192.0.2.1"};
  service().handle(std::move(request), [answer](http::Response response) { answer->set_value(response.status); });
  EXPECT_EQ(answered.wait_for(std::chrono::seconds(0)), std::future_status::timeout) << "it waits for its turn";
  go_on.set_value();
  EXPECT_EQ(answered.get(), 200);
}

TEST_F(ServiceTest, ASmallBodyThatUnpacksToMuchRunsBeside) {
  Lane lane(64u << 20);
  options.lane = &lane;
  const uint64_t before = telemetry::counter_totals("freshet_ingest_set_back_total", "reason")["size"];
  for (const size_t blanks : {size_t{1'000}, size_t{100'000}}) {
    std::promise<int> answer;
    http::Request request{"POST",
                          "/v1/records",
                          "",
                          {{"authorization", "Bearer demo-write-key"}, {"content-encoding", "gzip"}},
                          gzip(R"({"user":{"user_id":"u"},"event":"E"})" + std::string(blanks, ' ')),
                          "192.0.2.1"};
    service().handle(std::move(request), [&answer](http::Response response) { answer.set_value(response.status); });
    EXPECT_EQ(answer.get_future().get(), 200) << blanks;
  }
  EXPECT_EQ(telemetry::counter_totals("freshet_ingest_set_back_total", "reason")["size"], before + 1);
}

class TracedServiceTest : public ServiceTest {
 protected:
  ~TracedServiceTest() override {
    telemetry::tracer().stop();
    (void)spans();
  }
  static void trace(double sample) {
    telemetry::tracer().start({.sample = sample}, [](size_t n) { return env::real_random().bytes(n); });
  }
  static std::vector<telemetry::Span> spans() { return telemetry::tracer().take(1000, 0); }
  static std::string attribute(const telemetry::Span& span, std::string_view key) {
    for (const telemetry::SpanAttribute& attribute : span.attributes) {
      if (attribute.key != key) continue;
      const auto* text = std::get_if<std::string>(&attribute.value);
      return text != nullptr ? *text : std::to_string(std::get<int64_t>(attribute.value));
    }
    return "";
  }
};

TEST_F(TracedServiceTest, ARequestOfASampledTraceGetsASpanThatItsRecordsCarry) {
  trace(0);
  log.held = true;
  const std::string body = R"({"user":{"user_id":"a"},"event":"E"})"
                           "\n{}\n";
  send("POST", "/v1/records", body, "Bearer demo-write-key", {{"traceparent", kTraceParent}});
  EXPECT_TRUE(spans().empty()) << "it ends with the answer";
  log.waiting.at(0)({});
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  const telemetry::TraceContext parent = *telemetry::parse_trace_parent(kTraceParent);
  EXPECT_EQ(made[0].name, "POST /v1/records");
  EXPECT_EQ(made[0].kind, telemetry::SpanKind::kServer);
  EXPECT_EQ(made[0].context.trace_id, parent.trace_id);
  EXPECT_EQ(made[0].parent, parent.span_id);
  EXPECT_EQ(made[0].begin_ns, 1'767'312'000'000'000'000);
  EXPECT_EQ(made[0].error, "");
  EXPECT_EQ(attribute(made[0], "freshet.tenant"), "demo");
  EXPECT_EQ(attribute(made[0], "freshet.items.accepted"), "1");
  EXPECT_EQ(attribute(made[0], "freshet.items.rejected"), "1");
  EXPECT_EQ(attribute(made[0], "http.response.status_code"), "200");
  EXPECT_EQ(attribute(made[0], "url.path") + " " + attribute(made[0], "url.scheme"), "/v1/records http");
  EXPECT_EQ(attribute(made[0], "error.type"), "");
  EXPECT_EQ(actions().at(0).trace_parent(), telemetry::format_trace_parent(made[0].context));
}

TEST_F(TracedServiceTest, WhatFailsHasASpanWhateverTheSamplerSays) {
  trace(0);
  log.held = true;
  send("POST", "/v1/track", kTrack, kWriteKey);
  log.waiting.at(0)(fail(Code::kRetry, "no brokers"));
  std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].name, "POST /v1/track");
  EXPECT_EQ(made[0].error, "status 503");
  EXPECT_EQ(attribute(made[0], "freshet.sampled_by"), "error");
  EXPECT_EQ(attribute(made[0], "freshet.tenant"), "demo");
  const auto& times = telemetry::histogram("freshet_ingest_request_us", "",
                                           {{"endpoint", "/v1/track"}, {"method", "POST"}, {"status", "503"}});
  EXPECT_GT(times.count(), 0u);
  EXPECT_FALSE(telemetry::exemplars_of(times).empty());
  send("POST", "/v1/track", kTrack, kWriteKey,
       {{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}});
  log.waiting.at(1)(fail(Code::kRetry, "no brokers"));
  EXPECT_TRUE(spans().empty()) << "its sender wants none";
}

TEST_F(TracedServiceTest, TheSamplerDecidesAboutRequestsWithoutAValidTrace) {
  trace(0);
  send("POST", "/v1/track", kTrack, kWriteKey);
  send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", "00-a-b-01"}});
  EXPECT_TRUE(spans().empty());
  EXPECT_EQ(actions().at(0).trace_parent(), "");
  EXPECT_EQ(actions().at(1).trace_parent(), "");
  trace(1);
  send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", "00-a-b-01"}});
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(made[0].parent, telemetry::SpanId{});
  EXPECT_EQ(actions().at(2).trace_parent(), telemetry::format_trace_parent(made[0].context));
  // Who began the trace has decided against it.
  const std::string unsampled = std::string(kTraceParent).substr(0, 53) + "00";
  send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", unsampled}});
  EXPECT_TRUE(spans().empty());
  EXPECT_EQ(actions().at(3).trace_parent(), unsampled);
}

TEST_F(TracedServiceTest, FailuresAreSeenAndStrangersAreNot) {
  trace(1);
  send("POST", "/v1/track", kTrack, "Bearer wrong", {{"traceparent", kTraceParent}});
  EXPECT_TRUE(spans().empty()) << "a request without a key";
  send("POST", "/v1/track", "not JSON", kWriteKey, {{"traceparent", kTraceParent}});
  log.refusal = true;
  send("POST", "/v1/track", kTrack, kWriteKey, {{"traceparent", kTraceParent}});
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 2u);
  EXPECT_EQ(attribute(made[0], "http.response.status_code"), "400");
  EXPECT_EQ(made[0].error, "") << "the sender's fault";
  EXPECT_EQ(attribute(made[1], "http.response.status_code"), "503");
  EXPECT_EQ(made[1].error, "status 503");
  EXPECT_EQ(attribute(made[1], "error.type"), "503");
}

TEST_F(TracedServiceTest, NoSpanHasAKeyThatStandsInAnAddress) {
  options.tls = true;
  trace(1);
  send("GET", "/v1/attribution/adjust/demo-write-key?idfa=x&event_name=E&created_at=1767312000");
  const std::vector<telemetry::Span> made = spans();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_EQ(attribute(made[0], "url.scheme"), "https");
  for (const telemetry::SpanAttribute& one : made[0].attributes)
    EXPECT_EQ(attribute(made[0], one.key).find("demo-write-key"), std::string::npos) << one.key;
}

// An alert compares what was rejected with what was accepted, so both are there from the first request on.
TEST_F(ServiceTest, WhoseItemsAreAllRejectedHasNoneAcceptedAndThatIsShown) {
  model::Tenant wrong = model::default_tenant("always-wrong");
  wrong.write_keys = {"wrong-key"};
  service().use_tenants(Tenants({wrong}));
  EXPECT_EQ(send("POST", "/v1/records", "{}\n", "Bearer wrong-key").status, 200);
  const std::string shown = telemetry::render_prometheus();
  EXPECT_NE(shown.find("freshet_ingest_items_total{source=\"records\",tenant=\"always-wrong\"} 0\n"),
            std::string::npos);
  EXPECT_NE(shown.find("tenant=\"always-wrong\"} 1\n", shown.find("\nfreshet_ingest_rejected_total{")),
            std::string::npos);
}

TEST_F(ServiceTest, AnswersOnlyWhenDurable) {
  log.held = true;
  int status = 0;
  http::Request request;
  request.method = "POST";
  request.path = "/v1/track";
  request.headers = {{"authorization", kWriteKey}};
  request.body = kTrack;
  service().handle(request, [&](http::Response response) { status = response.status; });
  EXPECT_EQ(status, 0);
  log.waiting.at(0)({});
  EXPECT_EQ(status, 200);
  service().handle(request, [&](http::Response response) { status = response.status; });
  log.waiting.at(1)(fail(Code::kFatal, "disk"));
  EXPECT_EQ(status, 503);
}

TEST_F(ServiceTest, RefusesWhatTheLogCantTake) {
  log.refusal = true;
  http::Response response = send("POST", "/v1/track", kTrack, kWriteKey);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(header(response, "Retry-After"), "1");
  response = send("POST", "/v1/transition/demo", R"({"elements":[{"type":"customer","customer_id":"c"}]})", kSecret);
  EXPECT_EQ(response.status, 503);
  log.refusal = false;
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
  EXPECT_EQ(log.records[Topic::kSchema].size(), 1u);  // what the refused request had discovered is discovered again
}

TEST_F(ServiceTest, RefusesWhileTheStagesBehindAreTooFarBehind) {
  bool room = false;
  options.has_room = [&] { return room; };
  const http::Response response = send("POST", "/v1/track", "no JSON at all", kWriteKey);
  EXPECT_EQ(response.status, 503);  // before any work was put into it
  EXPECT_EQ(header(response, "Retry-After"), "1");
  room = true;
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200);
}

TEST_F(ServiceTest, BoundsWhatIsUnderWay) {
  options.inflight_bytes_max = 400;
  log.held = true;
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 0);
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 0);
  int status = 0;
  while (status == 0 && log.appends < 10) status = send("POST", "/v1/track", kTrack, kWriteKey).status;
  EXPECT_EQ(status, 503);
  log.held = false;
  for (auto& done : log.waiting) done({});
  log.waiting.clear();
}

TEST_F(ServiceTest, BodiesCompressedAndTooLarge) {
  EXPECT_EQ(send("POST", "/v1/track", gzip(kTrack), kWriteKey,
                 {{"content-encoding", "gzip"}, {"content-type", "application/x-www-form-urlencoded"}})
                .status,
            200);
  EXPECT_EQ(
      send("POST", "/v1/track", gzip(std::string(20 << 20, ' ')), kWriteKey, {{"content-encoding", "gzip"}}).status,
      413);
  EXPECT_EQ(send("POST", "/v1/track", "garbage", kWriteKey, {{"content-encoding", "gzip"}}).status, 400);
  // gzip without what is around its deflate: ten bytes in front, eight behind.
  const std::string packed = gzip(kTrack), raw = packed.substr(10, packed.size() - 18);
  EXPECT_EQ(send("POST", "/v1/track", raw, kWriteKey, {{"content-encoding", "deflate"}}).status, 200);
  EXPECT_EQ(send("POST", "/v1/track", raw, kWriteKey, {{"content-encoding", "gzip"}}).status, 400);
  EXPECT_THAT(send("POST", "/v1/track", kTrack, kWriteKey, {{"content-encoding", "gzip"}}).body,
              HasSubstr("send it without Content-Encoding"));
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey, {{"content-encoding", "br"}}).status, 415);
  EXPECT_EQ(send("POST", "/v1/batch", std::string(501 << 10, ' '), kWriteKey).status, 413);
  EXPECT_EQ(send("POST", "/v1/customer/demo", std::string(129 << 10, ' '), kSecret).status, 413);
  EXPECT_EQ(send("POST", "/v1/batch", "{", kWriteKey).status, 400);
  const http::Response large =
      send("POST", "/v1/track",
           R"({"userId":"u","event":"E","properties":{"a":")" + std::string(33 << 10, 'x') + "\"}}", kWriteKey);
  EXPECT_EQ(large.status, 400);
  EXPECT_EQ(dead_letters().size(), 1u);
}

TEST_F(ServiceTest, AddressesAndMethods) {
  EXPECT_THAT(send("POST", "/v1/unknown").body, HasSubstr("/v1/records"));
  EXPECT_EQ(send("GET", "/").status, 404);
  EXPECT_EQ(send("GET", "/v1/batch").status, 405);
  EXPECT_EQ(header(send("GET", "/v1/batch"), "Allow"), "POST");
  EXPECT_EQ(header(send("PUT", "/v1/imports"), "Allow"), "POST, GET, HEAD");
  EXPECT_THAT(send("GET", "/v1/event/demo").body, HasSubstr(R"("status":"fail")"));
  EXPECT_EQ(send("POST", "/v1/event/%zz").status, 400);
  EXPECT_EQ(send("POST", "/v1/event/a/b").status, 404);
  EXPECT_EQ(send("POST", "/v1/imports", "", kWriteKey).status, 404);
  const http::Response preflight = send("OPTIONS", "/v1/i");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(header(preflight, "Access-Control-Allow-Origin"), "*");
  EXPECT_THAT(header(preflight, "Access-Control-Allow-Headers"), HasSubstr("anonymousid"));
  EXPECT_EQ(header(send("POST", "/v1/track", kTrack, kWriteKey), "Access-Control-Allow-Origin"), "*");
  EXPECT_THAT(
      send("GET", "/v1/projects/demo-write-key/settings", "", "", {{"host", "in.example:8080"}}).body,
      HasSubstr(
          R"("apiKey":"demo-write-key","apiHost":"in.example:8080/v1","protocol":"http","unbundledIntegrations":[],"addBundledMetadata":true)"));
  EXPECT_EQ(send("GET", "/v1/projects/wrong/settings").status, 404);
  EXPECT_THAT(send("GET", "/sourceConfig/?writeKey=demo-write-key").body, HasSubstr(R"("enabled":true)"));
  EXPECT_EQ(send("GET", "/sourceConfig", "", kWriteKey).status, 200);
  // Whoever is refused a question is told as whoever is refused anything else.
  const http::Response refused = send("GET", "/sourceConfig?writeKey=wrong");
  EXPECT_EQ(refused.status, 401);
  EXPECT_EQ(header(refused, "WWW-Authenticate"), "Basic realm=\"freshet\"");
}

// Pages have wrappers, tracing and APM libraries of their own, and a browser drops what the preflight does not allow.
TEST_F(ServiceTest, APreflightAllowsWhatIsAskedFor) {
  const auto ask = [&](const std::string& headers) {
    return send("OPTIONS", "/v1/batch", "", "",
                {{"origin", "https://shop.example"}, {"access-control-request-headers", headers}});
  };
  for (const char* asked : {"authorization,content-type", "baggage, sentry-trace", "x-datadog-trace-id"})
    EXPECT_EQ(header(ask(asked), "Access-Control-Allow-Headers"), asked);
  for (const std::string& odd :
       {std::string("a\r\nSet-Cookie: x"), std::string("a:b"), std::string(5000, 'a'), std::string()})
    EXPECT_THAT(header(ask(odd), "Access-Control-Allow-Headers"), HasSubstr("authorization, content-type"));
  const http::Response answer = ask("baggage");
  EXPECT_EQ(header(answer, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header(answer, "Access-Control-Allow-Credentials"), "true") << "beacons send with credentials";
  const http::Response local =
      send("OPTIONS", "/v1/batch", "", "", {{"access-control-request-private-network", "true"}});
  EXPECT_EQ(header(local, "Access-Control-Allow-Private-Network"), "true");
  const http::Response sent = send("POST", "/v1/track", kTrack, kWriteKey, {{"origin", "https://shop.example"}});
  EXPECT_EQ(header(sent, "Access-Control-Allow-Origin"), "https://shop.example");
  EXPECT_EQ(header(sent, "Vary"), "Origin");
  EXPECT_EQ(header(send("POST", "/v1/track", kTrack, kWriteKey, {{"origin", "a b"}}), "Access-Control-Allow-Origin"),
            "*");
  EXPECT_EQ(header(send("POST", "/v1/track", kTrack, "", {{"origin", "https://a"}}), "Access-Control-Allow-Origin"),
            "https://a")
      << "of a refusal, too";
}

TEST_F(ServiceTest, SlashesTooManyAreNoOtherAddress) {
  for (const char* path : {"//v1/track", "/v1//track", "/v1/track//", "///v1///track"})
    EXPECT_EQ(send("POST", path, kTrack, kWriteKey).status, 200) << path;
  EXPECT_EQ(send("GET", "//v1/projects/demo-write-key/settings").status, 200);
  EXPECT_EQ(send("POST", "//v1/customer//demo", R"({"type":"customer","customer_id":"c"})", kSecret).status, 200);
  std::string of_logs = "//v1/logs";
  EXPECT_NE(find_route("POST", of_logs).row, nullptr) << "exporters are given a host, too";
  EXPECT_EQ(send("POST", "/v1/event/a%2Fb").status, 401) << "an escaped slash is no separator";
  // What a proxy closes by its path is not open under another spelling.
  for (const auto& [method, path] : {std::pair{"POST", "//v1/records"}, {"POST", "/v1//records"}, {"GET", "//healthz"}})
    EXPECT_EQ(send(method, path, "", kWriteKey).status, 404) << path;
  http::Request head;
  head.method = "POST";
  head.path = "//v1/track";
  head.headers = {{"authorization", kWriteKey}};
  EXPECT_FALSE(service().judge(head).refuse);
  head.path = "//v1/event/demo";
  const auto refused = service().judge(head).refuse;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->body, ::testing::ContainsRegex("\"request_id\":\"[0-9a-f]{32}\""));
}

TEST_F(ServiceTest, CodingsAreAListWithoutCase) {
  for (const char* coding : {"GZIP", "x-gzip", "identity, gzip", "gzip, identity", " Gzip ", "gzip,"})
    EXPECT_EQ(send("POST", "/v1/track", gzip(kTrack), kWriteKey, {{"content-encoding", coding}}).status, 200) << coding;
  for (const char* coding : {"", "identity", "identity, Identity", ",", "none", "UTF-8", "utf8"})
    EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey, {{"content-encoding", coding}}).status, 200) << coding;
  for (const char* coding : {"gzip, gzip", "br, gzip", "gzip;q=1"})
    EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey, {{"content-encoding", coding}}).status, 415) << coding;
  // A list may go on in another line (RFC 9110, section 5.3).
  const std::pair<std::string, std::string> none{"content-encoding", "identity"}, one{"content-encoding", "gzip"};
  EXPECT_EQ(send("POST", "/v1/track", gzip(kTrack), kWriteKey, {none, one}).status, 200);
  EXPECT_EQ(send("POST", "/v1/track", gzip(kTrack), kWriteKey, {one, none}).status, 200);
  EXPECT_EQ(send("POST", "/v1/track", gzip(kTrack), kWriteKey, {one, one}).status, 415);
}

TEST_F(ServiceTest, ABeaconSaysItsKeyInTheQuery) {
  const std::string batch = "{\"batch\":[{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\"}]}";
  for (const char* target : {"/beacon/v1/batch?writeKey=demo-write-key", "/v1/batch?writeKey=demo%2Dwrite-key"})
    EXPECT_EQ(send("POST", target, batch).status, 200) << target;
  EXPECT_EQ(send("POST", "/beacon/v1/batch?writeKey=wrong", batch).status, 401);
  EXPECT_EQ(send("POST", "/beacon/v1/batch", batch).status, 401);
  EXPECT_EQ(send("POST", "/v1/track", R"({"userId":"u","event":" "})", kWriteKey).status, 200);
  EXPECT_EQ(dead_letters().size(), 1u) << "a name of blanks is none";
  EXPECT_EQ(send("POST", "/v1/records?writeKey=demo-write-key", "{}").status, 401) << "records come from servers";
  EXPECT_EQ(actions().size(), 2u);
}

TEST_F(ServiceTest, TheSchemeIsWhatTheBrowserSpoke) {
  const auto protocol = [&](std::vector<std::pair<std::string, std::string>> headers) {
    headers.emplace_back("host", "in.example");
    const std::string body = send("GET", "/v1/projects/demo-write-key/settings", "", "", headers).body;
    return body.find(R"("protocol":"https")") != std::string::npos;
  };
  EXPECT_FALSE(protocol({}));
  for (const char* list : {"https", "HTTPS", "https, http", "https,http", " Https ,http"})
    EXPECT_TRUE(protocol({{"x-forwarded-proto", list}})) << list;
  for (const char* list : {"http", "http, http", "http,https"})
    EXPECT_FALSE(protocol({{"x-forwarded-proto", list}})) << list;
  EXPECT_TRUE(protocol({{"forwarded", "for=192.0.2.1;Proto=HTTPS;by=x, proto=http"}}));
  EXPECT_FALSE(protocol({{"forwarded", "for=192.0.2.1;proto=http, proto=https"}}));
  EXPECT_TRUE(protocol({{"origin", "HTTPS://shop.example"}}));
  EXPECT_TRUE(protocol({{"referer", "https://shop.example/cart"}}));
  for (const auto& [name, value] : {std::pair{"x-forwarded-scheme", "https"},
                                    {"x-forwarded-ssl", "on"},
                                    {"front-end-https", "On"},
                                    {"cloudfront-forwarded-proto", "https"}})
    EXPECT_TRUE(protocol({{name, value}})) << name;
  EXPECT_FALSE(protocol({{"x-forwarded-proto", "http"}, {"x-forwarded-ssl", "on"}}));
}

// A proxy asks under a name of its own, at which no browser finds us.
TEST_F(ServiceTest, TheHostIsTheOneThatTheBrowserAsked) {
  const auto host = [&](std::vector<std::pair<std::string, std::string>> headers) {
    headers.emplace_back("host", "freshet.internal:8080");
    const std::string body = send("GET", "/v1/projects/demo-write-key/settings", "", "", headers).body;
    const size_t begin = body.find("\"apiHost\":\"") + 11;
    return body.substr(begin, body.find('"', begin) - begin);
  };
  EXPECT_EQ(host({}), "freshet.internal:8080/v1");
  EXPECT_EQ(host({{"x-forwarded-host", "in.shop.example"}}), "in.shop.example/v1");
  EXPECT_EQ(host({{"x-forwarded-host", "In.Shop.example:8443, front.internal"}}), "in.shop.example:8443/v1");
  EXPECT_EQ(host({{"forwarded", "for=192.0.2.1; Host=\"in.shop.example\";proto=https, host=x"}}), "in.shop.example/v1");
  EXPECT_EQ(host({{"x-forwarded-host", "a\"b"}}), "freshet.internal:8080/v1");
}

// What stands later in one request is later, whatever the message ids are.
TEST_F(ServiceTest, ItemsOfOneInstantKeepTheirOrder) {
  EXPECT_EQ(send("POST", "/v1/records",
                 R"({"user":{"user_id":"u"},"set":{"city":"Pune"},"message_id":"order-9"})"
                 "\n"
                 R"({"user":{"user_id":"u"},"set":{"city":"Delhi"},"message_id":"order-10"})",
                 "Bearer demo-write-key")
                .status,
            200);
  EXPECT_EQ(send("POST", "/v1/batch", R"({"batch":[
      {"type":"track","event":"E","userId":"u","messageId":"f00d","timestamp":"2026-01-01T05:06:07.008Z"},
      {"type":"track","event":"E","userId":"u","messageId":"beef","timestamp":"2026-01-01T05:06:07.008Z"}]})",
                 kWriteKey)
                .status,
            200);
  const auto sent = actions();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[0].time_us(), clock.now_us() - 1);
  EXPECT_EQ(sent[1].time_us(), clock.now_us());
  EXPECT_EQ(sent[3].time_us(), sent[2].time_us() + 1);
  EXPECT_EQ(sent[3].events(0).time_us(), sent[3].time_us());
}

TEST_F(ServiceTest, DataApiAnswersInItsShape) {
  constexpr const char* kCustomer = R"({"type":"customer","customer_id":"c"})";
  EXPECT_THAT(send("POST", "/v1/customer/demo", kCustomer, kSecret).body,
              HasSubstr(R"({"status":"success","message":")"));
  EXPECT_EQ(send("POST", "/v1/customer/other", kCustomer, kSecret).status, 403);
  EXPECT_EQ(send("POST", "/v1/customer/demo", kCustomer, "Basic ZGVtbzp3cm9uZw==").status, 401);
  EXPECT_EQ(send("POST", "/v1/customer/demo", kCustomer, kWriteKey).status, 401);
  const http::Response bad = send("POST", "/v1/customer/demo", R"({"type":"customer"})", kSecret);
  EXPECT_EQ(bad.status, 400);
  EXPECT_THAT(bad.body, HasSubstr(R"({"status":"fail","error":{"attribute":"user","message":")"));
  EXPECT_THAT(bad.body, HasSubstr(R"("type":"MissingAttributeError")"));
  EXPECT_EQ(send("POST", "/v1/transition/demo", R"({"elements":[{"type":"what"}]})", kSecret).status, 200);
  EXPECT_EQ(send("POST", "/v1/customer/merge", R"({"merge_data":[{}]})", kSecret).status, 200);
  EXPECT_EQ(
      send("POST", "/v1/customer/delete", R"({"identity_type":"customer_id","identity_value":"c"})", kSecret).status,
      200);
  EXPECT_EQ(
      send("POST", "/v1/event/demo", R"({"type":"event","customer_id":"c","actions":[{"action":"A"},{}]})", kSecret)
          .status,
      200);
  EXPECT_EQ(actions().size(), 3u);
}

TEST_F(ServiceTest, CapturesOfLibrariesGoInWhole) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(project_path("tests/captures"))) {
    std::ifstream file(entry.path(), std::ios::binary);
    std::stringstream all;
    all << file.rdbuf();
    const std::string text = all.str();
    const size_t head_end = text.find("\r\n\r\n");
    ASSERT_NE(head_end, std::string::npos);
    std::istringstream head(text.substr(0, head_end));
    std::string method, target, line;
    head >> method >> target;
    std::getline(head, line);
    std::vector<std::pair<std::string, std::string>> headers;
    while (std::getline(head, line)) {
      std::string name = line.substr(0, line.find(':'));
      for (char& c : name) c = static_cast<char>(std::tolower(c));
      if (line.back() == '\r') line.pop_back();
      headers.emplace_back(name, line.substr(line.find(':') + 2));
    }
    const http::Response response = send(method, target + "?verdicts=1", text.substr(head_end + 4), "", headers);
    EXPECT_EQ(response.status, 200) << entry.path() << response.body;
    EXPECT_THAT(response.body, HasSubstr("\"rejected\":[]")) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 6u);
  for (const v1::Envelope& envelope : actions()) {
    EXPECT_EQ(envelope.user(0).value(), "u1");
    EXPECT_THAT(envelope.message_id(), ::testing::StartsWith("msg-"));
    EXPECT_LT(envelope.time_us(), clock.now_us());
  }
  EXPECT_EQ(actions().size(), 12u);
}

TEST_F(ServiceTest, ADeadLetterIsReplayedAsItWasSent) {
  options.tenants = {};
  const std::string message =
      R"({"type":"track","userId":"u","event":"E","messageId":"m7","timestamp":"2026-01-01T00:00:00Z","properties":{"a\u0001":1}})";
  EXPECT_EQ(send("POST", "/v1/batch",
                 R"({"batch":[)" + message + R"(],"context":{"device":{"id":"d"}},"sentAt":"2026-01-01T23:59:00Z"})",
                 kWriteKey)
                .status,
            200);
  v1::DeadLetter letter = dead_letters().at(0);
  EXPECT_EQ(letter.code(), "bad_name");
  EXPECT_EQ(letter.body(), message);
  EXPECT_EQ(letter.message_id(), "m7");
  int done = 0;
  const Status still = service().replay(letter, [&](const Status&) { ++done; });
  ASSERT_FALSE(still);
  EXPECT_THAT(still.error().message, HasSubstr("bad_name"));
  letter.mutable_body()->replace(message.find("\\u0001"), 6, "");
  ASSERT_TRUE(service().replay(letter, [&](const Status&) { ++done; }));
  EXPECT_EQ(done, 1);
  const v1::Envelope envelope = actions().at(0);
  EXPECT_EQ(envelope.ledger(), "replay:" + letter.id());
  EXPECT_EQ(envelope.message_id(), "m7");
  EXPECT_EQ(envelope.device(0).value(), "d");
  EXPECT_EQ(envelope.time_us(), clock.now_us() - 86'340'000'000);
  EXPECT_FALSE(envelope.verified());
  letter.set_by_server_key(true);
  ASSERT_TRUE(service().replay(letter, [&](const Status&) { ++done; }));
  EXPECT_TRUE(actions().at(1).verified()) << "as it was when it came";
}

// Of what action has set aside, only what a sender could have sent goes in again.
TEST_F(ServiceTest, ReplaysNoMessagesOfPartitionsAndNoRules) {
  for (int kind = v1::Envelope::Kind_MIN; kind <= v1::Envelope::Kind_MAX; ++kind) {
    v1::Envelope record;
    record.set_tenant("demo");
    record.set_kind(static_cast<v1::Envelope::Kind>(kind));
    record.add_user()->set_type("user_id");
    record.mutable_user(0)->set_value("u");
    v1::DeadLetter letter;
    letter.set_id("l" + std::to_string(kind));
    letter.set_tenant("demo");
    letter.set_body_type(v1::DeadLetter::ENVELOPE);
    letter.set_body(record.SerializeAsString());
    const bool is_none =
        kind == v1::Envelope::KIND_UNSPECIFIED || kind == v1::Envelope::LOOP || kind == v1::Envelope::CONTROL;
    EXPECT_EQ(service().replay(letter, [](const Status&) {}).has_value(), !is_none) << kind;
  }
}

TEST_F(ServiceTest, SubmitsRecordsMadeElsewhere) {
  v1::Envelope erase;
  erase.set_tenant("demo");
  erase.set_kind(v1::Envelope::ERASE);
  EXPECT_FALSE(service().submit(erase, [](const Status&) {}));
  erase.add_user()->set_type("user_id");
  erase.mutable_user(0)->set_value("u");
  bool ok = false;
  EXPECT_TRUE(service().submit(erase, [&](const Status& status) { ok = status.has_value(); }));
  EXPECT_TRUE(ok);
  EXPECT_EQ(actions().at(0).received_at_us(), clock.now_us());
  erase.set_tenant("nobody");
  EXPECT_FALSE(service().submit(erase, [](const Status&) {}));
}

}  // namespace
}  // namespace freshet::ingest
