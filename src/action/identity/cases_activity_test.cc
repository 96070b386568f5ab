// What a profile knows by itself, over partitions, merges and devices: sessions, subscriptions, push tokens.
#include <fmt/core.h>

#include "model/document.h"
#include "model/json.h"
#include "testing/action/checks.h"

namespace freshet::action::testing {
namespace {

constexpr int64_t kMinuteUs = 60'000'000;

// The parts of a section in the document of who lists the identifier: "count=2 seconds=60".
std::string section_of(TestCluster& c, v1::Section section, const std::string& type, const std::string& value) {
  const std::optional<v1::EntityState> owner = owner_of(c, type, value);
  if (!owner) return "nobody";
  const char* kind = owner->ref().kind() == v1::ENTITY_KIND_DEVICE ? "device" : "user";
  std::string text;
  for (const auto& [key, document] : c.documents()) {
    if (key.find(hex(owner->ref())) == std::string::npos) continue;
    for (const v1::Field& field : document.fields()) {
      if (field.section() != section) continue;
      text += (text.empty() ? "" : " ") + field.name() + "=";
      model::append_json_value(text, field.value());
    }
  }
  return text.empty() ? std::string(kind) + " without" : text;
}

v1::Envelope seen_on(const std::string& message_id, const Ids& user, const Ids& device, int64_t time_us,
                     const std::string& event = "E") {
  v1::Envelope record = make_record(message_id, user, time_us, event);
  if (user.empty()) record.set_kind(v1::Envelope::DEVICE);
  return with_device(std::move(record), device);
}

TEST_P(IdentityCases, SessionsOfProfilesThatBecomeOneAreOne) {
  const std::vector<v1::Envelope> records = {
      make_record("m1", {{"anonymous_id", "a"}}, 10 * kMinuteUs, "E"),
      make_record("m2", {{"user_id", "u"}, {"anonymous_id", "a"}}, 30 * kMinuteUs, "E"),
      make_record("m3", {{"user_id", "u"}}, 55 * kMinuteUs, "E"),
      make_record("m4", {{"user_id", "u"}}, 100 * kMinuteUs, "E"),
      make_record("m5", {{"user_id", "u"}}, 300 * kMinuteUs),
  };
  in_every_order(GetParam(), records, [](TestCluster& c) {
    EXPECT_EQ(
        section_of(c, v1::SESSIONS, "user_id", "u"),
        R"(count=2 current={"count":1,"first_at":"1970-01-01T01:40:00.000Z","last_at":"1970-01-01T01:40:00.000Z"} )"
        "seconds=2700");
  });
}

TEST_P(IdentityCases, AnOptOutSurvivesAMergeByItsTime) {
  v1::Envelope in = make_record("m1", {{"user_id", "u"}}, 1);
  v1::Envelope out = make_record("m2", {{"anonymous_id", "a"}}, 2);
  set_attribute(in, "email_subscribed", "yes");
  set_attribute(out, "email_subscribed", "no");
  in_every_order(GetParam(),
                 {in, out, make_record("m3", {{"user_id", "u"}, {"anonymous_id", "a"}}, 1),
                  make_record("m4", {{"user_id", "u"}}, 3, "SMS Opted In")},
                 [](TestCluster& c) {
                   EXPECT_EQ(section_of(c, v1::SUBSCRIPTIONS, "user_id", "u"), R"(email="opted_out" sms="opted_in")");
                 });
}

TEST_P(IdentityCases, APushTokenIsOfWhoeverUsedItLast) {
  in_every_order(GetParam(),
                 {seen_on("m1", {}, {{"device_id", "d1"}, {"push_token", "t"}}, 1),
                  seen_on("m2", {{"user_id", "u"}}, {{"device_id", "d2"}, {"push_token", "t"}}, 2),
                  seen_on("m3", {}, {{"device_id", "d1"}}, 3)},
                 [](TestCluster& c) {
                   EXPECT_EQ(section_of(c, v1::PUSH_TOKEN, "device_id", "d1"), "device without");
                   EXPECT_EQ(section_of(c, v1::PUSH_TOKEN, "device_id", "d2"), R"(state="valid" value="t")");
                 });
}

TEST_P(IdentityCases, AnUninstalledAppCantBeReached) {
  const auto is = [](const char* expected) {
    return [=](TestCluster& c) { EXPECT_EQ(section_of(c, v1::PUSH_TOKEN, "device_id", "d"), expected); };
  };
  std::vector<v1::Envelope> records = {
      seen_on("m1", {{"user_id", "u"}}, {{"device_id", "d"}, {"push_token", "t"}}, 1),
      seen_on("m2", {{"user_id", "u"}}, {{"device_id", "d"}}, 2, "Application Uninstalled")};
  in_every_order(GetParam(), records, is(R"(reason="uninstalled" state="invalid" value="t")"));
  records.push_back(seen_on("m3", {{"user_id", "u"}}, {{"device_id", "d"}, {"push_token", "t"}}, 3));
  in_every_order(GetParam(), records, is(R"(state="valid" value="t")"));
  v1::AttributeOp& op = *records[0].add_device_attributes();
  op.set_type(v1::AttributeOp::SET);
  op.set_name("moe_push_opted");
  op.mutable_value()->set_boolean(false);
  in_every_order(GetParam(), records, is(R"(reason="opted_out" state="invalid" value="t")"));
}

}  // namespace
}  // namespace freshet::action::testing
