#include "state/row_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace freshet::state {
namespace {

constexpr size_t kAll = SIZE_MAX;

Hash128 key_of(int number) { return hash128(std::to_string(number)); }

TEST(RowCache, LetsGoOfTheOldestFirst) {
  RowCache cache;
  for (int i = 0; i < 10; ++i) cache.put(key_of(i), std::string(1000, 'x'));
  cache.put(key_of(0), "again");
  cache.trim(cache.bytes() - 2500, kAll);
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(cache.contains(key_of(i))) << i;
  for (const int i : {0, 4, 9}) EXPECT_TRUE(cache.contains(key_of(i))) << i;
  EXPECT_EQ(cache.find(key_of(0)).row, "again");
}

// What was used is spared once, however little has been used since.
TEST(RowCache, SparesWhatWasUsed) {
  RowCache cache;
  for (int i = 0; i < 10; ++i) cache.put(key_of(i), std::string(1000, 'x'));
  for (const int i : {0, 2}) EXPECT_TRUE(cache.use(key_of(i)).found);
  cache.trim(cache.bytes() - 2500, kAll);
  for (const int i : {1, 3, 4}) EXPECT_FALSE(cache.contains(key_of(i))) << i;
  for (const int i : {0, 2, 5}) EXPECT_TRUE(cache.contains(key_of(i))) << i;
  cache.trim(0, kAll);
  EXPECT_EQ(cache.rows(), 0u);
}

TEST(RowCache, SmallRowsStayUntilTheyTakeAQuarter) {
  RowCache cache;
  for (int i = 0; i < 1000; ++i) cache.put(key_of(i), std::string(60, 'x'));
  const size_t small = cache.bytes();
  for (int i = 1000; i < 2000; ++i) cache.put(key_of(i), std::string(1000, 'x'));
  cache.trim(small * 4, kAll);
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(cache.contains(key_of(i))) << i;
  EXPECT_FALSE(cache.contains(key_of(1000)));
  EXPECT_TRUE(cache.contains(key_of(1999)));
  cache.trim(small * 2, kAll);
  EXPECT_FALSE(cache.contains(key_of(0)));
  EXPECT_TRUE(cache.contains(key_of(999)));
  EXPECT_TRUE(cache.contains(key_of(1999)));
  cache.change(key_of(999), std::string(1000, 'x'));
  cache.trim(0, kAll);
  EXPECT_EQ(cache.rows(), 1u);
  EXPECT_EQ(cache.bytes(), RowCache::cost(1000));
}

TEST(RowCache, LetsGoOfFewAtOnceUnlessItIsFarOverItsBudget) {
  RowCache cache;
  for (int i = 0; i < 100; ++i) cache.put(key_of(i), std::string(1000, 'x'));
  const size_t one = cache.bytes() / 100;
  cache.trim(95 * one, 2);
  EXPECT_EQ(cache.rows(), 98u);
  cache.trim(50 * one, 2);
  EXPECT_LE(cache.bytes(), 57 * one);
  EXPECT_GT(cache.bytes(), 50 * one);
}

TEST(RowCache, KeepsWhatTheStoreMayNotHave) {
  RowCache cache;
  cache.change(key_of(1), "dirty");
  cache.put(key_of(2), "clean");
  cache.trim(0, kAll);
  EXPECT_FALSE(cache.contains(key_of(2)));
  cache.begin_persist();
  EXPECT_TRUE(cache.find(key_of(1)).ahead.owed);
  cache.trim(0, kAll);
  EXPECT_EQ(cache.find(key_of(1)).row, "dirty");
  cache.take_off(key_of(1));
  cache.trim(0, kAll);
  EXPECT_TRUE(cache.find(key_of(1)).found);
  EXPECT_FALSE(cache.find(key_of(1)).ahead.owed);
  cache.land(key_of(1));
  EXPECT_EQ(cache.rows(), 1u);
  cache.trim(0, kAll);
  EXPECT_EQ(cache.rows(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(RowCache, WhatChangedWhileItFlewStays) {
  RowCache cache;
  cache.change(key_of(1), "old");
  cache.begin_persist();
  cache.take_off(key_of(1));
  cache.change(key_of(1), "new");
  cache.land(key_of(1));
  cache.trim(0, kAll);
  EXPECT_TRUE(cache.find(key_of(1)).ahead.dirty);
}

// Whatever is done: what is there is what was put last, and nothing that the store lacks is ever missing.
RC_GTEST_PROP(RowCacheProperty, NeverLosesWhatIsAhead, ()) {
  RowCache cache;
  std::map<int, std::pair<std::string, Ahead>> model;
  const int steps = *rc::gen::inRange(1, 200);
  for (int step = 0; step < steps; ++step) {
    const int number = *rc::gen::inRange(0, 12);
    const Hash128 key = key_of(number);
    Ahead& ahead = model[number].second;
    switch (*rc::gen::inRange(0, 6)) {
      case 0:  // as the worker does: what is owed is copied before it changes
        if (ahead.any() || *rc::gen::arbitrary<bool>()) {
          if (ahead.owed) cache.take_off(key);
          ahead = {.dirty = true, .owed = false, .flying = ahead.flying || ahead.owed};
          cache.change(key, std::to_string(step));
        } else {
          cache.put(key, std::to_string(step));
        }
        model[number].first = std::to_string(step);
        break;
      case 1:
        if (!ahead.owed) break;
        cache.take_off(key);
        ahead.owed = false;
        ahead.flying = true;
        break;
      case 2:
        if (!ahead.flying) break;
        cache.land(key);
        ahead.flying = false;
        break;
      case 4:
        if (std::any_of(model.begin(), model.end(), [](const auto& r) { return r.second.second.owed; })) break;
        cache.begin_persist();
        for (auto& [_, row] : model) row.second.owed = std::exchange(row.second.dirty, false);
        break;
      case 3: {
        const auto at = model.find(number);
        cache.prefetch(std::vector{key, key_of(number + 1)});
        const RowCache::Found used = cache.use(key);
        if (used.found) RC_ASSERT(at != model.end() && used.row == at->second.first);
        break;
      }
      default: cache.trim(*rc::gen::inRange<size_t>(0, 1000), *rc::gen::inRange<size_t>(0, 20));
    }
    for (const auto& [i, row] : model) {
      const RowCache::Found found = cache.find(key_of(i));
      RC_ASSERT(found.found || !row.second.any());
      if (!found.found) continue;
      RC_ASSERT(found.row == row.first && found.ahead.dirty == row.second.dirty);
      RC_ASSERT(found.ahead.owed == row.second.owed && found.ahead.flying == row.second.flying);
    }
  }
}

}  // namespace
}  // namespace freshet::state
