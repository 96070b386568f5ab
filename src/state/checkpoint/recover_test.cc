// A state is lost, damaged or old: what comes back is the nearest that is whole.
#include "state/checkpoint/recover.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "kv/check_file.h"
#include "state/checkpoint/checkpointer.h"
#include "state/checkpoint/writer.h"
#include "telemetry/metrics.h"
#include "testing/memory_object_store.h"

namespace freshet::state {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kPartition = 1;
constexpr uint32_t kPartitions = 4;
const std::string kHashKey = "0123456789abcdef";

class RecoverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::temp_directory_path() / ("freshet-recover-" + std::to_string(getpid()));
    fs::remove_all(base_);
    fs::create_directories(base_);
  }
  void TearDown() override { fs::remove_all(base_); }

  [[nodiscard]] std::string directory() const { return base_ + "/0001"; }

  RecoverOptions options() {
    RecoverOptions out;
    out.checkpoints = &objects_;
    out.pace = &pace_;
    out.partition = kPartition;
    out.identity = {kPartitions, installation_fingerprint(kHashKey)};
    out.directory = directory();
    out.open = [this] {
      kv::Options kv;
      kv.path = directory();
      kv.memory = memory_;
      kv.remember_damage = true;
      return PartitionState::open(kv, {}, kv::open_rocks);
    };
    return out;
  }

  // Entities e0 … e(offset-1).
  static void fill(PartitionState& state, int64_t offset) {
    for (int64_t i = state.offset(); i < offset; ++i) add_entity(state, i);
    state.advance(offset);
    ASSERT_TRUE(state.persist());
  }

  static void add_entity(PartitionState& state, int64_t number) {
    state.meta().mutable_rules()->set_hash_key(kHashKey);
    state
        .create_entity({.id = hash128("e" + std::to_string(number)),
                        .rank = 1,
                        .shared_root = false,
                        .kind = v1::ENTITY_KIND_USER})
        .state.set_tenant(std::string(5000, static_cast<char>('a' + number % 26)));
  }

  static void expect_filled(PartitionState& state, int64_t offset) {
    EXPECT_EQ(state.offset(), offset);
    EXPECT_NE(state.find_entity(hash128("e" + std::to_string(offset - 1))), nullptr);
    EXPECT_EQ(state.find_entity(hash128("e" + std::to_string(offset))), nullptr);
    EXPECT_TRUE(state.status()) << state.status().error().message;
  }

  static void expect_skipped(const RecoverOptions& wanted) {
    const auto state = open_or_restore(wanted);
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ((*state)->offset(), 1'000);
    EXPECT_NE((*state)->find_entity(hash128("e39")), nullptr);
  }

  void checkpoint(PartitionState& state) {
    const auto meta = take_snapshot(*state.store().lock(), base_ + "/snapshot");
    ASSERT_TRUE(meta) << meta.error().message;
    if (!writer_)
      writer_ = *CheckpointWriter::claim(
          {&objects_, &env::real_clock(), &env::real_random(), kPartition, kPartitions, 3, kv::check_of_snapshot});
    const auto written = writer_->add(base_ + "/snapshot", *meta, pace_);
    ASSERT_TRUE(written) << written.error().message;
  }

  // Checkpoints at 10, 20 and 30, the state at 40.
  void make_history() {
    auto state = *options().open();
    for (const int64_t offset : {10, 20, 30}) {
      fill(*state, offset);
      checkpoint(*state);
    }
    fill(*state, 40);
  }

  // Of the largest file of the newest checkpoint that no older one has.
  std::string& newest_file() {
    const auto found = *find_checkpoints(objects_, kPartition);
    std::string best;
    for (const v1::CheckpointFile& file : found.at(0).manifest->files()) {
      const auto& older = found.at(1).manifest->files();
      const bool shared =
          std::any_of(older.begin(), older.end(), [&](const auto& f) { return f.sha256() == file.sha256(); });
      const std::string key = file_key(kPartition, found.at(0).id.session, digest_of(file));
      if (!shared && (best.empty() || objects_.objects.at(key).size() > objects_.objects.at(best).size())) best = key;
    }
    return objects_.objects.at(best);
  }

  [[nodiscard]] std::string any_sst() const {
    for (const auto& entry : fs::directory_iterator(directory()))
      if (entry.path().extension() == ".sst") return entry.path().string();
    return {};
  }

  std::string base_;
  std::shared_ptr<kv::MemoryBudget> memory_ = kv::make_memory_budget(64u << 20);
  objectstore::MemoryStore objects_;
  objectstore::Pace pace_{env::real_clock(), 0};
  std::unique_ptr<CheckpointWriter> writer_;
};

TEST_F(RecoverTest, AnEmptyDiskGetsTheNewest) {
  make_history();
  fs::remove_all(directory());
  auto state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  expect_filled(**state, 30);
  fill(**state, 35);  // it goes on
  state->reset();
  expect_filled(**open_or_restore(options()), 35);
}

// Made for another number of partitions: it stands for offset 0 of a new log, as an empty disk seems to.
TEST_F(RecoverTest, OneOfANewLogIsTaken) {
  {
    auto state = *options().open();
    for (int64_t i = 0; i < 10; ++i) add_entity(*state, i);
    ASSERT_TRUE(state->persist());
    checkpoint(*state);
  }
  fs::remove_all(directory());
  auto state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ((*state)->offset(), 0);
  EXPECT_NE((*state)->find_entity(hash128("e9")), nullptr);
}

TEST_F(RecoverTest, TheNearerIsTaken) {
  make_history();
  expect_filled(**open_or_restore(options()), 40);
  // Of a partition that was elsewhere meanwhile.
  fs::rename(directory(), base_ + "/elsewhere");
  auto old = *options().open();
  fill(*old, 5);
  old.reset();
  expect_filled(**open_or_restore(options()), 30);
}

TEST_F(RecoverTest, AFileCutOffIsMovedAsideAndReplaced) {
  make_history();
  fs::resize_file(any_sst(), 100);
  auto state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  expect_filled(**state, 30);
  EXPECT_TRUE(fs::exists(directory() + ".damaged/CURRENT"));
}

TEST_F(RecoverTest, DamageThatOnlyAReadFindsIsMovedAsideAtTheNextOpen) {
  make_history();
  {
    std::fstream file(any_sst(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(60);
    file << "damaged!";
  }
  memory_ = kv::make_memory_budget(64u << 20);  // a cache that has not seen it
  auto state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  EXPECT_EQ((*state)->offset(), 40);
  for (int i = 0; i < 40; ++i) (void)(*state)->find_entity(hash128("e" + std::to_string(i)));
  ASSERT_FALSE((*state)->status());
  EXPECT_EQ((*state)->status().error().code, Code::kCorrupt);
  state->reset();
  state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  expect_filled(**state, 30);
}

// A file that was damaged after it was written, and before a checkpoint had it: no checkpoint ever has the damage, and
// the next start goes back to the one before.
TEST_F(RecoverTest, NoCheckpointIsMadeOfADamagedFile) {
  make_history();
  const auto files = [this] {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(directory()))
      if (entry.path().extension() == ".sst") all.insert(entry.path().string());
    return all;
  };
  {
    const std::set<std::string> before = files();
    auto state = *options().open();
    fill(*state, 45);
    for (const std::string& path : files()) {
      if (before.contains(path)) continue;
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(60);
      file << "damaged!";
    }
    const auto meta = take_snapshot(*state->store().lock(), base_ + "/snapshot");
    ASSERT_TRUE(meta) << meta.error().message;
    for (int i = 0; i < 2; ++i) {  // nor does it pass at a second try
      const auto written = writer_->add(base_ + "/snapshot", *meta, pace_);
      ASSERT_FALSE(written);
      EXPECT_EQ(written.error().code, Code::kCorrupt);
      EXPECT_NE(written.error().message.find(".sst"), std::string::npos) << written.error().message;
    }
  }
  EXPECT_EQ(find_checkpoints(objects_, kPartition)->at(0).id.offset, 30);
  fs::remove_all(directory());
  auto state = open_or_restore(options());
  ASSERT_TRUE(state) << state.error().message;
  expect_filled(**state, 30);
}

TEST_F(RecoverTest, ADamagedCheckpointGivesWayToTheNextOlder) {
  make_history();
  fs::remove_all(directory());
  const std::string whole = newest_file();
  const auto damages = std::vector<std::function<void(std::string&)>>{
      [](std::string& content) { content.resize(content.size() / 2); },
      [](std::string& content) { content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1); },
      [](std::string& content) { content += "x"; },
  };
  for (const auto& damage : damages) {
    damage(newest_file());
    auto state = open_or_restore(options());
    ASSERT_TRUE(state) << state.error().message;
    expect_filled(**state, 20);
    state->reset();
    fs::remove_all(directory());
    newest_file() = whole;
  }
  for (auto& [key, content] : objects_.objects)
    if (parse_checkpoint_key(kPartition, key).value_or(CheckpointId{}).offset == 30) content.resize(50);
  expect_filled(**open_or_restore(options()), 20);
}

TEST_F(RecoverTest, NoCheckpointIsWhole) {
  make_history();
  fs::remove_all(directory());
  for (auto& [key, content] : objects_.objects)
    if (key.find("/files/") != std::string::npos) content += "x";
  auto wanted = options();
  wanted.log_begins_at = 10;
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kCorrupt);
  EXPECT_NE(state.error().message.find("no checkpoint is whole"), std::string::npos) << state.error().message;
  // With the whole log it begins anew.
  EXPECT_EQ((*open_or_restore(options()))->offset(), 0);
}

TEST_F(RecoverTest, OfAnotherInstallationIsRefused) {
  make_history();
  fs::remove_all(directory());
  auto wanted = options();
  wanted.identity.installation = installation_fingerprint("another key 0123");
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kInvalid);
  EXPECT_NE(state.error().message.find("another installation"), std::string::npos);
  wanted = options();
  wanted.identity.partitions = 8;
  EXPECT_EQ(open_or_restore(wanted).error().code, Code::kInvalid);
}

// A disk that is at or past its newest checkpoint is not compared with it, so its own number must be.
TEST_F(RecoverTest, AStateOfAnotherNumberOfPartitionsIsRefused) {
  {
    auto state = open_or_restore(options());
    ASSERT_TRUE(state);
    (*state)->meta().mutable_rules()->set_partitions(kPartitions);
    (*state)->advance(10);
    ASSERT_TRUE((*state)->persist());
  }
  ASSERT_TRUE(open_or_restore(options()));
  for (const bool checkpoints : {true, false}) {
    auto wanted = options();
    if (!checkpoints) wanted.checkpoints = nullptr;
    wanted.identity.partitions = 2 * kPartitions;
    const auto state = open_or_restore(wanted);
    ASSERT_FALSE(state);
    EXPECT_EQ(state.error().code, Code::kInvalid);
    EXPECT_NE(state.error().message.find(fmt::format("of {} partitions", kPartitions)), std::string::npos);
    EXPECT_NE(state.error().message.find("checkpoint restore --partitions"), std::string::npos);
  }
}

TEST_F(RecoverTest, WithoutTheStoreItGoesOnFromItsDisk) {
  make_history();
  objects_.before = [] { return fail(Code::kRetry, "away"); };
  auto wanted = options();
  wanted.log_begins_at = 35;
  expect_filled(**open_or_restore(wanted), 40);
  fs::remove_all(directory());
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kRetry);
}

TEST_F(RecoverTest, WithoutCheckpointsItBeginsAnewIfTheLogHasEverything) {
  for (const char* missing : {"/CURRENT", ""}) {
    make_history();
    fs::remove_all(directory() + missing);
    auto wanted = options();
    wanted.checkpoints = nullptr;
    auto state = open_or_restore(wanted);
    ASSERT_TRUE(state) << state.error().message;
    EXPECT_EQ((*state)->offset(), 0);
    EXPECT_TRUE((*state)->is_blank());
    EXPECT_EQ(fs::exists(directory() + ".damaged"), *missing != 0);
    (*state).reset();
    fs::remove_all(base_);
    fs::create_directories(base_);
    writer_.reset();
  }
}

TEST_F(RecoverTest, ALogThatBeginsWithAStateTakesNoEmptyOne) {
  RecoverOptions wanted = options();
  wanted.begins_with_state = true;
  wanted.checkpoints = nullptr;
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kInvalid);
  EXPECT_NE(state.error().message.find("--into"), std::string::npos) << state.error().message;
}

TEST_F(RecoverTest, WhatTheLogHasLostIsAcceptedIfAsked) {
  make_history();
  auto wanted = options();
  wanted.checkpoints = nullptr;
  wanted.log_begins_at = 1'000;
  EXPECT_EQ(open_or_restore(wanted).error().code, Code::kCorrupt);
  wanted.accept_loss = true;
  expect_skipped(wanted);
  wanted.accept_loss = false;
  expect_skipped(wanted);  // It is durable.
}

TEST_F(RecoverTest, WithoutCheckpointsDamageStays) {
  make_history();
  fs::resize_file(any_sst(), 100);
  auto wanted = options();
  wanted.checkpoints = nullptr;
  wanted.log_begins_at = 5;  // A state from the beginning would lack what was before.
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kCorrupt);
  EXPECT_TRUE(fs::exists(directory() + "/CURRENT"));
}

TEST_F(RecoverTest, TooOldForTheLog) {
  make_history();
  auto wanted = options();
  wanted.log_begins_at = 50;
  const auto state = open_or_restore(wanted);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Code::kCorrupt);
  EXPECT_NE(state.error().message.find("begins at 50"), std::string::npos) << state.error().message;
}

TEST_F(RecoverTest, TheFirstHashKeyDecides) {
  EXPECT_EQ(*agree_on_hash_key(objects_, kHashKey), kHashKey);
  EXPECT_EQ(*agree_on_hash_key(objects_, "another key 0123"), kHashKey);
  objects_.objects["installation"] = "hash_key: 00\n";
  EXPECT_EQ(agree_on_hash_key(objects_, kHashKey).error().code, Code::kCorrupt);
}

// ---- in the background

class CheckpointerTest : public RecoverTest {
 protected:
  CheckpointerOptions fast() {
    CheckpointerOptions out;
    out.store = &objects_;
    out.clock = &env::real_clock();
    out.random = &env::real_random();
    out.partitions = kPartitions;
    out.scratch = [this](uint32_t) { return base_ + "/scratch"; };
    out.interval_us = 20'000;
    out.min_pause_us = 1'000;
    out.keep = 2;
    return out;
  }

  // Tells it until the log may forget up to `offset`.
  static bool reaches(Checkpointer& checkpointer, const PartitionState& state, int64_t offset) {
    for (int i = 0; i < 1500; ++i) {
      if (checkpointer.persisted(kPartition, state, 0) >= offset) return true;
      env::real_clock().sleep_us(20'000);
    }
    return false;
  }
};

TEST_F(CheckpointerTest, TheLogKeepsWhatTheOldestKeptNeeds) {
  auto state = *options().open();
  Checkpointer checkpointer(fast());
  EXPECT_EQ(checkpointer.persisted(kPartition, *state, 0), 0);
  fill(*state, 10);
  ASSERT_TRUE(reaches(checkpointer, *state, 10));
  fill(*state, 20);
  EXPECT_EQ(checkpointer.persisted(kPartition, *state, 0), 10);
  env::real_clock().sleep_us(300'000);
  EXPECT_EQ(checkpointer.persisted(kPartition, *state, 0), 10) << "two are kept";
  fill(*state, 30);
  ASSERT_TRUE(reaches(checkpointer, *state, 20));
  checkpointer.stop();
  EXPECT_EQ(find_checkpoints(objects_, kPartition)->size(), 2u);
  EXPECT_FALSE(fs::exists(base_ + "/scratch"));
}

// Without waiting for the interval; and nothing counts that was made durable before it was asked for.
TEST_F(CheckpointerTest, WhatIsAskedForIsMadeAtOnce) {
  CheckpointerOptions slow = fast();
  slow.interval_us = slow.min_pause_us = 3'600'000'000;
  auto state = *options().open();
  Checkpointer checkpointer(slow);
  fill(*state, 10);
  (void)checkpointer.persisted(kPartition, *state, 0);
  const auto wait_for = [&checkpointer](const auto& is_so) {
    for (int i = 0; i < 1500 && !is_so(checkpointer.asked()); ++i) env::real_clock().sleep_us(10'000);
    return is_so(checkpointer.asked());
  };
  ASSERT_TRUE(wait_for([&](const AskedFor&) { return find_checkpoints(objects_, kPartition)->size() == 1; }));
  const uint64_t round = checkpointer.ask();
  EXPECT_EQ(round, checkpointer.round());
  EXPECT_TRUE(checkpointer.asked().parts.empty()) << "no worker has heard of it";
  checkpointer.takes_part(round, 0, {kPartition});
  fill(*state, 20);
  (void)checkpointer.persisted(kPartition, *state, round - 1);
  env::real_clock().sleep_us(100'000);
  ASSERT_EQ(checkpointer.asked().parts.size(), 1U);
  EXPECT_FALSE(checkpointer.asked().parts[0].done) << "what became durable was begun before";
  (void)checkpointer.persisted(kPartition, *state, round);
  ASSERT_TRUE(wait_for([](const AskedFor& asked) { return asked.parts[0].done; }));
  EXPECT_EQ(checkpointer.asked().parts[0].offset, 20);
  EXPECT_EQ(checkpointer.asked().members, std::set<uint32_t>{0});

  // Again, with nothing new: there is nothing to make.
  const uint64_t second = checkpointer.ask();
  checkpointer.takes_part(second, 0, {kPartition});
  (void)checkpointer.persisted(kPartition, *state, second);
  EXPECT_TRUE(wait_for([](const AskedFor& asked) { return asked.parts[0].done; }));
  checkpointer.stop();
  EXPECT_EQ(find_checkpoints(objects_, kPartition)->size(), 2U);
}

TEST_F(CheckpointerTest, WhatIsAskedForAndFailsSaysWhy) {
  objects_.before = []() -> Status { return fail(Code::kRetry, "away"); };
  auto state = *options().open();
  CheckpointerOptions slow = fast();
  slow.interval_us = slow.min_pause_us = 3'600'000'000;
  Checkpointer checkpointer(slow);
  const uint64_t round = checkpointer.ask();
  checkpointer.takes_part(round, 0, {kPartition});
  fill(*state, 10);
  (void)checkpointer.persisted(kPartition, *state, round);
  const auto error = [&checkpointer] { return checkpointer.asked().parts.at(0).error; };
  for (int i = 0; i < 1500 && error().empty(); ++i) env::real_clock().sleep_us(10'000);
  EXPECT_NE(error().find("away"), std::string::npos) << error();
  EXPECT_FALSE(checkpointer.asked().parts[0].done);

  checkpointer.takes_part(checkpointer.ask(), 0, {kPartition});
  EXPECT_EQ(error(), "") << "what failed before is no answer";
}

TEST_F(CheckpointerTest, AStoreThatIsAwayIsCountedAndTriedAgain) {
  const auto failures = [] { return telemetry::counter_total("freshet_checkpoint_failures_total"); };
  const uint64_t before = failures();
  std::atomic<bool> away{true};
  objects_.before = [&away]() -> Status { return away ? fail(Code::kRetry, "away") : Status{}; };
  auto state = *options().open();
  fill(*state, 10);
  Checkpointer checkpointer(fast());
  EXPECT_EQ(checkpointer.persisted(kPartition, *state, 0), 0);
  while (failures() < before + 2) env::real_clock().sleep_us(10'000);
  EXPECT_EQ(checkpointer.persisted(kPartition, *state, 0), 0) << "nothing may be forgotten";
  away = false;
  ASSERT_TRUE(reaches(checkpointer, *state, 10));
}

TEST_F(CheckpointerTest, AStateThatWasClosedIsLeftAlone) {
  auto state = *options().open();
  fill(*state, 10);
  Checkpointer checkpointer(fast());
  ASSERT_TRUE(reaches(checkpointer, *state, 0));
  state.reset();
  env::real_clock().sleep_us(100'000);
  // The directory is free again, at the latest when what was under way is done.
  auto again = options().open();
  for (int i = 0; i < 500 && !again; ++i) {
    env::real_clock().sleep_us(20'000);
    again = options().open();
  }
  ASSERT_TRUE(again) << again.error().message;
  fill(**again, 20);
  ASSERT_TRUE(reaches(checkpointer, **again, 10));
}

}  // namespace
}  // namespace freshet::state
