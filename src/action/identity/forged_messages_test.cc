// Whoever may write into `actions` may forge what partitions say to one another. Nothing of that may end the process:
// it is a dead letter, or does what an honest message of that kind would.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "action/identity/messages.h"
#include "model/home.h"
#include "testing/action/random_records.h"
#include "testing/mutate_message.h"

namespace freshet::action {
namespace {

using namespace testing;  // NOLINT: TestCluster and its records
using Loop = v1::Loop;

std::vector<v1::Envelope> messages_in(const TestCluster& cluster) {
  std::vector<v1::Envelope> out;
  for (uint32_t p = 0; p < cluster.partitions(); ++p)
    for (const std::string& bytes : cluster.log(p)) {
      v1::Envelope envelope;  // A forged one may have text that is none.
      if (envelope.ParseFromString(bytes) && envelope.kind() == v1::Envelope::LOOP) out.push_back(std::move(envelope));
    }
  return out;
}

// Valid messages, changed here and there, come between and behind honest ones.
RC_GTEST_PROP(ForgedMessages, EndNoProcess, (uint64_t seed)) {
  std::mt19937_64 rng(seed);
  const auto partitions = static_cast<uint32_t>(1 + rng() % 3);
  TestCluster cluster(partitions, seed, contended_tenant(seed), {.chunk_bytes = 300, .bytes = 2'000, .messages = 5});
  int k = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 6; ++i, ++k) {
      const v1::Envelope record = on_some_device(random_record(rng, k, true), rng);
      cluster.send(record);
      if (const auto command = random_command(rng, k, record)) cluster.send(*command);
    }
    // Some of them meet what is half done.
    cluster.run(0, 4, rng() % 2 == 0 ? 12 : kEnoughSteps);
    std::vector<v1::Envelope> messages = messages_in(cluster);
    std::vector<const google::protobuf::Message*> donors;
    for (const v1::Envelope& one : messages) donors.push_back(&one);
    freshet::testing::MessageMutator mutator(rng, donors);
    for (int i = 0; !messages.empty() && i < 12; ++i) {
      v1::Envelope forged = messages[rng() % messages.size()];
      for (uint64_t changes = rng() % 4; changes > 0; --changes) mutator.mutate(*forged.mutable_loop());
      if (is_of_newer_version(forged.loop())) continue;  // That stops the partition.
      const Loop& m = forged.loop();
      const bool is_addressed = m.has_to() || m.has_identifier();
      const uint32_t target = is_addressed ? target_of(m, forged.tenant(), partitions) : 0;
      cluster.send_to(rng() % 8 == 0 ? static_cast<uint32_t>(rng() % partitions) : target, forged);
    }
    cluster.run(0, 4, kEnoughSteps);
  }
}

// An alias that leads to nobody: the next record of the identifier must not be lost without a word.
TEST(ForgedMessages, AClaimOfNobodyCostsNoRecord) {
  TestCluster cluster(2, 1);
  v1::IdentifierUse email;
  email.mutable_identifier()->set_type("email");
  email.mutable_identifier()->set_value("a@b.c");
  const uint32_t home = model::home_of("t", v1::ENTITY_KIND_USER, email.identifier(), 2);
  model::EntityRef nobody;
  for (uint8_t i = 0; model::partition_of(nobody.id, 2) == home; ++i) nobody.id.bytes[15] = i;
  cluster.send_to(home, make_message(messages::link(nobody, email, 1)));
  cluster.run();
  EXPECT_TRUE(cluster.dead_letters().empty()) << "who lives elsewhere is not known here";
  cluster.send(make_record("m1", {{"email", "a@b.c"}}, 10, "E"));
  cluster.run();
  ASSERT_EQ(cluster.dead_letters().size(), 1u);
  v1::DeadLetter letter;
  ASSERT_TRUE(letter.ParseFromString(cluster.dead_letters()[0]));
  EXPECT_EQ(letter.code(), "bad_message");
  // Who would live here does not: that is refused at once.
  email.mutable_identifier()->set_value("d@e.f");
  const uint32_t other = model::home_of("t", v1::ENTITY_KIND_USER, email.identifier(), 2);
  for (uint8_t i = 0; model::partition_of(nobody.id, 2) != other; ++i) nobody.id.bytes[15] = i;
  cluster.send_to(other, make_message(messages::link(nobody, email, 1)));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 2u);
}

TEST(ForgedMessages, AnswersAndStepsThatNobodyWaitsForAreDeadLetters) {
  TestCluster cluster(1, 1);
  cluster.send(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.run();
  const std::string before = describe(cluster.entities().at(0));
  const model::EntityRef u1 = model::from_proto(cluster.entities().at(0).ref());
  Loop chunk;
  *chunk.mutable_ref() = cluster.entities().at(0).ref();
  for (const Loop& m : {messages::step(u1, 1), messages::revive(chunk, u1), messages::erased_too(chunk, u1)})
    cluster.send_to(0, make_message(m));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 3u);
  EXPECT_EQ(describe(cluster.entities().at(0)), before);
}

// ---- nobody is leaving for good -----------------------------------------------------------------------------------

bool is_somebody_leaving(TestCluster& cluster) {
  const std::vector<v1::EntityState> all = cluster.entities();
  return std::any_of(all.begin(), all.end(),
                     [](const v1::EntityState& e) { return e.status() == v1::EntityState::LEAVING; });
}

// Who survives and who leaves, of two persons whom an explicit merge makes one.
struct Pair {
  v1::EntityState survivor, loser;
};
Pair make_pair_of_persons(TestCluster& cluster) {
  for (const char* const user : {"u1", "u2"})
    for (int i = 0; i < 6; ++i) {
      const std::string event = "E" + std::to_string(i);
      cluster.send(make_record(user + event, {{"user_id", user}}, 10, event));
    }
  cluster.run();
  std::vector<v1::EntityState> both = live(cluster);
  if (!model::survives(model::from_proto(both[0].ref()), model::from_proto(both[1].ref()))) std::swap(both[0], both[1]);
  return {both[0], both[1]};
}

// As the loser of a departure that never was would send it.
Loop forged_chunk(const Pair& pair, bool tells_who) {
  v1::EntityState chunk;
  if (tells_who) *chunk.mutable_ref() = pair.loser.ref();
  return messages::absorb(model::from_proto(pair.loser.ref()), pair.survivor.ref(), {}, std::move(chunk), true, 1);
}

// A join names somebody with a rank that is not his, or nobody: the loser believes it, as it knows nothing of those who
// live elsewhere.
TEST(ForgedMessages, ALoserThatNobodyTakesInLivesOn) {
  for (const bool is_known : {true, false}) {
    TestCluster cluster(2, 1, model::default_tenant("t"), {.chunk_bytes = 40, .bytes = 2'000, .messages = 5});
    const v1::Envelope first = make_record("m1", {{"email", "a@b.c"}}, 10, "E");
    const uint32_t here = model::home_of("t", v1::ENTITY_KIND_USER, first.user(0), 2);
    cluster.send(first);
    cluster.run();
    const model::EntityRef loser = model::from_proto(cluster.entities().at(0).ref());
    v1::Identifier elsewhere;
    elsewhere.set_type("anonymous_id");
    for (int i = 0; elsewhere.value().empty() || model::home_of("t", v1::ENTITY_KIND_USER, elsewhere, 2) == here; ++i)
      elsewhere.set_value("a" + std::to_string(i));
    if (is_known) cluster.send(make_record("m2", {{elsewhere.type(), elsewhere.value()}}, 10, "E"));
    const model::EntityRef survivor{.id = model::entity_id("t", v1::ENTITY_KIND_USER, elsewhere, 0), .rank = 0};
    cluster.send_to(here, make_message(messages::join(loser, survivor, nullptr, {}, 1)));
    cluster.send(make_record("m3", {{"email", "a@b.c"}}, 11, "E"));
    cluster.run();
    EXPECT_FALSE(is_somebody_leaving(cluster));
    const auto lives = owner_of(cluster, "email", "a@b.c");
    ASSERT_TRUE(lives.has_value());
    EXPECT_EQ(lives->messages(), 2u) << "what was held meanwhile counts";
    EXPECT_FALSE(cluster.dead_letters().empty());
    for (const std::string& bytes : cluster.dead_letters()) {
      v1::DeadLetter letter;
      ASSERT_TRUE(letter.ParseFromString(bytes));
      EXPECT_EQ(letter.code(), "bad_message");
    }
  }
}

// A survivor that was told before that it has the loser already does not take it in twice.
TEST(ForgedMessages, ALoserThatIsListedAsMergedLivesOn) {
  TestCluster cluster(2, 1);
  const Pair pair = make_pair_of_persons(cluster);
  const uint32_t there = model::partition_of(model::from_proto(pair.survivor.ref()).id, 2);
  cluster.send_to(there, make_message(forged_chunk(pair, true)));
  cluster.run();
  cluster.send(make_merge("m1", "u1", "u2", 20));
  cluster.run();
  EXPECT_FALSE(is_somebody_leaving(cluster));
  EXPECT_EQ(messages_of(cluster), 12u);
}

// It ends a departure that is under way before all of it has come.
TEST(ForgedMessages, AChunkTooManyLeavesNobodyWaiting) {
  for (size_t steps = 0; steps < 40; ++steps) {
    for (const bool tells_who : {true, false}) {
      TestCluster cluster(2, 1, model::default_tenant("t"), {.chunk_bytes = 40, .bytes = 2'000, .messages = 5});
      const Pair pair = make_pair_of_persons(cluster);
      const uint32_t there = model::partition_of(model::from_proto(pair.survivor.ref()).id, 2);
      cluster.send(make_merge("m1", "u1", "u2", 20));
      cluster.run(0, 1, steps);
      cluster.send_to(there, make_message(forged_chunk(pair, tells_who)));
      cluster.run();
      EXPECT_FALSE(is_somebody_leaving(cluster)) << steps << tells_who;
    }
  }
}

// An alias leads to somebody who has never listed the identifier, and the next one to claim it would be sent from home
// to holder and back for ever.
TEST(ForgedMessages, AClaimInTheNameOfAnotherEndsWithTheNextOne) {
  for (const uint32_t partitions : {1u, 2u, 5u}) {
    for (const bool merged : {false, true}) {
      TestCluster cluster(partitions, 1);
      cluster.send(make_record("m1", {{"email", "a@b.c"}}, 10, "E"));
      cluster.run();
      const model::EntityRef forged = model::from_proto(cluster.entities().at(0).ref());
      if (merged) cluster.send(make_record("m2", {{"user_id", "u2"}, {"email", "a@b.c"}}, 11, "E"));
      cluster.run();
      v1::IdentifierUse phone;
      phone.mutable_identifier()->set_type("phone");
      phone.mutable_identifier()->set_value("+919876543210");
      const uint32_t home = model::home_of("t", v1::ENTITY_KIND_USER, phone.identifier(), partitions);
      cluster.send_to(home, make_message(messages::link(forged, phone, 1)));
      cluster.run();
      cluster.send(make_record("m3", {{"user_id", "u1"}, {"phone", "+919876543210"}}, 12, "E"));
      cluster.run(0, 4, kEnoughSteps);
      EXPECT_TRUE(cluster.is_drained()) << partitions << merged;
      const auto owner = owner_of(cluster, "phone", "+919876543210");
      ASSERT_TRUE(owner.has_value());
      EXPECT_TRUE(lists(*owner, "user_id", "u1"));
      check_end(cluster);
    }
  }
}

// What is made of a record has it inside. Were that too deep to be read, the loser's state would not arrive.
TEST(ForgedMessages, ARecordThatIsNestedTooDeepIsADeadLetter) {
  TestCluster cluster(5, 1);
  make_pair_of_persons(cluster);
  for (const char* const user : {"u1", "u2"})
    for (const int levels : {32, 49}) {
      v1::Envelope record = make_record(user + std::to_string(levels), {{"user_id", user}}, 20);
      v1::AttributeOp& op = *record.add_attributes();
      op.set_type(v1::AttributeOp::SET);
      op.set_name("deep" + std::to_string(levels));
      v1::Value* value = op.mutable_value();
      for (int i = 0; i < levels; ++i) value = value->mutable_list()->add_values();
      value->set_text("x");
      cluster.send(record);
    }
  cluster.send(make_merge("m1", "u1", "u2", 30));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 2u);
  EXPECT_FALSE(is_somebody_leaving(cluster));
  ASSERT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(live(cluster)[0].attributes_size(), 1);
}

// A transaction with a record that its topic does not take would fail after every restart.
TEST(ForgedMessages, WhatNoTopicTakesIsADeadLetter) {
  TestCluster cluster(1, 1);
  const auto send = [&](const std::string& name, size_t bytes) {
    v1::Envelope record = make_record(name, {{"user_id", "u1"}}, 10);
    set_attribute(record, name, std::string(bytes, 'x'));
    cluster.send(record);
  };
  send("huge", 9u << 20);
  for (const char* const name : {"a", "b", "c"}) send(name, 6u << 20);
  cluster.run();
  cluster.send_to(0, republish_record(20, 0));  // The profile whole has 18 MiB.
  send("later", 1);
  cluster.run();
  ASSERT_EQ(cluster.dead_letters().size(), 2u);
  for (const std::string& bytes : cluster.dead_letters()) {
    v1::DeadLetter letter;
    ASSERT_TRUE(letter.ParseFromString(bytes));
    EXPECT_EQ(letter.code(), "too_large");
    EXPECT_GT(letter.cut_bytes(), 9u << 20);
    EXPECT_LT(letter.body().size(), 64u << 10);
  }
  EXPECT_EQ(cluster.counted_letters(), 2u);
  ASSERT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(live(cluster)[0].attributes_size(), 4);
}

// ---- rules --------------------------------------------------------------------------------------------------------

// Rules that are none are refused, and the line goes on.
TEST(ForgedMessages, RulesThatCantBeAreDeadLetters) {
  TestCluster cluster(1, 1);
  v1::Envelope control = control_record({model::default_tenant("t")}, 1, "short", 1);
  control.mutable_control()->set_revision(100);
  cluster.send_to(0, control);
  control = control_record({model::default_tenant("z"), model::default_tenant("t")}, 1, "0123456789abcdef", 1);
  control.mutable_control()->set_changes_only(false);
  control.mutable_control()->set_revision(101);
  cluster.send_to(0, control);
  cluster.send(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 2u);
  EXPECT_EQ(cluster.entities().size(), 1u);
}

// What no version will ever say stops no partition.
TEST(ForgedMessages, WhatNoVersionCanHaveWrittenIsADeadLetter) {
  TestCluster cluster(1, 1);
  cluster.send_to(0, make_message({}));
  Loop beyond;
  beyond.set_type(static_cast<Loop::Type>(INT32_MAX));
  cluster.send_to(0, make_message(beyond));
  v1::Envelope control = control_record({}, 1, "0123456789abcdef", 1);
  control.mutable_control()->set_revision(100);
  control.mutable_control()->set_logic_version(UINT32_MAX);
  cluster.send_to(0, control);
  cluster.send(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 3u);
  EXPECT_EQ(cluster.entities().size(), 1u);
}

// Under another key no alias would be found, and who is known would be made a second time, under an id that is taken.
TEST(ForgedMessages, TheKeyOfAliasesNeverChanges) {
  TestCluster cluster(1, 1);
  cluster.send(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  const model::Tenant tenant = model::default_tenant("t");
  for (const bool changes_only : {false, true}) {
    for (const char* const key : {"fedcba9876543210", ""}) {
      v1::Envelope control = control_record({tenant}, 1, key, 1);
      control.mutable_control()->set_changes_only(changes_only);
      control.mutable_control()->set_revision(100);
      cluster.send_to(0, control);
    }
  }
  cluster.send(make_record("m2", {{"user_id", "u1"}}, 11, "E"));
  cluster.run();
  EXPECT_EQ(cluster.dead_letters().size(), 3u) << "a change of tenants alone needs no key";
  EXPECT_EQ(messages_of(cluster), 2u);
  EXPECT_EQ(cluster.entities().size(), 1u);
}

}  // namespace
}  // namespace freshet::action
