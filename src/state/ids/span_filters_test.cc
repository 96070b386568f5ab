#include "state/ids/span_filters.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "state/seen_messages.h"
#include "testing/memory_store.h"

namespace freshet::state {
namespace {

Hash128 spanned_id(size_t number) { return hash128("id " + std::to_string(number)); }

std::string seen_row(uint32_t span, const Hash128& id) { return seen_rows_of(span).append(id.view()); }

class SpanFiltersTest : public ::testing::Test {
 protected:
  void write_rows(uint32_t span, size_t begin, size_t end) {
    kv::WriteBatch batch;
    for (size_t i = begin; i < end; ++i) batch.put(seen_row(span, spanned_id(i)), std::string_view());
    ASSERT_TRUE(store_->write(batch, kv::Durability::kSynced));
  }
  // As persists would, until nothing is left to gather; how many it took.
  size_t gather_all(SpanFilters& filters, uint32_t lowest) {
    for (size_t persists = 0; persists < 1000; ++persists) {
      const uint32_t before = filters.covered_from();
      filters.begin_gather(lowest);
      EXPECT_TRUE(filters.gather(*store_));
      filters.end_gather();
      if (filters.covered_from() == lowest || (persists > 100 && filters.covered_from() == before)) return persists + 1;
    }
    return 1000;
  }
  static bool keeps(const SpanFilters& filters, uint32_t span, size_t number) {
    std::vector<Hash128> ids = {spanned_id(number)};
    filters.keep_possible(span, ids);
    return !ids.empty();
  }

  std::unique_ptr<kv::Store> store_ = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
};

TEST_F(SpanFiltersTest, AFreshStateAsksNothing) {
  SpanFilters filters(1u << 20);
  filters.begin(0);
  filters.add(10, spanned_id(1));
  EXPECT_TRUE(filters.rules_out(5, spanned_id(2)));
  EXPECT_FALSE(filters.rules_out(5, spanned_id(1)));
  EXPECT_TRUE(filters.rules_out(11, spanned_id(1))) << "out of the window";
  EXPECT_TRUE(keeps(filters, 10, 1));
  EXPECT_FALSE(keeps(filters, 9, 1));
}

TEST_F(SpanFiltersTest, RowsFromBeforeAreAskedUntilTheyAreGathered) {
  write_rows(8, 0, 10);
  write_rows(9, 10, 30);
  SpanFilters filters(1u << 20, 7);
  filters.begin(10);
  EXPECT_FALSE(filters.rules_out(7, spanned_id(100))) << "nobody knows yet";
  EXPECT_TRUE(keeps(filters, 9, 100));
  EXPECT_EQ(gather_all(filters, 7), 3u + 2u + 1u) << "20 rows, 10 rows and none, 7 at once";
  EXPECT_TRUE(filters.rules_out(7, spanned_id(100)));
  for (size_t i = 0; i < 30; ++i) EXPECT_FALSE(filters.rules_out(7, spanned_id(i))) << i;
  EXPECT_TRUE(keeps(filters, 8, 5));
  EXPECT_FALSE(keeps(filters, 8, 15));
}

// The span that was open at a restart goes on growing while it is gathered.
TEST_F(SpanFiltersTest, IdsThatComeMeanwhileAreKept) {
  write_rows(9, 0, 20);
  SpanFilters filters(1u << 20, 7);
  filters.begin(10);
  filters.begin_gather(9);
  filters.add(9, spanned_id(50));  // Its row may lie before the place where gathering is.
  ASSERT_TRUE(filters.gather(*store_));
  filters.end_gather();
  filters.add(9, spanned_id(51));
  (void)gather_all(filters, 9);
  filters.add(9, spanned_id(52));
  for (const size_t i : {0u, 19u, 50u, 51u, 52u}) EXPECT_FALSE(filters.rules_out(9, spanned_id(i))) << i;
  EXPECT_TRUE(filters.rules_out(9, spanned_id(53)));
}

TEST_F(SpanFiltersTest, TheOldestGoesWhenTheyTakeTooMuch) {
  SpanFilters filters(100'000);
  filters.begin(0);
  for (size_t i = 0; i < 120'000; ++i) filters.add(static_cast<uint32_t>(10 + i / 20'000), spanned_id(i));
  EXPECT_LE(filters.bytes(), 100'000u);
  EXPECT_GT(filters.covered_from(), 10u);
  EXPECT_LE(filters.covered_from(), 15u) << "the newest is worth most";
  EXPECT_FALSE(filters.rules_out(9, spanned_id(200'000)));
  EXPECT_TRUE(keeps(filters, 10, 200'000)) << "the rows must be asked";
  filters.expire(20);
  EXPECT_EQ(filters.bytes(), 0u);
}

// A span with more ids than there is memory is asked; the next one begins anew.
TEST_F(SpanFiltersTest, OneSpanThatIsTooLargeIsNotCovered) {
  SpanFilters filters(20'000);
  filters.begin(0);
  for (size_t i = 0; i < 100'000; ++i) filters.add(10, spanned_id(i));
  EXPECT_EQ(filters.covered_from(), 11u);
  EXPECT_EQ(filters.bytes(), 0u);
  EXPECT_TRUE(keeps(filters, 10, 200'000));
  filters.add(11, spanned_id(1));
  EXPECT_FALSE(filters.rules_out(11, spanned_id(1)));
  EXPECT_TRUE(filters.rules_out(11, spanned_id(2)));
}

TEST_F(SpanFiltersTest, WhatIsTooMuchIsNotGathered) {
  write_rows(9, 0, 50'000);
  SpanFilters filters(20'000, 1000);
  filters.begin(10);
  filters.begin_gather(9);
  ASSERT_TRUE(filters.gather(*store_));
  filters.end_gather();
  for (size_t i = 0; i < 60'000; ++i) filters.add(9, spanned_id(100'000 + i));
  (void)gather_all(filters, 9);
  EXPECT_EQ(filters.covered_from(), 10u);
  EXPECT_LE(filters.bytes(), 20'000u);
  EXPECT_TRUE(keeps(filters, 9, 1'000'000));
}

// Whatever is added, gathered, reopened or let go of: no id with a row in a live span is ever ruled out.
RC_GTEST_FIXTURE_PROP(SpanFiltersTest, NoneIsEverForgotten, ()) {
  const size_t bytes_max = *rc::gen::element<size_t>(0, 3000, 20'000, 1u << 20);
  const size_t at_once = *rc::gen::inRange<size_t>(1, 3000);
  auto filters = std::make_unique<SpanFilters>(bytes_max, at_once);
  filters->begin(0);
  std::set<std::pair<uint32_t, size_t>> rows, fresh;
  uint32_t span = 10, lowest = 4;
  size_t next = 0;
  const auto persist = [&] {
    filters->expire(lowest);
    filters->begin_gather(lowest);
    for (const auto& [of, id] : fresh) write_rows(of, id, id + 1);
    rows.merge(fresh);
    fresh.clear();
    RC_ASSERT(filters->gather(*store_).has_value());
    if (*rc::gen::arbitrary<bool>()) {  // It lands later than the next records.
      filters->add(span, spanned_id(next));
      fresh.emplace(span, next++);
    }
    filters->end_gather();
  };
  const int steps = *rc::gen::inRange(1, 60);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 5)) {
      case 0: lowest = ++span - 6; break;
      case 1:
        persist();
        fresh.clear();
        filters = std::make_unique<SpanFilters>(bytes_max, at_once);
        filters->begin(rows.empty() ? 0 : span + 1);
        break;
      case 2: persist(); break;
      default:
        for (size_t count = *rc::gen::inRange<size_t>(1, 600); count > 0; --count, ++next) {
          filters->add(span, spanned_id(next));
          fresh.emplace(span, next);
        }
    }
    for (const auto* all : {&rows, &fresh})
      for (const auto& [of, id] : *all)
        if (of >= lowest) RC_ASSERT(!filters->rules_out(lowest, spanned_id(id)) && keeps(*filters, of, id));
    RC_ASSERT(filters->bytes() <= bytes_max);
  }
}

}  // namespace
}  // namespace freshet::state
