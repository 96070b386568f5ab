#include "schema/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "model/plan.h"

namespace freshet::schema {
namespace {

model::Tenant small_tenant() {
  model::Tenant tenant;
  tenant.name = "acme";
  tenant.limits.event_names = 2;
  tenant.limits.event_attributes = 2;
  tenant.limits.user_attributes = 2;
  return tenant;
}

TEST(Registry, DiscoversOnceAndSaysSo) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 7);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Bought", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Bought", Type::kText), Verdict::kKnown);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Bought", "total", Type::kNumber), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Bought", "total", Type::kText), Verdict::kWrongType);
  const auto changes = session->take_discoveries();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[1].subject(), v1::SchemaChange::EVENT_ATTRIBUTE);
  EXPECT_EQ(changes[1].of(), "Bought");
  EXPECT_EQ(changes[1].type(), "number");
  EXPECT_EQ(changes[1].at_us(), 7);
  EXPECT_TRUE(session->take_discoveries().empty());

  const auto later = registry->begin(tenant, 9);
  EXPECT_EQ(later->check(Subject::kEventAttribute, "Bought", "total", Type::kNumber), Verdict::kKnown);
  EXPECT_TRUE(later->take_discoveries().empty());
}

TEST(Registry, LimitsHoldPerSubjectAndPerEvent) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  for (const char* event : {"A", "B"}) {
    EXPECT_EQ(session->check(Subject::kEvent, "", event, Type::kText), Verdict::kDiscovered);
    EXPECT_EQ(session->check(Subject::kEventAttribute, event, "x", Type::kText), Verdict::kDiscovered);
    EXPECT_EQ(session->check(Subject::kEventAttribute, event, "y", Type::kText), Verdict::kDiscovered);
    EXPECT_EQ(session->check(Subject::kEventAttribute, event, "z", Type::kText), Verdict::kOverLimit);
  }
  EXPECT_EQ(session->check(Subject::kEvent, "", "C", Type::kText), Verdict::kOverLimit);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "C", "x", Type::kText), Verdict::kOverLimit);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "b", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "c", Type::kText), Verdict::kOverLimit);
  EXPECT_EQ(session->check(Subject::kDeviceAttribute, "", "c", Type::kText), Verdict::kDiscovered);
}

TEST(Registry, APlanSaysWhichEventsThereAreAndNothingElse) {
  const auto registry = make_registry();
  model::Tenant tenant = small_tenant();
  tenant.strict_schema = true;
  tenant.plan = *model::Plan::compile(R"({"events":{"A":{}}})");
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kEvent, "", "B", Type::kText), Verdict::kUnplanned);
  EXPECT_EQ(session->check(Subject::kEvent, "", "A", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "A", "x", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kText), Verdict::kDiscovered);
  tenant.strict_schema = false;
  EXPECT_EQ(registry->begin(tenant, 1)->check(Subject::kEvent, "", "B", Type::kText), Verdict::kDiscovered);
}

TEST(Registry, StrictKnowsOnlyThePlan) {
  const auto registry = make_registry();
  model::Tenant tenant = small_tenant();
  tenant.strict_schema = true;
  v1::SchemaChange planned;
  planned.set_tenant("acme");
  planned.set_subject(v1::SchemaChange::EVENT_ATTRIBUTE);
  planned.set_of("Bought");
  planned.set_name("total");
  planned.set_type("number");
  registry->apply(planned);
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Bought", Type::kText), Verdict::kKnown);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Bought", "total", Type::kNumber), Verdict::kKnown);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Bought", "total", Type::kList), Verdict::kWrongType);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Bought", "tax", Type::kNumber), Verdict::kUnplanned);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Sold", Type::kText), Verdict::kUnplanned);
  EXPECT_TRUE(session->take_discoveries().empty());
}

TEST(Registry, TheLogDecidesTheType) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  EXPECT_EQ(registry->begin(tenant, 5)->check(Subject::kUserAttribute, "", "age", Type::kText), Verdict::kDiscovered);
  v1::SchemaChange first;
  first.set_tenant("acme");
  first.set_subject(v1::SchemaChange::USER_ATTRIBUTE);
  first.set_name("age");
  first.set_type("number");
  first.set_at_us(3);
  registry->apply(first);
  v1::SchemaChange second = first;
  second.set_type("string");
  registry->apply(second);
  ASSERT_EQ(registry->list("acme").size(), 1u);
  EXPECT_EQ(registry->list("acme")[0].type, "number");
  EXPECT_EQ(registry->list("acme")[0].first_us, 3);
}

TEST(Registry, ForgetsWhatTheLogDidNotTake) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kEvent, "", "A", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "city", Type::kText), Verdict::kDiscovered);
  const auto lost = session->take_discoveries();
  registry->apply(lost[1]);
  registry->forget(lost);
  const auto later = registry->begin(tenant, 2);
  EXPECT_EQ(later->check(Subject::kEvent, "", "A", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(later->check(Subject::kUserAttribute, "", "city", Type::kText), Verdict::kKnown);
}

TEST(Registry, AnUnsetTakesAPlaceAndTheFirstValueDecidesTheType) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kUnknown), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kUnknown), Verdict::kKnown);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "b", Type::kUnknown), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "c", Type::kUnknown), Verdict::kOverLimit);
  const auto unset = session->take_discoveries();
  ASSERT_EQ(unset.size(), 2u);
  EXPECT_EQ(unset[0].type(), "");
  registry->apply(unset[0]);

  const auto later = registry->begin(tenant, 2);
  EXPECT_EQ(later->check(Subject::kUserAttribute, "", "a", Type::kNumber),
            Verdict::kDiscovered);  // full, yet it is known
  EXPECT_EQ(later->check(Subject::kUserAttribute, "", "a", Type::kText), Verdict::kWrongType);
  EXPECT_EQ(later->check(Subject::kUserAttribute, "", "a", Type::kUnknown), Verdict::kKnown);
  const auto typed = later->take_discoveries();
  ASSERT_EQ(typed.size(), 1u);
  EXPECT_EQ(typed[0].type(), "number");
  registry->forget(typed);  // the name stays, because the log has it
  ASSERT_EQ(registry->list("acme").size(), 2u);
  EXPECT_EQ(registry->list("acme")[0].type, "");
  registry->apply(typed[0]);
  registry->apply(unset[0]);
  EXPECT_EQ(registry->list("acme")[0].type, "number");
  EXPECT_EQ(registry->list("acme")[0].first_us, 1);
}

TEST(Registry, AStrictPlanTakesAnyValueOfWhatWasOnlyUnset) {
  const auto registry = make_registry();
  model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kUnknown), Verdict::kDiscovered);
  tenant.strict_schema = true;
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "a", Type::kNumber), Verdict::kKnown);
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "b", Type::kUnknown), Verdict::kUnplanned);
}

TEST(Registry, AnItemThatIsRefusedTeachesNothing) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Good", Type::kText), Verdict::kDiscovered);
  session->keep();
  EXPECT_EQ(session->check(Subject::kEvent, "", "Garbage", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Garbage", "x", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(session->check(Subject::kEventAttribute, "Good", "y", Type::kText), Verdict::kDiscovered);
  session->drop();
  session->drop();
  EXPECT_EQ(registry->list("acme").size(), 1u);
  EXPECT_EQ(session->check(Subject::kEvent, "", "Real", Type::kText), Verdict::kDiscovered);  // there is room
  EXPECT_EQ(session->take_discoveries().size(), 2u);
}

TEST(Registry, WhatWasLearnedByMistakeIsRemovedInTheOrderOfTheLog) {
  const auto registry = make_registry();
  const model::Tenant tenant = small_tenant();
  const auto session = registry->begin(tenant, 1);
  for (const char* event : {"A", "B"}) {
    EXPECT_EQ(session->check(Subject::kEvent, "", event, Type::kText), Verdict::kDiscovered);
    EXPECT_EQ(session->check(Subject::kEventAttribute, event, "x", Type::kText), Verdict::kDiscovered);
  }
  EXPECT_EQ(session->check(Subject::kUserAttribute, "", "junk", Type::kText), Verdict::kDiscovered);
  const v1::SchemaChange no_event = removal_of("acme", {Subject::kEvent, "", "A", "", 0}, 2);
  const v1::SchemaChange no_attribute = removal_of("acme", {Subject::kUserAttribute, "", "junk", "", 0}, 2);
  registry->apply(no_event);  // this node's own record of it comes behind the removal, so it stays
  EXPECT_EQ(registry->list("acme").size(), 5u);
  for (const v1::SchemaChange& change : session->take_discoveries()) registry->apply(change);
  registry->apply(no_event);
  registry->apply(no_attribute);
  registry->apply(no_attribute);
  registry->apply(removal_of("nobody", {Subject::kEventAttribute, "A", "x", "", 0}, 2));
  registry->forget({no_event});
  EXPECT_THAT(registry->list("acme"),
              testing::ElementsAre(testing::Field(&Known::name, "B"), testing::Field(&Known::name, "x")));
  registry->apply(removal_of("acme", {Subject::kEventAttribute, "B", "x", "", 0}, 2));
  EXPECT_EQ(registry->list("acme").size(), 1u);

  const auto later = registry->begin(tenant, 3);
  EXPECT_EQ(later->check(Subject::kEvent, "", "C", Type::kText), Verdict::kDiscovered);
  EXPECT_EQ(later->check(Subject::kUserAttribute, "", "junk", Type::kNumber), Verdict::kDiscovered);
}

// An older version skips it, because it has no subject.
TEST(Registry, ARemovalHasNoSubject) {
  EXPECT_EQ(removal_of("acme", {Subject::kEvent, "", "A", "", 0}, 2).subject(), v1::SchemaChange::SUBJECT_UNSPECIFIED);
}

TEST(Registry, ConcurrentSessionsDiscoverANameOnceAndKeepTheLimit) {
  const auto registry = make_registry();
  model::Tenant tenant = small_tenant();
  tenant.limits.user_attributes = 50;
  std::atomic<size_t> discovered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      const auto session = registry->begin(tenant, 1);
      for (int i = 0; i < 100; ++i)
        (void)session->check(Subject::kUserAttribute, "", "attribute" + std::to_string(i), Type::kText);
      discovered += session->take_discoveries().size();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(discovered, 50u);
  EXPECT_EQ(registry->list("acme").size(), 50u);
}

}  // namespace
}  // namespace freshet::schema
