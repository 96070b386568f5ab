// What a longer linger would have made of batches that were seen, and when that is said.
#include "fleet/watch/batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace freshet::fleet {
namespace {

using testing::HasSubstr;

constexpr uint32_t kNoBound = 1 << 30;
constexpr int64_t kDayUs = 86'400'000'000;

// Of each of `producers`, a batch of one record each `every_ms`, of 161 bytes with its head.
TopicSample small_batches(int count, int producers, int64_t every_ms) {
  TopicSample out;
  for (int i = 0; i < count; ++i)
    for (int p = 0; p < producers; ++p) out.batches.push_back({p, 1000 + i * every_ms, 1, 161, 200});
  const auto records = static_cast<uint64_t>(count * producers);
  out.raw_bytes = 200 * records;
  out.lz4 = {110 * records, static_cast<env::TimeUs>(records)};
  out.zstd = {100 * records, static_cast<env::TimeUs>(3 * records)};
  out.lz4_large = {60 * records, static_cast<env::TimeUs>(records)};
  out.zstd_large = {40 * records, static_cast<env::TimeUs>(2 * records)};
  return out;
}

TEST(Batches, ProducersGatherEachForItself) {
  const TopicSample sample = small_batches(100, 2, 1);
  EXPECT_EQ(gather(sample.batches, 0, kNoBound).batches, 200u);
  EXPECT_EQ(gather(sample.batches, 9, kNoBound).batches, 20u);  // ten records each
  EXPECT_EQ(gather(sample.batches, 9, kNoBound).bytes_most, 1610u);
  EXPECT_EQ(gather(sample.batches, 9, 400).batches, 100u);  // two fit
  EXPECT_EQ(gather({}, 9, 400).batches, 0u);
}

TEST(Batches, TheShortestLingerThatGainsMost) {
  // A record each 2 ms: 5 ms make three of them one, 20 ms eleven, 100 ms 51.
  const BatchFigures figures = figures_of(small_batches(500, 1, 2));
  EXPECT_EQ(figures.linger_ms, 10u);
  EXPECT_EQ(figures.batch_bytes, 16u << 10);
  EXPECT_NEAR(figures.records_per_batch_then, 6, 0.1);
  EXPECT_NEAR(figures.lz4.bytes_share, 0.6, 1e-9);  // in large batches, as they would be then
  EXPECT_NEAR(figures.zstd.cpu_us_a_record, 2, 1e-9);
  const BatchStanding standing = stand_of("orders", figures, 600, kDayUs);
  EXPECT_NEAR(standing.batches_per_s, 600, 1e-9);
  EXPECT_NEAR(standing.batches_per_s_then, 100, 2);
  EXPECT_THAT(standing.advice, HasSubstr("linger.ms=10 and batch.size=16384 would make it 6.0 records a batch"));
  EXPECT_THAT(standing.advice, HasSubstr("lz4 sends 40 % fewer bytes than now for 1.0 us of CPU a record (zstd: 60 %"));
  EXPECT_EQ(standing.codec_advised, Compression::kLz4);
  EXPECT_EQ(stand_of("orders", figures, 600, 7 * kDayUs).codec_advised, Compression::kZstd);
}

TEST(Batches, NothingIsSaidWhereNothingIsGained) {
  // A small topic; few that were seen; records too far apart; the codec that it has already.
  EXPECT_EQ(stand_of("t", figures_of(small_batches(500, 1, 2)), 30, kDayUs).advice, "");
  EXPECT_EQ(figures_of(small_batches(10, 1, 2)).linger_ms, 0u);
  EXPECT_EQ(figures_of(small_batches(500, 1, 150)).linger_ms, 0u);
  TopicSample packed = small_batches(500, 1, 200);
  packed.codec = Compression::kLz4;
  EXPECT_EQ(stand_of("t", figures_of(packed), 600, kDayUs).codec_advised, std::nullopt);
  packed.codec = Compression::kZstd;
  packed.lz4.bytes = 45'000;  // a tenth less than its 50,000
  EXPECT_EQ(stand_of("t", figures_of(packed), 600, kDayUs).codec_advised, std::nullopt);
}

TEST(Batches, ProducersThatDontSayWhoTheyAre) {
  TopicSample sample = small_batches(500, 1, 2);
  for (BatchSeen& batch : sample.batches) batch.producer_id = -1;
  EXPECT_TRUE(figures_of(sample).anonymous);
  EXPECT_THAT(stand_of("t", figures_of(sample), 600, kDayUs).advice,
              HasSubstr("if one producer writes each partition"));
}

RC_GTEST_PROP(Batches, NoneIsLostAndNoneIsLargerThanAllowed, ()) {
  std::vector<BatchSeen> batches;
  uint64_t bytes = 0;
  for (int i = *rc::gen::inRange(0, 50); i > 0; --i) {
    batches.push_back({*rc::gen::inRange<int64_t>(-1, 3), *rc::gen::inRange<int64_t>(0, 1000), 1,
                       *rc::gen::inRange<uint32_t>(1, 1000), 1});
    bytes += batches.back().bytes;
  }
  const auto bound = *rc::gen::inRange<uint32_t>(1000, 5000);
  const Gathered none = gather(batches, -2000, bound);
  RC_ASSERT(none.batches == batches.size());
  const Gathered some = gather(batches, *rc::gen::inRange<int64_t>(0, 200), bound);
  RC_ASSERT(some.batches <= batches.size());
  RC_ASSERT(some.bytes_most <= bound);
  RC_ASSERT(some.batches * uint64_t{some.bytes_most} >= bytes);
}

// Producers write what their clocks say into batches.
TEST(Batches, TimesAtTheEndsOf64Bits) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min(), kMost = std::numeric_limits<int64_t>::max();
  const std::vector<BatchSeen> batches = {{1, kLeast, 1, 10, 1}, {1, kMost, 1, 10, 1}};
  EXPECT_EQ(gather(batches, 100, kNoBound).batches, 2u);
}

}  // namespace
}  // namespace freshet::fleet
