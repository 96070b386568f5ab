#include "ingest/items/typing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ingest/sources/records/records.h"
#include "ingest/sources/segment/segment.h"
#include "model/plan.h"
#include "testing/ingest_adapters.h"

namespace freshet::ingest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A tenant that knows event E with the number `n`, and the attributes age (number), name (string), vip (boolean) and
// tags (list).
class Typing : public ::testing::Test, public AdapterFixture {
 protected:
  Typing() {
    take(R"("set":{"age":5,"name":"x","vip":true,"tags":["x"],"of":{"x":1}},"event":"E","properties":{"n":1})");
  }

  const v1::Envelope* take(const std::string& members) {
    parsed = *parse_records(R"({"message_id":"m","user":{"user_id":"u"},)" + members + "}", context(), arena);
    EXPECT_EQ(parsed.item_count, 1u);
    return parsed.envelopes.empty() ? nullptr : parsed.envelopes[0];
  }
  // The JSON of the properties that are kept of these, or the code of the rejection.
  std::string properties(const std::string& json) {
    const v1::Envelope* const envelope = take(R"("event":"E","properties":)" + json);
    return envelope == nullptr ? rejections_of(parsed) : envelope->events(0).properties();
  }
  std::string attribute(const std::string& json) {
    const v1::Envelope* const envelope = take(R"("set":)" + json);
    if (envelope == nullptr) return rejections_of(parsed);
    return envelope->attributes().empty() ? "" : envelope->attributes(0).value().ShortDebugString();
  }
  // "E/n/coerced/string m", where the last is the message id.
  std::vector<std::string> misses() const {
    std::vector<std::string> out;
    for (const PlanMiss& miss : parsed.plan_misses)
      out.push_back(miss.event + "/" + miss.property + "/" + miss.rule + "/" + miss.found + " " + miss.message_id);
    return out;
  }

  Parsed parsed;
};

TEST_F(Typing, IsKeptAsSentAndToldUnlessTheTenantWantsMore) {
  EXPECT_EQ(properties(R"({"n":"5"})"), R"({"n":"5"})");
  EXPECT_EQ(warnings_of(parsed), "0:wrong_type");
  EXPECT_THAT(misses(), ElementsAre("E/n/wrong_type/string m"));
  EXPECT_EQ(attribute(R"({"age":"5"})"), R"(text: "5")");
  EXPECT_THAT(misses(), ElementsAre("/age/wrong_type/string m"));
  EXPECT_EQ(parsed.plan_misses[0].subject, schema::Subject::kUserAttribute);
  EXPECT_EQ(properties(R"({"n":6})"), R"({"n":6})");
  EXPECT_THAT(misses(), IsEmpty());
}

TEST_F(Typing, IsCoercedIfItSaysTheSame) {
  tenant.conflicts = model::TypeConflicts::kCoerce;
  EXPECT_EQ(properties(R"({"n":" 12.50 "})"), R"({"n":12.50})");
  EXPECT_EQ(warnings_of(parsed), "0:coerced");
  EXPECT_THAT(misses(), ElementsAre("E/n/coerced/string m"));
  EXPECT_EQ(properties(R"({"n":"x\u00e9"})"), R"({"n":"xé"})");
  EXPECT_EQ(warnings_of(parsed), "0:wrong_type");
  EXPECT_EQ(properties(R"({"n":[1]})"), R"({"n":[1]})");
  EXPECT_EQ(properties(R"({"n":true})"), R"({"n":true})");
  EXPECT_EQ(attribute(R"({"age":"18446744073709551615"})"), R"(decimal: "18446744073709551615")");
  EXPECT_EQ(attribute(R"({"name":1.10})"), R"(text: "1.10")");
  EXPECT_EQ(attribute(R"({"name":false})"), R"(text: "false")");
  EXPECT_EQ(attribute(R"({"vip":"True"})"), "boolean: true");
  EXPECT_EQ(attribute(R"({"vip":0})"), "boolean: false");
  EXPECT_EQ(attribute(R"({"vip":2})"), "integer: 2");
  EXPECT_EQ(attribute(R"({"tags":"y"})"), R"(list { values { text: "y" } })");
  EXPECT_EQ(attribute(R"({"of":"y"})"), R"(text: "y")");
  EXPECT_EQ(warnings_of(parsed), "0:wrong_type");
  EXPECT_EQ(attribute(R"({"age":null})"), "0:null_value");
  EXPECT_EQ(attribute(R"({"age":"\q"})"), "0:bad_text");
  EXPECT_EQ(attribute(R"({"name":1e999})"), "0:bad_number");
}

TEST_F(Typing, WidensTheNameAndWritesItsValuesSo) {
  tenant.conflicts = model::TypeConflicts::kWiden;
  EXPECT_EQ(properties(R"({"n":"many"})"), R"({"n":"many"})");
  EXPECT_EQ(warnings_of(parsed), "0:widened");
  EXPECT_THAT(misses(), ElementsAre("E/n/widened/string m"));
  EXPECT_EQ(properties(R"({"n":2.50})"), R"({"n":"2.50"})");
  EXPECT_THAT(misses(), ElementsAre("E/n/coerced/number m"));
  EXPECT_EQ(properties(R"({"n":["a"]})"), R"({"n":["a"]})");
  EXPECT_EQ(properties(R"({"n":3})"), R"({"n":[3]})");
  EXPECT_EQ(properties(R"({"n":{"x":1}})"), R"({"n":{"x":1}})");
  EXPECT_EQ(warnings_of(parsed), "0:wrong_type");
  EXPECT_EQ(attribute(R"({"age":true})"), R"(text: "true")");
  EXPECT_EQ(warnings_of(parsed), "0:widened");
}

TEST_F(Typing, RefusesTheItemWhole) {
  tenant.conflicts = model::TypeConflicts::kRefuse;
  EXPECT_EQ(properties(R"({"new":1,"n":"5"})"), "0:wrong_type");
  EXPECT_EQ(parsed.rejected[0].message, "\"n\" is known with type number, and came as string");
  EXPECT_EQ(parsed.rejected[0].attribute, "n");
  EXPECT_THAT(misses(), ElementsAre("E/n/wrong_type/string m"));
  EXPECT_FALSE(registry->knows("acme", schema::Subject::kEventAttribute, "E", "new"));
  EXPECT_EQ(attribute(R"({"age":"5"})"), "0:wrong_type");
  EXPECT_EQ(properties(R"({"n":5})"), R"({"n":5})");
}

TEST_F(Typing, StrictTenantsRefuseWhatTheirRuleDoesNotSettle) {
  tenant.strict_schema = true;
  tenant.conflicts = model::TypeConflicts::kCoerce;
  EXPECT_EQ(properties(R"({"n":"5"})"), R"({"n":5})");
  EXPECT_EQ(properties(R"({"n":"x"})"), "0:wrong_type");
  tenant.conflicts = model::TypeConflicts::kWiden;
  EXPECT_EQ(properties(R"({"n":"5"})"), "0:wrong_type");
  tenant.conflicts = model::TypeConflicts::kKeep;
  EXPECT_EQ(properties(R"({"n":"5"})"), "0:wrong_type");
}

TEST_F(Typing, APlanHasTheFirstSay) {
  tenant.plan = *model::Plan::compile(R"({"events":{"E":{"properties":{"n":{"type":"string"}}}}})");
  tenant.conflicts = model::TypeConflicts::kRefuse;
  EXPECT_EQ(properties(R"({"n":"5"})"), R"({"n":"5"})") << "it is as the plan says, whatever was learned before";
  EXPECT_THAT(misses(), IsEmpty());
  EXPECT_EQ(properties(R"({"n":5})"), R"({"n":5})");
  EXPECT_THAT(misses(), ElementsAre("E/n/type/ m")) << "the plan's mode judges";
  tenant.conflicts = model::TypeConflicts::kCoerce;
  EXPECT_EQ(properties(R"({"n":5})"), R"({"n":"5"})");
  EXPECT_THAT(misses(), ElementsAre("E/n/coerced/number m"));
  tenant.strict_schema = true;
  EXPECT_EQ(properties(R"({"n":[5]})"), "0:plan_violation");
}

TEST_F(Typing, WhatIsRejectedForSomethingElseTellsNothingOfItsTypes) {
  EXPECT_EQ(properties(R"({"n":"5","deep":[[[[[[[[[[1]]]]]]]]]]})"), "0:too_deep");
  EXPECT_THAT(misses(), IsEmpty());
}

// A phone number names its person by its digits, whatever becomes of the attribute.
TEST_F(Typing, ConvertedAttributesNameTheirPersonAsBefore) {
  take(R"("set":{"phone":"+491701234567"})");
  tenant.conflicts = model::TypeConflicts::kCoerce;
  tenant.rules.add_user_priority("phone");
  parsed = *parse_segment(R"({"userId":"u","messageId":"m","traits":{"phone":491701234568}})", {"identify"}, context(),
                          arena);
  ASSERT_EQ(parsed.envelopes.size(), 1u);
  EXPECT_EQ(parsed.envelopes[0]->attributes(0).value().text(), "491701234568");
  EXPECT_THAT(parsed.envelopes[0]->ShortDebugString(), HasSubstr(R"(user { type: "phone")"));
}

TEST(ParsedMisses, ManyOfAKindAreCounted) {
  Parsed parsed;
  for (int i = 0; i < 100; ++i) parsed.miss({"E", i % 2 == 0 ? "a" : "b", "type", "m" + std::to_string(i)});
  ASSERT_EQ(parsed.plan_misses.size(), 6u);
  uint64_t count = 0;
  for (const PlanMiss& miss : parsed.plan_misses) count += miss.count;
  EXPECT_EQ(count, 100u);
}

}  // namespace
}  // namespace freshet::ingest
