// Names whose types are widened: what the log says, every node says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>

#include "model/plan.h"
#include "schema/registry.h"

namespace freshet::schema {
namespace {

model::Tenant widening_tenant() {
  model::Tenant tenant;
  tenant.name = "acme";
  tenant.conflicts = model::TypeConflicts::kWiden;
  return tenant;
}

Verdict check_age(Registry::Session& session, Type type) {
  return session.check(Subject::kUserAttribute, "", "age", type);
}

std::string type_of_age(Registry& registry) {
  const std::vector<Known> known = registry.list("acme");
  return known.empty() ? "none" : known[0].type;
}

TEST(Widening, TheFirstOfAnotherTypeWidensAndTheLogHearsOfIt) {
  const auto registry = make_registry();
  const model::Tenant tenant = widening_tenant();
  const auto session = registry->begin(tenant, 5);
  EXPECT_EQ(check_age(*session, Type::kNumber), Verdict::kDiscovered);
  EXPECT_EQ(check_age(*session, Type::kText), Verdict::kWidened);
  EXPECT_EQ(session->expected().type, Type::kText);
  EXPECT_EQ(check_age(*session, Type::kNumber), Verdict::kWrongType) << "it is to be written as text";
  EXPECT_EQ(session->expected().type, Type::kText);
  EXPECT_EQ(check_age(*session, Type::kObject), Verdict::kWrongType) << "nothing holds both";
  EXPECT_EQ(session->expected().type, Type::kText);
  EXPECT_EQ(check_age(*session, Type::kText), Verdict::kKnown);
  const auto changes = session->take_discoveries();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_FALSE(changes[0].widens());
  EXPECT_TRUE(changes[1].widens());
  EXPECT_EQ(changes[1].type(), "string");

  const auto other = make_registry();
  for (const v1::SchemaChange& change : changes) other->apply(change);
  EXPECT_EQ(type_of_age(*other), "string");
  EXPECT_EQ(other->list("acme")[0].first_us, 5);
}

TEST(Widening, ToNoTypeSettlesNone) {
  const auto registry = make_registry();
  v1::SchemaChange change;
  change.set_tenant("acme");
  change.set_subject(v1::SchemaChange::USER_ATTRIBUTE);
  change.set_name("age");
  change.set_widens(true);
  registry->apply(change);
  const model::Tenant tenant = widening_tenant();
  EXPECT_EQ(check_age(*registry->begin(tenant, 5), Type::kNumber), Verdict::kDiscovered);
}

TEST(Widening, WhatTheLogDidNotTakeIsNarrowAgain) {
  const auto registry = make_registry();
  const model::Tenant tenant = widening_tenant();
  const auto session = registry->begin(tenant, 5);
  EXPECT_EQ(check_age(*session, Type::kNumber), Verdict::kDiscovered);
  for (const v1::SchemaChange& change : session->take_discoveries()) registry->apply(change);
  EXPECT_EQ(check_age(*session, Type::kText), Verdict::kWidened);
  session->drop();
  EXPECT_EQ(type_of_age(*registry), "number") << "a rejected item widens nothing";
  EXPECT_EQ(check_age(*session, Type::kText), Verdict::kWidened);
  registry->forget(session->take_discoveries());
  EXPECT_EQ(type_of_age(*registry), "number");
}

TEST(Widening, OnlyWhereItIsWantedAndNamesAreLearned) {
  for (const auto conflicts :
       {model::TypeConflicts::kKeep, model::TypeConflicts::kCoerce, model::TypeConflicts::kRefuse}) {
    const auto registry = make_registry();
    model::Tenant tenant = widening_tenant();
    tenant.conflicts = conflicts;
    const auto session = registry->begin(tenant, 5);
    EXPECT_EQ(check_age(*session, Type::kNumber), Verdict::kDiscovered);
    EXPECT_EQ(check_age(*session, Type::kText), Verdict::kWrongType);
    EXPECT_EQ(session->expected().type, Type::kNumber);
    tenant.conflicts = model::TypeConflicts::kWiden;
    tenant.strict_schema = true;
    EXPECT_EQ(check_age(*registry->begin(tenant, 6), Type::kText), Verdict::kWrongType);
    EXPECT_EQ(type_of_age(*registry), "number");
  }
}

// Whatever nodes widen for themselves, and however late they hear of one another: what the log has decides.
RC_GTEST_PROP(Widening, NodesThatHaveReadTheSameLogKnowTheSameTypes, ()) {
  const model::Tenant tenant = widening_tenant();
  const std::array<std::unique_ptr<Registry>, 3> nodes = {make_registry(), make_registry(), make_registry()};
  std::vector<v1::SchemaChange> log;
  std::array<size_t, 3> read{};
  const auto read_on = [&](size_t node) { nodes[node]->apply(log[read[node]++]); };
  for (int step = 0; step < 40; ++step) {
    const auto node = *rc::gen::inRange<size_t>(0, nodes.size());
    if (*rc::gen::inRange(0, 2) == 0 && read[node] < log.size()) {
      read_on(node);
      continue;
    }
    const auto session = nodes[node]->begin(tenant, step + 1);
    (void)check_age(*session, static_cast<Type>(*rc::gen::inRange(0, 7)));
    const auto changes = session->take_discoveries();
    if (*rc::gen::inRange(0, 4) == 0) {
      nodes[node]->forget(changes);
    } else {
      log.insert(log.end(), changes.begin(), changes.end());
      if (*rc::gen::inRange(0, 8) == 0 && !log.empty())
        log.push_back(removal_of("acme", {Subject::kUserAttribute, "", "age", "", 0}, step));
    }
  }
  for (size_t node = 0; node < nodes.size(); ++node)
    while (read[node] < log.size()) read_on(node);
  const auto late = make_registry();
  for (const v1::SchemaChange& change : log) late->apply(change);
  for (const auto& node : nodes) RC_ASSERT(type_of_age(*node) == type_of_age(*late));
}

TEST(Widening, WhatAPlanSaysOfAPropertyIsLearnedAndNeverWidened) {
  const auto registry = make_registry();
  model::Tenant tenant = widening_tenant();
  tenant.plan = *model::Plan::compile(
      R"({"events":{"E":{"properties":{"n":{"type":["integer","null"]},"l":{"type":"array"},"any":{"minimum":1},
          "two":{"type":["string","number"]}}}}})");
  const auto session = registry->begin(tenant, 1);
  const auto check = [&](std::string_view name, Type type) {
    return session->check(Subject::kEventAttribute, "E", name, type);
  };
  EXPECT_EQ(session->check(Subject::kEvent, "", "E", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(check("n", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(check("n", Type::kText), Verdict::kKnown) << "the plan tells what is wrong with it";
  EXPECT_EQ(check("l", Type::kList), Verdict::kDiscovered);
  EXPECT_EQ(check("two", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(check("two", Type::kNumber), Verdict::kWrongType) << "several types are none";
  EXPECT_EQ(check("any", Type::kNumber), Verdict::kDiscovered);
  EXPECT_EQ(check("any", Type::kText), Verdict::kWidened);
  EXPECT_EQ(registry->list("acme")[1].type, "string");
  tenant.conflicts = model::TypeConflicts::kCoerce;
  EXPECT_EQ(check("n", Type::kText), Verdict::kWrongType);
  EXPECT_EQ(session->expected().type, Type::kNumber);
  EXPECT_TRUE(session->expected().by_plan);
  EXPECT_EQ(check("n", Type::kNumber), Verdict::kKnown);
}

}  // namespace
}  // namespace freshet::schema
