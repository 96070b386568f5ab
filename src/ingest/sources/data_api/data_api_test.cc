#include "ingest/sources/data_api/data_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::HasSubstr;

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
      R"({"merge_data":[{"merged_user":"u2","retained_user":"u1"},{"merged_user":"u2"},{"merged_user":"a","retained_user":"a"}]})");
  EXPECT_THAT(text, HasSubstr(R"(kind: MERGE user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(text, HasSubstr(R"(other { type: "user_id" value: "u2" })"));
  EXPECT_EQ(rejections_of(parsed), "1:missing_identifier 2:bad_merge");
}

TEST_F(DataApi, Delete) {
  EXPECT_THAT(golden("delete", R"({"identity_type":"customer_id","identity_value":"u1"})"),
              HasSubstr(R"(kind: ERASE user { type: "user_id" value: "u1" })"));
  EXPECT_THAT(golden("delete", R"({"identity_type":"moengage_id","identity_value":"u1"})"),
              HasSubstr("unknown_identifier_type"));
  EXPECT_THAT(golden("delete", R"({"identity_type":"customer_id","identity_value":"null"})"),
              HasSubstr("only_blocked_identifiers"));
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
