#include "ingest/sources/segment/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Segment : public ::testing::Test, public AdapterFixture {
 protected:
  ParseResult parse(std::string_view body, std::string_view call = "batch") {
    return parse_segment(body, {.call = call}, context(), arena);
  }
  // One message that goes in.
  std::string golden(std::string_view body, std::string_view call) {
    const ParseResult result = parse(body, call);
    if (!result) return result.error().message;
    parsed = *result;
    return parsed.envelopes.empty() ? rejections_of(parsed) + " " + parsed.rejected.at(0).message
                                    : parsed.envelopes[0]->ShortDebugString();
  }
  Parsed parsed;
};

TEST_F(Segment, Track) {
  EXPECT_EQ(
      golden(R"({"type":"track","userId":"u1","anonymousId":"a1","event":"Order Completed","messageId":"m1",
      "properties":{"total": 12.50, "big":123456789012345678901234567890, "nested":{"a" : [1, 2 ], "b":null}, "text":"a\"b\u00e9"},
      "timestamp":"2026-01-01T10:00:00.000Z","sentAt":"2026-01-01T10:00:05.000Z"})",
             "track"),
      R"(tenant: "acme" source: "segment" message_id: "m1" kind: TRACK )"
      R"(user { type: "user_id" value: "u1" } user { type: "anonymous_id" value: "a1" } )"
      R"(events { name: "Order Completed" properties: )"
      R"("{\"total\":12.50,\"big\":123456789012345678901234567890,\"nested\":{\"a\":[1,2],\"b\":null},\"text\":\"a\\\"b\\u00e9\"}" )"
      R"(time_us: 1767311995000000 } time_us: 1767311995000000 received_at_us: 1767312000000000)");
  EXPECT_EQ(warnings_of(parsed), "");
}

// Whoever has no message ids sends the time of the attempt with each attempt.
TEST_F(Segment, AnAttemptsTimeMakesNoOtherMessage) {
  const auto id = [&](const std::string& sent_at, const std::string& event) {
    (void)golden(
        R"({"userId":"u","timestamp":"2026-01-01T10:00:00Z","sentAt":")" + sent_at + R"(","event":")" + event + "\"}",
        "track");
    return parsed.envelopes.at(0)->message_id();
  };
  EXPECT_EQ(id("2026-01-01T10:00:01Z", "Paid"), id("2026-01-01T10:05:00.5Z", "Paid"));
  EXPECT_NE(id("2026-01-01T10:00:01Z", "Paid"), id("2026-01-01T10:00:01Z", "Sent"));
}

// Java writes a whole number of eight digits so where it takes it for one with a fraction.
TEST_F(Segment, AnIdWithAPowerIsItsDigits) {
  EXPECT_THAT(golden(R"({"userId":1.2345678E7,"event":"E","messageId":"m"})", "track"),
              HasSubstr(R"(value: "12345678")"));
  EXPECT_THAT(golden(R"({"userId":"1.2345678E7","event":"E","messageId":"m"})", "track"),
              HasSubstr(R"(value: "1.2345678E7")"));
  EXPECT_EQ(golden(R"({"userId":1.5E7,"event":"E","messageId":"m"})", "track").substr(0, 26),
            "0:only_blocked_identifiers");
  EXPECT_THAT(golden(R"({"userId":"u","traits":{"phone":9.19876500001E11},"messageId":"m"})", "identify"),
              HasSubstr(R"(value: "919876500001" })"));
}

// Groups are told apart by their ids as persons are.
TEST_F(Segment, AGroupIsNeverNobodyAndItsIdIsNeverCut) {
  const auto group = [&](const std::string& id) {
    return golden(R"({"userId":"u","messageId":"m","groupId":)" + id + "}", "group");
  };
  EXPECT_THAT(group(R"(" acme ")"), HasSubstr(R"(elements { text: "acme" })"));
  EXPECT_THAT(group("42.0"), HasSubstr(R"(elements { text: "42" })"));
  for (const char* nobody : {R"("undefined")", R"("null")", "0", R"(" ")", "null", R"("{{group.id}}")"})
    EXPECT_THAT(group(nobody), HasSubstr("missing_group_id")) << nobody;
  EXPECT_THAT(group("\"" + std::string(600, 'g') + "\""), HasSubstr("identifier_too_long"));
  EXPECT_THAT(group(R"("a\u0000b")"), HasSubstr("bad_identifier"));
  tenant.limits.value_length = 8;
  EXPECT_THAT(group(R"("a-long-name-of-a-group")"), HasSubstr(R"(elements { text: "a-long-name-of-a-group" })"));
}

// Archives of Segment and RudderStack have messages that were sent years ago, with clocks that were measured then.
TEST_F(Segment, AMessageOfAnArchiveKeepsItsTime) {
  const auto time = [&](const std::string& more) {
    (void)golden(R"({"userId":"u","event":"E","sentAt":"2024-03-01T10:00:10Z")" + more + "}", "track");
    return model::format_time(parsed.envelopes.at(0)->time_us());
  };
  const std::string original = R"(,"originalTimestamp":"2024-03-01T10:00:05Z","timestamp":"2024-03-01T09:00:05Z")";
  EXPECT_EQ(time(original + R"(,"receivedAt":"2024-03-01T09:00:10Z")"), "2024-03-01T09:00:05.000Z");
  EXPECT_EQ(time(R"(,"receivedAt":"2024-03-01T09:00:10Z")"), "2024-03-01T09:00:10.000Z")
      << "when it was received there";
  EXPECT_EQ(time(original + R"(,"receivedAt":"2099-01-01")"), "2026-01-02T00:00:00.000Z") << "never later than here";
  EXPECT_EQ(time(original), "2026-01-01T23:59:55.000Z") << "without it, it was sent now by a clock that is late";
}

TEST_F(Segment, IdentifyMakesAttributesAndIdentifiers) {
  EXPECT_EQ(
      golden(R"({"userId":7,"messageId":"m1","traits":{"email":"A@B.c","age":36,"score":1.5,"vip":true,"old":null,
      "tags":["x","y"],"home":{"city": "Pune"}}})",
             "identify"),
      R"(tenant: "acme" source: "segment" message_id: "m1" kind: IDENTIFY user { type: "user_id" value: "7" } )"
      R"(user { type: "email" value: "a@b.c" } attributes { type: SET name: "email" value { text: "A@B.c" } } )"
      R"(attributes { type: SET name: "age" value { integer: 36 } } attributes { type: SET name: "score" value { number: 1.5 } } )"
      R"(attributes { type: SET name: "vip" value { boolean: true } } attributes { type: UNSET name: "old" } )"
      R"(attributes { type: SET name: "tags" value { list { values { text: "x" } values { text: "y" } } } } )"
      R"(attributes { type: SET name: "home" value { json: "{\"city\":\"Pune\"}" } } )"
      R"(time_us: 1767312000000000 received_at_us: 1767312000000000)");
}

TEST_F(Segment, PageScreenGroupAlias) {
  EXPECT_THAT(
      golden(
          R"({"userId":"u","messageId":"m","name":"Home","category":"Shop","properties":{"name":"Home","path":"/"}})",
          "page"),
      HasSubstr(
          R"(events { name: "Page Viewed" properties: "{\"name\":\"Home\",\"path\":\"/\",\"category\":\"Shop\"}")"));
  EXPECT_THAT(golden(R"({"userId":"u","messageId":"m","name":"Home"})", "screen"),
              HasSubstr(R"(events { name: "Screen Viewed" properties: "{\"name\":\"Home\"}")"));
  EXPECT_THAT(golden(R"({"userId":"u","messageId":"m","groupId":"g1","traits":{"n":1}})", "group"),
              HasSubstr(R"(attributes { type: ADD_TO_SET name: "groups" elements { text: "g1" } } )"
                        R"(events { name: "Group" properties: "{\"n\":1,\"groupId\":\"g1\"}")"));
  EXPECT_THAT(
      golden(R"({"userId":"u","messageId":"m","previousId":"a9"})", "alias"),
      HasSubstr(
          R"(kind: IDENTIFY user { type: "user_id" value: "u" } user { type: "anonymous_id" value: "a9" } time_us)"));
  EXPECT_THAT(golden(R"({"userId":"u","previousId":"u","messageId":"m"})", "alias"),
              HasSubstr(R"(user { type: "user_id" value: "u" } time_us)"));
}

TEST_F(Segment, DeviceContext) {
  constexpr std::string_view kBody =
      R"({"userId":"u","event":"E","messageId":"m","context":{"device":{"id":"d1","token":"t1",
      "advertisingId":"ad1","type":"android","model":"Pixel"},"os":{"name":"Android","version":"15"},"app":{"version":"2.0"},
      "externalIds":[{"id":"+911","type":"phone"},{"id":"x","type":"ga_client_id"}],"traits":{"city":"Pune"}}})";
  const std::string text = golden(kBody, "track");
  EXPECT_THAT(
      text,
      HasSubstr(
          R"(user { type: "user_id" value: "u" } user { type: "phone" value: "+911" } )"
          R"(device { type: "device_id" value: "d1" } device { type: "push_token" value: "t1" } )"
          R"(device { type: "gaid" value: "ad1" } device_attributes { type: SET name: "model" value { text: "Pixel" } })"));
  EXPECT_THAT(text, HasSubstr(R"(device_attributes { type: SET name: "os_version" value { text: "15" } })"));
  std::string off(kBody);
  off.replace(off.find("\"type\":\"android\""), 16, "\"type\":\"ios\",\"adTrackingEnabled\":false");
  EXPECT_THAT(golden(off, "track"), ::testing::Not(HasSubstr("ad1")));
  off.replace(off.find(":false"), 6, ":true");
  EXPECT_THAT(golden(off, "track"), HasSubstr(R"(device { type: "idfa" value: "ad1" })"));
}

TEST_F(Segment, AppAndLocaleAreTheDevices) {
  const std::string text = golden(
      R"({"userId":"u","event":"E","messageId":"m","context":{"device":{"id":"d1"},"locale":"en-IN",
      "timezone":"Asia/Kolkata","app":{"name":"Shop","version":"2.0","build":"77","namespace":"com.shop"}}})",
      "track");
  for (const char* attribute :
       {R"(name: "app_name" value { text: "Shop" })", R"(name: "app_build" value { text: "77" })",
        R"(name: "locale" value { text: "en-IN" })", R"(name: "timezone" value { text: "Asia/Kolkata" })"})
    EXPECT_THAT(text, HasSubstr(attribute));
}

// What RudderStack's libraries for Apple send.
TEST_F(Segment, WhoDidNotAllowTrackingHasNoAdvertisingId) {
  for (const char* status : {"0", "1", "2", "\"2\"", "3"}) {
    const std::string text =
        golden(R"({"userId":"u","event":"E","context":{"device":{"id":"d","type":"iOS","advertisingId":"ad",
        "adTrackingEnabled":true,"attTrackingStatus":)" +
                   std::string(status) + "}}}",
               "track");
    EXPECT_EQ(text.find("idfa") != std::string::npos, std::string_view(status) == "3") << status;
  }
}

TEST_F(Segment, TheBatchSpeaksForItsMessagesWhereverItStands) {
  const ParseResult result = parse(R"({"batch":[
      {"type":"track","userId":"u","event":"E","messageId":"m1","timestamp":"2026-01-01T00:00:00Z"},
      {"type":"track","userId":"u","event":"E","messageId":"m2","timestamp":"2026-01-01T00:00:00Z","context":{"device":{"id":"own"}}}
      ],"context":{"device":{"id":"shared"},"app":{"version":"9"}},"sentAt":"2026-01-01T23:59:00Z"})");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->envelopes.size(), 2u);
  EXPECT_EQ(result->envelopes[0]->device(0).value(), "shared");
  EXPECT_EQ(result->envelopes[0]->device_attributes(0).name(), "app_version");
  EXPECT_EQ(result->envelopes[1]->device(0).value(), "own");
  EXPECT_EQ(result->envelopes[1]->device_attributes(0).name(), "app_version");
  EXPECT_EQ(result->envelopes[0]->time_us(), kReceivedUs - 86'340'000'000);
}

TEST_F(Segment, OneBadMessageDoesNotCondemnItsBatch) {
  const ParseResult result = parse(R"({"batch":[{"type":"track","userId":"u","event":"A","messageId":"1"},
      {"type":"track","event":"A"},{"type":"track","userId":null,"anonymousId":"undefined","event":"A"},7,{"type":"track","userId":"u"},
      {"type":"explode","userId":"u"},{"userId":"u"},{"type":"alias","userId":"u"},{"type":"group","userId":"u"},
      {"type":"track","userId":"u","event":"A","properties":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":1}}}}}}}}}}},
      {"type":"track","userId":"u","event":"A","properties":{"a":"\q"}},
      {"type":"track","userId":"u","event":"A","properties":{"a":1e999}},
      {"type":"track","userId":"u","event":"A","properties":{"a\u0000b":1}},
      {"type":"track","userId":"u","event":"B","messageId":"2","properties":{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":1}}}}}}}}}}]})");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->item_count, 14u);
  EXPECT_EQ(rejections_of(*result),
            "1:missing_identifier 2:only_blocked_identifiers 3:bad_item 4:missing_event 5:unknown_type 6:missing_type "
            "7:missing_previous_id 8:missing_group_id 9:too_deep 10:bad_text 11:bad_number 12:bad_name");
  EXPECT_EQ(result->items, (std::vector<size_t>{0, 13}));
  EXPECT_EQ(result->rejected[1].item, R"({"type":"track","userId":null,"anonymousId":"undefined","event":"A"})");
}

// JavaScript cuts texts between the halves of an emoji; its message is not lost for that, but half a name names nobody.
TEST_F(Segment, HalfAnEmojiIsALostCharacter) {
  const ParseResult result = parse(R"({"batch":[
      {"type":"identify","userId":"u","anonymousId":"a\ud83d","traits":{"bio":"Pizza \ud83c","\uDF55":"\ud83c\uDF55"}},
      {"type":"track","userId":"u\ud83d","messageId":"m\ud83d","event":"Viewed \udf55","properties":{"a":"\\ud83d"}},
      {"type":"track","userId":"u","messageId":"m\ud83d","event":"Viewed \udf55","properties":{"a":"\\\ud83d"}}]})");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(rejections_of(*result), "1:bad_identifier");
  EXPECT_EQ(warnings_of(*result), "0:bad_identifier 1:bad_identifier");
  ASSERT_EQ(result->envelopes.size(), 2u);
  EXPECT_EQ(result->envelopes[0]->user_size(), 1);
  EXPECT_EQ(result->envelopes[0]->attributes(0).value().text(), "Pizza \ufffd");
  EXPECT_EQ(result->envelopes[0]->attributes(1).name(), "\ufffd");
  EXPECT_EQ(result->envelopes[0]->attributes(1).value().text(), "\U0001f355");
  EXPECT_EQ(result->envelopes[1]->events(0).name(), "Viewed \ufffd");
  EXPECT_EQ(result->envelopes[1]->events(0).properties(), R"({"a":"\\\ufffd"})") << "behind an escaped backslash";
  EXPECT_NE(result->envelopes[1]->message_id(), "m\ufffd") << "which may be another message's";
}

// What a sender's language writes that is no JSON, and what is no UTF-8, costs the message that it stands in.
TEST_F(Segment, ADamagedMessageDoesNotCondemnItsBatch) {
  for (const char* damaged :
       {R"({"type":"track","userId":"u","event":"A","properties":{"a":NaN}})", R"({"type":"track","userId":Infinity})",
        R"({"type":"track","userId":"u","event":"A","properties":{"a":[{"b":Infinity}]}})", R"({"type":"track" "x"})",
        R"({"type":"track","userId":undefined,"event":"A"})", R"({"type":"identify","userId":"u","traits":{"a":nul}})",
        R"({"type":"identify","userId":"u","traits":{"a":1,}})",
        R"({"type":"traci","userId":"u","event":"A","properties":{"i"},"timestamp":"2026-01-02T00:00:00Z"})",
        R"({"type":"track","userId":"u","event":"A","traits":{"i"},"properties":{"a":1},"context":{"traits":{"i"}}})",
        "{\"type\":\"track\",\"event\":\"J\xfcrgen\",\"userId\":\"u\"}",
        "{\"type\":\"track\",\"event\":\"two\nlines\",\"userId\":\"u\"}"}) {
    const std::string body = R"({"batch":[{"type":"track","userId":"u","event":"A","messageId":"1"},)" +
                             std::string(damaged) +
                             R"( ,5,{"type":"track","userId":"u","event":"B","messageId":"2"}],"writeKey":"k",
        "context":{"device":{"id":"d"}},"sentAt":"2026-01-01T23:59:00Z"})";
    const ParseResult result = parse(body);
    ASSERT_TRUE(result) << damaged << result.error().message;
    EXPECT_EQ(rejections_of(*result), "1:bad_json 2:bad_item") << damaged;
    EXPECT_EQ(result->items, (std::vector<size_t>{0, 3}));
    EXPECT_EQ(result->rejected[0].item, damaged);
    EXPECT_EQ(result->rejected[0].context, R"({"device":{"id":"d"}})");
    EXPECT_EQ(result->rejected[0].sent_at_us, kReceivedUs - 60'000'000);
    EXPECT_EQ(result->envelopes[1]->device(0).value(), "d");
    EXPECT_EQ(segment_write_key(body), "k");
  }
  EXPECT_EQ(
      rejections_of(*parse(R"({"batch":[{"type":"track","userId":"u","event":"A","properties":{"a":-Infinity}}]})")),
      "0:bad_number");
  EXPECT_EQ(segment_write_key("{\"batch\":[{\"writeKey\":\"k\"},{\"a\":\"\xfc\"}]}"), "k");
}

// A value that is cut, overridden or left out by a limit must not become an identifier, or lose one.
TEST_F(Segment, IdentifiersAreWhatTheCallSaysLastAndWhole) {
  tenant.limits.value_length = 5;
  tenant.limits.user_attributes = 1;
  EXPECT_THAT(
      golden(R"({"anonymousId":"a","traits":{"x":1,"email":"long@one.example","phone":911234567}})", "identify"),
      HasSubstr(R"(user { type: "email" value: "long@one.example" } user { type: "phone" value: "911234567" })"));
  EXPECT_EQ(warnings_of(parsed), "0:too_many_attributes 0:value_cut 0:too_many_attributes");
  tenant = model::default_tenant("acme");
  const auto identifiers = [&](std::string_view body, std::string_view call) {
    (void)golden(body, call);
    std::string out;
    for (const v1::Identifier& i : parsed.envelopes.at(0)->user()) out += i.type() + "=" + i.value() + " ";
    return out;
  };
  EXPECT_EQ(identifiers(R"({"anonymousId":"a","traits":{"email":"new@x"},"context":{"traits":{"email":"old@x"}}})",
                        "identify"),
            "email=new@x anonymous_id=a ");
  EXPECT_EQ(
      identifiers(R"({"anonymousId":"a","traits":{"email":null},"context":{"traits":{"email":"old@x"}}})", "identify"),
      "anonymous_id=a ");
  EXPECT_EQ(identifiers(R"({"anonymousId":"a","traits":{"email":"one@x","email":"two@x"}})", "identify"),
            "email=two@x anonymous_id=a ");
  EXPECT_EQ(identifiers(R"({"userId":123.0,"traits":{"phone":919900000002.0}})", "identify"),
            "user_id=123 phone=919900000002 ");
  EXPECT_EQ(identifiers(R"({"userId":"u","traits":{"phone":9.199e11,"email":true}})", "identify"), "user_id=u ");
}

// Segment, too, updates no profile from the traits that libraries have cached.
TEST_F(Segment, CachedTraitsSayWhoAndNotWhatIsNew) {
  constexpr std::string_view kBody = R"({"userId":"u","event":"E","groupId":"g","name":"N","previousId":"p",
      "context":{"traits":{"plan":"free","email":"a@x"}}})";
  for (const char* call : {"track", "page", "screen", "group", "alias"}) {
    (void)golden(kBody, call);
    for (const v1::AttributeOp& op : parsed.envelopes.at(0)->attributes()) EXPECT_EQ(op.name(), "groups") << call;
    EXPECT_EQ(parsed.envelopes[0]->user(1).value(), "a@x") << call;
  }
  EXPECT_THAT(golden(kBody, "identify"), HasSubstr(R"(attributes { type: SET name: "plan" value { text: "free" } })"));
}

TEST_F(Segment, AFlagSpelledAsATextIsAFlag) {
  for (const char* off : {"false", "\"false\"", "\"False\"", "0", "\"0\"", "\"no\"", "\" Off \""})
    EXPECT_THAT(golden(R"({"userId":"u","event":"E","context":{"device":{"id":"d","type":"ios","advertisingId":"ad",
        "adTrackingEnabled":)" +
                           std::string(off) + "}}}",
                       "track"),
                Not(HasSubstr("idfa")))
        << off;
  EXPECT_THAT(golden(R"({"userId":"u","event":"E","context":{"device":{"type":"ios","advertisingId":"ad",
      "adTrackingEnabled":"true"}}})",
                     "track"),
              HasSubstr("idfa"));
  for (const char* on : {"\"yes\"", "\"ON\"", "1", "null", "\"\""})
    EXPECT_THAT(golden(R"({"userId":"u","event":"E","context":{"device":{"type":"ios","advertisingId":"ad",
        "adTrackingEnabled":)" +
                           std::string(on) + "}}}",
                       "track"),
                HasSubstr("idfa"))
        << on;
  // Whether somebody has opted out is not guessed.
  for (const char* unknown : {"\"denied\"", "2", "[false]", "{}"})
    EXPECT_EQ(golden(R"({"userId":"u","event":"E","context":{"device":{"type":"ios","advertisingId":"ad",
        "adTrackingEnabled":)" +
                         std::string(unknown) + "}}}",
                     "track"),
              "0:bad_field \"adTrackingEnabled\" must be true or false (or yes, no, on, off, 1, 0)")
        << unknown;
}

TEST_F(Segment, WhatBeginsLikeNullIsNull) {
  for (const char* member : {R"("timestamp":nul)", R"("anonymousId":nil)", R"("context":{"traits":{"email":nul}})",
                             R"("context":{"device":{"id":nule}})"}) {
    const ParseResult result = parse(R"({"batch":[{"type":"track","userId":"u","event":"A"},
        {"type":"track","userId":"u","event":"B",)" +
                                     std::string(member) + "}]}");
    ASSERT_TRUE(result) << member;
    EXPECT_EQ(rejections_of(*result), "1:bad_json") << member;
  }
}

TEST_F(Segment, AnEventHasAName) {
  for (const char* blank : {"", " ", "\\t", "\\u00a0", "\\u3000 ", "\\u200b", "\xe2\x80\x83"})
    EXPECT_THAT(golden(R"({"userId":"u","event":")" + std::string(blank) + "\"}", "track"), HasSubstr("missing_event"))
        << blank;
  EXPECT_THAT(golden(R"({"userId":"u","event":"\u00a0E"})", "track"), HasSubstr("E"));
}

// RudderStack's libraries call the list externalId; both their Android and Apple ones name device and network so.
TEST_F(Segment, RudderStacksContextIsReadToo) {
  const std::string text =
      golden(R"({"userId":"u","event":"E","messageId":"m","context":{"device":{"id":"d1","name":"Kim's phone"},
      "network":{"carrier":"Airtel","wifi":true},"externalId":[{"type":"phone","id":"+91 98-1"},{"type":"x","id":"y"}]}})",
             "track");
  EXPECT_THAT(text, AllOf(HasSubstr(R"(user { type: "phone" value: "+91981" } device)"),
                          HasSubstr(R"(device_attributes { type: SET name: "name" value { text: "Kim\'s phone" } })"),
                          HasSubstr(R"(device_attributes { type: SET name: "carrier" value { text: "Airtel" } })")));
}

TEST_F(Segment, WhyAnIdentifierCantBeUsedIsTold) {
  const std::string longer(513, 'x');
  EXPECT_EQ(golden(R"({"userId":")" + longer + R"(","event":"E"})", "track"),
            "0:identifier_too_long the user_id has 513 bytes; an identifier may have 512, and is not cut");
  EXPECT_EQ(parsed.rejected[0].attribute, "user_id");
  EXPECT_EQ(golden(R"({"userId":"a\u0007b","anonymousId":"null","event":"E"})", "track"),
            "0:bad_identifier the user_id has control characters; use printable ones");
  EXPECT_THAT(golden(R"({"userId":"null","event":"E"})", "track"), HasSubstr("only_blocked_identifiers"));
  EXPECT_THAT(golden(R"({"userId":")" + longer + R"(","anonymousId":"a","event":"E"})", "track"),
              HasSubstr("kind: TRACK"));
  EXPECT_EQ(warnings_of(parsed), "0:identifier_too_long");
}

TEST_F(Segment, WholeNumbersKeepTheirDigits) {
  EXPECT_THAT(
      golden(R"({"userId":"u","traits":{"a":18446744073709551615,"b":-9223372036854775809,"c":9223372036854775807,
      "d":[12345678901234567890123456789012345678901,7],"e":1e20}})",
             "identify"),
      AllOf(HasSubstr(R"(decimal: "18446744073709551615")"), HasSubstr(R"(decimal: "-9223372036854775809")"),
            HasSubstr("integer: 9223372036854775807"),
            HasSubstr(R"(decimal: "12345678901234567890123456789012345678901" } values { integer: 7)"),
            HasSubstr("number: 1e+20")));
}

// A broken integration, all of whose messages are rejected, must not use up the names of those that are right.
TEST_F(Segment, ARejectedMessageTeachesNoNames) {
  tenant.limits.event_names = 3;
  tenant.limits.user_attributes = 4;
  std::string bad;
  for (int i = 0; i < 8; ++i)
    bad += R"({"type":"track","event":"Order )" + std::to_string(i) +
           R"(","properties":{"p":1}},{"type":"identify","traits":{"t)" + std::to_string(i) + R"(":1}},)";
  const ParseResult rejected = parse("{\"batch\":[" + bad + R"({"type":"track","event":"Known","userId":"u"},
      {"type":"track","userId":"u","event":"Damaged","properties":{"a":NaN}}]})");
  EXPECT_EQ(rejected->rejected.size(), 17u);
  EXPECT_EQ(registry->list("acme").size(), 1u);
  EXPECT_EQ(parse(R"({"batch":[{"type":"track","event":"A","userId":"u"},{"type":"track","event":"B","userId":"u"},
      {"type":"identify","userId":"u","traits":{"a":1,"b":1,"c":1}}]})")
                ->rejected.size(),
            0u);
  EXPECT_EQ(registry->list("acme").size(), 6u);
}

TEST_F(Segment, AByteOrderMarkIsPassedOver) {
  EXPECT_TRUE(parse("\xef\xbb\xbf{\"batch\":[{\"type\":\"track\",\"event\":\"E\",\"userId\":\"u\"}]}"));
  EXPECT_EQ(parse("\xef\xbb\xbf{\"batch\":[{\"a\":NaN}]}")->rejected.size(), 1u);
  EXPECT_EQ(segment_write_key("\xef\xbb\xbf{\"writeKey\":\"k\"}"), "k");
  EXPECT_FALSE(parse("\xef\xbb\xbf"));
}

TEST_F(Segment, BodiesThatAreWrongAsAWhole) {
  for (const char* body :
       {"", "7", "[]", "{", "{\"batch\":[}", "{\"batch\":7}", "{}", "{\"batch\":[{}] \"x\"}", "{\"batch\":[]} {}",
        "{\"batch\":[]}x", "\xff\xfe",
        R"({"batch":[{"type":"track","userId":"u","event":"E"}],"context":{"device":{"id":NaN}}})",
        R"({"batch":[{"type":"track","userId":"u","event":"E"}],})",
        R"({"batch":[{"type":"track","userId":"u","event":"E},{}]})", "{\"batch\":[{}],\"\xc3\":\"\"}"})
    EXPECT_FALSE(parse(body)) << body;
  EXPECT_FALSE(parse("{\"userId\":\"u\",\"event\":\"E\"} {}", "track"));
  std::string many = "{\"batch\":[";
  for (int i = 0; i < 2501; ++i) many += "{},";
  many.back() = ']';
  EXPECT_FALSE(parse(many + "}"));
  EXPECT_TRUE(parse("{\"batch\":[]}"));
}

TEST_F(Segment, MessageIds) {
  const std::string timed = R"({"userId":"u","event":"E","timestamp":"2026-01-01T00:00:00Z"})";
  (void)golden(timed, "track");
  const std::string first = parsed.envelopes.at(0)->message_id();
  (void)golden(timed, "track");
  EXPECT_EQ(first, parsed.envelopes.at(0)->message_id());  // a repetition is recognized
  EXPECT_EQ(first.size(), 32u);
  (void)golden(R"({"userId":"u","event":"E"})", "track");
  EXPECT_EQ(parsed.envelopes.at(0)->message_id(), "30313233343536373839616263646566-0");
  EXPECT_THAT(golden(R"({"userId":"u","event":"E","messageId":")" + std::string(101, 'x') + "\"}", "track"),
              HasSubstr("0:id_too_long"));
}

TEST_F(Segment, LimitsCutAndDropWithWarnings) {
  tenant.limits.event_attributes = 3;
  const std::string body = R"({"userId":"u","event":"E","messageId":"m","properties":{"long":")" +
                           std::string(600, 'x') + R"(","url":"https://)" + std::string(600, 'y') + R"(","list":[)" +
                           std::string(59 * 2, ' ') + R"(1,2],"":1,")" + std::string(300, 'n') + R"(":1,"more":2}})";
  (void)golden(body, "track");
  ASSERT_EQ(parsed.envelopes.size(), 1u);
  EXPECT_EQ(
      warnings_of(parsed),
      "0:value_cut 0:url_too_long 0:empty_name 0:name_cut 0:too_many_event_attributes 0:too_many_event_attributes");
  EXPECT_EQ(parsed.envelopes[0]->events(0).properties(), "{\"long\":\"" + std::string(512, 'x') + "\",\"list\":[1,2]}");
}

TEST_F(Segment, OfDuplicateKeysTheLastCounts) {
  EXPECT_THAT(golden(R"({"userId":"x","userId":"u","event":"E","messageId":"m","properties":{"z":0},
      "properties":{"a":1,"b":{"c":1,"c":2},"\u0061":"last","d":4}})",
                     "track"),
              HasSubstr(R"(properties: "{\"b\":{\"c\":2},\"a\":\"last\",\"d\":4}")"));
  EXPECT_EQ(parsed.envelopes[0]->user_size(), 1);
  EXPECT_THAT(golden(R"({"userId":"u","messageId":"m","traits":{"a":1,"a":2}})", "identify"),
              HasSubstr(R"(attributes { type: SET name: "a" value { integer: 2 } } time_us)"));
}

TEST_F(Segment, SchemaRules) {
  tenant.limits.event_names = 1;
  (void)golden(R"({"userId":"u","event":"A","messageId":"m","properties":{"p":1}})", "track");
  EXPECT_THAT(golden(R"({"userId":"u","event":"B","messageId":"m"})", "track"), HasSubstr("0:too_many_event_names"));
  (void)golden(R"({"userId":"u","event":"A","messageId":"m","properties":{"p":"text"}})", "track");
  EXPECT_EQ(warnings_of(parsed), "0:wrong_type");
  tenant.strict_schema = true;
  EXPECT_THAT(golden(R"({"userId":"u","event":"A","messageId":"m","properties":{"p":"text"}})", "track"),
              HasSubstr("0:wrong_type"));
  EXPECT_THAT(golden(R"({"userId":"u","event":"A","messageId":"m","properties":{"q":1}})", "track"),
              HasSubstr("0:unplanned_attribute"));
  EXPECT_THAT(golden(R"({"userId":"u","event":"B","messageId":"m"})", "track"), HasSubstr("0:unplanned_event"));
  EXPECT_THAT(golden(R"({"userId":"u","event":"A","messageId":"m","properties":{"p":1}})", "track"),
              HasSubstr("TRACK"));
}

TEST_F(Segment, TooLargeMessage) {
  const std::string large =
      R"({"type":"track","userId":"u","event":"E","properties":{"a":")" + std::string(33 << 10, 'x') + "\"}}";
  const ParseResult result = parse("{\"batch\":[" + large + R"(,{"type":"track","userId":"u","event":"E"}]})");
  ASSERT_TRUE(result);
  EXPECT_EQ(rejections_of(*result), "0:too_large");
  EXPECT_EQ(result->envelopes.size(), 1u);
}

TEST_F(Segment, WriteKey) {
  EXPECT_EQ(segment_write_key(R"({"batch":[{"writeKey":"item"}],"writeKey":"root"})"), "root");
  EXPECT_EQ(segment_write_key(R"({"batch":[{"type":"track","writeKey":"item"}],"sentAt":null})"), "item");
  EXPECT_EQ(segment_write_key(R"({"userId":"u"})"), "");
  EXPECT_EQ(segment_write_key("nonsense"), "");
}

// Whatever is sent: a result, and every item is accounted for.
RC_GTEST_PROP(SegmentProperty, EveryItemIsAcceptedOrRejected, ()) {
  std::string body = R"({"batch":[{"type":"track","userId":"u","event":"A","properties":{"a":[1,{"b":"c"}],"d":null}},
      {"type":"identify","traits":{"email":"x@y.z","n":1.5e3},"context":{"device":{"id":"d"}}}],"context":{"traits":{"q":true}},"sentAt":1})";
  const auto edits = *rc::gen::container<std::vector<std::pair<size_t, char>>>(rc::gen::pair(
      rc::gen::inRange<size_t>(0, body.size()), rc::gen::elementOf(std::string("{}[]:,\"\\0a1 \n\x80nt"))));
  for (const auto& [at, c] : edits) body[at] = c;
  AdapterFixture fixture;
  for (const char* call : {"batch", "track", "identify", "group"}) {
    const ParseResult result = parse_segment(body, {.call = call}, fixture.context(), fixture.arena);
    if (!result) continue;
    RC_ASSERT(result->envelopes.size() + result->rejected.size() == result->item_count);
    for (const v1::Envelope* envelope : result->envelopes)
      RC_ASSERT(envelope->user_size() + envelope->device_size() > 0);
  }
}

}  // namespace
}  // namespace freshet::ingest
