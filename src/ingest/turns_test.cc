#include "ingest/turns.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace freshet::ingest {
namespace {

// Takes one turn to its end.
std::string take_turn(Turns& turns, env::TimeUs cost_us) {
  const std::string name = turns.take();
  turns.done(name, cost_us);
  return name;
}

TEST(Turns, WhoCostsMoreComesLessOften) {
  Turns turns;
  for (int i = 0; i < 100; ++i) {
    turns.add("dear");
    turns.add("cheap");
  }
  std::map<std::string, int> taken;
  for (int i = 0; i < 66; ++i) {
    const std::string name = turns.take();
    ++taken[name];
    turns.done(name, name == "dear" ? 10'000 : 1'000);
  }
  EXPECT_NEAR(taken["dear"], 6, 1);
}

TEST(Turns, ANewcomerDoesNotWaitForWhatOthersHaveWaiting) {
  Turns turns;
  for (int i = 0; i < 1000; ++i) turns.add("loud");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(take_turn(turns, 50'000), "loud");
  turns.add("quiet");
  const std::string first = take_turn(turns, 300);
  const std::string second = take_turn(turns, 300);
  EXPECT_TRUE(first == "quiet" || second == "quiet");
}

// A pause is no credit: who comes back has what is equal from now on, not what it left to others before.
TEST(Turns, APauseIsNoCredit) {
  Turns turns;
  turns.add("b");
  EXPECT_EQ(take_turn(turns, 300), "b");
  for (int i = 0; i < 200; ++i) turns.add("a");
  for (int i = 0; i < 100; ++i) EXPECT_EQ(take_turn(turns, 1'000), "a");
  for (int i = 0; i < 100; ++i) turns.add("b");
  std::map<std::string, int> taken;
  for (int i = 0; i < 20; ++i) ++taken[take_turn(turns, 1'000)];
  EXPECT_LE(taken["b"], 11);
}

TEST(Turns, ForgetsWhoHasNothingToDo) {
  Turns turns;
  for (int i = 0; i < 1000; ++i) {
    turns.add(std::to_string(i));
    (void)take_turn(turns, i);
  }
  EXPECT_EQ(turns.parties(), 0U);
  turns.add("always");
  for (int i = 0; i < 1000; ++i) {
    turns.add("always");
    turns.add(std::to_string(i));
    (void)take_turn(turns, 1'000);
    (void)take_turn(turns, 1'000);
  }
  EXPECT_LE(turns.parties(), 3U);
}

struct Step {
  int party = 0;
  int adds = 0;  // 0: a turn is taken
  env::TimeUs cost_us = 0;
};

}  // namespace
}  // namespace freshet::ingest

namespace rc {

template <>
struct Arbitrary<freshet::ingest::Step> {
  static Gen<freshet::ingest::Step> arbitrary() {
    using freshet::ingest::Step;
    return gen::build<Step>(gen::set(&Step::party, gen::inRange(0, 4)), gen::set(&Step::adds, gen::inRange(0, 3)),
                            gen::set(&Step::cost_us, gen::inRange<int64_t>(1, 20'000)));
  }
};

}  // namespace rc

namespace freshet::ingest {
namespace {

// Two that both have work waiting all the time get the same, but for one piece of each; so nobody starves, whatever
// others send and whatever it costs.
RC_GTEST_PROP(Turns, NobodyGetsMoreThanAnotherThatWaits, (const std::vector<Step>& steps)) {
  constexpr env::TimeUs kDearestUs = 20'000;
  Turns turns;
  std::map<std::string, int> waiting;
  // What each got since both of a pair have had work waiting.
  std::map<std::pair<std::string, std::string>, env::TimeUs> ahead;
  for (const Step& step : steps) {
    if (step.adds > 0) {
      const std::string name(1, static_cast<char>('a' + step.party));
      for (int i = 0; i < step.adds; ++i) turns.add(name);
      if (waiting[name] == 0)
        std::erase_if(ahead, [&](const auto& pair) { return pair.first.first == name || pair.first.second == name; });
      waiting[name] += step.adds;
      continue;
    }
    if (!turns.anybody_waits()) continue;
    const std::string name = turns.take();
    RC_ASSERT(waiting[name] > 0);
    --waiting[name];
    turns.done(name, step.cost_us);
    for (const auto& [other, count] : waiting) {
      if (other == name || count == 0) continue;
      ahead[{name, other}] += std::max(step.cost_us, Turns::kTurnUs);
      ahead[{other, name}] -= std::max(step.cost_us, Turns::kTurnUs);
      RC_ASSERT((ahead[{name, other}]) <= 2 * kDearestUs);
    }
    if (waiting[name] == 0)
      std::erase_if(ahead, [&](const auto& pair) { return pair.first.first == name || pair.first.second == name; });
  }
  while (turns.anybody_waits()) turns.done(turns.take(), 1);
  RC_ASSERT(turns.parties() == 0U);
}

// With several threads a piece is under way while others are taken: none is lost, none is taken twice.
RC_GTEST_PROP(Turns, EveryPieceIsTakenOnce, (const std::vector<Step>& steps)) {
  Turns turns;
  std::vector<std::string> under_way;
  std::map<std::string, int> left;
  for (const Step& step : steps) {
    const std::string name(1, static_cast<char>('a' + step.party));
    for (int i = 0; i < step.adds; ++i) turns.add(name);
    left[name] += step.adds;
    if (under_way.size() < 3 && turns.anybody_waits()) {
      under_way.push_back(turns.take());
      --left[under_way.back()];
      RC_ASSERT(left[under_way.back()] >= 0);
    } else if (!under_way.empty()) {
      turns.done(under_way.front(), step.cost_us);
      under_way.erase(under_way.begin());
    }
  }
  while (turns.anybody_waits()) {
    under_way.push_back(turns.take());
    --left[under_way.back()];
  }
  for (const std::string& name : under_way) turns.done(name, 7);
  for (const auto& [name, count] : left) RC_ASSERT(count == 0);
  RC_ASSERT(turns.parties() == 0U);
}

}  // namespace
}  // namespace freshet::ingest
