#include "state/partition_state.h"

#include <gtest/gtest.h>

#include "state/slices.h"
#include "testing/memory_store.h"

namespace freshet::state {
namespace {

constexpr int64_t kHour = 3'600'000'000;
constexpr int64_t kStart = 500'000 * kHour;

class PartitionStateTest : public ::testing::Test {
 protected:
  std::unique_ptr<PartitionState> open(StateOptions options = {}) {
    auto state = PartitionState::open({}, options, [this](const kv::Options& o) -> Result<std::unique_ptr<kv::Store>> {
      drop_ = o.drop;
      return kv::open_memory(disk_, o);
    });
    EXPECT_TRUE(state.has_value());
    return std::move(*state);
  }

  // As a record of the partition would.
  static bool see(PartitionState& state, const std::string& id, int64_t received) {
    const Hash128 message[] = {hash128(id)};
    state.prefetch_seen(message);
    return state.first_sight(message[0], received);
  }

  std::shared_ptr<kv::MemoryDisk> disk_ = std::make_shared<kv::MemoryDisk>();
  kv::DropFn drop_;
};

model::EntityRef ref_of(const std::string& name) {
  return {.id = hash128(name), .rank = 1, .shared_root = false, .kind = v1::ENTITY_KIND_USER};
}

TEST_F(PartitionStateTest, KeepsWhatWasPersistedAndLosesTheRest) {
  {
    auto state = open();
    state->create_entity(ref_of("a")).state.set_tenant("t");
    Alias& alias = state->edit_alias(hash128("k"));
    alias.held = true;
    alias.ref = ref_of("a");
    alias.use_time_us = 5;
    alias.use_message_id = "m";
    state->advance(10);
    ASSERT_TRUE(state->persist());
    EXPECT_EQ(state->durable_offset(), 10);
    (void)state->create_entity(ref_of("b"));
    state->advance(20);
  }
  auto state = open();
  EXPECT_EQ(state->offset(), 10);
  ASSERT_NE(state->find_entity(hash128("a")), nullptr);
  EXPECT_EQ(state->find_entity(hash128("a"))->state.tenant(), "t");
  EXPECT_EQ(state->find_entity(hash128("a"))->ref.rank, 1u);
  EXPECT_EQ(state->find_entity(hash128("b")), nullptr);
  const Alias* alias = state->find_alias(hash128("k"));
  ASSERT_NE(alias, nullptr);
  EXPECT_EQ(alias->ref, ref_of("a"));
  EXPECT_EQ(alias->use_message_id, "m");
  EXPECT_EQ(state->find_alias(hash128("other")), nullptr);
}

// A profile whose alias can't be read must not be made a second time: the state says that it is damaged, and goes
// nowhere.
TEST_F(PartitionStateTest, WhatCantBeReadIsNotMadeAnew) {
  {
    auto state = open();
    (void)state->create_entity(ref_of("a"));
    Alias& alias = state->edit_alias(hash128("k"));
    alias.held = true;
    alias.ref = ref_of("a");
    ASSERT_TRUE(state->persist());
  }
  disk_->rows["a" + std::string(hash128("k").view())] = "no AliasRow";
  auto state = open();
  ASSERT_NE(state->find_entity(hash128("a")), nullptr);
  EXPECT_EQ(state->find_alias(hash128("k")), nullptr);
  EXPECT_EQ(state->create_entity(ref_of("a")).ref, ref_of("a"));
  ASSERT_FALSE(state->status());
  EXPECT_EQ(state->status().error().code, Code::kCorrupt);
  EXPECT_FALSE(state->begin_persist());
}

TEST_F(PartitionStateTest, AnEntityUnderTheKeyOfAnotherIsDamage) {
  {
    auto state = open();
    (void)state->create_entity(ref_of("a"));
    ASSERT_TRUE(state->persist());
  }
  disk_->rows["e" + std::string(hash128("b").view())] = disk_->rows["e" + std::string(hash128("a").view())];
  auto state = open();
  EXPECT_EQ(state->find_entity(hash128("b")), nullptr);
  ASSERT_FALSE(state->status());
  EXPECT_EQ(state->status().error().code, Code::kCorrupt);
}

TEST_F(PartitionStateTest, DropGoesBackToTheLastPersist) {
  auto state = open();
  (void)state->create_entity(ref_of("a"));
  state->advance(1);
  ASSERT_TRUE(state->persist());
  (void)state->create_entity(ref_of("b"));
  state->advance(2);
  ASSERT_TRUE(state->drop());
  EXPECT_EQ(state->offset(), 1);
  EXPECT_NE(state->find_entity(hash128("a")), nullptr);
  EXPECT_EQ(state->find_entity(hash128("b")), nullptr);
}

TEST_F(PartitionStateTest, ASmallBatchStaysDecodedButIsNeitherDurableNorKeptByADrop) {
  auto state = open();
  Entity& made = state->create_entity(ref_of("a"));
  made.state.set_version(1);
  state->advance(1);
  state->settle();
  EXPECT_EQ(state->find_entity(hash128("a")), &made);
  EXPECT_TRUE(disk_->rows.empty());
  ASSERT_TRUE(state->persist());
  Entity& again = *state->find_entity(hash128("a"));
  PartitionState::touch(again, *state);
  again.state.set_version(2);
  state->advance(2);
  state->settle();
  ASSERT_TRUE(state->drop());
  EXPECT_EQ(state->find_entity(hash128("a"))->state.version(), 1u);
}

v1::Envelope record_of_event(const std::string& name) {
  v1::Envelope record;
  record.add_events()->set_name(name);
  return record;
}

TEST_F(PartitionStateTest, ASliceIsForOneRecordAndBecomesARow) {
  auto state = open();
  Entity& made = state->create_entity(ref_of("x"));
  for (const char* name : {"a", "b"}) made.state.add_events()->set_name(name);
  EXPECT_EQ(slice_entity(*state, hash128("x"), record_of_event("a")), nullptr) << "it is decoded";
  ASSERT_TRUE(state->persist());
  Entity* slice = slice_entity(*state, hash128("x"), record_of_event("a"));
  ASSERT_NE(slice, nullptr);
  EXPECT_EQ(slice->state.events_size(), 1);
  keep_slice(*state);
  EXPECT_EQ(state->dirty_count(), 0u) << "nothing was changed";
  slice = slice_entity(*state, hash128("x"), record_of_event("b"));
  ASSERT_NE(slice, nullptr);
  PartitionState::touch(*slice, *state);
  slice->state.set_version(9);
  keep_slice(*state);
  EXPECT_EQ(state->dirty_count(), 1u);
  const Entity* whole = state->find_entity(hash128("x"));
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->state.version(), 9u);
  EXPECT_EQ(whole->state.events_size(), 2);
  EXPECT_EQ(slice_entity(*state, hash128("nobody"), record_of_event("a")), nullptr);
  EXPECT_TRUE(state->status());
}

// A persist that has begun writes the row as it was, though the record changes nothing but the row.
TEST_F(PartitionStateTest, WhatASliceChangesBelongsToTheNextPersist) {
  auto state = open();
  state->create_entity(ref_of("x")).state.set_version(1);
  ASSERT_TRUE(state->persist());
  const auto raise = [&] {
    Entity* slice = slice_entity(*state, hash128("x"), {});
    ASSERT_NE(slice, nullptr);
    PartitionState::touch(*slice, *state);
    slice->state.set_version(slice->state.version() + 1);
    keep_slice(*state);
  };
  raise();
  state->advance(2);
  ASSERT_TRUE(state->begin_persist());
  raise();
  state->advance(3);
  ASSERT_TRUE(state->gather(SIZE_MAX));
  ASSERT_TRUE(state->finish_persist());
  EXPECT_EQ(open()->find_entity(hash128("x"))->state.version(), 2u);
  EXPECT_EQ(state->find_entity(hash128("x"))->state.version(), 3u);
}

TEST_F(PartitionStateTest, MuchDecodedBecomesRows) {
  auto state = open({.memory_bytes = 256u << 10});
  for (int i = 0; i < 1000; ++i) {
    state->create_entity(ref_of(std::to_string(i))).state.set_version(7);
    state->settle();
  }
  EXPECT_GT(state->dirty_count(), 700u);
  EXPECT_EQ(state->find_entity(hash128("0"))->state.version(), 7u);
}

TEST_F(PartitionStateTest, MemoryStaysBoundedAndNothingIsLost) {
  StateOptions options;
  options.memory_bytes = 64u << 10;
  auto state = open(options);
  for (int i = 0; i < 5000; ++i) {
    Entity& e = state->create_entity(ref_of(std::to_string(i)));
    e.state.set_tenant(std::string(100, 'x'));
    e.state.set_version(static_cast<uint64_t>(i));
    if (i % 50 == 0) {
      state->settle();
      ASSERT_TRUE(!state->wants_persist() || state->persist());
    }
  }
  EXPECT_LT(state->dirty_count(), 200u) << "more than half of the budget";
  ASSERT_TRUE(state->persist());
  auto again = open();
  for (int i = 0; i < 5000; i += 7) {
    const Entity* e = again->find_entity(hash128(std::to_string(i)));
    ASSERT_NE(e, nullptr) << i;
    EXPECT_EQ(e->state.version(), static_cast<uint64_t>(i));
  }
}

TEST_F(PartitionStateTest, AMessageIsNewOnceInTheWindow) {
  auto state = open();
  EXPECT_TRUE(see(*state, "m", kStart));
  EXPECT_FALSE(see(*state, "m", kStart + 1));
  ASSERT_TRUE(state->persist());
  auto again = open();
  EXPECT_FALSE(see(*again, "m", kStart + 2));
  // The window follows record time, in steps of less than 5 minutes.
  int64_t now = kStart;
  for (int step = 0; step < 24 * 60 / 4; ++step) {
    now += 4 * 60'000'000LL;
    EXPECT_TRUE(see(*again, "tick" + std::to_string(step), now));
  }
  EXPECT_FALSE(see(*again, "m", now)) << "24 hours are not over for its hour";
  for (int step = 0; step < 60; ++step) (void)see(*again, "tock" + std::to_string(step), now += 4 * 60'000'000LL);
  EXPECT_TRUE(see(*again, "m", now)) << "long over";
}

TEST_F(PartitionStateTest, OneRecordFarAheadDoesNotCloseTheWindow) {
  auto state = open();
  EXPECT_TRUE(see(*state, "m", kStart));
  EXPECT_TRUE(see(*state, "future", kStart + 1000 * kHour));
  EXPECT_FALSE(see(*state, "m", kStart + 1));
  // A pause of the whole source is believed after a row of records.
  for (uint32_t i = 0; i < kDedupJumpRecords; ++i) (void)see(*state, "n" + std::to_string(i), kStart + 100 * kHour);
  EXPECT_EQ(state->meta().highest_received_at_us(), kStart + 100 * kHour);
  EXPECT_TRUE(see(*state, "m", kStart + 100 * kHour));
}

TEST_F(PartitionStateTest, ExpiredRowsMayGoOnlyOnceThatIsDurable) {
  auto state = open();
  EXPECT_TRUE(see(*state, "old", kStart));
  ASSERT_TRUE(state->persist());
  const auto row = *disk_->rows.lower_bound("s");
  ASSERT_EQ(row.first[0], 's');
  for (uint32_t i = 0; i <= kDedupJumpRecords; ++i) (void)see(*state, "n" + std::to_string(i), kStart + 100 * kHour);
  EXPECT_FALSE(drop_(row.first, row.second)) << "a crash would go back to before";
  ASSERT_TRUE(state->persist());
  EXPECT_TRUE(drop_(row.first, row.second));
  EXPECT_FALSE(drop_("e" + row.first.substr(1), row.second)) << "only message rows expire";
}

// A persist in pieces: what changes meanwhile belongs to the next one, whether its row was copied already or not.
TEST_F(PartitionStateTest, APersistInPiecesIsOfTheMomentAtWhichItBegan) {
  auto state = open({.memory_bytes = 256u << 10});
  const auto set_all = [&](uint64_t version) {
    for (int i = 0; i < 10; ++i) {
      Entity* entity = state->find_entity(hash128(std::to_string(i)));
      if (entity == nullptr) entity = &state->create_entity(ref_of(std::to_string(i)));
      PartitionState::touch(*entity, *state);
      entity->state.set_version(version);
    }
  };
  set_all(1);
  state->advance(1);
  ASSERT_TRUE(state->begin_persist());
  EXPECT_FALSE(state->gather(3));
  set_all(2);
  state->advance(2);
  for (int i = 0; i < 300; ++i) (void)state->create_entity(ref_of("new " + std::to_string(i)));
  state->settle();  // So much is decoded that all of it becomes rows.
  while (!state->gather(3)) {
  }
  EXPECT_TRUE(state->is_persisting());
  ASSERT_TRUE(state->finish_persist());
  EXPECT_FALSE(state->is_persisting());
  EXPECT_EQ(state->durable_offset(), 1);
  auto again = open();
  EXPECT_EQ(again->offset(), 1);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(again->find_entity(hash128(std::to_string(i)))->state.version(), 1u) << i;
  EXPECT_EQ(again->find_entity(hash128("new 0")), nullptr);
  ASSERT_TRUE(state->persist());
  again = open();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(again->find_entity(hash128(std::to_string(i)))->state.version(), 2u) << i;
  EXPECT_NE(again->find_entity(hash128("new 299")), nullptr);
}

TEST_F(PartitionStateTest, ADropGivesUpWhatIsStillGathering) {
  auto state = open();
  (void)state->create_entity(ref_of("a"));
  state->advance(1);
  ASSERT_TRUE(state->persist());
  (void)state->create_entity(ref_of("b"));
  EXPECT_TRUE(state->first_in_ledger(hash128("row")));
  EXPECT_TRUE(state->first_sight(hash128("message"), 1'000));
  state->advance(2);
  ASSERT_TRUE(state->begin_persist());
  (void)state->create_entity(ref_of("c"));
  ASSERT_TRUE(state->drop());
  EXPECT_FALSE(state->is_persisting());
  EXPECT_EQ(state->offset(), 1);
  EXPECT_EQ(state->find_entity(hash128("b")), nullptr);
  EXPECT_TRUE(state->first_in_ledger(hash128("row")));
  EXPECT_TRUE(state->first_sight(hash128("message"), 1'000));
  (void)state->create_entity(ref_of("b"));
  state->advance(3);
  ASSERT_TRUE(state->persist());
  EXPECT_NE(open()->find_entity(hash128("b")), nullptr);
}

TEST_F(PartitionStateTest, TheLedgerIsForEver) {
  auto state = open();
  EXPECT_TRUE(state->first_in_ledger(hash128("row 1")));
  EXPECT_FALSE(state->first_in_ledger(hash128("row 1")));
  ASSERT_TRUE(state->persist());
  auto again = open();
  EXPECT_FALSE(again->first_in_ledger(hash128("row 1")));
  EXPECT_TRUE(again->first_in_ledger(hash128("row 2")));
}

TEST_F(PartitionStateTest, AnotherFormatIsRefused) {
  for (const uint32_t format : {1u, 99u}) {
    v1::PartitionMeta meta;
    meta.set_format(format);
    disk_->rows["m"] = meta.SerializeAsString();
    const auto state = PartitionState::open({}, {}, [this](const kv::Options& o) -> Result<std::unique_ptr<kv::Store>> {
      return kv::open_memory(disk_, o);
    });
    ASSERT_FALSE(state.has_value());
    EXPECT_EQ(state.error().code, Code::kInvalid);
  }
}

TEST_F(PartitionStateTest, ADamagedRowFailsTheBatch) {
  disk_->rows[std::string("e") + std::string(hash128("x").view())] = "\xff\xff\xff not a message";
  auto state = open();
  EXPECT_EQ(state->find_entity(hash128("x")), nullptr);
  ASSERT_FALSE(state->status());
  EXPECT_EQ(state->status().error().code, Code::kCorrupt);
  EXPECT_FALSE(state->persist());
}

}  // namespace
}  // namespace freshet::state
