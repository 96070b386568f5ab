// How far back a bounded history reaches, and how exactly.
#include "fleet/watch/history.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace freshet::fleet {
namespace {

constexpr env::TimeUs kTick = 10'000'000;

TEST(HistoryTest, ReachesADayBackInSixtyFourColumns) {
  History history(History::Bounds{});
  for (int64_t i = 1; i <= 8640; ++i) history.add(i * kTick, {i});
  EXPECT_EQ(history.columns(), 64u);
  EXPECT_EQ(history.value(0, 0), 1);
  const env::TimeUs now_us = history.at_us(63);
  for (size_t i = 0; i < 63; ++i) {
    const auto gap = static_cast<double>(history.at_us(i + 1) - history.at_us(i));
    const auto age = static_cast<double>(now_us - history.at_us(i));
    // The last minute is whole, and no gap is larger than a third of its age.
    if (age <= 8 * kTick) {
      EXPECT_EQ(gap, kTick);
    }
    EXPECT_LE(gap, std::max(age / 3, static_cast<double>(kTick))) << i;
  }
  EXPECT_NEAR(*history.per_second(0, 30 * kTick), 0.1, 1e-9);
}

TEST(HistoryTest, ForgetsARowAndWhatIsTooOld) {
  History history({.columns_max = 16, .age_max_us = 100 * kTick});
  for (int64_t i = 1; i <= 300; ++i) history.add(i * kTick, {i, 2 * i});
  EXPECT_GE(history.at_us(1), 200 * kTick);
  history.forget(1);
  EXPECT_EQ(history.per_second(1, kTick), std::nullopt);
  history.add(301 * kTick, {301, 5});
  EXPECT_EQ(history.per_second(1, kTick), std::nullopt);
  history.add(302 * kTick, {302, 25, 7});
  EXPECT_NEAR(*history.per_second(1, 9 * kTick), 2, 1e-9);
  EXPECT_EQ(history.value(0, 2), kNoValue);
  EXPECT_EQ(history.per_second(3, kTick), std::nullopt);
}

// Whatever the pauses are, it is bounded, in order, and what it has was added.
RC_GTEST_PROP(HistoryTest, KeepsWhatWasAdded, (const std::vector<uint16_t>& pauses)) {
  History history({.columns_max = 12, .age_max_us = 1'000'000});
  env::TimeUs at_us = 0;
  for (const uint16_t pause : pauses) {
    at_us += 1 + pause;
    history.add(at_us, {3 * at_us});
  }
  RC_ASSERT(history.columns() <= 12);
  for (size_t i = 0; i < history.columns(); ++i) {
    RC_ASSERT(history.value(i, 0) == 3 * history.at_us(i));
    // Not in one with ||, of which RapidCheck takes both sides to show them.
    if (i > 0) RC_ASSERT(history.at_us(i) > history.at_us(i - 1));
  }
  if (!pauses.empty()) RC_ASSERT(history.at_us(history.columns() - 1) == at_us);
  if (history.columns() >= 2) RC_ASSERT(std::abs(*history.per_second(0, 500) - 3e6) < 1);
}

}  // namespace
}  // namespace freshet::fleet
