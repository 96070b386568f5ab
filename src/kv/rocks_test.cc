// The store's contract on RocksDB.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>
#include <thread>

#include "env/clock.h"
#include "kv/store.h"
#include "kv/unchanged.h"

namespace freshet::kv {
namespace {

std::string concat(std::optional<std::string_view> existing, std::span<const std::string_view> operands) {
  std::string out(existing.value_or("-"));
  for (const std::string_view operand : operands) out += operand;
  return out;
}

class RocksTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("freshet-kv-" + std::to_string(getpid()) + "-" +
                                                      testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(path_);
  }

  Options options() {
    Options o;
    o.path = path_;
    o.memory = memory_;
    o.merge = concat;
    return o;
  }
  void open() { open(options()); }
  void open(const Options& o) {
    store_.reset();
    auto opened = open_rocks(o);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }
  void put(std::string_view key, std::string_view value, Durability durability = Durability::kLogged) {
    WriteBatch batch;
    batch.put(key, value);
    ASSERT_TRUE(store_->write(batch, durability));
  }
  std::optional<std::string> get(std::string_view key) { return store_->get(key).value(); }
  std::string keys(std::string_view begin, std::string_view end, bool back = false) {
    std::string out;
    auto visit = [&](std::string_view key, std::string_view) {
      out += key;
      return true;
    };
    EXPECT_TRUE(back ? store_->scan_back(begin, end, visit) : store_->scan(begin, end, visit));
    return out;
  }

  std::string path_;
  std::shared_ptr<MemoryBudget> memory_ = make_memory_budget(64u << 20);
  std::unique_ptr<Store> store_;
};

TEST_F(RocksTest, PutGetRemove) {
  open();
  put("a", "1");
  WriteBatch batch;
  const std::string_view parts[] = {"x", "", "yz"};
  batch.put("b", parts);
  batch.remove("a");
  EXPECT_EQ(batch.count(), 2u);
  EXPECT_GT(batch.bytes(), 4u);
  ASSERT_TRUE(store_->write(batch, Durability::kSynced));
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(get("b"), "xyz");
  batch.clear();
  EXPECT_EQ(batch.count(), 0u);
}

TEST_F(RocksTest, MultiGetTellsEachValueWithTheNumberOfItsKey) {
  open();
  for (int i = 100; i < 200; i += 2) put("k" + std::to_string(i), std::string(static_cast<size_t>(i), 'v'));
  ASSERT_TRUE(store_->flush());
  put("k142", "newer");
  std::vector<std::string> names;
  for (int i = 100; i < 200; ++i) names.push_back("k" + std::to_string(i));
  const std::vector<std::string_view> wanted(names.begin(), names.end());
  std::map<size_t, std::string> values;
  ASSERT_TRUE(store_->multi_get(
      wanted, [&](size_t i, std::string_view value) { ASSERT_TRUE(values.emplace(i, value).second); }));
  EXPECT_EQ(values.size(), 50u);
  for (const auto& [i, value] : values) {
    EXPECT_EQ(i % 2, 0u);
    EXPECT_EQ(value, i == 42 ? "newer" : std::string(100 + i, 'v'));
  }
  ASSERT_TRUE(store_->multi_get({}, [](size_t, std::string_view) { FAIL(); }));
}

TEST_F(RocksTest, MergeFoldsOldestFirst) {
  open();
  WriteBatch batch;
  batch.merge("m", "1");
  batch.merge("m", "2");
  ASSERT_TRUE(store_->write(batch, Durability::kNone));
  EXPECT_EQ(get("m"), "-12");
  ASSERT_TRUE(store_->flush());
  batch.clear();
  batch.merge("m", "3");
  ASSERT_TRUE(store_->write(batch, Durability::kNone));
  open();
  EXPECT_EQ(get("m"), "-123");
}

TEST_F(RocksTest, ScansAreOrderedBytes) {
  open();
  for (const char* key : {"b", "a", "\xff", "ab", "c"}) put(key, key);
  EXPECT_EQ(keys("a", "c"), "aabb");
  EXPECT_EQ(keys("a", "c", true), "baba");
  EXPECT_EQ(keys("b", ""), "bc\xff");
  EXPECT_EQ(keys("b", "", true),
            "\xff"
            "cb");
  EXPECT_EQ(keys("c", "c"), "");
  int seen = 0;
  ASSERT_TRUE(store_->scan("a", "", [&](std::string_view, std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TEST_F(RocksTest, RemoveRangeAndReclaim) {
  Options o = options();
  o.large_values = true;
  o.log_like = true;
  open(o);
  for (char c = 'a'; c <= 'e'; ++c) put(std::string(1, c), std::string(10'000, c));
  ASSERT_TRUE(store_->flush());
  WriteBatch batch;
  batch.remove_range("b", "d");
  batch.remove_range("z", "a");  // empty
  ASSERT_TRUE(store_->write(batch, Durability::kSynced));
  ASSERT_TRUE(store_->reclaim("b", "d"));
  EXPECT_EQ(keys("", ""), "ade");
  EXPECT_EQ(get("d"), std::string(10'000, 'd'));
  EXPECT_GT(store_->disk_bytes(), 30'000u);
}

TEST_F(RocksTest, ReopenFindsSyncedAndLogged) {
  open();
  put("logged", "1", Durability::kLogged);
  put("synced", "2", Durability::kSynced);
  put("later", "3", Durability::kLogged);
  ASSERT_TRUE(store_->sync());
  open();
  EXPECT_EQ(keys("", ""), "laterloggedsynced");
}

TEST_F(RocksTest, DropLeavesAtCompaction) {
  std::atomic<bool> dropping{false};
  Options o = options();
  o.drop = [&](std::string_view key, std::string_view) { return dropping.load() && key.starts_with("old"); };
  open(o);
  dropping = true;
  for (int i = 0; i < 12; ++i) {
    put("old" + std::to_string(i), "v");
    put("new" + std::to_string(i), "v");
    ASSERT_TRUE(store_->flush());  // overlapping files, so that a compaction is due
  }
  env::Clock& clock = env::real_clock();
  for (int i = 0; i < 500 && get("old0"); ++i) clock.sleep_us(10'000);
  EXPECT_EQ(get("old0"), std::nullopt);
  EXPECT_EQ(get("new0"), "v");
  store_.reset();
}

// All stores of a process share one thread of compactions, and a large state may keep it for a minute: a log, which has
// a new small file twice a second, goes on meanwhile.
TEST_F(RocksTest, ALogWaitsForNoCompactionOfAnotherStore) {
  std::promise<void> end_of_compaction;
  const std::shared_future<void> ended = end_of_compaction.get_future().share();
  std::atomic<bool> compacting{false};
  Options slow = options();
  slow.drop = [&compacting, ended](std::string_view, std::string_view) {
    compacting = true;
    ended.wait();
    return false;
  };
  open(slow);
  for (int i = 0; i < 12; ++i) {
    put("a", "v");
    put("z", "v");
    ASSERT_TRUE(store_->flush());
  }
  while (!compacting) env::real_clock().sleep_us(1'000);

  Options log = options();
  log.path += ".log";
  log.large_values = log.log_like = true;
  auto opened = open_rocks(log);
  ASSERT_TRUE(opened) << opened.error().message;
  auto written = std::async(std::launch::async, [&store = **opened] {
    for (int i = 0; i < 60; ++i) {
      WriteBatch batch;
      batch.put("record" + std::to_string(i), std::string(2'000, 'r'));
      if (!store.write(batch, Durability::kSynced) || !store.flush()) return false;
    }
    return true;
  });
  EXPECT_EQ(written.wait_for(std::chrono::minutes(1)), std::future_status::ready);
  end_of_compaction.set_value();
  EXPECT_TRUE(written.get());
  opened->reset();
  std::filesystem::remove_all(log.path);
}

TEST_F(RocksTest, SecondOpenIsAConflictThatNamesTheDirectory) {
  open();
  const auto second = open_rocks(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::kConflict);
  EXPECT_NE(second.error().message.find(path_), std::string::npos) << second.error().message;
}

TEST_F(RocksTest, SecondOpenLeavesWhatIsComingInAlone) {
  open();
  const Status written = store_->write_sorted([&](SortedRows& rows) {
    EXPECT_FALSE(open_rocks(options()));
    rows.put("a", "1");
  });
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(get("a"), "1");
}

// Each has a file of its own on its way in, and none is left.
TEST_F(RocksTest, SortedRowsOfSeveralThreads) {
  open();
  constexpr int kThreads = 4, kFiles = 20, kRows = 50;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int f = 0; f < kFiles; ++f) {
        const Status written = store_->write_sorted([&](SortedRows& rows) {
          for (int r = 0; r < kRows; ++r) rows.put(fmt::format("{:02}.{:02}.{:02}", t, f, r), std::to_string(t));
        });
        EXPECT_TRUE(written) << written.error().message;
      }
    });
  for (std::thread& thread : threads) thread.join();
  size_t count = 0;
  ASSERT_TRUE(store_->scan("", "", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(std::to_string(std::stoi(std::string(key.substr(0, 2)))), value);
    ++count;
    return true;
  }));
  EXPECT_EQ(count, static_cast<size_t>(kThreads * kFiles * kRows));
}

// Files that overlap are compacted soon after a store is opened, but not where they are only read.
TEST_F(RocksTest, FilesStayAsTheyAreWhereTheyAreReadOnce) {
  constexpr int kFiles = 12;
  const auto tables = [&] {
    return std::count_if(std::filesystem::directory_iterator(path_), std::filesystem::directory_iterator(),
                         [](const auto& file) { return file.path().extension() == ".sst"; });
  };
  store_ = std::move(*open_rocks_unchanged(options()));
  for (int f = 0; f < kFiles; ++f)
    ASSERT_TRUE(store_->write_sorted([&](SortedRows& rows) {
      rows.put("a", std::to_string(f));
      rows.put("z", std::to_string(f));
    }));
  store_.reset();
  store_ = std::move(*open_rocks_unchanged(options()));
  env::real_clock().sleep_us(300'000);
  EXPECT_EQ(tables(), kFiles);
  EXPECT_EQ(get("a"), std::to_string(kFiles - 1));
  store_.reset();
  open();
  for (int i = 0; i < 1000 && tables() >= kFiles; ++i) env::real_clock().sleep_us(10'000);
  EXPECT_LT(tables(), kFiles);
}

TEST_F(RocksTest, WhatWasCutShortOnItsWayInIsRemoved) {
  open();
  store_.reset();
  std::ofstream(path_ + "/incoming7") << "half a file";
  open();
  EXPECT_FALSE(std::filesystem::exists(path_ + "/incoming7"));
}

TEST_F(RocksTest, NotADirectoryIsAnError) {
  Options o = options();
  o.path = "/dev/null/store";
  const auto opened = open_rocks(o);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kFatal);
  EXPECT_NE(opened.error().message.find("/dev/null/store"), std::string::npos);
}

// What a killed process leaves (a copy of the files of an open store): a prefix of the kNone batches, at least up to
// the last flush.
TEST_F(RocksTest, KilledProcessLeavesAPrefix) {
  open();
  for (int i = 0; i < 100; ++i) {
    WriteBatch batch;
    batch.put("a" + std::to_string(1000 + i), "v");
    batch.put("b" + std::to_string(1000 + i), "v");
    ASSERT_TRUE(store_->write(batch, Durability::kNone));
    if (i == 60) {
      ASSERT_TRUE(store_->flush());
    }
  }
  Options copy = options();
  copy.path += ".copy";
  std::filesystem::remove_all(copy.path);
  std::filesystem::copy(path_, copy.path);
  open(copy);
  int whole = 0;
  for (; get("a" + std::to_string(1000 + whole)); ++whole) EXPECT_TRUE(get("b" + std::to_string(1000 + whole)));
  EXPECT_EQ(whole, 61);
  EXPECT_EQ(get("b1061"), std::nullopt);
  store_.reset();
  std::filesystem::remove_all(copy.path);
}

// Idle stores that fill the budget must not stop a busy one.
TEST_F(RocksTest, BudgetIsSharedWithoutStandstill) {
  auto small = make_memory_budget(12u << 20);
  std::vector<std::unique_ptr<Store>> stores;
  const std::string value(64u << 10, 'x');
  for (int s = 0; s < 6; ++s) {
    Options o = options();
    o.path += "/" + std::to_string(s);
    o.memory = small;
    stores.push_back(std::move(open_rocks(o).value()));
    WriteBatch batch;
    for (int i = 0; i < 16; ++i) batch.put("k" + std::to_string(i), value);
    ASSERT_TRUE(stores.back()->write(batch, Durability::kNone));
  }
  for (int i = 0; i < 200; ++i) {
    WriteBatch batch;
    for (int j = 0; j < 4; ++j) batch.put("k" + std::to_string(i * 4 + j), value);
    ASSERT_TRUE(stores[0]->write(batch, Durability::kNone));
  }
  EXPECT_EQ(stores[0]->get("k799").value()->size(), value.size());
  EXPECT_EQ(stores[5]->get("k15").value()->size(), value.size());
}

RC_GTEST_FIXTURE_PROP(RocksTest, BehavesLikeAMap,
                      (const std::vector<std::tuple<uint8_t, uint8_t, std::string>>& steps)) {
  open();
  std::map<std::string, std::string> model;
  for (const auto& [what, number, value] : steps) {
    const std::string key(1, static_cast<char>(number % 16));
    const std::string end(1, static_cast<char>(number % 16 + 3));
    WriteBatch batch;
    switch (what % 5) {
      case 0: batch.put(key, value), model[key] = value; break;
      case 1: batch.remove(key), model.erase(key); break;
      case 2: batch.remove_range(key, end), model.erase(model.lower_bound(key), model.lower_bound(end)); break;
      case 3: {
        const auto at = model.find(key);
        const std::string_view operands[] = {value};
        std::optional<std::string_view> existing;
        if (at != model.end()) existing = at->second;
        std::string merged = concat(existing, operands);
        model[key] = std::move(merged);
        batch.merge(key, value);
        break;
      }
      default: RC_ASSERT(store_->flush().has_value());
    }
    RC_ASSERT(store_->write(batch, static_cast<Durability>(what % 2)).has_value());
  }
  std::map<std::string, std::string> rows;
  RC_ASSERT(store_
                ->scan("", "",
                       [&](std::string_view key, std::string_view value) {
                         rows.emplace(key, value);
                         return true;
                       })
                .has_value());
  RC_ASSERT(rows == model);
}

bool files_have(const std::string& path, const std::string& text) {
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

TEST_F(RocksTest, ScrubTakesWhatIsGoneOutOfTheFiles) {
  for (const bool large : {false, true}) {
    Options o = options();
    o.large_values = large;
    open(o);
    for (const char* key : {"a", "b", "c"}) put(key, std::string(key) + "SECRET-" + std::string(large ? 9000 : 1, 'x'));
    ASSERT_TRUE(store_->flush());
    put("a", "other");
    ASSERT_TRUE(store_->flush());
    WriteBatch batch;
    batch.remove("b");
    batch.remove_range("c", "d");
    ASSERT_TRUE(store_->write(batch, Durability::kSynced));
    EXPECT_TRUE(files_have(path_, "SECRET"));
    std::atomic<bool> canceled{true};
    EXPECT_EQ(store_->scrub(canceled).error().code, Code::kRetry);
    canceled = false;
    ASSERT_TRUE(store_->scrub(canceled));
    EXPECT_FALSE(files_have(path_, "SECRET")) << large;
    EXPECT_EQ(get("a"), "other");
  }
}

// All files that are checked, one after the other; whether one of them is damaged.
std::pair<std::string, bool> check_all(Store& store) {
  std::string names, cursor;
  bool damaged = false;
  do {
    const auto read = store.check_next_file(cursor);
    damaged = damaged || (!read && read.error().code == Code::kCorrupt);
    names += cursor + " ";
  } while (!cursor.empty());
  return {names, damaged};
}

TEST_F(RocksTest, DamageIsFoundInFilesThatNobodyReads) {
  for (const char* kind : {".sst", ".blob"}) {
    Options o = options();
    o.large_values = true;
    o.remember_damage = true;
    open(o);
    for (int i = 0; i < 50; ++i) put("k" + std::to_string(i), std::string(i % 2 == 0 ? 9000 : 90, 'x'));
    ASSERT_TRUE(store_->flush());
    const auto [names, damaged] = check_all(*store_);
    EXPECT_FALSE(damaged);
    EXPECT_NE(names.find(".sst"), std::string::npos) << names;
    EXPECT_NE(names.find(".blob"), std::string::npos) << names;
    EXPECT_TRUE(store_->health());
    std::string file;
    for (const auto& entry : std::filesystem::directory_iterator(path_))
      if (entry.path().extension() == kind) file = entry.path();
    {
      std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekp(static_cast<std::streamoff>(std::filesystem::file_size(file) / 3));
      bytes.put('!');
    }
    EXPECT_TRUE(check_all(*store_).second) << file;
    const Status health = store_->health();
    ASSERT_FALSE(health);
    EXPECT_NE(health.error().message.find(std::filesystem::path(file).filename()), std::string::npos)
        << health.error().message;
    store_.reset();
    EXPECT_EQ(open_rocks(o).error().code, Code::kCorrupt) << "it is remembered";
    std::filesystem::remove_all(path_);
  }
}

// A directory on a small disk of its own; empty where that needs rights that a test does not have.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directories(path_);
    if (::mount("freshet-test", path_.c_str(), "tmpfs", 0, "size=10m") != 0) path_.clear();
  }
  ~SmallDisk() {
    if (!path_.empty()) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Leaves so many bytes, and takes them as they become free.
  void fill_up_to(uint64_t left) const {
    std::filesystem::remove(path_ + "/ballast");
    std::ofstream ballast(path_ + "/ballast", std::ios::binary);
    const uint64_t free = std::filesystem::space(path_).available;
    for (uint64_t bytes = left; bytes < free && ballast;) {
      const std::string chunk(free - bytes > (1u << 20) ? 256u << 10 : 4u << 10, 'b');
      ballast << chunk << std::flush;
      bytes += chunk.size();
    }
  }

 private:
  std::string path_;
};

// Wherever a write meets the end of the disk, at an open, in the midst of writes, at a close: an error, never an end.
// With a write-ahead log, as the embedded log has it, and without, as states and profiles.
void fill_a_disk(Options o, const SmallDisk& disk, bool logged) {
  o.path = disk.path() + "/store";
  o.note_synced = true;
  o.remember_damage = true;
  o.write_buffer_bytes = 64u << 10;
  std::map<std::string, std::string> acknowledged;
  size_t opens_failed = 0, writes_failed = 0;
  enum { kBeforeTheOpen, kAfterTheOpen, kNever };
  for (uint64_t left = 0; left < (1u << 20); left += left < (64u << 10) ? 16u << 10 : 192u << 10) {
    for (const int full : {kBeforeTheOpen, kAfterTheOpen, kNever}) {
      disk.fill_up_to(full == kBeforeTheOpen ? left : 6u << 20);
      auto opened = open_rocks(o);
      if (!opened) {
        EXPECT_NE(opened.error().code, Code::kCorrupt) << left << ": " << opened.error().message;
        EXPECT_EQ(full, kBeforeTheOpen) << opened.error().message;
        ++opens_failed;
        continue;
      }
      if (full == kAfterTheOpen) disk.fill_up_to(left);
      Store& store = **opened;
      const std::string value(4000, static_cast<char>('a' + left / 1024 % 26));
      for (int i = 0; i < 20; ++i) {
        const std::string key = "k" + std::to_string(i);
        WriteBatch batch;
        batch.put(key, value);
        Status written = store.write(batch, logged ? Durability::kSynced : Durability::kNone);
        if (written && !logged) written = store.write_sorted([&](SortedRows& rows) { rows.put("s" + key, value); });
        if (written && (!logged || i % 8 == 0)) written = store.flush();
        if (written) acknowledged[key] = value;
        if (!written) ++writes_failed;
        (void)store.sync();
      }
      std::atomic<bool> canceled{false};
      (void)store.scrub(canceled);
      if (full != kNever) continue;
      EXPECT_TRUE(store.health());
      for (const auto& [key, kept] : acknowledged) EXPECT_EQ(store.get(key).value(), kept) << left;
    }
  }
  EXPECT_GT(opens_failed, 0u);
  EXPECT_GT(writes_failed, 0u);
}

TEST_F(RocksTest, AFullDiskIsAnErrorAtEveryStep) {
  for (const bool logged : {true, false}) {
    const SmallDisk disk(path_);
    if (disk.path().empty()) GTEST_SKIP() << "a file system of its own needs mount(2), as root";
    fill_a_disk(options(), disk, logged);
  }
}

}  // namespace
}  // namespace freshet::kv
