#include "ingest/sources/csv/import_store.h"

#include <gtest/gtest.h>

#include <tuple>

#include "testing/memory_store.h"

namespace freshet::ingest {
namespace {

v1::ImportProgress progress_of(const std::string& tenant, const std::string& id) {
  v1::ImportProgress progress;
  progress.set_tenant(tenant);
  progress.set_id(id);
  progress.set_mapping("kind: users");
  progress.add_recent()->set_line(1);
  return progress;
}

TEST(ImportStore, KeepsMappingsApartAndAsLongAsTheyAreNeeded) {
  const std::shared_ptr<kv::Store> rows = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
  const auto store = make_import_store(rows);
  ASSERT_TRUE(store->put(progress_of("t", "a"), true));
  v1::ImportProgress progress = **store->get("t", "a");
  EXPECT_EQ(progress.mapping(), "");
  EXPECT_EQ(*store->mapping("t", "a"), "kind: users");
  progress.set_offset(7);
  ASSERT_TRUE(store->put(progress, false));
  EXPECT_EQ(*store->mapping("t", "a"), "kind: users") << "it need not be said again";
  EXPECT_EQ((*store->get("t", "a"))->offset(), 7U);
  progress.set_complete(true);
  ASSERT_TRUE(store->put(progress, true));
  EXPECT_EQ(store->mapping("t", "a").error().code, Code::kNotFound);
}

TEST(ImportStore, ListsCountsAndRemoves) {
  const std::shared_ptr<kv::Store> rows = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
  const auto store = make_import_store(rows);
  for (const char* id : {"c", "a", "b"}) ASSERT_TRUE(store->put(progress_of("t", id), true));
  ASSERT_TRUE(store->put(progress_of("u", "d"), true));
  v1::ImportProgress done = **store->get("t", "b");
  done.set_complete(true);
  ASSERT_TRUE(store->put(done, true));
  const auto ids = [&](const std::string& after, size_t count) {
    std::string all;
    const auto listed = store->list("t", after, count);
    for (const v1::ImportProgress& progress : *listed) {
      EXPECT_TRUE(progress.mapping().empty() && progress.recent().empty());
      all += progress.id();
    }
    return all;
  };
  EXPECT_EQ(ids("", 2), "ab");
  EXPECT_EQ(ids("b", 2), "c");
  EXPECT_EQ(ids("c", 2), "");
  EXPECT_EQ(store->count("t")->open, 2U);
  EXPECT_EQ(store->count("t")->all, 3U);
  ASSERT_TRUE(store->remove("t", "a"));
  EXPECT_FALSE(store->get("t", "a")->has_value());
  EXPECT_FALSE(store->mapping("t", "a"));
  EXPECT_EQ(ids("", 9), "bc");
}

// As versions before wrote it: the mapping in the row.
TEST(ImportStore, ReadsRowsWithTheirMapping) {
  const std::shared_ptr<kv::Store> rows = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
  kv::WriteBatch batch;
  batch.put(std::string("it\0a", 4), progress_of("t", "a").SerializeAsString());
  ASSERT_TRUE(rows->write(batch, kv::Durability::kSynced));
  const auto store = make_import_store(rows);
  EXPECT_EQ(*store->mapping("t", "a"), "kind: users");
  ASSERT_TRUE(store->put(**store->get("t", "a"), false));
  EXPECT_EQ(*store->mapping("t", "a"), "kind: users");
  EXPECT_EQ((*store->get("t", "a"))->mapping(), "");
}

TEST(ImportStore, TellsWhatWasCompleteLongAgo) {
  const std::shared_ptr<kv::Store> rows = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
  const auto store = make_import_store(rows);
  for (const char* tenant : {"t", "u"}) {
    for (const auto& [id, complete, at] : {std::tuple("open", false, 10), {"old", true, 10}, {"new", true, 100}}) {
      v1::ImportProgress progress = progress_of(tenant, id);
      progress.set_complete(complete);
      progress.set_updated_at_us(at);
      ASSERT_TRUE(store->put(progress, true));
    }
  }
  using Ids = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*store->complete_before(100, 9), (Ids{{"t", "old"}, {"u", "old"}}));
  EXPECT_EQ(*store->complete_before(100, 1), (Ids{{"t", "old"}}));
  EXPECT_EQ(*store->complete_before(10, 9), Ids{});
}

}  // namespace
}  // namespace freshet::ingest
