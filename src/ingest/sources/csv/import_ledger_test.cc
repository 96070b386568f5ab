#include "ingest/sources/csv/import_ledger.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <deque>

#include "testing/event_log.h"
#include "testing/memory_store.h"

namespace freshet::ingest {
namespace {

// One partition, all of whose records are kept.
class LedgerLog : public eventlog::FakeLog {
 public:
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override {
    if (!status) return done(status);
    for (const eventlog::Produce& produce : batches) {
      EXPECT_EQ(produce.to.topic, eventlog::Topic::kImports);
      std::string_view data = produce.records.data(), key, value;
      bool corrupt = false;
      while (eventlog::next_record(data, key, value, &corrupt)) records.emplace_back(key, value);
    }
    done({});
  }
  Result<eventlog::Watermarks> watermarks(eventlog::TopicPartition) override {
    if (!status) return tl::unexpected(status.error());
    return eventlog::Watermarks{0, static_cast<eventlog::Offset>(records.size())};
  }
  // Two at a time, so that a reader has to go on.
  Result<eventlog::Fetched> read(eventlog::TopicPartition from, eventlog::Offset at, size_t) override {
    eventlog::Fetched fetched{from, {}, at, nullptr};
    while (fetched.next < static_cast<eventlog::Offset>(records.size()) && fetched.records.size() < 2) {
      const auto& [key, value] = records[static_cast<size_t>(fetched.next)];
      fetched.records.push_back({fetched.next++, key, value});
    }
    return fetched;
  }
  std::deque<std::pair<std::string, std::string>> records;
  Status status;
};

v1::ImportProgress upload_of(const std::string& id, uint64_t offset, int64_t created_at_us = 1) {
  v1::ImportProgress progress;
  progress.set_tenant("t");
  progress.set_id(id);
  progress.set_offset(offset);
  progress.set_created_at_us(created_at_us);
  return progress;
}

// A node: its copy of the imports and what it says of them.
struct LedgerNode {
  std::shared_ptr<kv::Store> rows = kv::open_memory(std::make_shared<kv::MemoryDisk>(), {});
  std::unique_ptr<ImportLedger> imports;

  explicit LedgerNode(LedgerLog& log) : imports(std::make_unique<ImportLedger>(log, rows)) {}
  std::optional<v1::ImportProgress> look(const std::string& id) const {
    EXPECT_TRUE(imports->refresh());
    return *imports->get("t", id);
  }
  uint64_t offset(const std::string& id) const { return look(id).value_or(upload_of(id, ~0ull)).offset(); }
};

TEST(ImportLedger, AnotherNodeGoesOnWithAnImport) {
  LedgerLog log;
  const LedgerNode a(log), b(log);
  v1::ImportProgress begun = upload_of("x", 0);
  begun.set_mapping("kind: users");
  ASSERT_TRUE(a.imports->put(begun, true));
  ASSERT_EQ(b.offset("x"), 0U);
  EXPECT_EQ(*b.imports->mapping("t", "x"), "kind: users");
  ASSERT_TRUE(b.imports->put(upload_of("x", 7), false));
  EXPECT_EQ(a.offset("x"), 7U);
  const LedgerNode new_node(log);
  EXPECT_EQ(new_node.offset("x"), 7U);
  EXPECT_EQ(*new_node.imports->mapping("t", "x"), "kind: users")
      << "the last record of an import has all that it needs";
  ASSERT_TRUE(a.imports->remove("t", "x"));
  EXPECT_FALSE(b.look("x"));
  EXPECT_EQ(b.imports->count("t")->all, 0U);
}

// A node whose installation has gone to other topics keeps its directory: the place that it knows is in the old ones.
TEST(ImportLedger, AnotherLogIsReadFromItsBeginning) {
  LedgerLog log, other;
  const auto say = [](LedgerLog& to, const std::string& id, uint64_t offset) {
    v1::ImportProgress progress = upload_of(id, offset);
    progress.set_mapping("m");
    ASSERT_TRUE(LedgerNode(to).imports->put(progress, true));
  };
  LedgerNode a(log);
  a.imports = std::make_unique<ImportLedger>(log, a.rows, "first/4");
  for (uint64_t offset = 0; offset < 5; ++offset) say(log, "x", offset);
  ASSERT_EQ(a.offset("x"), 4U);
  say(other, "y", 3);
  a.imports = std::make_unique<ImportLedger>(other, a.rows, "second/8");
  EXPECT_EQ(a.offset("y"), 3U);
  EXPECT_EQ(a.offset("x"), 4U);
  a.imports = std::make_unique<ImportLedger>(other, a.rows, "second/8");
  EXPECT_FALSE(*a.imports->refresh()) << "it knows its place there now";
}

TEST(ImportLedger, ANodeThatWasBehindTakesNothingBack) {
  LedgerLog log;
  const LedgerNode a(log), b(log);
  ASSERT_TRUE(a.imports->put(
      [] {
        v1::ImportProgress p = upload_of("x", 0);
        p.set_mapping("m");
        return p;
      }(),
      true));
  ASSERT_EQ(b.offset("x"), 0U);
  ASSERT_TRUE(a.imports->put(upload_of("x", 9), false));
  ASSERT_TRUE(b.imports->put(upload_of("x", 4), false));
  for (const LedgerNode* node : {&a, &b}) EXPECT_EQ(node->offset("x"), 9U);
  v1::ImportProgress done = upload_of("x", 9);
  done.set_complete(true);
  ASSERT_TRUE(a.imports->put(done, true));
  ASSERT_TRUE(b.imports->put(upload_of("x", 9), false));
  EXPECT_TRUE(b.look("x")->complete());
  ASSERT_TRUE(b.imports->remove("t", "x"));
  ASSERT_TRUE(b.imports->put(
      [] {
        v1::ImportProgress p = upload_of("x", 1, 2);
        p.set_mapping("m");
        return p;
      }(),
      true));
  EXPECT_EQ(a.offset("x"), 1U) << "begun anew";
}

TEST(ImportLedger, SaysWhenItCanNotBeSaidToOthers) {
  LedgerLog log;
  const LedgerNode a(log);
  log.status = fail(Code::kRetry, "away");
  EXPECT_EQ(a.imports
                ->put(
                    [] {
                      v1::ImportProgress p = upload_of("x", 0);
                      p.set_mapping("m");
                      return p;
                    }(),
                    true)
                .error()
                .code,
            Code::kRetry);
  EXPECT_EQ(a.imports->refresh().error().code, Code::kRetry);
  EXPECT_FALSE(*a.imports->get("t", "x"));
  EXPECT_FALSE(a.imports->remove("t", "x"));
}

TEST(ImportLedger, PassesOverWhatItCanNotRead) {
  LedgerLog log;
  const LedgerNode a(log), b(log);
  log.records = {{"no tenant", "x"},
                 {std::string("t\0x", 3), "\xff"},
                 {std::string("t\0y", 3), upload_of("z", 1).SerializeAsString()}};
  ASSERT_TRUE(a.imports->put(
      [] {
        v1::ImportProgress p = upload_of("x", 3);
        p.set_mapping("m");
        return p;
      }(),
      true));
  EXPECT_EQ(b.offset("x"), 3U);
  EXPECT_EQ(b.imports->count("t")->all, 1U);
}

// Whatever nodes do and in whatever state their copies are: once all have read the log they agree, and nothing that was
// confirmed is taken back.
RC_GTEST_PROP(ImportLedger, NodesAgree, ()) {
  LedgerLog log;
  const std::vector<LedgerNode> nodes = [&] {
    std::vector<LedgerNode> all;
    for (int i = 0; i < 3; ++i) all.emplace_back(log);
    return all;
  }();
  std::map<std::string, uint64_t> furthest;
  const auto steps = *rc::gen::container<std::vector<int>>(30, rc::gen::inRange(0, 1 << 16));
  for (const int step : steps) {
    const LedgerNode& node = nodes[static_cast<size_t>(step) % nodes.size()];
    const std::string id(1, static_cast<char>('a' + (step >> 4) % 2));
    if ((step >> 6) % 3 == 0) RC_ASSERT(node.imports->refresh());
    v1::ImportProgress progress = (*node.imports->get("t", id)).value_or(upload_of(id, 0));
    if (progress.mapping().empty()) progress.set_mapping("m");
    progress.set_offset(progress.offset() + static_cast<uint64_t>((step >> 8) % 5));
    RC_ASSERT(node.imports->put(progress, false));
    furthest[id] = std::max(furthest[id], progress.offset());
  }
  for (const LedgerNode& node : nodes) {
    for (const auto& [id, offset] : furthest) RC_ASSERT(node.offset(id) == offset);
  }
}

}  // namespace
}  // namespace freshet::ingest
