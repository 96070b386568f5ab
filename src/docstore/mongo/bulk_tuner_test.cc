#include "docstore/mongo/bulk_tuner.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace freshet::docstore {
namespace {

constexpr env::TimeUs kMs = 1000;

// A store that answers bulks one after another, each change taking `change_us`, beside a fixed time for each bulk.
struct Store {
  BulkTuner tuner{BulkTunerOptions{}};
  env::TimeUs now = 0;
  void run(env::TimeUs change_us, env::TimeUs fixed_us, int bulks) {
    for (int i = 0; i < bulks; ++i) {
      const auto size = tuner.bulk();
      const auto waits = static_cast<env::TimeUs>(tuner.concurrency());
      const env::TimeUs took = fixed_us + waits * change_us * static_cast<env::TimeUs>(size);
      tuner.observe(now, now + took, size, false);
      now += took;
    }
  }
};

TEST(BulkTuner, GrowsWhileTheStoreIsQuick) {
  Store store;
  store.run(1, kMs, 200);
  EXPECT_EQ(store.tuner.bulk(), 1000U);
  EXPECT_EQ(store.tuner.concurrency(), 8U);
}

TEST(BulkTuner, SettlesWhereAnswersTakeAsLongAsIsAllowed) {
  Store store;
  store.run(50, kMs, 1000);  // 1000 changes of 8 bulks at once would take 400 ms
  env::TimeUs worst = 0;
  for (int i = 0; i < 100; ++i) {
    const env::TimeUs before = store.now;
    store.run(50, kMs, 1);
    worst = std::max(worst, store.now - before);
  }
  EXPECT_LT(worst, 130 * kMs);
  EXPECT_GT(store.tuner.bulk() * store.tuner.concurrency(), 600U);  // and not much lower: half of what fits
}

TEST(BulkTuner, SmallBulksThatAreSlowMeanTooManyAtOnce) {
  Store store;
  store.run(1, kMs, 200);
  store.tuner.observe(store.now, store.now + 300 * kMs, 10, false);
  EXPECT_EQ(store.tuner.bulk(), 1000U);
  EXPECT_EQ(store.tuner.concurrency(), 4U);
}

TEST(BulkTuner, OneOutageDecreasesOnce) {
  Store store;
  store.run(1, kMs, 200);
  for (int i = 0; i < 8; ++i) store.tuner.observe(store.now, store.now + 5000 * kMs + i, 1000, true);
  EXPECT_EQ(store.tuner.concurrency(), 4U);
  EXPECT_EQ(store.tuner.bulk(), 1000U);
  store.now += 6000 * kMs;
  for (int i = 0; i < 8; ++i) store.tuner.observe(store.now + i * 10 * kMs, store.now + i * 10 * kMs + 1, 1000, true);
  EXPECT_EQ(store.tuner.concurrency(), 1U);
}

RC_GTEST_PROP(BulkTuner, StaysWithinItsBounds, ()) {
  BulkTunerOptions options;
  options.bulk_max = *rc::gen::inRange<size_t>(1, 2000);
  options.concurrency_max = *rc::gen::inRange<size_t>(1, 20);
  BulkTuner tuner(options);
  env::TimeUs now = 0;
  for (int i = 0; i < 200; ++i) {
    const env::TimeUs took = *rc::gen::inRange<env::TimeUs>(0, 300 * kMs);
    tuner.observe(now, now + took, *rc::gen::inRange<size_t>(1, 2000), *rc::gen::inRange(0, 10) == 0);
    now += took / 2;
    RC_ASSERT(tuner.bulk() >= 1 && tuner.bulk() <= options.bulk_max);
    RC_ASSERT(tuner.concurrency() >= 1 && tuner.concurrency() <= options.concurrency_max);
  }
}

}  // namespace
}  // namespace freshet::docstore
