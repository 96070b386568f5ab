#include "action/identity/message.h"

#include <gtest/gtest.h>

#include <string>

#include "model/home.h"
#include "testing/action/cluster.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;

v1::EntityRef ref_of(const std::string& user, uint32_t rank = 0) {
  v1::Identifier root;
  root.set_type("user_id");
  root.set_value(user);
  v1::EntityRef ref;
  model::to_proto({.id = model::entity_id("t", v1::ENTITY_KIND_USER, root, 0), .rank = rank}, ref);
  return ref;
}

Loop message_to(const v1::EntityRef& to, Loop::Type type) {
  Loop m;
  m.set_type(type);
  *m.mutable_to() = to;
  return m;
}

v1::Envelope envelope_of(const Loop& message) {
  v1::Envelope envelope;
  envelope.set_tenant("t");
  envelope.set_kind(v1::Envelope::LOOP);
  *envelope.mutable_loop() = message;
  return envelope;
}

TEST(MessageTest, ASurvivorRanksBeforeItsLoser) {
  const v1::EntityRef first = ref_of("a", 0), second = ref_of("b", 1);
  Loop join = message_to(second, Loop::JOIN);
  *join.mutable_ref() = first;
  EXPECT_TRUE(is_well_formed(join));
  *join.mutable_ref() = second;
  EXPECT_FALSE(is_well_formed(join)) << "nobody is merged into himself";
  *join.mutable_to() = first;
  EXPECT_FALSE(is_well_formed(join)) << "the redirect would lead to whoever ranks behind";
  join.mutable_to()->set_kind(v1::ENTITY_KIND_DEVICE);
  join.mutable_to()->set_rank(9);
  EXPECT_FALSE(is_well_formed(join)) << "a device is no user";
}

TEST(MessageTest, ATypeHasItsFields) {
  EXPECT_FALSE(is_well_formed(Loop()));
  EXPECT_FALSE(is_well_formed(message_to(ref_of("a"), Loop::LINK)));
  EXPECT_FALSE(is_well_formed(message_to(ref_of("a"), Loop::APPLY)));
  EXPECT_TRUE(is_well_formed(message_to(ref_of("a"), Loop::STEP)));
  Loop link;
  link.set_type(Loop::LINK);
  link.set_kind(v1::ENTITY_KIND_USER);
  link.mutable_identifier()->set_type("email");
  *link.mutable_ref() = ref_of("a");
  EXPECT_TRUE(is_well_formed(link));
  link.set_kind(v1::ENTITY_KIND_DEVICE);
  EXPECT_FALSE(is_well_formed(link)) << "a user does not claim a device's identifier";
}

// What others write into `actions` stops nothing: it is a dead letter, and the profiles stay as they are.
TEST(MessageTest, WhatFreshetHasNotWrittenIsADeadLetter) {
  testing::TestCluster cluster(2, 1);
  cluster.send(testing::make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.run();
  const std::string before = testing::describe(cluster.entities().at(0));
  const uint32_t home = model::partition_of(model::from_proto(ref_of("u1")).id, 2);
  cluster.send_to(home, envelope_of(message_to(ref_of("never made"), Loop::STEP)));
  cluster.send_to(1 - home, envelope_of(message_to(ref_of("never made"), Loop::STEP)));
  cluster.send_to(1 - home, envelope_of(message_to(ref_of("u1"), Loop::STEP)));
  cluster.send_to(home, envelope_of(message_to(ref_of("u1"), Loop::JOIN)));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 4u);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(cluster.dead_letters().back()));
  EXPECT_EQ(letter.code(), "bad_message");
  EXPECT_EQ(testing::describe(cluster.entities().at(0)), before);
}

}  // namespace
}  // namespace freshet::action
