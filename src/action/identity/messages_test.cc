#include "action/identity/messages.h"

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

// The receiver of a message that is not well formed would stop the process.
TEST(MessageTest, WhatIsMadeIsWellFormed) {
  const v1::EntityRef first = ref_of("a", 0), second = ref_of("b", 1);
  const model::EntityRef survivor = model::from_proto(first), loser = model::from_proto(second);
  v1::EntityRef device = ref_of("d");
  device.set_kind(v1::ENTITY_KIND_DEVICE);
  v1::Envelope record = testing::make_record("m1", {{"user_id", "a"}}, 10, "E");
  record.mutable_other()->set_type("user_id");
  record.add_device()->set_type("device_id");
  v1::IdentifierUse email;
  email.mutable_identifier()->set_type("email");
  const v1::Identifier& identifier = email.identifier();
  const v1::Use& use = email.use();
  const Loop claim = messages::link(survivor, email, 1), repoint = messages::repoint(loser, first, identifier, 1);
  const messages::Refusal refusal{second, first, identifier, "identifier_limit", 1};
  const Loop chunk = messages::absorb(loser, first, {}, {}, true, 1);
  const Loop all[] = {messages::apply(survivor, record, nullptr),
                      messages::erase(survivor, record),
                      messages::unlink_record(survivor, record),
                      messages::enter_device(&survivor, nullptr, v1::Envelope(record)),
                      messages::merge(survivor, record, use),
                      claim,
                      messages::free(survivor, identifier, 1),
                      messages::suppress(survivor, identifier, 1),
                      repoint,
                      messages::confirm(repoint),
                      messages::ask_again(first, identifier, 1),
                      messages::taken(survivor, claim, use, false),
                      messages::turned_down(survivor, claim, "common", true),
                      messages::stays(refusal, true, false),
                      messages::moves(refusal, use),
                      messages::join(loser, survivor, nullptr, use, 1),
                      chunk,
                      messages::absorbed(chunk, survivor),
                      messages::revive(chunk, survivor),
                      messages::erased_too(chunk, survivor),
                      messages::step(survivor, 1),
                      messages::attach(first, device, nullptr, nullptr, 1),
                      messages::detach(first, device, 1),
                      messages::detach_erased(device, first, 1)};
  for (const Loop& m : all) EXPECT_TRUE(is_well_formed(m)) << Loop::Type_Name(m.type());
}

// Its fields tell an entity which of the four kinds of `unlink` it got.
TEST(MessageTest, AnUnlinkSaysOfWhichKindItIs) {
  const v1::EntityRef claimant = ref_of("a"), holder = ref_of("b");
  v1::IdentifierUse used;
  used.mutable_identifier()->set_type("email");
  const Loop claim = messages::link(model::from_proto(claimant), used, 1);
  const messages::Refusal refusal{claimant, holder, used.identifier(), "identifier_limit", 1};
  const auto fields = [](const Loop& m) {
    return std::string(m.has_use() ? "use " : "") + (m.has_ref() ? "ref " : "") + (m.has_other() ? "other" : "");
  };
  EXPECT_EQ(fields(messages::taken(model::from_proto(claimant), claim, used.use(), false)), "use ");
  EXPECT_EQ(fields(messages::turned_down(model::from_proto(claimant), claim, "common", false)), "");
  const Loop stays = messages::stays(refusal, false, true), moves = messages::moves(refusal, used.use());
  EXPECT_EQ(fields(stays), "other");
  EXPECT_EQ(stays.to().id_high(), claimant.id_high());
  EXPECT_TRUE(stays.outranked());
  EXPECT_EQ(fields(moves), "use ref ");
  EXPECT_EQ(moves.to().id_high(), holder.id_high());
}

// What others write into `actions` stops nothing: it is a dead letter, and the profiles stay as they are.
TEST(MessageTest, WhatFreshetHasNotWrittenIsADeadLetter) {
  testing::TestCluster cluster(2, 1);
  cluster.send(testing::make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.run();
  const std::string before = testing::describe(cluster.entities().at(0));
  const uint32_t home = model::partition_of(model::from_proto(ref_of("u1")).id, 2);
  cluster.send_to(home, testing::make_message(message_to(ref_of("never made"), Loop::STEP)));
  cluster.send_to(1 - home, testing::make_message(message_to(ref_of("never made"), Loop::STEP)));
  cluster.send_to(1 - home, testing::make_message(message_to(ref_of("u1"), Loop::STEP)));
  cluster.send_to(home, testing::make_message(message_to(ref_of("u1"), Loop::JOIN)));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 4u);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(cluster.dead_letters().back()));
  EXPECT_EQ(letter.code(), "bad_message");
  EXPECT_EQ(testing::describe(cluster.entities().at(0)), before);
}

}  // namespace
}  // namespace freshet::action
