// Damage anywhere in a file of rows or of values is found by reading the file again.
#include "kv/store_files.h"

#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "kv/check_file.h"
#include "kv/memory_budget.h"
#include "kv/store.h"

namespace freshet::kv {
namespace {

namespace fs = std::filesystem;

constexpr int kRows = 4000;
constexpr uint64_t kDamages = 60;  // of each file, one after the other, from its first byte to its last ones

class StoreFilesTest : public testing::Test {
 protected:
  StoreFilesTest()
      : path_(fs::temp_directory_path() / ("freshet-files-" + std::to_string(getpid()) + "-" +
                                           testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path_);
  }
  ~StoreFilesTest() override { fs::remove_all(path_); }

  // A state's store: its filters are kept in parts, which is where blocks' checksums are not compared.
  [[nodiscard]] std::unique_ptr<Store> open() const {
    Options o;
    o.path = path_ / "store";
    o.memory = make_memory_budget(16u << 20);
    o.point_reads = o.large_values = o.remember_damage = true;
    o.bloom_bits = 10;
    return open_rocks(o).value();
  }
  static std::string key(int i) { return "key" + std::to_string(1'000'000 + i); }
  static void fill(Store& store) {
    WriteBatch batch;
    for (int i = 0; i < kRows; ++i) batch.put(key(i), std::string(i % 100 == 0 ? 9000 : 20, 'x'));
    ASSERT_TRUE(store.write(batch, Durability::kLogged));
    ASSERT_TRUE(store.flush());
  }
  [[nodiscard]] std::string file_of(const fs::path& directory, const char* kind) const {
    for (const auto& entry : fs::directory_iterator(directory))
      if (entry.path().extension() == kind) return entry.path();
    return "";
  }
  static void flip(const std::string& file, uint64_t at) {
    std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
    bytes.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(bytes.get());
    bytes.seekp(static_cast<std::streamoff>(at));
    bytes.put(static_cast<char>(was ^ 0x10));
  }
  // Each damage is told, and the file as it was is well again.
  static void damage_everywhere(const std::string& file, const std::function<Status()>& check) {
    const uint64_t size = fs::file_size(file);
    ASSERT_GT(size, kDamages) << file;
    for (uint64_t at = 0; at < size; at += size / kDamages) {
      flip(file, at);
      const Status damaged = check();
      ASSERT_FALSE(damaged) << file << " at byte " << at << " of " << size;
      EXPECT_EQ(damaged.error().code, Code::kCorrupt);
      EXPECT_NE(damaged.error().message.find(file), std::string::npos) << damaged.error().message;
      flip(file, at);
    }
    EXPECT_TRUE(check());
  }

  const fs::path path_;
};

TEST_F(StoreFilesTest, DamageOfAnyByteOfASnapshotIsFound) {
  const auto store = open();
  fill(*store);
  const fs::path snapshot = path_ / "snapshot";
  ASSERT_TRUE(store->snapshot_to(snapshot));
  const FileCheck check = check_of_snapshot(snapshot);
  for (const char* kind : {".sst", ".blob"}) {
    const std::string file = file_of(snapshot, kind);
    damage_everywhere(file, [&] { return check(file, fs::file_size(file)); });
  }
  EXPECT_TRUE(check(snapshot / "CURRENT", 1)) << "other files are passed over";
}

TEST_F(StoreFilesTest, DamageOfAnyByteOfAFileThatCameInSortedIsFound) {
  const auto store = open();
  ASSERT_TRUE(store->write_sorted([](SortedRows& rows) {
    for (int i = 0; i < kRows; ++i) rows.put(key(i), "value");
  }));
  const std::string file = file_of(path_ / "store", ".sst");
  std::string cursor;
  // The store remembers the damage, but goes on comparing.
  damage_everywhere(file, [&]() -> Status {
    cursor.clear();
    const auto read = store->check_next_file(cursor);
    return read ? Status{} : tl::unexpected(read.error());
  });
}

// What was written before checksums were noted has none in the manifest.
TEST_F(StoreFilesTest, AFileWithoutANotedChecksumIsComparedByItsBlocks) {
  fs::create_directories(path_);
  const std::string file = path_ / "000007.sst";
  rocksdb::Options options;
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
  ASSERT_TRUE(writer.Open(file).ok());
  for (int i = 0; i < kRows; ++i)
    ASSERT_TRUE(writer.Put(key(i), std::string(40, static_cast<char>('a' + i % 26))).ok());
  ASSERT_TRUE(writer.Finish().ok());
  const StoreFile known{fs::file_size(file), std::nullopt};
  EXPECT_TRUE(compare_file(options, file, known));
  flip(file, known.bytes / 3);
  EXPECT_EQ(compare_file(options, file, known).error().code, Code::kCorrupt);
}

TEST_F(StoreFilesTest, AFileThatIsCutOrGoneIsNotWell) {
  const auto store = open();
  fill(*store);
  const fs::path snapshot = path_ / "snapshot";
  ASSERT_TRUE(store->snapshot_to(snapshot));
  const FileCheck check = check_of_snapshot(snapshot);
  const std::string file = file_of(snapshot, ".sst");
  const uint64_t size = fs::file_size(file);
  ASSERT_TRUE(check(file, size));
  fs::resize_file(file, size - 1);
  EXPECT_EQ(check(file, size).error().code, Code::kCorrupt);
  fs::remove(file);
  EXPECT_EQ(check(file, size).error().code, Code::kFatal);
}

}  // namespace
}  // namespace freshet::kv
