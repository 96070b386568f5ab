#include "ingest/sources/logs/logs.h"

#include <foreign/otlp_logs.pb.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "ingest/sources/logs/log_lines.h"
#include "ingest/sources/logs/otlp_logs.h"
#include "ingest/sources/logs/otlp_size.h"
#include "testing/clock.h"
#include "testing/event_log.h"
#include "testing/ingest_adapters.h"
#include "testing/project_path.h"

namespace freshet::ingest {
namespace {

namespace otlp = foreign::otlp_logs;
using ::testing::HasSubstr;

// As the OpenTelemetry SDKs and the collector send it.
constexpr std::string_view kOtlpJson =
    R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"checkout"}},)"
    R"({"key":"host.cpus","value":{"intValue":"8"}}]},"scopeLogs":[{"scope":{"name":"app.cart","version":"1.2"},)"
    R"("logRecords":[{"timeUnixNano":"1767323045678901234","observedTimeUnixNano":"1767323045700000000",)"
    R"("severityNumber":17,"severityText":"ERROR","body":{"stringValue":"payment \"refused\""},)"
    R"("attributes":[{"key":"amount","value":{"doubleValue":12.5}},{"key":"retry","value":{"boolValue":true}},)"
    R"({"key":"codes","value":{"arrayValue":{"values":[{"intValue":"9007199254740993"},{"intValue":2}]}}},)"
    R"({"key":"cart","value":{"kvlistValue":{"values":[{"key":"id","value":{"stringValue":"c1"}}]}}},)"
    R"({"key":"raw","value":{"bytesValue":"AQID"}},{"key":"amount","value":{"doubleValue":13}},{"key":"none","value":{}}],)"
    R"("droppedAttributesCount":1,"flags":1,"traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331",)"
    R"("eventName":"payment.refused","of.the.future":[{}]}]}]}]})";

std::string golden_file(const std::string& name) {
  std::ifstream file(project_path("tests/golden/logs/" + name), std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string entries_of(const LogsResult& parsed) {
  if (!parsed) return std::to_string(parsed.error().status) + " " + parsed.error().message;
  std::string out;
  for (const LogEntry& entry : parsed->entries) out += entry.key + " " + entry.value + "\n";
  return out;
}

std::string as_json(std::string_view body) {
  return entries_of(parse_otlp_logs(body, OtlpEncoding::kJson, "acme", kReceivedUs));
}

TEST(OtlpLogs, AreOneObjectEachInTheTopic) { EXPECT_EQ(as_json(kOtlpJson), golden_file("otlp.txt")); }

TEST(OtlpLogs, SayTheSameInBothEncodings) {
  otlp::ExportLogsRequest request;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(resource_logs {
           resource {
             attributes { key: "service.name" value { string_value: "checkout" } }
             attributes { key: "host.cpus" value { int_value: 8 } }
           }
           scope_logs {
             scope { name: "app.cart" version: "1.2" }
             log_records {
               time_unix_nano: 1767323045678901234 observed_time_unix_nano: 1767323045700000000
               severity_number: 17 severity_text: "ERROR" body { string_value: "payment \"refused\"" }
               attributes { key: "amount" value { double_value: 12.5 } }
               attributes { key: "retry" value { bool_value: true } }
               attributes { key: "codes" value { array_value { values { int_value: 9007199254740993 } values { int_value: 2 } } } }
               attributes { key: "cart" value { kvlist_value { values { key: "id" value { string_value: "c1" } } } } }
               attributes { key: "raw" value { bytes_value: "\001\002\003" } }
               attributes { key: "amount" value { double_value: 13 } }
               attributes { key: "none" value { } }
               event_name: "payment.refused"
             }
           }
         })",
      &request));
  auto& record = *request.mutable_resource_logs(0)->mutable_scope_logs(0)->mutable_log_records(0);
  record.set_trace_id(from_hex("0af7651916cd43dd8448eb211c80319c"));
  record.set_span_id(from_hex("b7ad6b7169203331"));
  EXPECT_EQ(entries_of(parse_otlp_logs(request.SerializeAsString(), OtlpEncoding::kProtobuf, "acme", kReceivedUs)),
            golden_file("otlp.txt"));
}

TEST(OtlpLogs, ARecordThatCantBeKeptCostsItselfAlone) {
  otlp::ExportLogsRequest request;
  auto& scope = *request.add_resource_logs()->add_scope_logs();
  scope.add_log_records()->mutable_body()->set_string_value("good");
  scope.add_log_records()->mutable_body()->set_string_value("\xff");
  scope.add_log_records()->add_attributes()->set_key("\xff");
  otlp::AnyValue* deep = scope.add_log_records()->mutable_body();
  for (int i = 0; i < 20; ++i) deep = deep->mutable_array_value()->add_values();
  scope.add_log_records()->mutable_body()->set_string_value(std::string(kLogBytesMax, 'x'));
  auto& nan = *scope.add_log_records();
  nan.mutable_body()->set_double_value(std::numeric_limits<double>::infinity());
  nan.set_trace_id("short");
  nan.set_severity_number(99);
  const auto parsed = parse_otlp_logs(request.SerializeAsString(), OtlpEncoding::kProtobuf, "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(parsed->outcome), "1:bad_text 2:bad_text 3:too_deep 4:too_large");
  EXPECT_EQ(
      entries_of(parsed),
      R"(acme/ {"tenant":"acme","time":"2026-01-02T00:00:00.000000000Z","received_at":"2026-01-02T00:00:00.000Z",)"
      R"("source":"otlp","body":"good"})"
      "\n"
      R"(acme/ {"tenant":"acme","time":"2026-01-02T00:00:00.000000000Z","received_at":"2026-01-02T00:00:00.000Z",)"
      R"("source":"otlp","body":"inf"})"
      "\n");
  EXPECT_EQ(otlp_logs_taken(OtlpEncoding::kJson, parsed->outcome).body,
            R"({"partialSuccess":{"rejectedLogRecords":"4","errorMessage":"a text is not valid UTF-8"}})");
  otlp::ExportLogsResponse response;
  const http::Response binary = otlp_logs_taken(OtlpEncoding::kProtobuf, parsed->outcome);
  EXPECT_EQ(binary.content_type, "application/x-protobuf");
  ASSERT_TRUE(response.ParseFromString(binary.body));
  EXPECT_EQ(response.partial_success().rejected_log_records(), 4);
  EXPECT_TRUE(binary.headers.empty());
  const http::Response all_well = otlp_logs_taken(OtlpEncoding::kProtobuf, {});
  EXPECT_EQ(all_well.body, "");
  EXPECT_EQ(all_well.headers.at(0).second, "application/x-protobuf") << "the server names no type of an empty body";
}

std::string otlp_records(const std::string& records) {
  return R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
         R"("scopeLogs":[{"scope":{"name":"s"},"logRecords":[)" +
         records + R"(]}]},{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"last"}}]}]}]})";
}

TEST(OtlpLogs, ARecordThatIsDamagedJsonCostsItselfAlone) {
  const std::string body = otlp_records(
      "{\"body\":{\"stringValue\":\"first\"}},{\"body\":{\"doubleValue\":NaN}},"
      "{\"body\":{\"stringValue\":\"\xff\"}},{\"body\":{\"stringValue\":\"fourth\"}},"
      "{\"body\":" +
      std::string(200, '[') + std::string(200, ']') + "}");
  const auto parsed = parse_otlp_logs(body, OtlpEncoding::kJson, "acme", kReceivedUs);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(rejections_of(parsed->outcome), "1:bad_json 2:bad_json 4:too_deep");
  EXPECT_EQ(parsed->outcome.rejected[0].message, "not valid JSON at byte 23, in body.doubleValue: NaN is no JSON");
  ASSERT_EQ(parsed->entries.size(), 3u);
  EXPECT_THAT(parsed->entries[1].value,
              ::testing::AllOf(HasSubstr("fourth"), HasSubstr(R"("service":"shop")"), HasSubstr(R"("scope":"s")")));
  EXPECT_THAT(parsed->entries[2].value, HasSubstr("last"));
  EXPECT_EQ(otlp_logs_taken(OtlpEncoding::kJson, parsed->outcome).body.substr(0, 46),
            R"({"partialSuccess":{"rejectedLogRecords":"3","e)");
  // What is damaged around its records is one of them: nobody knows how many it has.
  const auto scope = parse_otlp_logs(R"({"resourceLogs":[{"scopeLogs":[{"scope":NaN,"logRecords":[{},{}]}]},)"
                                     R"({"scopeLogs":[{"logRecords":[{"severityText":"INFO"}]}]}]})",
                                     OtlpEncoding::kJson, "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(scope->outcome), "0:bad_json");
  EXPECT_EQ(scope->entries.size(), 1u);
}

TEST(OtlpLogs, AMemberThatIsSpelledWrongIsToldAndNotLeftOut) {
  const auto rejection = [](const std::string& record) {
    const auto parsed = parse_otlp_logs(otlp_records(record), OtlpEncoding::kJson, "acme", kReceivedUs);
    if (!parsed) return parsed.error().message;
    return parsed->outcome.rejected.empty()
               ? parsed->entries.at(0).value
               : rejections_of(parsed->outcome) + " " + parsed->outcome.rejected[0].message;
  };
  EXPECT_EQ(rejection(R"({"timeUnixNano":"x"})"), "0:bad_field \"timeUnixNano\" must be a whole number that fits");
  EXPECT_EQ(rejection(R"({"timeUnixNano":-1})"), "0:bad_field \"timeUnixNano\" must be a whole number that fits");
  EXPECT_EQ(rejection(R"({"severityNumber":1.5})"), "0:bad_field \"severityNumber\" must be a whole number that fits");
  EXPECT_EQ(rejection(R"({"body":"plain"})"), "0:bad_field \"body\" must be an object");
  EXPECT_EQ(rejection(R"({"body":{"stringValue":5}})"), "0:bad_field \"stringValue\" must be a text");
  EXPECT_EQ(rejection(R"({"attributes":[{"key":"a","value":{"intValue":"x"}}]})"),
            "0:bad_field \"intValue\" must be a whole number that fits");
  EXPECT_EQ(rejection(R"({"body":{"boolValue":"perhaps"}})"), "0:bad_field \"boolValue\" must be true or false");
  EXPECT_EQ(rejection(R"({"attributes":{"a":1}})"), "0:bad_field \"attributes\" must be a list");
  EXPECT_THAT(rejection(R"({"body":{"boolValue":"true"}})"), HasSubstr(R"("body":true)"));
  EXPECT_THAT(rejection(R"({"body":{"intValue":5.0},"severityNumber":"9","traceId":null})"), HasSubstr(R"("body":5)"));
  EXPECT_THAT(rejection(R"({"timeUnixNano":1.7e18,"body":{"intValue":"-3e3"}})"), HasSubstr(R"("body":-3000)"));
  const auto resource = parse_otlp_logs(
      R"({"resourceLogs":[{"resource":{"attributes":[{"key":5}]},"scopeLogs":[{"logRecords":[{},{}]}]}]})",
      OtlpEncoding::kJson, "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(resource->outcome), "0:bad_field 1:bad_field");
  for (const char* shape : {R"({"resourceLogs":7})", R"({"resourceLogs":[{"scopeLogs":{}}]})",
                            R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[5]}]}]})"})
    EXPECT_FALSE(parse_otlp_logs(shape, OtlpEncoding::kJson, "acme", kReceivedUs)) << shape;
}

TEST(OtlpLogs, WhatIsNoRequestIsRefused) {
  for (const char* body : {"", "{", "[]", "nul", "{\"resourceLogs\":[{]}"}) {
    const auto parsed = parse_otlp_logs(body, OtlpEncoding::kJson, "acme", kReceivedUs);
    ASSERT_FALSE(parsed) << body;
    EXPECT_EQ(parsed.error().status, 400);
  }
  EXPECT_FALSE(parse_otlp_logs("\xff\xff", OtlpEncoding::kProtobuf, "acme", kReceivedUs));
  for (const char* body :
       {"{}", R"({"resourceLogs":null})", R"({"resourceLogs":[null,{"scopeLogs":[{"logRecords":[]}]}]})"})
    EXPECT_EQ(as_json(body), "") << body;
  EXPECT_EQ(entries_of(parse_otlp_logs("", OtlpEncoding::kProtobuf, "acme", kReceivedUs)), "");
}

TEST(OtlpLogs, ARequestIsBounded) {
  otlp::ExportLogsRequest request;
  auto& logs = *request.add_resource_logs();
  auto& attribute = *logs.mutable_resource()->add_attributes();
  attribute.set_key("large");
  attribute.mutable_value()->set_string_value(std::string(10'000, 'x'));
  auto& scope = *logs.add_scope_logs();
  for (int i = 0; i < 1000; ++i) scope.add_log_records()->set_severity_number(9);
  const auto parsed = parse_otlp_logs(request.SerializeAsString(), OtlpEncoding::kProtobuf, "acme", kReceivedUs);
  ASSERT_FALSE(parsed) << "each has its resource";
  EXPECT_EQ(parsed.error().status, 413);
}

// Two bytes of the body are a message that takes 72 of memory.
TEST(OtlpLogs, NothingIsMadeOfTooManyParts) {
  const auto times = [](size_t count, std::string_view what) {
    std::string out;
    for (size_t i = 0; i < count; ++i) out += what;
    return out;
  };
  const auto status_of = [](const std::string& body, OtlpEncoding encoding) {
    const auto parsed = parse_otlp_logs(body, encoding, "acme", kReceivedUs);
    return parsed ? 200 : parsed.error().status;
  };
  const auto nested = [](const std::string& inner) {  // in a list of scopes
    std::string out = "\x0a";
    std::string scopes = "\x12";
    for (std::string* one : {&scopes, &out}) {
      size_t size = one == &scopes ? inner.size() : scopes.size();
      for (; size >= 0x80; size >>= 7) one->push_back(static_cast<char>(size | 0x80));
      one->push_back(static_cast<char>(size));
      *one += one == &scopes ? inner : scopes;
    }
    return out;
  };
  constexpr std::string_view kEmpty("\x0a\x00", 2), kUnknown("\x7a\x00", 2), kRecord("\x12\x00", 2);
  EXPECT_EQ(status_of(times(kOtlpMessagesMax, kEmpty), OtlpEncoding::kProtobuf), 200);
  EXPECT_EQ(status_of(times(kOtlpMessagesMax + 1, kEmpty), OtlpEncoding::kProtobuf), 413);
  EXPECT_EQ(status_of(times(kOtlpMessagesMax + 1, kUnknown), OtlpEncoding::kProtobuf), 413);
  EXPECT_EQ(status_of("\x7b\x7c", OtlpEncoding::kProtobuf), 413) << "a group";
  EXPECT_EQ(status_of(nested(times(kOtlpMessagesMax, kRecord)), OtlpEncoding::kProtobuf), 413);
  EXPECT_EQ(status_of("{\"resourceLogs\":[" + times(kOtlpMessagesMax, "{},") + "{}]}", OtlpEncoding::kJson), 413);
  // As many as there are in the message that the library makes of it.
  EXPECT_EQ(otlp_protobuf_messages(nested(times(10, kRecord)), 1'000), 12u);
  EXPECT_EQ(otlp_protobuf_messages(nested(times(10, kRecord)), 5), 6u);
}

TEST(OtlpLogs, TheEncodingIsWhatTheTypeSays) {
  const auto encoding = [](std::string type, std::string body) {
    http::Request request;
    if (!type.empty()) request.headers.emplace_back("content-type", std::move(type));
    request.body = std::move(body);
    return otlp_encoding(request);
  };
  EXPECT_EQ(encoding("application/json; charset=utf-8", ""), OtlpEncoding::kJson);
  EXPECT_EQ(encoding("Application/X-Protobuf", "{"), OtlpEncoding::kProtobuf);
  EXPECT_EQ(encoding("text/plain", " {}"), OtlpEncoding::kJson);
  EXPECT_EQ(encoding("", "\n\x05"), OtlpEncoding::kProtobuf);
  EXPECT_EQ(encoding("", ""), OtlpEncoding::kJson);
}

TEST(LogLines, AreOneObjectEachInTheTopic) {
  const auto parsed = parse_log_lines(
      "\xef\xbb\xbf{\"time\":\"2026-01-02T03:04:05.678901Z\",\"level\":\"WARN\",\"msg\":\"slow\",\"service\":\"cart\","
      "\"ms\":1234,\"tags\":[\"a\",{\"b\":null}],\"none\":null}\r\n\n"
      "{\"ts\":\"soon\",\"message\":{\"a\":1},\"level\":30,\"trace_id\":\"t1\",\"msg\":\"second\"}\n"
      "not json\n[1]\n{}\n{\"a\":1",
      "acme", kReceivedUs);
  EXPECT_EQ(entries_of(parsed), golden_file("lines.txt"));
  EXPECT_EQ(rejections_of(parsed->outcome), "2:bad_json 3:bad_item 4:missing_body 5:bad_json");
}

TEST(LogLines, ANumberOfAnySizeIsKept) {
  const auto parsed = parse_log_lines(
      "{\"msg\":\"a\"}\n\xef\xbb\xbf{\"msg\": \"b\", "
      "\"n\":123456789012345678901234567890}\n{\"n\":1e999}\n{\"n\":01}\n",
      "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(parsed->outcome), "3:bad_json");
  ASSERT_EQ(parsed->entries.size(), 3u);
  EXPECT_THAT(parsed->entries[1].value, HasSubstr(R"({"msg":"b","n":123456789012345678901234567890})"));
}

// What JavaScript leaves of an emoji that it cuts is no reason to lose the line.
TEST(Logs, HalfAnEmojiGoesIn) {
  const auto lines = parse_log_lines("{\"msg\":\"a\\ud83d\"}\n{\"msg\":\"b\\ud83d\\ude00\"}\n", "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(lines->outcome), "");
  EXPECT_THAT(lines->entries.at(0).value, HasSubstr("\"a\ufffd\""));
  EXPECT_THAT(lines->entries.at(1).value, HasSubstr("\"b\U0001f600\""));
  const auto otlp =
      parse_otlp_logs(otlp_records(R"({"body":{"stringValue":"\ude00"}})"), OtlpEncoding::kJson, "acme", kReceivedUs);
  EXPECT_EQ(rejections_of(otlp->outcome), "");
  EXPECT_THAT(otlp->entries.at(0).value, HasSubstr("\ufffd"));
}

TEST(LogLines, AreBounded) {
  std::string deep = R"({"a":)" + std::string(30, '[') + std::string(30, ']') + "}\n";
  const std::string large = R"({"msg":")" + std::string(kLogBytesMax - 200, 'x') + "\"}\n";
  const auto parsed =
      parse_log_lines(deep + large + R"({"msg":")" + std::string(kLogBytesMax, 'x') + "\"}\n", "acme", 1);
  EXPECT_EQ(rejections_of(parsed->outcome), "0:bad_json 2:too_large");
  std::string many;
  for (size_t i = 0; i <= kLogRecordsMax; ++i) many += "{\"a\":1}\n";
  EXPECT_EQ(parse_log_lines(many, "acme", 1).error().status, 413);
}

// Whatever is sent, what is in the topic is JSON.
RC_GTEST_PROP(LogLines, WhateverComesIsJsonInTheTopic, (const std::vector<std::string>& texts)) {
  std::string body;
  for (const std::string& text : texts) {
    body += R"({"msg":)";
    for (const char c : text) body += c == '\n' ? ' ' : c;
    body += "}\n{\"";
    for (const char c : text) body += c == '\n' ? ' ' : c;
    body += "\":1}\n";
  }
  const auto parsed = parse_log_lines(body, "acme", kReceivedUs);
  RC_ASSERT(parsed.has_value());
  simdjson::dom::parser parser;
  for (const LogEntry& entry : parsed->entries) RC_ASSERT(parser.parse(entry.value).error() == simdjson::SUCCESS);
}

// Holds appends back until they are released.
class HeldLog final : public eventlog::FakeLog {
 public:
  uint32_t partitions(eventlog::Topic) const override { return 4; }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    for (const eventlog::Produce& produce : batches) EXPECT_EQ(produce.to.topic, eventlog::Topic::kLogs);
    waiting.push_back(std::move(done));
  }
  std::vector<eventlog::AppendDone> waiting;
};

TEST(LogsBounds, WhatIsUnderWayIsBoundedByItselfAndByTenant) {
  HeldLog log;
  env::FakeClock clock{kReceivedUs};
  Logs logs(log, clock, {.inflight_bytes_max = 4000});
  std::vector<int> statuses;
  const auto send = [&](const std::string& tenant, size_t bytes) {
    http::Request request;
    request.body = R"({"msg":")" + std::string(bytes, 'x') + "\"}";
    logs.append(tenant, "lines", request, [&](const tl::expected<Parsed, Refusal>& taken) {
      statuses.push_back(taken ? 200 : taken.error().status);
    });
  };
  send("a", 1500);
  EXPECT_TRUE(logs.has_room("a"));
  send("a", 1500);
  EXPECT_EQ(statuses, std::vector{429}) << "half of it is for others";
  send("b", 1500);
  send("c", 1500);
  EXPECT_EQ(statuses, (std::vector{429, 429}));
  EXPECT_EQ(log.waiting.size(), 2u);
  log.waiting[0]({});
  log.waiting[1](fail(Code::kRetry, "full"));
  EXPECT_EQ(statuses, (std::vector{429, 429, 200, 429}));
  log.waiting.clear();
  send("c", 9000);
  EXPECT_EQ(log.waiting.size(), 1u) << "what is larger than all of it is taken alone";
  EXPECT_FALSE(logs.has_room("a"));
  log.waiting[0](fail(Code::kFatal, "closed"));
  EXPECT_EQ(statuses.back(), 503);
  EXPECT_TRUE(logs.has_room("a"));
}

TEST(LogsBounds, WhatComesFasterThanTheRateIsRefused) {
  eventlog::FakeLog log;
  env::FakeClock clock{kReceivedUs};
  Logs logs(log, clock, {.bytes_per_s = 1000});
  const auto send = [&](size_t bytes) {
    http::Request request;
    request.body = R"({"msg":")" + std::string(bytes, 'x') + "\"}";
    int status = 0;
    logs.append("a", "lines", request,
                [&](const tl::expected<Parsed, Refusal>& taken) { status = taken ? 200 : taken.error().status; });
    return status;
  };
  EXPECT_EQ(send(100), 200);
  EXPECT_EQ(send(2000), 200) << "one that is larger than what is left is a debt";
  EXPECT_EQ(send(1), 429);
  EXPECT_FALSE(logs.has_room("a"));
  clock.now += 1'000'000;
  EXPECT_FALSE(logs.has_room("a")) << "the debt is not paid yet";
  clock.now += 1'000'000;
  EXPECT_TRUE(logs.has_room("a"));
  EXPECT_EQ(send(1), 200);
}

}  // namespace
}  // namespace freshet::ingest
