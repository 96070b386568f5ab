// Rows move to where a state of another number of partitions looks for them. What becomes of profiles:
// action/repartition_test.cc.
#include "state/repartition.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <map>
#include <memory>

#include "model/home.h"
#include "state/partition_state.h"
#include "testing/memory_store.h"

namespace freshet::state {
namespace {

constexpr int64_t kHourUs = 3'600'000'000;
constexpr int64_t kDayUs = 24 * kHourUs;

using Disk = std::shared_ptr<kv::MemoryDisk>;
using Disks = std::vector<Disk>;

Disks make_disks(uint32_t partitions) {
  Disks disks;
  for (uint32_t p = 0; p < partitions; ++p) disks.push_back(std::make_shared<kv::MemoryDisk>());
  return disks;
}

std::unique_ptr<PartitionState> open(const Disk& disk) {
  auto state = PartitionState::open(
      {}, {}, [&](const kv::Options& o) -> Result<std::unique_ptr<kv::Store>> { return kv::open_memory(disk, o); });
  EXPECT_TRUE(state.has_value());
  return std::move(*state);
}

Result<Repartitioned> move_all(const Disks& old, const Disks& made, size_t memory_bytes = 1 << 20,
                               uint32_t threads = 1) {
  std::vector<std::unique_ptr<kv::Store>> stores;
  std::vector<kv::Store*> from, into;
  for (const Disk& disk : old) from.push_back(stores.emplace_back(kv::open_memory(disk, {})).get());
  for (const Disk& disk : made) into.push_back(stores.emplace_back(kv::open_memory(disk, {})).get());
  return repartition(from, into, {.memory_bytes = memory_bytes, .threads = threads, .progress = {}});
}

// The n-th key that is at home in the partition.
Hash128 key_in(uint32_t partition, uint32_t partitions, uint32_t n) {
  return model::with_home(hash128(std::to_string(n)), partition + partitions * n);
}

void put_rules(PartitionState& state, uint32_t partitions, uint64_t revision = 1) {
  state.meta().mutable_rules()->set_revision(revision);
  state.meta().mutable_rules()->set_partitions(partitions);
  state.meta().mutable_rules()->set_hash_key("0123456789abcdef");
}

// Some of everything in each partition.
Disks make_state(uint32_t partitions, uint32_t rows) {
  Disks disks = make_disks(partitions);
  for (uint32_t p = 0; p < partitions; ++p) {
    const auto state = open(disks[p]);
    put_rules(*state, partitions);
    for (uint32_t n = 0; n < rows; ++n) {
      const Hash128 key = key_in(p, partitions, n);
      state->create_entity({.id = key, .rank = 1}).state.set_tenant(fmt::format("{}.{}", p, n));
      state->edit_alias(key_in(p, partitions, rows + n)).generation = n + 1;
      EXPECT_TRUE(state->first_in_ledger(key));
      // The clocks of partitions differ by days where some have little to do.
      EXPECT_TRUE(state->first_sight(key, 10 * kDayUs + p % 3 * kDayUs + n * kHourUs / 100));
    }
    state->meta().set_erased_messages(p);
    state->advance(100 + p);
    EXPECT_TRUE(state->persist());
  }
  return disks;
}

std::map<std::string, std::string> all_rows(const Disks& disks) {
  std::map<std::string, std::string> all;
  for (const Disk& disk : disks)
    for (const auto& [key, row] : disk->rows) {
      if (key == kMetaRow) continue;
      EXPECT_TRUE(all.emplace(key, row).second) << "in two partitions: " << to_hex(key);
    }
  return all;
}

RC_GTEST_PROP(RepartitionTest, EveryRowIsWhereItIsLookedFor,
              (uint8_t before, uint8_t after, uint8_t memory, uint8_t threads)) {
  const uint32_t p = 1 + before % 9, n = 1 + after % 9;
  const Disks old = make_state(p, 20), made = make_disks(n), back = make_disks(p);
  const auto moved = move_all(old, made, memory * 32u, 1 + threads % 4);
  RC_ASSERT(moved.has_value());
  const auto rows = all_rows(made);
  size_t bytes = 0;
  for (const auto& [key, row] : rows) bytes += key.size() + row.size();
  RC_ASSERT(moved->rows == rows.size());
  RC_ASSERT(moved->bytes == bytes);
  RC_ASSERT(rows.size() == size_t{p} * 20 * 4);
  for (uint32_t at = 0; at < n; ++at)
    for (const auto& [key, row] : made[at]->rows) {
      if (key == kMetaRow) continue;
      RC_ASSERT(model::partition_of(Hash128::from(std::string_view(key).substr(key.size() - 16)), n) == at);
    }
  RC_ASSERT(move_all(made, back).has_value());
  for (uint32_t at = 0; at < p; ++at) RC_ASSERT(back[at]->rows.size() == old[at]->rows.size());
  RC_ASSERT(all_rows(back) == rows);
}

// The progress comes to its end, and never goes back, whoever of the threads says it.
TEST(RepartitionTest, ProgressRises) {
  const Disks old = make_state(3, 50), made = make_disks(2);
  std::vector<std::unique_ptr<kv::Store>> stores;
  std::vector<kv::Store*> from, into;
  for (const Disk& disk : old) from.push_back(stores.emplace_back(kv::open_memory(disk, {})).get());
  for (const Disk& disk : made) into.push_back(stores.emplace_back(kv::open_memory(disk, {})).get());
  double last = 0;
  ASSERT_TRUE(repartition(from, into, {.memory_bytes = 1000, .threads = 3, .progress = [&](double part) {
                                         EXPECT_GE(part, last);
                                         last = part;
                                       }}));
  EXPECT_DOUBLE_EQ(last, 1.0);
}

TEST(RepartitionTest, TheMetaIsOfANewLog) {
  const Disks old = make_state(3, 5), made = make_disks(5);
  ASSERT_TRUE(move_all(old, made));
  uint64_t erased = 0;
  for (const Disk& disk : made) {
    const auto state = open(disk);
    EXPECT_EQ(state->offset(), 0);
    EXPECT_FALSE(state->is_blank());
    EXPECT_EQ(state->meta().rules().partitions(), 5u);
    erased += state->meta().erased_messages();
  }
  EXPECT_EQ(erased, 0u + 1 + 2);
}

// ---- the dedup window

// Partitions whose clocks are far apart: every message is known as long as it would have been.
RC_GTEST_PROP(RepartitionTest, NoWindowGetsShorter,
              (uint32_t lag_minutes, uint16_t age_minutes, uint32_t begin_minutes)) {
  constexpr int64_t kMinuteUs = 60'000'000;
  const int64_t begin = 10 * kDayUs + begin_minutes % 2000 * kMinuteUs;
  const int64_t lag = lag_minutes % 10'000 * kMinuteUs;
  const int64_t age = age_minutes % (24 * 60) * kMinuteUs;
  Disks old = make_disks(2), made = make_disks(1);
  const Hash128 message = key_in(0, 2, 7), other = key_in(1, 2, 8);
  int64_t window_left = 0;
  {
    const auto slow = open(old[0]), fast = open(old[1]);
    put_rules(*slow, 2);
    put_rules(*fast, 2);
    RC_ASSERT(slow->first_sight(message, begin));
    slow->meta().set_highest_received_at_us(begin + age);  // as records later would
    RC_ASSERT(fast->first_sight(other, begin + age + lag));
    window_left = kDedupWindowUs - age;
    RC_ASSERT(slow->persist().has_value());
    RC_ASSERT(fast->persist().has_value());
  }
  RC_ASSERT(move_all(old, made).has_value());
  const auto state = open(made[0]);
  RC_ASSERT(!state->first_sight(other, begin + age + lag));
  state->meta().set_highest_received_at_us(state->meta().highest_received_at_us() + window_left);
  RC_ASSERT(!state->first_sight(message, begin));
}

TEST(RepartitionTest, MessagesOutOfTheWindowStayBehind) {
  Disks old = make_disks(1), made = make_disks(2);
  {
    const auto state = open(old[0]);
    put_rules(*state, 1);
    EXPECT_TRUE(state->first_sight(key_in(0, 1, 1), 10 * kDayUs));
    state->meta().set_highest_received_at_us(12 * kDayUs);
    EXPECT_TRUE(state->first_sight(key_in(0, 1, 2), 12 * kDayUs));
    ASSERT_TRUE(state->persist());
  }
  ASSERT_TRUE(move_all(old, made));
  EXPECT_EQ(all_rows(made).size(), 1u);
}

// ---- what is refused

void expect_refused(const Disks& old, Code code) {
  for (const uint32_t threads : {1u, 3u}) {
    const auto done = move_all(old, make_disks(2), 1 << 20, threads);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, code) << done.error().message;
  }
}

TEST(RepartitionTest, AnEntityInTheMiddleOfAMerge) {
  for (const auto& begin : std::vector<std::function<void(v1::EntityState&)>>{
           [](auto& e) { e.set_status(v1::EntityState::LEAVING); }, [](auto& e) { (void)e.add_held(); },
           [](auto& e) { (void)e.add_gathered(); }, [](auto& e) { (void)e.add_absorbing(); },
           [](auto& e) { e.set_stepping(true); }, [](auto& e) { e.set_winding_up(true); },
           [](auto& e) { (void)e.mutable_departure(); }}) {
    const Disks old = make_state(2, 3);
    {
      const auto state = open(old[1]);
      Entity& e = *state->find_entity(key_in(1, 2, 0));
      PartitionState::touch(e, *state);
      begin(e.state);
      ASSERT_TRUE(state->persist());
    }
    expect_refused(old, Code::kConflict);
  }
}

TEST(RepartitionTest, RulesThatDiffer) {
  const Disks old = make_state(2, 3);
  {
    const auto state = open(old[1]);
    put_rules(*state, 2, 2);
    ASSERT_TRUE(state->persist());
  }
  expect_refused(old, Code::kConflict);
}

TEST(RepartitionTest, RowsThatAreNotThePartitions) {
  Disks old = make_state(2, 3);
  old[0]->rows["a" + std::string(key_in(1, 2, 9).view())] = "";
  expect_refused(old, Code::kCorrupt);
  old = make_state(2, 3);
  old[0]->rows["x"] = "";
  expect_refused(old, Code::kCorrupt);
  old = make_state(2, 3);
  old[1]->rows["b" + std::string(key_in(1, 2, 9).view())] = "";  // behind aliases
  expect_refused(old, Code::kCorrupt);
  old = make_state(2, 3);
  old[1]->rows["e" + std::string(key_in(1, 2, 9).view())] = "\xff";  // no entity
  expect_refused(old, Code::kCorrupt);
  old = make_state(2, 3);
  old[1]->rows.erase(std::string(kMetaRow));
  expect_refused(old, Code::kCorrupt);
}

}  // namespace
}  // namespace freshet::state
