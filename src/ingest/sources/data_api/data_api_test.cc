#include "ingest/sources/data_api/data_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DataApi : public ::testing::Test, public AdapterFixture {
 protected:
  std::string golden(std::string_view call, std::string_view body) {
    const ParseResult result = parse_data_api(body, call, context(), arena);
    if (!result) return result.error().message;
    parsed = *result;
    std::string out;
    for (const v1::Envelope* envelope : parsed.envelopes) out += envelope->ShortDebugString() + "\n";
    for (const Rejection& rejection : parsed.rejected) out += rejection.code + ": " + rejection.message + "\n";
    return out;
  }
  Parsed parsed;
};

TEST_F(DataApi, Customer) {
  EXPECT_EQ(
      golden("customer", R"({"type":"customer","customer_id":"c1","attributes":{"email":"A@b.c","age":36,"none":null,
      "addValueToArrayField":{"tags":["x","y"],"color":"red"},"removeValueFromArrayField":{"sizes":["L"]}},
      "platforms":[{"platform":"ANDROID","active":"true"}],"update_existing_only":true,
      "unset_attributes":[{"type":"prefix","attr":"old_","case_sensitive":false},{"type":"equals","attr":"gone"}]})"),
      R"(tenant: "acme" source: "data_api" message_id: "30313233343536373839616263646566-0" kind: IDENTIFY )"
      R"(user { type: "user_id" value: "c1" } user { type: "email" value: "a@b.c" } )"
      R"(attributes { type: UNSET_MATCHING name: "old_" match: PREFIX ignore_case: true } attributes { type: UNSET name: "gone" } )"
      R"(attributes { type: SET name: "email" value { text: "A@b.c" } } attributes { type: SET name: "age" value { integer: 36 } } )"
      R"(attributes { type: ADD_TO_SET name: "tags" elements { text: "x" } elements { text: "y" } } )"
      R"(attributes { type: ADD_TO_SET name: "color" elements { text: "red" } } )"
      R"(attributes { type: REMOVE_FROM_SET name: "sizes" elements { text: "L" } } )"
      R"(time_us: 1767312000000000 received_at_us: 1767312000000000 existing_only: true)"
      "\n");
  EXPECT_EQ(warnings_of(parsed), "0:null_value");
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","attributes":{"addValueToArrayField":{"t":1},
      "removeValueFromArrayField":{"t":2}}})"),
              HasSubstr("conflicting_operations"));
  EXPECT_THAT(golden("customer", R"({"type":"event","customer_id":"c"})"),
              HasSubstr("unknown_type: \"type\" must be customer"));
  EXPECT_THAT(golden("customer", R"({"type":"customer","attributes":{"a":1}})"), HasSubstr("missing_identifier"));
}

TEST_F(DataApi, EachActionIsARecord) {
  const std::string text = golden("event", R"({"type":"event","customer_id":"c1","device_id":"d1","actions":[
      {"action":"Bought","attributes":{"total":9.50},"platform":"web","app_version":"1.2","current_time":1767311940},
      {"action":"Seen","user_time":"2026-01-02T05:29:00","user_timezone_offset":19800},
      {"action":"Late","current_time":"1767312600"},{"attributes":{}},7,
      {"action":"Zoned","user_time":"2026-01-02T05:29:00+05:30","user_timezone_offset":19800}]})");
  ASSERT_EQ(parsed.envelopes.size(), 3u) << text;
  EXPECT_EQ(parsed.item_count, 6u);
  EXPECT_EQ(rejections_of(parsed), "2:future_time 3:missing_event 4:bad_item");
  const v1::Envelope& bought = *parsed.envelopes[0];
  EXPECT_EQ(bought.events(0).properties(), R"({"total":9.50,"platform":"web","app_version":"1.2"})");
  EXPECT_EQ(bought.time_us(), 1'767'311'940'000'000);
  EXPECT_EQ(bought.kind(), v1::Envelope::TRACK);
  EXPECT_EQ(bought.device(0).value(), "d1");
  EXPECT_EQ(parsed.envelopes[1]->time_us(), kReceivedUs - 60'000'000);
  EXPECT_EQ(parsed.envelopes[2]->time_us(), kReceivedUs - 60'000'000);
  EXPECT_NE(bought.message_id(), parsed.envelopes[1]->message_id());
  EXPECT_THAT(parsed.rejected[0].item,
              HasSubstr(R"("device_id":"d1","actions":[{"action":"Late","current_time":"1767312600"}]})"));
  EXPECT_THAT(golden("event", R"({"type":"event","customer_id":"c","actions":[]})"), HasSubstr("missing_actions"));
  EXPECT_THAT(golden("event", R"({"type":"event","customer_id":"c"})"), HasSubstr("missing_actions"));
}

TEST_F(DataApi, TheSameActionOfTwoCustomersIsTwoRecords) {
  const auto id = [&](const char* customer) {
    (void)golden("event", std::string(R"({"type":"event","customer_id":")") + customer +
                              R"(","actions":[{"action":"A","current_time":1767311940}]})");
    return parsed.envelopes.at(0)->message_id();
  };
  EXPECT_EQ(id("c1"), id("c1"));
  EXPECT_NE(id("c1"), id("c2"));
}

TEST_F(DataApi, Device) {
  EXPECT_THAT(
      golden("device",
             R"({"type":"device","customer_id":"c1","device_id":"d1","attributes":{"model":"Pixel","push_id":"t1",
      "moe_gaid":"g1","idfv":"00000000-0000-0000-0000-000000000000","moe_push_opted":true}})"),
      HasSubstr(R"(kind: DEVICE user { type: "user_id" value: "c1" } device { type: "device_id" value: "d1" } )"
                R"(device { type: "push_token" value: "t1" } device { type: "gaid" value: "g1" } )"
                R"(device_attributes { type: SET name: "model" value { text: "Pixel" } } )"
                R"(device_attributes { type: SET name: "moe_push_opted" value { boolean: true } } time_us)"));
  EXPECT_EQ(warnings_of(parsed), "0:blocked_identifier");
  EXPECT_THAT(golden("device", R"({"type":"device","customer_id":"c1"})"), HasSubstr("a device needs"));
}

TEST_F(DataApi, TransitionMixesElements) {
  (void)golden("transition",
               R"({"type":"transition","elements":[{"type":"customer","customer_id":"c1","attributes":{"a":1}},
      {"type":"event","customer_id":"c1","actions":[{"action":"A"},{"action":"B"}]},{"type":"what"},5,
      {"type":"device","customer_id":"c1","device_id":"d1"}]})");
  EXPECT_EQ(parsed.item_count, 6u);
  EXPECT_EQ(parsed.items, (std::vector<size_t>{0, 1, 2, 5}));
  EXPECT_EQ(rejections_of(parsed), "3:unknown_type 4:bad_item");
  EXPECT_THAT(golden("transition", "{}"), HasSubstr("\"elements\" must be a list"));
}

TEST_F(DataApi, MergeSkipsBadPairs) {
  const std::string text = golden(
      "merge",
      R"({"merge_data":[{"merged_user":"u2","retained_user":"u1"},{"merged_user":"u2"},{"merged_user":"a","retained_user":"a"},
      {"merged_user":"7","retained_user":7},{"merged_user":"a","retained_user":" a\u00a0"}]})");
  EXPECT_THAT(text, HasSubstr(R"(kind: MERGE user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(text, HasSubstr(R"(other { type: "user_id" value: "u2" })"));
  EXPECT_EQ(rejections_of(parsed), "1:missing_identifier 2:bad_merge 3:bad_merge 4:bad_merge");
}

TEST_F(DataApi, Delete) {
  EXPECT_THAT(golden("delete", R"({"identity_type":"customer_id","identity_value":"u1"})"),
              HasSubstr(R"(kind: ERASE user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(golden("delete", R"({"identity_type":"moengage_id","identity_value":"u1"})"),
              HasSubstr("unknown_identifier_type"));
  EXPECT_THAT(golden("delete", R"({"identity_type":"customer_id","identity_value":"null"})"),
              HasSubstr("only_blocked_identifiers"));
}

TEST_F(DataApi, ADeviceWithoutItsIdIsToldSo) {
  EXPECT_EQ(golden("device", R"({"type":"device","customer_id":"c","attributes":{"model":"X"}})"),
            "missing_identifier: a device needs \"device_id\"\n");
  EXPECT_THAT(golden("device", R"({"type":"device","customer_id":"c","device_id":"null"})"),
              HasSubstr("only_blocked_identifiers"));
}

// Left out beside another one; alone it is the reason why the element names nobody.
TEST_F(DataApi, ATypeThatTheTenantDoesNotListIsNamed) {
  EXPECT_THAT(golden("event", R"({"type":"event","user_identifiers":{"loyalty":"x"},"actions":[{"action":"A"}]})"),
              HasSubstr("unknown_identifier_type: \"loyalty\" is no identifier type of this tenant"));
  EXPECT_THAT(golden("event", R"({"type":"event","user_identifiers":{"loyalty":"x"},"customer_id":"c",
      "actions":[{"action":"A"}]})"),
              HasSubstr(R"(user { type: "user_id" value: "c" })"));
  EXPECT_EQ(warnings_of(parsed), "0:unknown_identifier_type");
}

// A customer may be named by an attribute alone, in all the names that user_identifiers has for it.
TEST_F(DataApi, AttributesNameTheCustomer) {
  for (const auto& [name, type] : {std::pair{"email", "email"},
                                   {"moe_email", "email"},
                                   {"u_em", "email"},
                                   {"phone", "phone"},
                                   {"mobile", "phone"},
                                   {"moe_mobile", "phone"},
                                   {"u_mb", "phone"}}) {
    const std::string named = std::string("\"") + name + R"(":"919900000002")";
    const std::string user = std::string("user { type: \"") + type + R"(" value: "919900000002" })";
    EXPECT_THAT(golden("customer", R"({"type":"customer","attributes":{)" + named + "}}"),
                AllOf(HasSubstr(user), HasSubstr(std::string("name: \"") + name)));
    EXPECT_THAT(golden("event", R"({"type":"event","user_identifiers":{)" + named + R"(},"actions":[{"action":"A"}]})"),
                HasSubstr(user));
  }
  tenant.limits.value_length = 3;
  EXPECT_THAT(golden("customer", R"({"type":"customer","attributes":{"mobile":919900000002,"u_em":"a@one.example"}})"),
              AllOf(HasSubstr(R"(value: "919900000002")"), HasSubstr(R"(value: "a@one.example")")));
  EXPECT_THAT(
      golden("device", R"({"type":"device","device_id":"d","attributes":{"push_id":"token1"}})"),
      AllOf(HasSubstr(R"(device { type: "push_token" value: "token1" })"), Not(HasSubstr("device_attributes"))));
}

TEST_F(DataApi, TimesAndFlagsInAnySpelling) {
  const auto time = [&](const std::string& members) {
    (void)golden("event", R"({"type":"event","customer_id":"c","actions":[{"action":"A",)" + members + "}]}");
    return parsed.envelopes.at(0)->time_us();
  };
  for (const char* field : {"current_time", "user_time"})
    for (const char* value :
         {"1700000000.25", "\"1700000000.25\"", "1700000000250", "1.70000000025e9", R"("2023-11-14T22:13:20.250Z")"})
      EXPECT_EQ(time(std::string("\"") + field + "\":" + value), 1'700'000'000'250'000) << field << value;
  for (const char* offset : {"19800", "\"19800\"", "19800.0"})
    EXPECT_EQ(time(R"("user_time":"2026-01-01T05:30:00","user_timezone_offset":)" + std::string(offset)),
              1'767'225'600'000'000)
        << offset;
  EXPECT_EQ(time(R"("user_time":1.70000000025e9,"user_timezone_offset":19800)"), 1'700'000'000'250'000);
  for (const char* flag : {"true", "\"true\"", "1", "\"TRUE\""})
    EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","update_existing_only":)" +
                                       std::string(flag) + R"(,"attributes":{"a":1}})"),
                HasSubstr("existing_only: true"))
        << flag;
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","unset_attributes":[
      {"type":"prefix","attr":"x","case_sensitive":"false"}]})"),
              HasSubstr("ignore_case: true"));
}

TEST_F(DataApi, WhatIsSpelledWrongIsRefusedAndNotTakenAsAbsent) {
  for (const char* flag : {"\"perhaps\"", "2", "[]"}) {
    EXPECT_THAT(
        golden("customer", R"({"type":"customer","customer_id":"c","update_existing_only":)" + std::string(flag) + "}"),
        HasSubstr("bad_field"))
        << flag;
    EXPECT_EQ(parsed.rejected.at(0).attribute, "update_existing_only");
  }
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","update_existing_only":"yes"})"),
              HasSubstr("existing_only: true"));
  for (const char* offset : {"\"IST\"", "54001", "-54001", "\"5h\"", "true", "[19800]", "{}"}) {
    EXPECT_THAT(golden("event", R"({"type":"event","customer_id":"c","actions":[{"action":"A",
        "user_time":"2026-01-01T05:30:00","user_timezone_offset":)" +
                                    std::string(offset) + "}]}"),
                HasSubstr("\"user_timezone_offset\" must be seconds ahead of UTC"))
        << offset;
    EXPECT_EQ(rejections_of(parsed), "0:bad_field");
  }
  EXPECT_THAT(
      golden("event", R"({"type":"event","customer_id":"c","actions":[{"action":"A","user_timezone_offset":null}]})"),
      HasSubstr("kind: TRACK"));
}

TEST_F(DataApi, NullIsWhatIsNotThere) {
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","attributes":null,"user_identifiers":null,
      "unset_attributes":null,"platforms":null})"),
              HasSubstr("kind: IDENTIFY"));
  EXPECT_THAT(golden("event", R"({"type":"event","customer_id":"c","attributes":null,
      "actions":[{"action":"A","attributes":null}]})"),
              HasSubstr("properties: \"{}\""));
  // PHP writes an empty map as an empty list.
  EXPECT_EQ(golden("customer", R"({"type":"customer","customer_id":"c","attributes":[],"user_identifiers":[ ]})"),
            golden("customer", R"({"type":"customer","customer_id":"c"})"));
  EXPECT_EQ(golden("event",
                   R"({"type":"event","customer_id":"c","actions":[{"action":"A","attributes":[],"platform":"web"}]})"),
            golden("event", R"({"type":"event","customer_id":"c","actions":[{"action":"A","platform":"web"}]})"));
  EXPECT_EQ(golden("customer", R"({"type":"customer","customer_id":"c","attributes":{"a":1,"addValueToArrayField":null,
      "removeValueFromArrayField":[]}})"),
            golden("customer", R"({"type":"customer","customer_id":"c","attributes":{"a":1}})"));
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","attributes":["x"]})"),
              HasSubstr("bad_field"));
  EXPECT_THAT(golden("event", R"({"type":"event","customer_id":"c","actions":null})"), HasSubstr("missing_actions"));
  EXPECT_THAT(golden("customer", R"({"type":"customer","customer_id":"c","attributes":"x"})"), HasSubstr("bad_field"));
}

TEST_F(DataApi, WhyAnIdentifierCantBeUsedIsTold) {
  const std::string longer(600, 'x');
  EXPECT_THAT(golden("device", R"({"type":"device","device_id":")" + longer + "\"}"),
              HasSubstr("the device_id has 600 bytes"));
  (void)golden("merge", R"({"merge_data":[{"merged_user":")" + longer + R"(","retained_user":"u"}]})");
  EXPECT_EQ(rejections_of(parsed), "0:identifier_too_long");
}

TEST_F(DataApi, ADamagedPartDoesNotCondemnTheOthers) {
  (void)golden("transition",
               R"({"type":"transition","elements":[{"type":"customer","customer_id":"c1","attributes":{"a":1}},
      {"type":"customer","customer_id":"c2","attributes":{"a":NaN}},
      {"type":"event","customer_id":"c3","actions":[{"action":"A"},{"action":"B","attributes":{"x":Infinity}},{"action":"C"}]},
      NaN,{"type":"device","device_id":"d1","attributes":{"x":undefined}},{"type":"customer","customer_id":"c6"}]})");
  EXPECT_EQ(parsed.item_count, 8u);
  EXPECT_EQ(parsed.items, (std::vector<size_t>{0, 2, 4, 7}));
  EXPECT_EQ(rejections_of(parsed), "1:bad_json 3:bad_json 5:bad_json 6:bad_json");
  EXPECT_EQ(parsed.rejected[1].item,
            R"({"type":"event","customer_id":"c3","actions":[{"action":"B","attributes":{"x":Infinity}}]})");
  std::string known;
  for (const schema::Known& name : registry->list("acme")) known += name.name + " ";
  EXPECT_EQ(known, "A C a ") << "what is rejected teaches no names";
  (void)golden(
      "event",
      "{\"type\":\"event\",\"customer_id\":\"c\",\"actions\":[{\"action\":\"A\"},{\"action\":\"J\xfcrgen\"}]}");
  EXPECT_EQ(parsed.items, (std::vector<size_t>{0}));
  EXPECT_EQ(rejections_of(parsed), "1:bad_json");
  (void)golden("merge",
               R"({"merge_data":[{"merged_user":NaN,"retained_user":"a"},{"merged_user":"b","retained_user":"a"}]})");
  EXPECT_EQ(parsed.items, (std::vector<size_t>{1}));
  EXPECT_EQ(rejections_of(parsed), "0:bad_json");
  (void)golden("transition", R"({"elements":[
      {"type":"device","user_identifiers":{"i"},"device_id":"d","attributes":{"x":1}},{"type":"customer","customer_id":"c"}]})");
  EXPECT_EQ(parsed.items, (std::vector<size_t>{1})) << "what is not read must not hide what stands behind it";
  EXPECT_EQ(rejections_of(parsed), "0:bad_json");
  for (const auto& [call, body] : {std::pair{"transition", R"({"elements":[{}],})"},
                                   {"transition", R"({"elements":[{"a":"x},{}]})"},
                                   {"event", R"({"type":"event","customer_id":"c","actions":[{"action":NaN}]})"},
                                   {"customer", R"({"type":"customer","customer_id":"c","attributes":{"a":NaN}})"},
                                   {"merge", R"({"merge_data":[]]})"}})
    EXPECT_FALSE(parse_data_api(body, call, context(), arena)) << body;
  EXPECT_TRUE(
      parse_data_api("\xef\xbb\xbf{\"type\":\"customer\",\"customer_id\":\"c\"}", "customer", context(), arena));
}

// On-demand, lists like these put the walk off its level, into the next element, or name the list a second time.
TEST_F(DataApi, AListThatIsNoneDamagesTheBody) {
  for (const auto& [call, body] :
       {std::pair{"transition", R"({"elements":[{"type":"event","customer_id":"u","unset_attributes":["a":1]},)"
                                R"("actions":[{"action":"x"}]}})"},
        {"merge", R"({"merge_data":["a":1]},"merge_data":[{"merged_user":"b","retained_user":"a"}]})"},
        {"transition", "{\"elements\":[\"\x01\"],\"element\\u0073\":[{\"type\":\"customer\",\"customer_id\":\"u\"}]}"},
        {"merge",
         "{\"merge_data\":[\"\x01\"],\"merge_dat\\u0061\":[{\"merged_user\":\"b\",\"retained_user\":\"a\"}]}"}})
    EXPECT_FALSE(parse_data_api(body, call, context(), arena)) << body;
  EXPECT_THAT(registry->list("acme"), ::testing::IsEmpty());
}

RC_GTEST_PROP(DataApiProperty, EveryItemIsAcceptedOrRejected, ()) {
  std::string body =
      R"({"type":"transition","elements":[{"type":"customer","customer_id":"c","attributes":{"a":[1],"addValueToArrayField":{"t":["x"]}},
      "unset_attributes":[{"type":"prefix","attr":"x"}]},{"type":"event","customer_id":"c","actions":[{"action":"A","attributes":{"p":{"q":1}}}]}]})";
  const auto edits = *rc::gen::container<std::vector<std::pair<size_t, char>>>(rc::gen::pair(
      rc::gen::inRange<size_t>(0, body.size()), rc::gen::elementOf(std::string("{}[]:,\"\\0a1 \n\x80nt"))));
  for (const auto& [at, c] : edits) body[at] = c;
  AdapterFixture fixture;
  for (const char* call : {"transition", "customer", "event", "merge", "delete"}) {
    const ParseResult result = parse_data_api(body, call, fixture.context(), fixture.arena);
    if (result) RC_ASSERT(result->envelopes.size() + result->rejected.size() == result->item_count);
  }
}

}  // namespace
}  // namespace freshet::ingest
