#include "http/seats.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace freshet::http {
namespace {

using boost::asio::ip::make_address;

uint64_t key_of(const char* text) { return address_key(make_address(text)); }

TEST(Seats, AnAddressIsAnAddressOfIpv4OrANetworkOfIpv6) {
  EXPECT_EQ(key_of("10.1.2.3"), key_of("::ffff:10.1.2.3"));
  EXPECT_NE(key_of("10.1.2.3"), key_of("10.1.2.4"));
  EXPECT_EQ(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:2:ffff::9"));
  EXPECT_NE(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:3::1"));
}

TEST(Seats, WhoHasNotProvedItselfForLongestGoesFirst) {
  Seats seats({.seats = 3, .of_an_address = 3, .spare = 2});
  const auto old_and_proved = seats.admit(1, 0, 0).seat;
  const auto young = seats.admit(1, 1, 0).seat;
  const auto older = seats.admit(1, 2, 0).seat;
  old_and_proved->dispensable(1, true);
  young->dispensable(3, false);
  older->dispensable(2, false);
  const auto first = seats.admit(1, 3, 0);
  first.seat->busy();
  EXPECT_EQ(first.evicted, older);
  const auto second = seats.admit(1, 4, 0);
  second.seat->busy();
  EXPECT_EQ(second.evicted, young);
  seats.leave(*older);
  seats.leave(*young);
  EXPECT_EQ(seats.admit(1, 5, 0).evicted, old_and_proved);
}

TEST(Seats, OfOneTickTheFirstGoesFirst) {
  Seats seats({.seats = 3, .of_an_address = 3, .spare = 1});
  const auto first = seats.admit(1, 10, 0).seat;
  const auto second = seats.admit(1, 11, 0).seat;
  const auto third = seats.admit(1, 12, 0).seat;
  for (const auto& seat : {third, second, first}) seat->dispensable(5, false);
  EXPECT_EQ(seats.admit(1, 13, 0).evicted, first);
}

TEST(Seats, TheAddressWithMostMakesRoom) {
  Seats seats({.seats = 5, .of_an_address = 4, .spare = 1});
  const auto other = seats.admit(2, 0, 0).seat;
  other->dispensable(0, false);  // for longer than all others
  for (uint64_t i = 1; i < 5; ++i) seats.admit(1, i, 0).seat->dispensable(i, true);
  const auto admission = seats.admit(3, 9, 0);
  ASSERT_NE(admission.evicted, nullptr);
  EXPECT_EQ(admission.evicted->connection(), 1u);
  EXPECT_FALSE(admission.by_address);
}

TEST(Seats, AnAddressAtItsLimitGivesUpOneOfItsOwn) {
  Seats seats({.seats = 100, .of_an_address = 2, .spare = 1});
  seats.admit(1, 0, 0).seat->dispensable(0, false);
  seats.admit(2, 1, 0).seat->dispensable(1, false);
  seats.admit(2, 2, 0).seat->dispensable(2, false);
  const auto admission = seats.admit(2, 3, 0);
  EXPECT_TRUE(admission.by_address);
  ASSERT_NE(admission.evicted, nullptr);
  EXPECT_EQ(admission.evicted->connection(), 1u);
  EXPECT_EQ(seats.admit(2, 4, 0).seat, nullptr);  // the spare one is taken, and nobody has left yet
}

// In a flood the newcomer waits for those that go, instead of being sent away for them.
TEST(Seats, ItIsCrowdedUntilSomebodyHasGone) {
  Seats seats({.seats = 1, .of_an_address = 1, .spare = 1});
  EXPECT_FALSE(seats.is_crowded(1));
  const auto first = seats.admit(1, 0, 0).seat;
  EXPECT_FALSE(seats.is_crowded(1)) << "there is the spare place";
  EXPECT_EQ(seats.admit(1, 1, 0).evicted, first);
  EXPECT_TRUE(seats.is_crowded(1));
  EXPECT_TRUE(seats.is_crowded(2)) << "all places are taken";
  seats.leave(*first);
  EXPECT_FALSE(seats.is_crowded(1));
}

TEST(Seats, WhoIsWorkedOnStays) {
  Seats seats({.seats = 1, .of_an_address = 1, .spare = 2});
  const auto seat = seats.admit(1, 0, 0).seat;
  seat->busy();
  const auto refused = seats.admit(1, 1, 0);
  EXPECT_TRUE(refused.is_refused);
  EXPECT_EQ(refused.evicted, nullptr);
  ASSERT_NE(refused.seat, nullptr);  // so that it can be told
  seats.leave(*refused.seat);
  seat->dispensable(7, true);
  const auto newcomer = seats.admit(1, 2, 0);
  EXPECT_EQ(newcomer.evicted, seat);
  newcomer.seat->busy();
  seat->busy();  // between the choice and its end
  seats.stays(*seat);
  EXPECT_TRUE(seats.admit(1, 3, 0).is_refused);
  seat->dispensable(8, true);
}

TEST(Seats, AFloodPushesOutItself) {
  Seats seats({.seats = 8, .of_an_address = 8, .spare = 4});
  const auto good = seats.admit(1, 0, 0).seat;
  good->dispensable(0, true);
  for (uint64_t id = 1; id < 100; ++id) EXPECT_NE(seats.admit(1, id, 0).evicted, good) << id;  // none has left yet
}

// Whatever comes and goes: the bounds hold, and who is evicted is of those that are there.
RC_GTEST_PROP(SeatsProperty, BoundsHold, ()) {
  const Seats::Limits limits{.seats = 8, .of_an_address = 4, .spare = 3};
  Seats seats(limits);
  std::map<uint64_t, std::shared_ptr<Seat>> there;
  std::map<uint64_t, size_t> of_address;
  const auto leave = [&](uint64_t id, uint64_t address) {
    seats.leave(*there.at(id));
    there.erase(id);
    --of_address[address];
  };
  std::map<uint64_t, uint64_t> address_of;
  for (uint64_t id = 0; id < 200; ++id) {
    const uint64_t address = *rc::gen::inRange<uint64_t>(0, 5);
    const auto admission = seats.admit(address, id, 0);
    if (admission.evicted) {
      RC_ASSERT(there.contains(admission.evicted->connection()));
      if (*rc::gen::arbitrary<bool>())
        leave(admission.evicted->connection(), address_of.at(admission.evicted->connection()));
    }
    if (admission.seat) {
      there.emplace(id, admission.seat);
      address_of[id] = address;
      ++of_address[address];
      if (*rc::gen::arbitrary<bool>()) admission.seat->dispensable(id, *rc::gen::arbitrary<bool>());
    }
    RC_ASSERT(seats.taken() == there.size());
    RC_ASSERT(there.size() <= limits.seats + limits.spare);
    RC_ASSERT(of_address[address] <= limits.of_an_address + limits.spare);
    if (!there.empty() && *rc::gen::inRange(0, 3) == 0)
      leave(there.begin()->first, address_of.at(there.begin()->first));
  }
}

}  // namespace
}  // namespace freshet::http
