// Files of a store damaged in many ways: it opens with all rows that were synced, or says what is missing.
#include "kv/damage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <utility>
#include <vector>

#include "kv/store.h"
#include "kv/synced_note.h"
#include "kv/wal.h"

namespace freshet::kv {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

constexpr int kBatches = 60;
constexpr int kRowsOfBatch = 2;

class DamageTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = fs::temp_directory_path() / ("freshet-damage-" + std::to_string(getpid()) + "-" +
                                         testing::UnitTest::GetInstance()->current_test_info()->name());
    clean();
  }
  void TearDown() override { clean(); }
  void clean() {
    for (const char* what : {"", ".damaged", ".synced", ".copy", ".copy.synced"}) fs::remove_all(path_ + what);
  }
  Options options(bool accept_loss = false) {
    Options o;
    o.path = path_;
    o.memory = make_memory_budget(16u << 20);
    o.large_values = o.log_like = true;
    o.note_synced = true;
    o.accept_loss = accept_loss;
    return o;
  }
  static std::string key(int i) {
    std::string digits = std::to_string(i);
    return std::string(4 - digits.size(), '0') + digits;
  }
  static void put(Store& store, int begin, int end) {
    for (int i = begin; i < end; ++i) {
      WriteBatch batch;
      batch.put(key(i), std::string(3000, static_cast<char>('a' + i % 26)));
      batch.put("last", key(i));
      ASSERT_TRUE(store.write(batch, Durability::kSynced));
    }
  }
  // A store that was opened twice, so that some of its rows are in files and some in the write-ahead log.
  void fill() {
    {
      auto store = open_rocks(options()).value();
      put(*store, 0, kBatches / 2);
      ASSERT_TRUE(store->flush());
    }
    auto store = open_rocks(options()).value();
    put(*store, kBatches / 2, kBatches);
  }
  std::vector<std::string> files(const std::string& kind) {
    std::vector<std::string> found;
    for (const auto& file : fs::directory_iterator(path_)) {
      const std::string name = file.path().filename().string();
      if (file.path().extension() == kind || (kind[0] != '.' && name.starts_with(kind))) found.push_back(file.path());
    }
    return found;
  }
  std::string wal() {  // the one with rows in it
    const auto all = files(".log");
    return *std::max_element(all.begin(), all.end(), [](const std::string& a, const std::string& b) {
      return fs::file_size(a) < fs::file_size(b);
    });
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const std::string& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  }
  static int rows(Store& store) {
    int count = 0;
    EXPECT_TRUE(store.scan("0", "a", [&](std::string_view, std::string_view) { return ++count, true; }));
    return count;
  }

  std::string path_;
};

struct Way {
  const char* name;
  std::function<void(const std::string& file)> damage;
};

std::vector<Way> ways() {
  const auto change = [](auto edit) {
    return [edit](const std::string& file) {
      std::ifstream in(file, std::ios::binary);
      std::string bytes(std::istreambuf_iterator<char>(in), {});
      in.close();
      edit(bytes);
      std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
    };
  };
  const auto flip = [](std::string& bytes, size_t at) {
    for (size_t i = at; i < std::min(at + 8, bytes.size()); ++i) bytes[i] = static_cast<char>(~bytes[i]);
  };
  return {{"emptied", change([](std::string& b) { b.clear(); })},
          {"cut", change([](std::string& b) { b.resize(b.size() - b.size() / 3); })},
          {"begin", change([flip](std::string& b) { flip(b, 2); })},
          {"middle", change([flip](std::string& b) { flip(b, b.size() / 2); })},
          {"end", change([flip](std::string& b) { flip(b, b.size() - 30); })},
          {"zeros", change([](std::string& b) { b.replace(b.size() / 4, 4096, 4096, '\0'); })},
          {"deleted", [](const std::string& file) { fs::remove(file); }},
          {"directory", [](const std::string& file) { fs::remove(file), fs::create_directory(file); }}};
}

// What a sync made durable is promised like what a synced write did.
TEST_F(DamageTest, LosesNoRowOfASyncInSilence) {
  auto store = open_rocks(options()).value();
  put(*store, 0, kBatches);
  WriteBatch batch;
  batch.put(key(kBatches), "logged");
  ASSERT_TRUE(store->write(batch, Durability::kLogged));
  ASSERT_TRUE(store->sync());
  fs::copy(path_, path_ + ".copy");  // as a process that is killed leaves it
  fs::copy(path_ + ".synced", path_ + ".copy.synced");
  const std::string log = path_ + ".copy/" + fs::path(wal()).filename().string();
  fs::resize_file(log, fs::file_size(log) - 1);
  Options o = options();
  o.path += ".copy";
  const auto opened = open_rocks(o);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
}

TEST_F(DamageTest, LosesNoSyncedRowOfTheWriteAheadLogInSilence) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    clean();
    fill();
    const std::string log = wal();
    way.damage(log);
    for (int again = 0; again < 2; ++again) {  // An open that fails changes nothing.
      const auto opened = open_rocks(options());
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, Code::kCorrupt);
      EXPECT_THAT(opened.error().message, HasSubstr(path_));
      EXPECT_THAT(opened.error().message, testing::AnyOf(HasSubstr(".log"), HasSubstr("write-ahead log")));
    }
    if (fs::is_directory(log)) continue;  // Nothing of it can be accepted: it is set aside as a whole.
    auto accepted = open_rocks(options(true));
    ASSERT_TRUE(accepted) << accepted.error().message;
    EXPECT_GT((*accepted)->lost_rows(), 0u);
    const int left = rows(**accepted);
    EXPECT_GE(left, kBatches / 2);
    EXPECT_LT(left, kBatches);
    EXPECT_EQ((*accepted)->get("last").value(), key(left - 1));  // All before the first one that is lost.
    put(**accepted, left, left + 2);
    accepted->reset();
    auto after = open_rocks(options());  // From here on all is well again.
    ASSERT_TRUE(after) << after.error().message;
    EXPECT_EQ(rows(**after), left + 2);
    EXPECT_EQ((*after)->lost_rows(), 0u);
  }
}

TEST_F(DamageTest, ATornEndThatWasNeverSyncedIsNoDamage) {
  fill();
  const std::string log = wal();
  const std::string before = read(log);
  for (const std::string& torn : {std::string("\x01\x02"), std::string(100, '\xee'), std::string(40'000, '\0')}) {
    write(log, before + torn);
    fs::copy(path_, path_ + ".copy");
    fs::copy(path_ + ".synced", path_ + ".copy.synced", fs::copy_options::overwrite_existing);
    Options o = options();
    o.path += ".copy";
    auto opened = open_rocks(o);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(rows(**opened), kBatches);
    opened->reset();
    fs::remove_all(o.path);
  }
}

TEST_F(DamageTest, FilesThatAreMissingOrTooShortAreNamed) {
  for (const char* kind : {"CURRENT", "MANIFEST-", ".sst", ".blob"}) {
    for (const Way& way : ways()) {
      const std::string name = way.name;
      // Bytes within a sorted or blob file are compared with their checksum when they are read.
      if (kind[0] == '.' && name != "emptied" && name != "cut" && name != "deleted" && name != "directory") continue;
      SCOPED_TRACE(std::string(kind) + " " + name);
      clean();
      fill();
      const auto all = files(kind);
      ASSERT_FALSE(all.empty());
      if (read(all[0]).size() < 4096 && name == "zeros") continue;
      way.damage(all[0]);
      const auto opened = open_rocks(options());
      if (opened) {
        EXPECT_EQ(rows(**opened), kBatches);
        continue;
      }
      EXPECT_EQ(opened.error().code, Code::kCorrupt) << opened.error().message;
      EXPECT_THAT(opened.error().message, HasSubstr(path_));
    }
  }
}

// RocksDB looks at a blob file when a value of it is read, and names neither that one nor a table whose footer is gone.
TEST_F(DamageTest, AFileWhoseEndsAreDamagedIsNamed) {
  const auto flip_end = [](std::string& bytes) {
    for (size_t i = bytes.size() - 24; i < bytes.size() - 8; ++i) bytes[i] = static_cast<char>(~bytes[i]);
  };
  const auto flip_begin = [](std::string& bytes) { bytes[1] = static_cast<char>(~bytes[1]); };
  const auto append = [](std::string& bytes) { bytes += std::string(3000, 'x'); };
  const std::vector<std::pair<const char*, std::function<void(std::string&)>>> all = {
      {".blob", flip_begin}, {".blob", flip_end}, {".blob", append}, {".sst", flip_end}};
  for (const auto& [kind, edit] : all) {
    clean();
    fill();
    const std::string file = files(kind).at(0);
    std::string bytes = read(file);
    edit(bytes);
    write(file, bytes);
    const auto opened = open_rocks(options());
    ASSERT_FALSE(opened) << file;
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr(file));
  }
}

// The last flush is in the manifest's last record, and its rows are in no write-ahead log any more.
TEST_F(DamageTest, AManifestThatIsCutIsNoticed) {
  fill();
  {
    auto store = open_rocks(options()).value();
    ASSERT_TRUE(store->flush());
    put(*store, kBatches, kBatches + 2);
  }
  const auto all = files("MANIFEST-");
  const std::string manifest = *std::max_element(all.begin(), all.end());
  for (int cut = 1; cut < 60; cut += 7) {
    fs::resize_file(manifest, fs::file_size(manifest) - 7);
    const auto opened = open_rocks(options());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kCorrupt);
    EXPECT_THAT(opened.error().message, HasSubstr(manifest));
  }
}

TEST_F(DamageTest, AStoreThatIsGoneIsNoNewOne) {
  fill();
  fs::remove_all(path_);
  const auto opened = open_rocks(options());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr("missing"), HasSubstr("120 of 120 rows")));
  EXPECT_EQ(set_aside(path_).value(), path_ + ".damaged");
  EXPECT_TRUE(open_rocks(options()));
}

TEST_F(DamageTest, OlderFilesAreNoticed) {
  fill();
  fs::copy(path_, path_ + ".copy");
  {
    auto store = open_rocks(options()).value();
    put(*store, kBatches, kBatches + 5);
  }
  fs::remove_all(path_);
  fs::rename(path_ + ".copy", path_);
  const auto opened = open_rocks(options());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("MANIFEST-"));
}

TEST_F(DamageTest, ANoteThatIsDamagedOrMissingIsMadeAnew) {
  for (const Way& way : ways()) {
    SCOPED_TRACE(way.name);
    if (way.name == std::string("zeros")) continue;
    clean();
    fill();
    way.damage(SyncedNote::path_of(path_));
    {
      ASSERT_TRUE(open_rocks(options()));
    }
    EXPECT_EQ(SyncedNote::read(path_).value()->synced, static_cast<uint64_t>(kBatches * kRowsOfBatch));
  }
}

TEST_F(DamageTest, WithoutANoteDamageBeforeWritesIsNoticed) {
  fill();
  fs::remove(SyncedNote::path_of(path_));
  const std::string log = wal();
  const std::string whole = read(log);
  std::string bytes = whole;
  bytes[bytes.size() / 2] = static_cast<char>(~bytes[bytes.size() / 2]);
  write(log, bytes);
  const auto opened = open_rocks(options());
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, AllOf(HasSubstr(".log at byte"), HasSubstr("damaged bytes")));
}

TEST_F(DamageTest, FollowsWritesOverManyBlocks) {
  {
    // With room for all of it: a flush would delete the file that is being read here.
    Options roomy = options();
    roomy.memory = make_memory_budget(256u << 20);
    auto store = open_rocks(roomy).value();
    for (int i = 0; i < 200; ++i) {
      WriteBatch batch;
      // Mostly several in a block of 32 KiB, and some that are longer than two of them.
      batch.put(key(i), std::string(i % 20 == 0 ? 70'000 : static_cast<size_t>(i) * 997 % 7'000, 'x'));
      ASSERT_TRUE(store->write(batch, Durability::kSynced));
      // It begins at the front each time, which under a sanitizer takes minutes if all of them are looked at.
      if (i % 3 == 0) {
        ASSERT_EQ(read_wals(path_).value().sequence, static_cast<uint64_t>(i + 1));
      }
    }
  }
  const auto end = read_wals(path_).value();
  EXPECT_EQ(end.why, "");
  EXPECT_EQ(end.at, fs::file_size(path_ + "/" + end.file));
}

}  // namespace
}  // namespace freshet::kv
