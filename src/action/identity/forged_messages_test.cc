// Whoever may write into `actions` may forge what partitions say to one another. Nothing of that may end the process:
// it is a dead letter, or does what an honest message of that kind would.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>
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

// A type that is not known stops the partition, as it may be a newer version's.
bool is_of_known_type(const v1::Envelope& e) {
  return Loop::Type_IsValid(e.loop().type()) && e.loop().type() != Loop::TYPE_UNSPECIFIED;
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
      if (!is_of_known_type(forged)) continue;
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

}  // namespace
}  // namespace freshet::action
