#include "state/row_cache.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>

namespace freshet::state {
namespace {

Hash128 key_of(int number) { return hash128(std::to_string(number)); }

TEST(RowCache, LetsGoOfTheOldestFirst) {
  RowCache cache;
  for (int i = 0; i < 10; ++i) cache.put(key_of(i), std::string(1000, 'x'), {});
  cache.put(key_of(0), "again", {});
  cache.trim(cache.bytes() - 2500);
  for (int i = 1; i <= 3; ++i) EXPECT_FALSE(cache.contains(key_of(i))) << i;
  for (const int i : {0, 4, 9}) EXPECT_TRUE(cache.contains(key_of(i))) << i;
  EXPECT_EQ(cache.find(key_of(0)).row, "again");
}

TEST(RowCache, KeepsWhatTheStoreMayNotHave) {
  RowCache cache;
  cache.put(key_of(1), "dirty", {.dirty = true, .flying = false});
  cache.put(key_of(2), "clean", {});
  cache.trim(0);
  EXPECT_FALSE(cache.contains(key_of(2)));
  cache.take_off(key_of(1));
  cache.trim(0);
  EXPECT_TRUE(cache.find(key_of(1)).found);
  EXPECT_FALSE(cache.find(key_of(1)).ahead.dirty);
  cache.land(key_of(1));
  EXPECT_EQ(cache.rows(), 1u);
  cache.trim(0);
  EXPECT_EQ(cache.rows(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(RowCache, WhatChangedWhileItFlewStays) {
  RowCache cache;
  cache.put(key_of(1), "new", {.dirty = true, .flying = true});
  cache.land(key_of(1));
  cache.trim(0);
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
    switch (*rc::gen::inRange(0, 5)) {
      case 0: {
        Ahead ahead{*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
        if (model[number].second.any() && !ahead.any()) ahead.dirty = true;
        model[number] = {std::to_string(step), ahead};
        cache.put(key, model[number].first, ahead);
        break;
      }
      case 1:
        if (!model[number].second.dirty) break;
        cache.take_off(key);
        model[number].second = {.dirty = false, .flying = true};
        break;
      case 2:
        if (!model[number].second.flying) break;
        cache.land(key);
        model[number].second.flying = false;
        break;
      case 3: {
        const auto at = model.find(number);
        const RowCache::Found used = cache.use(key);
        if (used.found) RC_ASSERT(at != model.end() && used.row == at->second.first);
        break;
      }
      default: cache.trim(*rc::gen::inRange<size_t>(0, 1000));
    }
    for (const auto& [i, row] : model) {
      const RowCache::Found found = cache.find(key_of(i));
      RC_ASSERT(found.found || !row.second.any());
      if (found.found) RC_ASSERT(found.row == row.first && found.ahead.any() == row.second.any());
    }
  }
}

}  // namespace
}  // namespace freshet::state
