#include "state/ids/id_filter.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace freshet::state {
namespace {

Hash128 filtered_id(size_t number) { return hash128("id " + std::to_string(number)); }

double share_mistaken(const IdFilter& filter, size_t from) {
  constexpr size_t kAsked = 20'000;
  size_t mistaken = 0;
  for (size_t i = 0; i < kAsked; ++i) mistaken += filter.may_have(filtered_id(from + i)) ? 1 : 0;
  return static_cast<double>(mistaken) / kAsked;
}

TEST(IdFilter, KnowsNothingAtFirst) {
  const IdFilter filter(1000);
  EXPECT_FALSE(filter.may_have(filtered_id(1)));
  EXPECT_EQ(filter.bytes(), 0u) << "a span without ids takes no memory";
}

TEST(IdFilter, TakesTenBitsAnIdAndIsSeldomMistaken) {
  constexpr size_t kIds = 1'100'000;
  IdFilter filter(kIds);
  for (size_t i = 0; i < kIds; ++i) filter.add(filtered_id(i));
  EXPECT_LE(filter.bytes(), kIds * 64 / 51 + 64);
  EXPECT_LT(share_mistaken(filter, kIds), 0.016);
}

TEST(IdFilter, GrowsFromNothing) {
  constexpr size_t kIds = 2'000'000;
  IdFilter filter;
  for (size_t i = 0; i < kIds; ++i) filter.add(filtered_id(i));
  EXPECT_EQ(filter.count(), kIds);
  EXPECT_LE(filter.bytes(), 6 * kIds);
  EXPECT_LT(share_mistaken(filter, kIds), 0.02);
}

RC_GTEST_PROP(IdFilterProperty, NeverRulesOutWhatItHas, ()) {
  IdFilter filters[] = {IdFilter(*rc::gen::inRange<size_t>(0, 5000)), IdFilter(*rc::gen::inRange<size_t>(0, 5000))};
  const size_t counts[] = {*rc::gen::inRange<size_t>(0, 8000), *rc::gen::inRange<size_t>(0, 8000)};
  for (size_t i = 0; i < counts[0]; ++i) filters[0].add(filtered_id(i));
  for (size_t i = 0; i < counts[1]; ++i) filters[1].add(filtered_id(100'000 + i));
  filters[0].take_over(std::move(filters[1]));
  const size_t later = *rc::gen::inRange<size_t>(0, 3000);
  for (size_t i = 0; i < later; ++i) filters[0].add(filtered_id(200'000 + i));
  for (size_t i = 0; i < counts[0]; ++i) RC_ASSERT(filters[0].may_have(filtered_id(i)));
  for (size_t i = 0; i < counts[1]; ++i) RC_ASSERT(filters[0].may_have(filtered_id(100'000 + i)));
  for (size_t i = 0; i < later; ++i) RC_ASSERT(filters[0].may_have(filtered_id(200'000 + i)));
  RC_ASSERT(filters[0].count() == counts[0] + counts[1] + later);
}

}  // namespace
}  // namespace freshet::state
