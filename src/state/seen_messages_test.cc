#include "state/seen_messages.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "state/partition_state.h"
#include "state/peek.h"
#include "testing/memory_store.h"

namespace freshet::state {
namespace {

// A plain set of what was seen, and of what a crash would leave of it.
struct PlainSet {
  std::map<size_t, uint32_t> seen, durable;  // message -> span
  int64_t clock_us = 0, durable_clock_us = 0;

  bool first_sight(size_t message) {
    const uint32_t lowest = std::max(seen_span_of(clock_us - kDedupWindowUs), 1u);
    const auto at = seen.find(message);
    if (at != seen.end() && at->second >= lowest) return false;
    seen[message] = seen_span_of(clock_us);
    return true;
  }
  void persist() {
    durable = seen;
    durable_clock_us = clock_us;
  }
  void crash() {
    seen = durable;
    clock_us = durable_clock_us;
  }
};

class SeenMessagesTest : public ::testing::Test {
 protected:
  std::unique_ptr<PartitionState> open(size_t memory_bytes) {
    auto state = PartitionState::open(
        {}, {memory_bytes},
        [this](const kv::Options& o) -> Result<std::unique_ptr<kv::Store>> { return kv::open_memory(disk_, o); });
    EXPECT_TRUE(state.has_value());
    return std::move(*state);
  }

  std::shared_ptr<kv::MemoryDisk> disk_ = std::make_shared<kv::MemoryDisk>();
};

Hash128 message_of(size_t number) { return hash128("message " + std::to_string(number)); }

// More than are sorted as one.
TEST_F(SeenMessagesTest, ManyAreWrittenInTheirOrder) {
  constexpr size_t kMany = 10'000;
  constexpr int64_t kFirstUs = 500'000 * kSeenSpanUs - 1;
  {
    auto state = open(1u << 20);
    for (size_t i = 0; i < kMany; ++i)
      ASSERT_TRUE(state->first_sight(message_of(i), kFirstUs + static_cast<int64_t>(i % 2)));
    ASSERT_TRUE(state->persist());
  }
  EXPECT_EQ(disk_->rows.size(), kMany + 1);
  auto state = open(1u << 20);
  for (size_t i = 0; i < kMany; ++i) ASSERT_FALSE(state->first_sight(message_of(i), kFirstUs)) << i;
}

// Random spans, restarts, crashes and aborts, with filters that have room and filters that have not.
RC_GTEST_FIXTURE_PROP(SeenMessagesTest, IsAPlainSetOfTheWindow, ()) {
  disk_ = std::make_shared<kv::MemoryDisk>();
  const size_t memory_bytes = *rc::gen::element<size_t>(1u << 20, 40'000, 8'000, 0);
  auto state = open(memory_bytes);
  PlainSet plain;
  plain.clock_us = plain.durable_clock_us = 0;
  const auto see = [&](size_t message) {
    if (plain.clock_us == 0) plain.clock_us = 100'000 * kSeenSpanUs + 1;
    // Who only looks finds the same, before and after, and changes nothing by it.
    const bool first = plain.first_sight(message);
    RC_ASSERT(*peek_seen(*state, message_of(message)) == !first);
    RC_ASSERT(state->first_sight(message_of(message), plain.clock_us) == first);
    RC_ASSERT(*peek_seen(*state, message_of(message)));
  };
  size_t next = 0;
  const int steps = *rc::gen::inRange(1, 80);
  for (int step = 0; step < steps; ++step) {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:  // As records of hours would have moved it.
        if (plain.clock_us == 0) break;
        plain.clock_us += *rc::gen::inRange<int64_t>(1, 3 * kSeenSpanUs);
        state->meta().set_highest_received_at_us(plain.clock_us);
        break;
      case 1: {
        RC_ASSERT(state->begin_persist().has_value());
        plain.persist();
        see(next++);
        RC_ASSERT(state->gather(SIZE_MAX));
        RC_ASSERT(state->finish_persist().has_value());
        break;
      }
      case 2:
        RC_ASSERT(state->persist().has_value());
        plain.persist();
        break;
      case 3:
        plain.crash();
        RC_ASSERT(state->drop().has_value());
        break;
      case 4:
        plain.crash();
        state.reset();
        state = open(memory_bytes);
        break;
      default: {
        std::vector<size_t> batch;
        for (size_t count = *rc::gen::inRange<size_t>(1, 200); count > 0; --count)
          batch.push_back(*rc::gen::arbitrary<bool>() && next > 0 ? *rc::gen::inRange<size_t>(0, next) : next++);
        std::vector<Hash128> ids;
        for (const size_t message : batch) ids.push_back(message_of(message));
        if (*rc::gen::inRange(0, 4) > 0) state->prefetch_seen(ids);
        for (const size_t message : batch) see(message);
        state->settle();
      }
    }
    RC_ASSERT(state->status().has_value());
  }
}

// The rows have the format that they had before there were filters: one state reads the other's.
TEST_F(SeenMessagesTest, RowsOfABoundaryAreOfTheirOwnSpans) {
  const int64_t border = 100'000 * kSeenSpanUs;
  {
    auto state = open(1u << 20);
    EXPECT_TRUE(state->first_sight(message_of(1), border - 1));
    EXPECT_TRUE(state->first_sight(message_of(2), border));
    ASSERT_TRUE(state->persist());
  }
  EXPECT_TRUE(disk_->rows.contains(seen_rows_of(99'999).append(message_of(1).view())));
  EXPECT_TRUE(disk_->rows.contains(seen_rows_of(100'000).append(message_of(2).view())));
  for (const size_t memory_bytes : {size_t{0}, size_t{1} << 20}) {
    auto state = open(memory_bytes);
    EXPECT_FALSE(state->first_sight(message_of(1), border + 1));
    EXPECT_FALSE(state->first_sight(message_of(2), border + 1));
    ASSERT_TRUE(state->persist());  // gathers
    EXPECT_FALSE(state->first_sight(message_of(1), border + 2));
    EXPECT_FALSE(state->first_sight(message_of(2), border + 2));
    EXPECT_TRUE(state->first_sight(message_of(3 + memory_bytes), border + 2));
  }
}

}  // namespace
}  // namespace freshet::state
