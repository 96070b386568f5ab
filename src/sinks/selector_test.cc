#include "sinks/selector.h"

#include <gtest/gtest.h>

#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

using Rule = v1::ComputedRule;

void add_test(model::Sink& sink, const std::string& name, Rule::Test test, double number) {
  Rule::Filter& filter = *sink.where.add_where();
  filter.set_property(name);
  filter.set_test(test);
  filter.mutable_value()->set_number(number);
}

struct Conditions : ::testing::Test {
  bool takes_event(const std::string& properties, const std::string& enriched = "{}",
                   const std::string& tenant = "acme") {
    Selector selector(log.around);
    const std::string value = R"({"tenant":")" + tenant + R"(","event":"E","properties":)" + properties +
                              R"(,"received_at":"2026-01-02T03:04:05.000Z","enriched":)" + enriched + "}";
    const auto item = selector.pick(eventlog::Topic::kEvents, {7, "k", value});
    EXPECT_TRUE(item);
    if (*item) {
      EXPECT_EQ((*item)->received_at_us, 1'767'323'045'000'000);
    }
    return item->has_value();
  }
  bool takes_change(const v1::Change& change) {
    log.around.sink.on = model::SinkOn::kChanges;
    Selector selector(log.around);
    const std::string value = change.SerializeAsString();
    const auto item = selector.pick(eventlog::Topic::kChanges, {7, "k", value});
    EXPECT_TRUE(item);
    return item->has_value();
  }
  static v1::Change change_of(v1::Section section, const std::string& name, double number) {
    v1::Change change;
    change.set_tenant("acme");
    change.set_id(std::string(16, 'i'));
    change.set_version(3);
    v1::ChangeOp& op = *change.add_ops();
    op.set_type(v1::ChangeOp::SET);
    op.set_section(section);
    op.set_name(name);
    op.mutable_value()->set_number(number);
    return change;
  }
  SinkLog log;
};

TEST_F(Conditions, AnErasureNamesAProfile) {
  for (const auto& [id, taken] :
       {std::pair{std::string(16, 'p'), true}, {"", false}, {"p", false}, {std::string(17, 'p'), false}}) {
    v1::ErasureNotice notice;
    notice.set_id(id);
    v1::DeadLetter letter;
    letter.set_tenant("acme");
    letter.set_body_type(v1::DeadLetter::ERASURE_NOTICE);
    letter.set_body(notice.SerializeAsString());
    Selector selector(log.around);
    const std::string value = letter.SerializeAsString();
    EXPECT_EQ(selector.pick(eventlog::Topic::kDeadLetters, {7, "k", value})->has_value(), taken) << id;
  }
}

TEST_F(Conditions, OfEvents) {
  EXPECT_TRUE(takes_event("{}"));
  EXPECT_FALSE(takes_event("{}", "{}", "acme2"));
  add_test(log.around.sink, "total", Rule::GE, 5);
  EXPECT_TRUE(takes_event(R"({"total":5})"));
  EXPECT_FALSE(takes_event(R"({"total":4.5})"));
  EXPECT_FALSE(takes_event("{}"));
  add_test(log.around.sink, "enriched.score", Rule::LT, 1);
  EXPECT_FALSE(takes_event(R"({"total":5})"));
  EXPECT_TRUE(takes_event(R"({"total":5})", R"({"score":0.5})"));
}

TEST_F(Conditions, ExistsSaysWhich) {
  Rule::Filter& filter = *log.around.sink.where.add_where();
  filter.set_property("coupon");
  filter.set_test(Rule::EXISTS);
  filter.mutable_value()->set_boolean(false);
  EXPECT_TRUE(takes_event("{}"));
  EXPECT_FALSE(takes_event(R"({"coupon":"x"})"));
  filter.mutable_value()->set_boolean(true);
  EXPECT_FALSE(takes_event("{}"));
  EXPECT_TRUE(takes_event(R"({"coupon":"x"})"));
}

TEST_F(Conditions, OfChanges) {
  EXPECT_TRUE(takes_change(change_of(v1::ATTRIBUTES, "city", 1)));
  add_test(log.around.sink, "computed.lifetime_value", Rule::GE, 1000);
  EXPECT_TRUE(takes_change(change_of(v1::COMPUTED, "lifetime_value", 1000)));
  EXPECT_FALSE(takes_change(change_of(v1::COMPUTED, "lifetime_value", 999)));
  EXPECT_FALSE(takes_change(change_of(v1::ATTRIBUTES, "lifetime_value", 1000)));
  v1::Change removed;
  removed.set_tenant("acme");
  removed.set_id(std::string(16, 'i'));
  removed.set_version(4);
  removed.set_remove(true);
  EXPECT_FALSE(takes_change(removed));
}

// Whatever else is in that topic, and whatever the conditions are.
TEST_F(Conditions, ErasuresOfTheTenantPass) {
  add_test(log.around.sink, "total", Rule::GE, 100);
  const auto takes = [&](const std::string& tenant, v1::DeadLetter::Body type, const std::string& id, bool lifted) {
    v1::ErasureNotice notice;
    notice.set_id(id);
    notice.set_lifted(lifted);
    v1::DeadLetter letter;
    letter.set_tenant(tenant);
    letter.set_body_type(type);
    letter.set_body(notice.SerializeAsString());
    Selector selector(log.around);
    const auto item = selector.pick(eventlog::Topic::kDeadLetters, {7, "k", letter.SerializeAsString()});
    EXPECT_TRUE(item);
    return item->has_value();
  };
  const std::string id(16, 'p');
  EXPECT_TRUE(takes("acme", v1::DeadLetter::ERASURE_NOTICE, id, false));
  EXPECT_FALSE(takes("acme2", v1::DeadLetter::ERASURE_NOTICE, id, false));
  EXPECT_FALSE(takes("acme", v1::DeadLetter::JSON_ITEM, id, false));
  EXPECT_FALSE(takes("acme", v1::DeadLetter::ERASURE_NOTICE, "", false)) << "nobody had the identifier";
  EXPECT_FALSE(takes("acme", v1::DeadLetter::ERASURE_NOTICE, id, true)) << "somebody may come back";
}

TEST_F(Conditions, WhatAChangeSaysNothingOfIsLookedUp) {
  add_test(log.around.sink, "computed.lifetime_value", Rule::GE, 1000);
  add_test(log.around.sink, "age", Rule::GE, 18);
  double age = 17;
  log.around.read_profile = [&](const v1::Change&, auto, auto, ProfileAs) -> Result<std::optional<v1::Document>> {
    v1::Document document;
    v1::Field& field = *document.add_fields();
    field.set_section(v1::ATTRIBUTES);
    field.set_name("age");
    field.mutable_value()->set_number(age);
    return document;
  };
  EXPECT_FALSE(takes_change(change_of(v1::COMPUTED, "lifetime_value", 1000)));
  age = 18;
  EXPECT_TRUE(takes_change(change_of(v1::COMPUTED, "lifetime_value", 1000)));
  EXPECT_FALSE(takes_change(change_of(v1::ATTRIBUTES, "city", 1)));  // It touches nothing that is tested.
}

}  // namespace
}  // namespace freshet::sinks
