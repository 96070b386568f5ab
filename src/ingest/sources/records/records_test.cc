#include "ingest/sources/records/records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class Records : public ::testing::Test, public AdapterFixture {
 protected:
  // The envelope of one line, or why it is rejected.
  std::string golden(std::string_view line) {
    parsed = *parse_records(line, context(), arena);
    if (parsed.item_count != 1) return std::to_string(parsed.item_count) + " items";
    return parsed.envelopes.empty() ? parsed.rejected.at(0).code + ": " + parsed.rejected[0].message
                                    : parsed.envelopes[0]->ShortDebugString();
  }
  Parsed parsed;
};

TEST_F(Records, TheExampleOfTheDesign) {
  EXPECT_EQ(golden(R"({"message_id":"m1","user":{"user_id":"u1","email":"a@b.c"},"device":{"device_id":"d1"},
 "set":{"city":"Pune"},"unset":["old"],"add_to_set":{"tags":["x"]},"remove_from_set":{"tags":["y"]},
 "event":"Order Completed","properties":{"total":12.5},"timestamp":"2026-01-01T03:04:05.678Z"})"),
            "3 items");  // one object a line
  std::string line =
      R"({"message_id":"m1","user":{"user_id":"u1","email":"a@b.c"},"device":{"device_id":"d1"},)"
      R"("set":{"city":"Pune","n":1,"d":2.5,"day":"2026-01-01"},"unset":["old"],"add_to_set":{"tags":["x"]},"remove_from_set":{"tags":["y"]},)"
      R"("event":"Order Completed","properties":{"total":12.5},"timestamp":"2026-01-01T03:04:05.678Z","sent_at":"2026-01-01T03:04:06.678Z"})";
  EXPECT_EQ(
      golden(line),
      R"(tenant: "acme" source: "records" message_id: "m1" kind: TRACK user { type: "user_id" value: "u1" } )"
      R"(user { type: "email" value: "a@b.c" } device { type: "device_id" value: "d1" } )"
      R"(attributes { type: SET name: "city" value { text: "Pune" } } attributes { type: SET name: "n" value { integer: 1 } } )"
      R"(attributes { type: SET name: "d" value { number: 2.5 } } attributes { type: SET name: "day" value { text: "2026-01-01" } } )"
      R"(attributes { type: UNSET name: "old" } attributes { type: ADD_TO_SET name: "tags" elements { text: "x" } } )"
      R"(attributes { type: REMOVE_FROM_SET name: "tags" elements { text: "y" } } )"
      R"(events { name: "Order Completed" properties: "{\"total\":12.5}" time_us: 1767311999000000 } )"
      R"(time_us: 1767311999000000 received_at_us: 1767312000000000)");
}

// Whoever is known from an earlier release may be known by another spelling, and is to be forgotten all the same.
TEST_F(Records, AnOrderIsGivenInTheSpellingsOfBefore) {
  scope = model::KeyScope::kServer;
  const auto spelled = [&](const std::string& line) {
    (void)golden(line);
    std::string all = parsed.envelopes.at(0)->user(0).value();
    for (const v1::Envelope* again : parsed.respelled) {
      EXPECT_EQ(again->message_id(), parsed.envelopes[0]->message_id());
      EXPECT_EQ(again->kind(), parsed.envelopes[0]->kind());
      all += "|" + again->user(0).value();
    }
    return all;
  };
  EXPECT_EQ(spelled(R"({"erase":{"phone":"+91 98-1"}})"), "+91981|+91 98-1");
  EXPECT_EQ(spelled(R"({"unsuppress":{"email":"Ann <a@b.c>"}})"), "a@b.c|ann <a@b.c>");
  EXPECT_EQ(spelled(R"({"erase":{"user_id":"\u00a0u1"}})"), "u1|\u00a0u1");
  EXPECT_EQ(spelled(R"({"erase":{"user_id":"u1"}})"), "u1");
  EXPECT_EQ(spelled(R"({"user":{"phone":"+91 98-1"},"event":"E"})"), "+91981");
}

TEST_F(Records, AnAttemptsTimeMakesNoOtherRecord) {
  const auto id = [&](const std::string& sent_at) {
    (void)golden(R"({"sent_at":")" + sent_at +
                 R"(","user":{"user_id":"u"},"event":"Paid","timestamp":"2026-01-01T10:00:00Z"})");
    return parsed.envelopes.at(0)->message_id();
  };
  EXPECT_EQ(id("2026-01-01T10:00:01Z"), id("2026-01-01T10:05:00.5Z"));
}

TEST_F(Records, MarksAreNoPartOfALine) {
  parsed = *parse_records(
      "\xef\xbb\xbf{\"user\":{\"user_id\":\"a\"}}\r\n\xef\xbb\xbf{\"user\":{\"user_id\":\"b\"}}\r\n\xef\xbb\xbf",
      context(), arena);
  EXPECT_EQ(parsed.item_count, 2u);
  EXPECT_EQ(parsed.envelopes.size(), 2u);
}

TEST_F(Records, WholeNumbersKeepTheirDigits) {
  EXPECT_THAT(
      golden(R"({"user":{"user_id":"u"},"add_to_set":{"cards":[18446744073709551614,18446744073709551615]}})"),
      HasSubstr(R"(elements { decimal: "18446744073709551614" } elements { decimal: "18446744073709551615" })"));
}

TEST_F(Records, Commands) {
  EXPECT_THAT(golden(R"({"merge":{"from":{"user_id":"u2"},"into":{"user_id":"u1"}}})"),
              HasSubstr(R"(kind: MERGE user { type: "user_id" value: "u1" } time_us: 1767312000000000 )"
                        R"(received_at_us: 1767312000000000 other { type: "user_id" value: "u2" })"));
  EXPECT_THAT(golden(R"({"erase":{"user_id":"u1"}})"),
              HasSubstr(R"(kind: ERASE user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(golden(R"({"erase":{"device_id":"d1"}})"),
              HasSubstr(R"(kind: ERASE device { type: "device_id" value: "d1" })"));
  EXPECT_THAT(golden(R"({"unsuppress":{"user_id":"u1"}})"),
              HasSubstr(R"(kind: UNSUPPRESS user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(golden(R"({"unlink":{"from":{"user_id":"u1"},"identifier":{"email":"A@b.c"}}})"),
              HasSubstr(R"(other { type: "email" value: "a@b.c" })"));
  EXPECT_THAT(golden(R"({"unlink":{"from":{"email":"a@b.c"},"identifier":{"user_id":"u1"}}})"),
              HasSubstr("cannot_unlink_user_id"));
  EXPECT_THAT(golden(R"({"merge":{"from":{"user_id":"u1"},"into":{"user_id":"u1"}}})"), HasSubstr("bad_merge"));
  EXPECT_THAT(golden(R"({"merge":{"from":{"user_id":"u1","email":"x@y"},"into":{"user_id":"u2"}}})"),
              HasSubstr("missing_identifier"));
  EXPECT_THAT(golden(R"({"merge":{"from":{"user_id":"u1"}}})"), HasSubstr("missing_identifier"));
  EXPECT_THAT(golden(R"({"merge":{"from":{"device_id":"d2"},"into":{"gaid":"g1"}}})"),
              AllOf(HasSubstr(R"(kind: MERGE device { type: "gaid" value: "g1" })"),
                    HasSubstr(R"(other { type: "device_id" value: "d2" })")));
  EXPECT_THAT(golden(R"({"merge":{"from":{"device_id":"d"},"into":{"user_id":"u"}}})"), HasSubstr("mixed_kinds"));
  EXPECT_THAT(golden(R"({"unlink":{"from":{"device_id":"d1"},"identifier":{"push_token":"t"}}})"),
              AllOf(HasSubstr(R"(kind: UNLINK device { type: "device_id" value: "d1" })"),
                    HasSubstr(R"(other { type: "push_token" value: "t" })")));
  EXPECT_THAT(golden(R"({"unsuppress":{"device_id":"d1"}})"),
              HasSubstr(R"(kind: UNSUPPRESS device { type: "device_id" value: "d1" })"));
  EXPECT_THAT(golden(R"({"erase":{"user_id":"null"}})"), HasSubstr("only_blocked_identifiers"));
  EXPECT_THAT(golden(R"({"erase":{"user_id":"u"},"event":"E"})"), HasSubstr("conflicting_keys"));
  EXPECT_THAT(golden(R"({"erase":{"user_id":"u"},"unsuppress":{"user_id":"u"}})"), HasSubstr("conflicting_keys"));
}

TEST_F(Records, KindsFollowFromWhatIsThere) {
  EXPECT_THAT(
      golden(R"({"user":{"user_id":"u","anonymous_id":["a1","a2"]}})"),
      HasSubstr(
          R"(kind: IDENTIFY user { type: "user_id" value: "u" } user { type: "anonymous_id" value: "a1" } user { type: "anonymous_id" value: "a2" })"));
  EXPECT_THAT(
      golden(R"({"device":{"device_id":"d"},"set":{"model":"X"}})"),
      HasSubstr(R"(kind: DEVICE device { type: "device_id" value: "d" } device_attributes { type: SET name: "model")"));
  EXPECT_THAT(golden(R"({"device":{"device_id":"d"},"event":"E"})"), HasSubstr("kind: TRACK device"));
}

// Typed languages write all members of their class, PHP an empty map as an empty list.
TEST_F(Records, NullAndAnEmptyListInPlaceOfAnObjectAreAbsent) {
  EXPECT_EQ(
      golden(
          R"({"message_id":"m","user":{"user_id":"u"},"device":null,"set":null,"unset":null,"add_to_set":null,"remove_from_set":[],"event":null,"properties":[],"timestamp":null,"sent_at":null,"merge":null,"erase":null,"unsuppress":null,"unlink":null})"),
      golden(R"({"message_id":"m","user":{"user_id":"u"}})"));
  EXPECT_EQ(golden(R"({"message_id":"m","user":{"user_id":"u"},"event":"E","properties":[ ],"set":{"a":1}})"),
            golden(R"({"message_id":"m","user":{"user_id":"u"},"event":"E","properties":{},"set":{"a":1}})"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"event":"E","properties":[1]})"), HasSubstr("bad_field"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"event":"E","properties":nul})"), HasSubstr("bad_json"));
  EXPECT_THAT(golden(R"({"user":null,"event":"E"})"), HasSubstr("missing_identifier"));
  EXPECT_THAT(golden(R"({"erase":[]})"), HasSubstr("bad_field"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"evnet":null})"), HasSubstr("unknown_key"));
}

// Python writes 1.0 where Go writes 1: an element of a set that one has added, the other takes away.
TEST_F(Records, WholeNumbersAreTheSameHoweverTheyAreWritten) {
  EXPECT_THAT(
      golden(
          R"({"user":{"user_id":"u"},"add_to_set":{"s":[1,1.0,1e0,-0.0,2.5]},"set":{"a":12.00,"b":1E+3,"c":9007199254740993.0}})"),
      AllOf(HasSubstr("elements { integer: 1 } elements { integer: 1 } elements { integer: 1 } elements { integer: 0 } "
                      "elements { number: 2.5 }"),
            HasSubstr(R"(name: "a" value { integer: 12 })"), HasSubstr(R"(name: "b" value { integer: 1000 })"),
            HasSubstr(R"(name: "c" value { integer: 9007199254740993 })")));
}

TEST_F(Records, IsStrict) {
  EXPECT_EQ(golden(R"({"user":{"user_id":"u"},"propertes":{}})"),
            "unknown_key: \"propertes\" is no member of a record; did you mean \"properties\"?");
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"xyzzyplugh":{}})"), HasSubstr("known are: message_id user"));
  EXPECT_THAT(
      golden(R"({"user":{"emial":"u"}})"),
      HasSubstr("unknown_identifier_type: \"emial\" is no identifier type of this tenant; known are: user_id email"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"set":{"a":null}})"), HasSubstr("null_value"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"set":7})"), HasSubstr("bad_field"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"unset":7})"), HasSubstr("bad_unset"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"timestamp":"yesterday"})"), HasSubstr("bad_time"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"properties":{}})"), HasSubstr("missing_event"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"set":{"a":1},"unset":["a"]})"), HasSubstr("conflicting_operations"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"set":{"a":1},"add_to_set":{"a":1}})"),
              HasSubstr("conflicting_operations"));
  EXPECT_THAT(golden(R"({"event":"E"})"), HasSubstr("missing_identifier"));
  EXPECT_THAT(golden(R"({"user":{"user_id":""},"event":"E"})"), HasSubstr("only_blocked_identifiers"));
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"event":"E"} {"user":{"user_id":"v"}})"), HasSubstr("bad_json"));
  EXPECT_THAT(golden("{\"user\":{\"user_id\":\"u\"},\"event\":\"" + std::string(33 << 10, 'x') + "\"}"),
              HasSubstr("too_large"));
}

TEST_F(Records, ABadLineIsAlone) {
  const Parsed lines = *parse_records(
      "{\"user\":{\"user_id\":\"u\"},\"event\":\"E\"}\r\n\n  "
      "\n{oops\n\"\xff\"\n[]\n{\"user\":{\"user_id\":\"v\"},\"event\":\"E\"}",
      context(), arena);
  EXPECT_EQ(lines.item_count, 5u);
  EXPECT_EQ(rejections_of(lines), "1:bad_json 2:bad_json 3:bad_json");
  EXPECT_EQ(lines.items, (std::vector<size_t>{0, 4}));
  EXPECT_EQ(lines.rejected[0].item, "{oops");
}

// What is tried first with jq's output, or with an array from somewhere else.
TEST_F(Records, WhatIsNotOneObjectALineGetsAHint) {
  const auto messages = [&](std::string_view body) {
    const Parsed lines = *parse_records(body, context(), arena);
    std::vector<std::string> out;
    for (const Rejection& rejection : lines.rejected) out.push_back(rejection.message);
    return out;
  };
  const auto pretty = messages("\n{\n  \"user\": {\"user_id\": \"u\"},\n  \"event\": \"E\"\n}\n");
  ASSERT_EQ(pretty.size(), 4u);
  EXPECT_EQ(
      pretty[0],
      "not valid JSON at byte 1: the text ends here, too early; the object goes on in the next line, and a record "
      "is one line: jq -c . makes it");
  EXPECT_THAT(pretty[1], Not(HasSubstr("jq"))) << "once is enough";
  EXPECT_THAT(messages(R"([{"user":{"user_id":"u"},"event":"E"}])")[0],
              HasSubstr("; records are one JSON object a line, not an array with commas"));
  EXPECT_THAT(messages("[\n{\"user\":{\"user_id\":\"u\"},\"event\":\"E\"},\n]")[0], HasSubstr("not an array"));
  EXPECT_THAT(messages("{\"user\":{\"user_id\":\"u\"},\"event\":\"E\"}\n{\"user\":{")[0], Not(HasSubstr("jq")))
      << "it was cut off";
  EXPECT_THAT(messages("{oops}\n{}")[0], Not(HasSubstr("jq")));
}

// A write key stands in every page: with it anybody could erase, merge and unlink everybody.
TEST_F(Records, CommandsWantAServerKey) {
  scope = model::KeyScope::kWrite;
  for (const char* const line :
       {R"({"erase":{"user_id":"u"}})", R"({"unsuppress":{"user_id":"u"}})",
        R"({"merge":{"from":{"user_id":"u"},"into":{"user_id":"v"}}})",
        R"({"unlink":{"from":{"user_id":"u"},"identifier":{"email":"a@b.c"}}})", R"({"erase":17,"event":"E"})"})
    EXPECT_THAT(golden(line), HasSubstr("needs_server_key: \"")) << line;
  EXPECT_THAT(golden(R"({"user":{"user_id":"u"},"event":"erase","set":{"merge":1}})"), HasSubstr("TRACK"));
}

TEST_F(Records, TooManyLinesAreRefusedBeforeAnyIsBuilt) {
  std::string body;
  for (size_t i = 0; i < kRecordsLinesMax; ++i) body += "x\n";
  const ParseResult refused = parse_records(body, context(), arena);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("50001 lines; at most 50000"));
  body.resize(body.size() - 1);
  EXPECT_EQ(parse_records(body, context(), arena)->rejected.size(), kRecordsLinesMax);
}

RC_GTEST_PROP(RecordsProperty, EveryLineIsAcceptedOrRejected, ()) {
  std::string body =
      "{\"user\":{\"user_id\":\"u\",\"email\":[\"a\",2]},\"set\":{\"a\":{\"b\":[1]}},\"unset\":[\"x\"],\"event\":\"E\"}"
      "\n"
      "{\"merge\":{\"from\":{\"user_id\":\"a\"},\"into\":{\"user_id\":\"b\"}}}\n";
  const auto edits = *rc::gen::container<std::vector<std::pair<size_t, char>>>(rc::gen::pair(
      rc::gen::inRange<size_t>(0, body.size()), rc::gen::elementOf(std::string("{}[]:,\"\\0a1 \n\x80nt"))));
  for (const auto& [at, c] : edits) body[at] = c;
  AdapterFixture fixture;
  const Parsed parsed = *parse_records(body, fixture.context(), fixture.arena);
  RC_ASSERT(parsed.envelopes.size() + parsed.rejected.size() == parsed.item_count);
  for (const v1::Envelope* envelope : parsed.envelopes) RC_ASSERT(envelope->user_size() + envelope->device_size() > 0);
}

}  // namespace
}  // namespace freshet::ingest
