#include "http/incoming_body.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace freshet::http {
namespace {

// Whatever the pieces: the body is what came, and its memory stays within a factor of that.
RC_GTEST_PROP(IncomingBodyProperty, IsWhatCame, ()) {
  const auto budget = std::make_shared<BodyBudget>(1u << 30);
  const std::string sent(*rc::gen::inRange<size_t>(1, 200'000), 'x');
  const uint64_t growth = *rc::gen::inRange<uint64_t>(2, 9);
  IncomingBody body(BodyLease(budget), sent.size(), growth);
  RC_ASSERT(budget->taken() == 0u);
  size_t came = 0;
  while (!body.is_whole()) {
    const size_t piece = std::min(sent.size() - came, *rc::gen::inRange<size_t>(1, 20'000));
    for (size_t taken = 0; taken < piece;) {
      RC_ASSERT(body.make_room(piece - taken));
      const size_t count = body.take({sent.data() + came + taken, piece - taken});
      RC_ASSERT(count > 0u);
      taken += count;
    }
    came += piece;
    RC_ASSERT(budget->taken() <= std::max<uint64_t>(4096, growth * came));
  }
  {
    const auto [bytes, lease] = body.release();
    RC_ASSERT(bytes == sent);
    RC_ASSERT(budget->taken() == sent.size());
  }
  RC_ASSERT(budget->taken() == 0u);
}

TEST(IncomingBody, FindsNoRoomWhereTheBudgetHasNone) {
  const auto budget = std::make_shared<BodyBudget>(10'000);
  IncomingBody first(BodyLease(budget), 8'000, 2);
  ASSERT_TRUE(first.make_room());
  IncomingBody second(BodyLease(budget), 8'000, 2);
  ASSERT_TRUE(second.make_room());
  second.filled(4096);
  EXPECT_FALSE(second.make_room());
  first = IncomingBody();
  EXPECT_TRUE(second.make_room());
}

TEST(SharedBodyBudget, WhatAPartTakesIsTakenFromTheWhole) {
  using Taken = BodyBudget::Taken;
  SharedBodyBudget budget(100, 40);
  const auto a = budget.part_of(1), b = budget.part_of(2), c = budget.part_of(3);
  EXPECT_EQ(budget.part_of(1), a);
  EXPECT_EQ(a->take(40), Taken::kYes);
  EXPECT_EQ(a->take(1), Taken::kPartIsFull);
  EXPECT_EQ(b->take(40), Taken::kYes);
  EXPECT_EQ(c->take(21), Taken::kAllIsFull);
  EXPECT_EQ(c->taken(), 0u);
  EXPECT_EQ(c->take(20), Taken::kYes);
  a->give_back(40);
  EXPECT_EQ(c->take(20), Taken::kYes);
}

TEST(SharedBodyBudget, ForgetsWhoHoldsNothing) {
  SharedBodyBudget budget(100, 25);
  for (uint64_t address = 0; address < 10'000; ++address) {
    BodyLease lease(budget.part_of(address));
    ASSERT_TRUE(lease.grow_to(25));
  }
  EXPECT_LT(budget.parts(), 200u);
}

}  // namespace
}  // namespace freshet::http
