#include "action/events/subscriptions.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "action/events/push_token.h"

namespace freshet::action {
namespace {

std::string said(const std::optional<Subscription>& subscription) {
  return subscription ? fmt::format("{} {}", subscription->channel, subscription->opted_in ? "in" : "out") : "nothing";
}

std::string of_bool(const char* name, bool value) {
  v1::Value v;
  v.set_boolean(value);
  return said(subscription_of_attribute(name, v, true));
}

std::string of_text(const char* name, const char* value) {
  v1::Value v;
  v.set_text(value);
  return said(subscription_of_attribute(name, v, true));
}

TEST(SubscriptionsTest, WordsOfAttributes) {
  EXPECT_EQ(of_bool("email_subscribed", true), "email in");
  EXPECT_EQ(of_bool("email_subscribed", false), "email out");
  EXPECT_EQ(of_bool("emailOptOut", true), "email out");
  EXPECT_EQ(of_bool("Email Opt Out", false), "email in");
  EXPECT_EQ(of_bool("unsubscribed", true), "email out");
  EXPECT_EQ(of_bool("moe_unsubscribe", true), "email out");
  EXPECT_EQ(of_bool("moe_push_opted", true), "push in");
  EXPECT_EQ(of_bool("push_opt_out", true), "push out");
  EXPECT_EQ(of_bool("pushEnabled", false), "push out");
  EXPECT_EQ(of_bool("moe_sms_subscription", true), "sms in");
  EXPECT_EQ(of_bool("moe_wa_subscription", false), "whatsapp out");
  EXPECT_EQ(of_bool("whatsapp_opted_in", true), "whatsapp in");
  EXPECT_EQ(of_text("sms_subscribed", "No"), "sms out");
  EXPECT_EQ(of_text("email_subscription", "unsubscribed"), "email out");
  EXPECT_EQ(of_text("email_unsubscribed", "subscribed"), "email in");
  v1::Value one;
  one.set_integer(1);
  EXPECT_EQ(said(subscription_of_attribute("sms_opt_in", one, true)), "sms in");
}

// Tables have a letter for true and false, and 1.0 where another row of the column has nothing.
TEST(SubscriptionsTest, ShortWordsByTheLogicThatKnowsThem) {
  for (const char* yes : {"Y", "t", " y ", "1.0"}) EXPECT_EQ(of_text("sms_opt_out", yes), "sms out") << yes;
  for (const char* no : {"n", "F", "0.0"}) EXPECT_EQ(of_text("sms_opt_in", no), "sms out") << no;
  for (const char* other : {"x", "10", "1.5", "00", "no t", ""})
    EXPECT_EQ(of_text("sms_opt_in", other), "nothing") << other;
  v1::Value value;
  value.set_number(0);
  EXPECT_EQ(said(subscription_of_attribute("email_subscribed", value, true)), "email out");
  EXPECT_EQ(said(subscription_of_attribute("email_subscribed", value, false)), "nothing");
  value.set_number(0.5);
  EXPECT_EQ(said(subscription_of_attribute("email_subscribed", value, true)), "nothing");
  value.set_text("N");
  EXPECT_EQ(said(subscription_of_attribute("email_subscribed", value, false)), "nothing");
}

TEST(SubscriptionsTest, WhatIsAboutSomethingElse) {
  for (const char* name : {"email", "subscribed", "email_domain", "newsletter", "push", "subscription", "",
                           "email_subscribed_to_a_list_with_a_very_long_name"})
    EXPECT_EQ(of_bool(name, true), "nothing") << name;
  EXPECT_EQ(of_text("email_subscription", "weekly"), "nothing");
  v1::Value five;
  five.set_integer(5);
  EXPECT_EQ(said(subscription_of_attribute("sms_subscribed", five, true)), "nothing");
}

TEST(SubscriptionsTest, WordsOfEvents) {
  EXPECT_EQ(said(subscription_of_event("Unsubscribed")), "email out");
  EXPECT_EQ(said(subscription_of_event("Email Unsubscribed")), "email out");
  EXPECT_EQ(said(subscription_of_event("SMS Opted In")), "sms in");
  EXPECT_EQ(said(subscription_of_event("push_opt_out")), "push out");
  EXPECT_EQ(said(subscription_of_event("Subscribed")), "nothing") << "most likely to a plan";
  EXPECT_EQ(said(subscription_of_event("Email Opened")), "nothing");
  EXPECT_TRUE(is_uninstall("Application Uninstalled"));
  EXPECT_TRUE(is_uninstall("app_uninstalled"));
  EXPECT_FALSE(is_uninstall("Application Installed"));
}

v1::Use at(int64_t time_us, const std::string& message_id = "m") {
  v1::Use use;
  use.set_time_us(time_us);
  use.set_message_id(message_id);
  return use;
}

RC_GTEST_PROP(SubscriptionsProperty, TheLastWordCountsInAnyOrder, ()) {
  struct Word {
    bool in;
    v1::Use use;
  };
  std::vector<Word> words;
  for (int n = *rc::gen::inRange(1, 10), i = 0; i < n; ++i)
    words.push_back({*rc::gen::arbitrary<bool>(), at(*rc::gen::inRange<int64_t>(1, 6), fmt::format("m{}", i))});
  const auto state_after = [](const std::vector<Word>& order, size_t split) {
    v1::EntityState one, other;
    for (size_t i = 0; i < order.size(); ++i)
      write_subscription(i < split ? one : other, {"sms", order[i].in}, order[i].use);
    absorb_subscriptions(one, other);
    return one.ShortDebugString();
  };
  const std::string in_order = state_after(words, words.size());
  std::shuffle(words.begin(), words.end(), std::mt19937_64(*rc::gen::arbitrary<uint64_t>()));
  RC_ASSERT(state_after(words, *rc::gen::inRange<size_t>(0, words.size() + 1)) == in_order);
}

// ---- push tokens --------------------------------------------------------------------------------------------------

v1::EntityState device_with(const std::vector<std::pair<std::string, int64_t>>& tokens) {
  v1::EntityState device;
  device.mutable_ref()->set_kind(v1::ENTITY_KIND_DEVICE);
  for (const auto& [value, time_us] : tokens) {
    v1::IdentifierUse& i = *device.add_identifiers();
    i.mutable_identifier()->set_type("push_token");
    i.mutable_identifier()->set_value(value);
    *i.mutable_use() = at(time_us);
  }
  return device;
}

std::string token_of(const v1::EntityState& device) {
  const std::optional<PushToken> token = push_token_of(device);
  if (!token) return "none";
  return std::string(token->value) + (token->invalid.empty() ? " valid" : " " + std::string(token->invalid));
}

TEST(PushTokenTest, TheLastOneUsedCounts) {
  EXPECT_EQ(token_of(device_with({})), "none");
  EXPECT_EQ(token_of(device_with({{"t1", 9}, {"t2", 5}})), "t1 valid");
  EXPECT_EQ(token_of(device_with({{"t1", 4}, {"t2", 5}})), "t2 valid");
}

TEST(PushTokenTest, UninstallingEndsItUntilItIsUsedAgain) {
  v1::EntityState device = device_with({{"t1", 5}});
  EXPECT_TRUE(note_uninstall(device, at(4, "x")));
  EXPECT_EQ(token_of(device), "t1 valid") << "installed again since";
  EXPECT_TRUE(note_uninstall(device, at(5)));
  EXPECT_EQ(token_of(device), "t1 uninstalled") << "by the record that names the token itself";
  EXPECT_FALSE(note_uninstall(device, at(3)));
  device.mutable_identifiers(0)->mutable_use()->set_time_us(6);
  EXPECT_EQ(token_of(device), "t1 valid");
}

TEST(PushTokenTest, WhoeverWantsNoPushHasNoTokenThatCounts) {
  v1::EntityState device = device_with({{"t1", 5}});
  write_subscription(device, {"push", false}, at(6));
  EXPECT_EQ(token_of(device), "t1 opted_out");
  write_subscription(device, {"push", true}, at(7));
  EXPECT_EQ(token_of(device), "t1 valid");
}

}  // namespace
}  // namespace freshet::action
