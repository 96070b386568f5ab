// Plans of moves, and a second simulation of disks that knows nothing of the first.
#include "fleet/rebalance/plan.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "fleet/rebalance/racks.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr double kGB = 1e9;

State cluster_of(int32_t brokers, double dir_bytes, uint32_t dirs = 1) {
  State state;
  for (int32_t id = 1; id <= brokers; ++id) {
    Broker& broker = state.brokers.emplace_back();
    broker.id = id;
    for (uint32_t d = 0; d < dirs; ++d) broker.dirs.push_back({fmt::format("/d{}", d), dir_bytes, 0, true});
  }
  return state;
}

Partition& add_partition(State& state, const std::string& topic, std::vector<Place> places, double bytes,
                         double in_bytes_per_s = 0) {
  Partition& partition = state.partitions.emplace_back();
  partition.topic = topic;
  for (const Partition& other : state.partitions)
    partition.index += other.topic == topic && &other != &partition ? 1 : 0;
  partition.leader = places.at(0).broker;
  partition.in_bytes_per_s = in_bytes_per_s;
  for (const Place place : places) {
    partition.replicas.push_back({place, bytes});
    for (Broker& broker : state.brokers)
      if (broker.id == place.broker) broker.dirs.at(place.dir).used_bytes += bytes;
  }
  return partition;
}

// Steps through a plan in small steps of time, partition by partition; copies take a random part of their wave's time.
// What is over its limit first, as a text.
std::string simulate(const State& state, const Plan& plan, const Limits& limits, double speed = 1) {
  struct Part {
    size_t partition;
    Place place;
    double begin, end, gone;  // copied from begin to end; deleted at end of another's copy; gone
    bool grows_after_end;
  };
  std::vector<Part> parts;
  std::map<Place, double> foreign;
  std::set<Place> takes, touched;
  constexpr double kForEver = 1e18;
  for (const Broker& broker : state.brokers)
    for (uint32_t d = 0; d < broker.dirs.size(); ++d) foreign[{broker.id, d}] = broker.dirs[d].used_bytes;
  std::map<std::pair<size_t, Place>, double> leaves;
  for (const Wave& wave : plan.waves) {
    for (const Move& move : wave.moves) {
      const double end = wave.begin_s + wave.duration_s * speed;
      leaves[{move.partition, move.from}] = end;
      parts.push_back({move.partition, move.to, wave.begin_s, end, kForEver, true});
      takes.insert(move.to);
      touched.insert(move.to);
      touched.insert(move.from);
    }
  }
  for (size_t p = 0; p < state.partitions.size(); ++p) {
    for (const Replica& replica : state.partitions[p].replicas) {
      foreign.at(replica.place) -= replica.bytes;
      const auto at = leaves.find({p, replica.place});
      const double left = at == leaves.end() ? kForEver : at->second;
      parts.push_back({p, replica.place, -1, left,
                       left == kForEver ? left : left + state.find(replica.place.broker)->delete_delay_s, false});
    }
  }
  const double last = plan.duration_s + 1;
  for (double t = 0; t <= last; t += last / 2000) {
    std::map<Place, double> used = foreign;
    for (const Part& part : parts) {
      const Partition& of = state.partitions[part.partition];
      if (t < part.begin || t >= part.gone) continue;
      const double whole = of.bytes_at(part.grows_after_end ? t : std::min(t, part.end));
      const double share =
          part.begin < 0 || t >= part.end ? 1 : (t - part.begin) / std::max(1e-9, part.end - part.begin);
      used.at(part.place) += whole * share;
    }
    for (const Place place : touched) {
      const double total = state.dir_of(place).total_bytes;
      const double most = takes.contains(place) ? total * (1 - limits.reserve_share) : total;
      if (used.at(place) > most * (1 + 1e-9))
        return fmt::format("broker {} dir {} at {} s: {} of {}", place.broker, place.dir, t, used.at(place), most);
    }
  }
  return "";
}

// 12 partitions without copies, four on each of brokers 1 to 3, shall be two on each of six: two of those that each of
// the first three ends with come from another one.
struct Twelve {
  State state;
  Target target;
};
Twelve twelve(double dir_bytes) {
  Twelve out{cluster_of(6, dir_bytes), {}};
  for (Broker& broker : out.state.brokers) broker.delete_delay_s = 300;
  for (int32_t i = 0; i < 12; ++i) add_partition(out.state, "clicks", {{1 + i / 4, 0}}, 10 * kGB);
  const std::map<int32_t, std::vector<int32_t>> wanted = {{1, {4, 8}}, {2, {0, 9}}, {3, {1, 5}},
                                                          {4, {2, 3}}, {5, {6, 7}}, {6, {10, 11}}};
  std::vector<Wanted> all;
  for (const auto& [broker, partitions] : wanted)
    for (const int32_t partition : partitions) all.push_back({"clicks", partition, {broker}});
  out.target = target_from(out.state, all).value();
  return out;
}

Limits without_reserve() {
  Limits limits;
  limits.reserve_share = 0;
  limits.delete_slack_s = 0;
  limits.topic_share = 1;
  return limits;
}

TEST(Moves, TwelvePartitionsWithRoomForFive) {
  const Twelve of = twelve(50 * kGB);
  const auto moves = moves_of(of.state, of.target);
  EXPECT_EQ(moves.size(), 12u);
  // All at once a broker would have its four and two new ones.
  const auto naive = plan_at_once(of.state, moves, without_reserve());
  ASSERT_FALSE(naive.has_value());
  EXPECT_EQ(naive.error().code, Code::kConflict);
  EXPECT_THAT(naive.error().message, testing::AllOf(testing::HasSubstr("/d0 of broker 2 would have 60.0 GB"),
                                                    testing::HasSubstr("10.0 GB over the 50.0 GB that it may have")));
  // In stages it fits: what is deleted has to go before the next one comes.
  const auto staged = plan_waves(of.state, moves, without_reserve());
  ASSERT_TRUE(staged.has_value()) << staged.error().message;
  EXPECT_GT(staged->waves.size(), 1u);
  EXPECT_EQ(simulate(of.state, *staged, without_reserve()), "");
  EXPECT_DOUBLE_EQ(staged->network_bytes, 120 * kGB);
  for (const DirPeak& peak : staged->peaks) EXPECT_LE(peak.used_bytes, 50 * kGB);
  // With room for six at once is right, and for four nothing is.
  EXPECT_TRUE(plan_at_once(twelve(60 * kGB).state, moves, without_reserve()).has_value());
  const auto simulated = plan_at_once(twelve(60 * kGB).state, moves, without_reserve());
  EXPECT_EQ(simulated->waves.size(), 1u);
  EXPECT_NE(simulate(of.state, *simulated, without_reserve()), "");  // the second simulation sees it as well
}

TEST(Moves, WhatHasNoRoomIsRefusedWithTheProof) {
  // Two full brokers that should swap.
  State state = cluster_of(2, 10 * kGB);
  add_partition(state, "a", {{1, 0}}, 8 * kGB);
  add_partition(state, "b", {{2, 0}}, 8 * kGB);
  const auto target = target_from(state, {{"a", 0, {2}}, {"b", 0, {1}}});
  ASSERT_TRUE(target.has_value());
  const auto plan = plan_waves(state, moves_of(state, *target), {});
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, testing::HasSubstr("would have 16.0 GB at second"));
  EXPECT_THAT(plan.error().message, testing::HasSubstr("7.0 GB over the 9.0 GB"));
}

// A broker that is down is not in the state, and what it had is to be made anew elsewhere.
TEST(Moves, AReplicaOfABrokerThatIsDownIsMadeAnew) {
  State state = cluster_of(2, 100 * kGB);
  Partition& partition = add_partition(state, "a", {{1, 0}, {9, 0}}, 8 * kGB);
  ASSERT_EQ(partition.leader, 1);
  const auto target = target_from(state, {{"a", 0, {1, 2}}});
  ASSERT_TRUE(target.has_value()) << target.error().message;
  const auto plan = plan_waves(state, moves_of(state, *target), {});
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->waves.size(), 1U);
}

TEST(Moves, AThrottleThatNeverConvergesIsRefused) {
  State state = cluster_of(2, 1000 * kGB);
  add_partition(state, "a", {{1, 0}}, 8 * kGB, 10e6);
  Limits limits;
  limits.throttle_bytes_per_s = 10e6;
  const auto plan = plan_waves(state, moves_of(state, {{{2, 0}}}), limits);
  ASSERT_FALSE(plan.has_value());
  EXPECT_EQ(plan.error().message,
            "a[0] never catches up: 10.0 MB/s come in, and the throttle lets 10.0 MB/s through; it must be at least "
            "12.0 MB/s");
  limits.throttle_bytes_per_s = 20e6;
  const auto slow = plan_waves(state, moves_of(state, {{{2, 0}}}), limits);
  ASSERT_TRUE(slow.has_value());
  // 8 GB at 20 MB/s, of which 10 are what comes in meanwhile, on both sides at most.
  EXPECT_NEAR(slow->duration_s, 2 * 800 + 5, 1);
}

TEST(Moves, GrowthDuringTheMoveCounts) {
  State state = cluster_of(2, 20 * kGB);
  add_partition(state, "a", {{1, 0}}, 8 * kGB);
  add_partition(state, "b", {{2, 0}}, 8 * kGB, 5e6);
  Limits limits;
  limits.throttle_bytes_per_s = 10e6;  // 1,600 s at most: b grows by 8 GB meanwhile
  const auto plan = plan_waves(state, moves_of(state, {{{2, 0}}, {{2, 0}}}), limits);
  ASSERT_FALSE(plan.has_value());
  EXPECT_THAT(plan.error().message, testing::HasSubstr("/d0 of broker 2 would have"));
  // Retention stops it before.
  state.partitions[1].bytes_max = 9 * kGB;
  EXPECT_TRUE(plan_waves(state, moves_of(state, {{{2, 0}}, {{2, 0}}}), limits).has_value());
}

TEST(Moves, FewAtOnceOneReplicaOfAPartitionAndALargeTopicInStages) {
  State state = cluster_of(6, 1000 * kGB);
  for (int i = 0; i < 8; ++i) add_partition(state, "large", {{1, 0}, {2, 0}}, 10 * kGB);
  Target target(8, {{3, 0}, {4, 0}});
  const auto plan = plan_waves(state, moves_of(state, target), {});
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  std::map<size_t, std::vector<int32_t>> replicas;
  for (const Wave& wave : plan->waves) {
    std::set<size_t> partitions;
    std::map<int32_t, int> takes;
    for (const Move& move : wave.moves) {
      EXPECT_TRUE(partitions.insert(move.partition).second);
      EXPECT_LE(++takes[move.to.broker], 2);
      replicas[move.partition] = move.replicas;
    }
    EXPECT_LE(wave.moves.size(), 4u);  // a quarter of 160 GB
  }
  for (const auto& [partition, last] : replicas) EXPECT_EQ(last, (std::vector<int32_t>{3, 4})) << partition;
  EXPECT_EQ(replicas.size(), 8u);
}

TEST(MovesTarget, DrainsIntoOtherRacksAndOntoTheEmptiest) {
  State state = cluster_of(4, 100 * kGB);
  state.brokers[0].rack = state.brokers[3].rack = "a";
  state.brokers[1].rack = state.brokers[2].rack = "b";
  add_partition(state, "t", {{1, 0}, {2, 0}}, 10 * kGB);
  add_partition(state, "t", {{2, 0}, {1, 0}}, 5 * kGB);
  Goal goal;
  goal.drain = {1};
  const auto target = target_of(state, goal);
  ASSERT_TRUE(target.has_value()) << target.error().message;
  // Broker 3 is as empty, and in the rack of broker 2.
  EXPECT_EQ((*target)[0], (std::vector<Place>{{4, 0}, {2, 0}}));
  EXPECT_EQ((*target)[1], (std::vector<Place>{{2, 0}, {4, 0}}));
  goal.drain = {1, 3, 4};
  EXPECT_THAT(target_of(state, goal).error().message, testing::HasSubstr("no broker is left for the one on 1"));
  goal.drain = {9};
  EXPECT_THAT(target_of(state, goal).error().message, testing::HasSubstr("broker 9 is not in the cluster, or is down"));
}

TEST(MovesTarget, AddedBrokersTakeTheirShareAndNobodyElseDoes) {
  State state = cluster_of(4, 100 * kGB);
  for (int32_t i = 0; i < 12; ++i) add_partition(state, "t", {{1 + i % 3, 0}}, 10 * kGB);
  Goal goal;
  goal.add = {4};
  const auto target = target_of(state, goal);
  ASSERT_TRUE(target.has_value());
  std::map<int32_t, int> count;
  for (const auto& places : *target) ++count[places[0].broker];
  EXPECT_EQ(count, (std::map<int32_t, int>{{1, 3}, {2, 3}, {3, 3}, {4, 3}}));
  for (const Move& move : moves_of(state, *target)) EXPECT_EQ(move.to.broker, 4);
}

TEST(MovesTarget, EvensTheDirsOfABroker) {
  State state = cluster_of(1, 100 * kGB, 2);
  for (int i = 0; i < 6; ++i) add_partition(state, "t", {{1, 0}}, 10 * kGB);
  Goal goal;
  goal.even_dirs = true;
  const auto target = target_of(state, goal);
  ASSERT_TRUE(target.has_value());
  const auto moves = moves_of(state, *target);
  EXPECT_EQ(moves.size(), 3u);
  for (const Move& move : moves) EXPECT_TRUE(move.is_within_broker());
  const auto plan = plan_waves(state, moves, {});
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(plan->network_bytes, 0);
}

State random_state() {
  const int32_t brokers = *rc::gen::inRange(2, 6);
  State state = cluster_of(brokers, 100 * kGB, static_cast<uint32_t>(*rc::gen::inRange(1, 3)));
  const int racks = *rc::gen::inRange(1, 4);
  for (Broker& broker : state.brokers) broker.rack = fmt::format("rack{}", *rc::gen::inRange(0, racks));
  const int partitions = *rc::gen::inRange(1, 16);
  for (int i = 0; i < partitions; ++i) {
    const auto replicas = *rc::gen::inRange(1, std::min(4, brokers + 1));
    std::vector<Place> places;
    const int32_t first = *rc::gen::inRange(0, brokers);
    for (int32_t k = 0; k < replicas; ++k)
      places.push_back({1 + (first + k) % brokers,
                        static_cast<uint32_t>(*rc::gen::inRange<size_t>(0, state.brokers[0].dirs.size()))});
    Partition& partition = add_partition(state, fmt::format("t{}", i % 3), places, *rc::gen::inRange(0, 30) * kGB,
                                         *rc::gen::inRange(0, 8) * 1e6);
    if (*rc::gen::arbitrary<bool>()) partition.bytes_max = *rc::gen::inRange(0, 40) * kGB;
  }
  for (Broker& broker : state.brokers) {
    broker.delete_delay_s = *rc::gen::inRange(0, 600);
    for (LogDir& dir : broker.dirs) dir.used_bytes += *rc::gen::inRange(0, 30) * kGB;
  }
  return state;
}

Goal random_goal(const State& state) {
  Goal goal;
  const int32_t id = *rc::gen::inRange(1, static_cast<int32_t>(state.brokers.size()) + 1);
  switch (*rc::gen::inRange(0, 4)) {
    case 0: goal.drain = {id}; break;
    case 1: goal.add = {id}; break;
    case 2: goal.even_brokers = true; break;
    default: goal.even_dirs = true;
  }
  return goal;
}

RC_GTEST_PROP(Moves, NoAcceptedPlanEverExceedsADisk, ()) {
  const State state = random_state();
  const auto target = target_of(state, random_goal(state));
  if (!target) return;
  Limits limits;
  limits.throttle_bytes_per_s = *rc::gen::inRange(5, 200) * 1e6;
  limits.reserve_share = *rc::gen::inRange(0, 20) / 100.0;
  const auto moves = moves_of(state, *target);
  for (const auto& plan : {plan_waves(state, moves, limits), plan_at_once(state, moves, limits)}) {
    if (!plan) {
      RC_ASSERT(plan.error().code == Code::kConflict);
      continue;
    }
    // As slow as a plan allows for, and anything faster.
    const double speed = *rc::gen::inRange(1, 11) / 10.0;
    RC_ASSERT(simulate(state, *plan, limits) == "");
    RC_ASSERT(simulate(state, *plan, limits, speed) == "");
  }
}

RC_GTEST_PROP(Moves, TheLeastThrottleIsSafeAndConverges, ()) {
  const State state = random_state();
  const auto target = target_of(state, random_goal(state));
  if (!target) return;
  Limits limits;
  limits.throttle_bytes_per_s = *rc::gen::inRange(5, 200) * 1e6;
  const double share = *rc::gen::inRange(1, 101) / 100.0;
  const auto moves = moves_of(state, *target);
  const auto least = least_rate_of(state, moves, limits, share);
  RC_ASSERT(least.has_value() == plan_at_once(state, moves, limits).has_value());
  if (!least) return;
  RC_ASSERT(*least >= share * limits.throttle_bytes_per_s * (1 - 1e-9) && *least <= limits.throttle_bytes_per_s);
  RC_ASSERT(*least >= converging_rate(state, moves) * (1 - 1e-9));
  limits.throttle_bytes_per_s = *least;
  const auto slowest = plan_at_once(state, moves, limits);
  RC_ASSERT(slowest.has_value());
  RC_ASSERT(simulate(state, *slowest, limits) == "");
}

// The one that goes first decides whether both replicas lie in one rack for a while.
TEST(Moves, TheOrderOnTheWayKeepsRacks) {
  State state = cluster_of(6, 1000 * kGB);
  const char* const racks[] = {"a", "b", "b", "c", "a", "c"};
  for (size_t i = 0; i < 6; ++i) state.brokers[i].rack = racks[i];
  // 1 (a) and 2 (b) become 4 (c) and 5 (a): 2 must not go to 5 while 1 is still there. Its dir is the fuller one.
  add_partition(state, "t", {{1, 0}, {2, 0}}, 10 * kGB);
  add_partition(state, "u", {{2, 0}}, 100 * kGB);
  const auto plan = plan_waves(state, moves_of(state, {{{4, 0}, {5, 0}}, {{2, 0}}}), {});
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  ASSERT_EQ(plan->waves.size(), 2u);
  EXPECT_EQ(plan->waves[0].moves[0].replicas, (std::vector<int32_t>{4, 2}));
  EXPECT_EQ(plan->waves[1].moves[0].replicas, (std::vector<int32_t>{4, 5}));
}

// {1 (a), 2 (b)} to {3 (b), 4 (a)}: whoever comes takes the place of its own rack.
TEST(MovesTarget, WhatSomebodyWantsKeepsRacksMoveByMove) {
  State state = cluster_of(4, 100 * kGB);
  state.brokers[0].rack = state.brokers[3].rack = "a";
  state.brokers[1].rack = state.brokers[2].rack = "b";
  add_partition(state, "t", {{1, 0}, {2, 0}}, kGB);
  EXPECT_EQ(*target_from(state, {{"t", 0, {3, 4}}}), (Target{{{4, 0}, {3, 0}}}));
}

RC_GTEST_PROP(Moves, NoAcceptedPlanBreaksRackSpread, ()) {
  const State state = random_state();
  const auto target = target_of(state, random_goal(state));
  if (!target) return;
  std::vector<size_t> before, after;
  for (size_t p = 0; p < state.partitions.size(); ++p) {
    std::vector<int32_t> was, is;
    for (const Replica& replica : state.partitions[p].replicas) was.push_back(replica.place.broker);
    for (const Place place : (*target)[p]) is.push_back(place.broker);
    before.push_back(racks_of(state, was));
    after.push_back(racks_of(state, is));
    // Fewer only where no other broker is left: what is drained has no other rack to go to.
    if (after[p] < before[p]) {
      for (const Broker& broker : state.brokers) {
        const bool is_free = std::find(was.begin(), was.end(), broker.id) == was.end();
        std::vector<int32_t> other = is;
        for (size_t i = 0; i < is.size() && is_free; ++i)
          if (is[i] != was[i]) other[i] = broker.id;
        RC_ASSERT(racks_of(state, other) <= after[p]);
      }
    }
  }
  const auto plan = plan_waves(state, moves_of(state, *target), {});
  if (!plan) return;
  for (const Wave& wave : plan->waves) {
    for (const Move& move : wave.moves) {
      const size_t p = move.partition;
      RC_ASSERT(racks_of(state, move.replicas) >= std::min(before[p], after[p]));
    }
  }
}

RC_GTEST_PROP(Moves, APlanEndsAtItsTarget, ()) {
  const State state = random_state();
  const auto target = target_of(state, random_goal(state));
  if (!target) return;
  // No partition has two replicas on one broker.
  for (const auto& places : *target) {
    std::set<int32_t> brokers;
    for (const Place place : places) RC_ASSERT(brokers.insert(place.broker).second);
  }
  const auto plan = plan_waves(state, moves_of(state, *target), {});
  if (!plan) return;
  State after = state;
  for (const Wave& wave : plan->waves) {
    std::set<size_t> partitions;
    for (const Move& move : wave.moves) {
      RC_ASSERT(partitions.insert(move.partition).second);
      bool found = false;
      for (Replica& replica : after.partitions[move.partition].replicas) {
        if (replica.place != move.from) continue;
        replica.place = move.to;
        found = true;
        break;
      }
      RC_ASSERT(found);
      std::vector<int32_t> brokers;
      for (const Replica& replica : after.partitions[move.partition].replicas) brokers.push_back(replica.place.broker);
      RC_ASSERT(brokers == move.replicas);
    }
  }
  for (size_t p = 0; p < target->size(); ++p)
    for (size_t i = 0; i < (*target)[p].size(); ++i)
      RC_ASSERT(after.partitions[p].replicas[i].place.broker == (*target)[p][i].broker);
}

}  // namespace
}  // namespace freshet::fleet::rebalance
