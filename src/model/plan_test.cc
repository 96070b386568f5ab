#include "model/plan.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace freshet::model {
namespace {

std::shared_ptr<const Plan> plan_of(const std::string& properties, const std::string& more = "") {
  auto plan = Plan::compile(R"({"events":{"E":{"type":"object","properties":{)" + properties + "}" + more + "}}}");
  EXPECT_TRUE(plan);
  return plan ? *plan : nullptr;
}

std::string said_of(const Plan& plan, const std::string& properties) {
  const auto violation = plan.check("E", properties);
  return violation ? violation->property + " " + violation->rule : "";
}

// The library says what is wrong in sentences; each rule has one here, so another wording is noticed.
TEST(Plan, NamesThePropertyAndTheRule) {
  struct Case {
    const char* schema;
    const char* good;
    const char* bad;
    const char* said;
  };
  const Case cases[] = {
      {R"("p":{"type":"number"})", R"({"p":1.5})", R"({"p":"x"})", "p type"},
      {R"("p":{"type":"integer"})", R"({"p":3.0})", R"({"p":3.5})", "p type"},
      {R"("p":{"type":["string","null"]})", R"({"p":null})", R"({"p":1})", "p type"},
      {R"("p":{"minimum":1})", R"({"p":1})", R"({"p":0})", "p minimum"},
      {R"("p":{"maximum":1})", R"({"p":1})", R"({"p":2})", "p maximum"},
      {R"("p":{"exclusiveMinimum":1})", R"({"p":1.1})", R"({"p":1})", "p exclusiveMinimum"},
      {R"("p":{"exclusiveMaximum":1})", R"({"p":0})", R"({"p":1})", "p exclusiveMaximum"},
      {R"("p":{"multipleOf":0.5})", R"({"p":1.5})", R"({"p":1.3})", "p multipleOf"},
      {R"("p":{"multipleOf":2})", R"({"p":4})", R"({"p":3})", "p multipleOf"},
      {R"("p":{"minLength":2})", R"({"p":"äö"})", R"({"p":"ä"})", "p minLength"},
      {R"("p":{"maxLength":2})", R"({"p":"äö"})", R"({"p":"äöü"})", "p maxLength"},
      {R"("p":{"enum":["a",1]})", R"({"p":1})", R"({"p":"b"})", "p enum"},
      {R"("p":{"const":"a"})", R"({"p":"a"})", R"({"p":"b"})", "p const"},
      {R"("p":{"minItems":1})", R"({"p":[1]})", R"({"p":[]})", "p minItems"},
      {R"("p":{"maxItems":1})", R"({"p":[1]})", R"({"p":[1,2]})", "p maxItems"},
      {R"("p":{"minProperties":1})", R"({"p":{"a":1}})", R"({"p":{}})", "p minProperties"},
      {R"("p":{"maxProperties":1})", R"({"p":{"a":1}})", R"({"p":{"a":1,"b":2}})", "p maxProperties"},
      {R"("p":{"items":{"required":["q"]}})", R"({"p":[{"q":1}]})", R"({"p":[{"q":1},{"r":1}]})", "p[1].q required"},
      {R"("p":{"additionalProperties":{"type":"number"}})", R"({"p":{"a":1}})", R"({"p":{"a":"x"}})", "p.a type"},
      {R"("p":{"not":{"type":"string"}})", R"({"p":1})", R"({"p":"x"})", "p not"},
      {R"("p":{"oneOf":[{"type":"string"},{"maxLength":3}]})", R"({"p":1})", R"({"p":"x"})", "p oneOf"},
  };
  for (const Case& one : cases) {
    const auto plan = plan_of(one.schema);
    EXPECT_EQ(said_of(*plan, one.good), "") << one.schema;
    EXPECT_EQ(said_of(*plan, one.bad), one.said) << one.schema;
  }
  const auto closed = plan_of(R"("p":{})", R"(,"required":["p"],"additionalProperties":false)");
  EXPECT_EQ(said_of(*closed, R"({"p":1})"), "");
  EXPECT_EQ(said_of(*closed, "{}"), "p required");
  EXPECT_EQ(said_of(*closed, ""), "p required") << "no properties are none";
  EXPECT_EQ(said_of(*closed, R"({"p":1,"q":2})"), "q additionalProperties");
}

TEST(Plan, OfOneTextThereIsOne) {
  const std::string text = R"({"events":{"E":{"type":"object"}}})";
  auto first = *Plan::compile(text);
  EXPECT_EQ(*Plan::compile(text), first);
  EXPECT_NE(*Plan::compile(R"({"events":{"F":{"type":"object"}}})"), first);
  EXPECT_EQ(Plan::find(text), first);
  first = nullptr;
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(Plan::compile(R"({"events":{"E)" + std::to_string(i) + R"(":{}}})"));
  EXPECT_EQ(Plan::find(text), nullptr) << "nobody has it any more";
  EXPECT_TRUE((*Plan::compile(text))->knows("E"));
}

TEST(Plan, IsFoundByWhatPeopleHaveWritten) {
  const std::string document = R"({"events":{"E":{"description":"bought","required":["n"]}}})";
  const auto plan = *Plan::compile(document, R"({"events":{"E":{"required":["n"]}}})");
  EXPECT_EQ(Plan::find(document), plan);
  EXPECT_EQ(Plan::find(R"({"events":{"E":{"required":["n"]}}})"), nullptr);
  EXPECT_EQ(said_of(*plan, "{}"), "n required");
}

TEST(Plan, KnowsItsEvents) {
  const auto plan = plan_of("");
  EXPECT_TRUE(plan->knows("E"));
  EXPECT_FALSE(plan->knows("e"));
  EXPECT_FALSE(plan->check("other", "{}"));
  for (const char* wrong :
       {"", "[]", "{}", R"({"events":[]})", R"({"events":{"E":{"type":5}}})", R"({"events":{"E":5}})"})
    EXPECT_FALSE(Plan::compile(wrong)) << wrong;
}

// More text than may be compiled at a time, so that what is asked for was dropped meanwhile, again and again; by
// several threads at once.
TEST(Plan, OfManySchemasEachIsThereWhenItIsAskedFor) {
  constexpr int kPlans = 3, kEvents = 20;
  std::vector<std::shared_ptr<const Plan>> plans;
  for (int p = 0; p < kPlans; ++p) {
    std::string events;
    for (int e = 0; e < kEvents; ++e)
      events += (e > 0 ? ",\"E" : "\"E") + std::to_string(e) + R"(":{"description":")" + std::string(200'000, 'x') +
                R"(","properties":{"p":{"type":"number","maximum":)" + std::to_string(p * kEvents + e) + "}}}";
    plans.push_back(*Plan::compile(R"({"events":{)" + events + "}}"));
  }
  std::atomic<int> wrong{0};
  const auto look = [&] {
    for (int i = 0; i < 2 * kPlans * kEvents; ++i) {
      const int p = i % kPlans, e = i / kPlans % kEvents;
      const std::string event = "E" + std::to_string(e);
      const auto said = [&](int value) {
        return plans[static_cast<size_t>(p)]->check(event, R"({"p":)" + std::to_string(value) + "}").has_value();
      };
      if (said(p * kEvents + e) || !said(p * kEvents + e + 1)) ++wrong;
      if (plans[static_cast<size_t>(p)]->type_of(event, "p") != "number") ++wrong;
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) threads.emplace_back(look);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace freshet::model
