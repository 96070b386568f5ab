#include "docstore/split/split_store.h"

#include <gtest/gtest.h>

#include "model/document.h"
#include "testing/document_changes.h"
#include "testing/temporary_store.h"

namespace freshet::docstore {
namespace {

// The second store is embedded, too: what it is sent can be read. It fails when told to.
class Searched final : public DocStore {
 public:
  explicit Searched(std::unique_ptr<DocStore> store) : store_(std::move(store)) {}
  void write(std::vector<Change> bulk, WriteDone done) override {
    writes += bulk.size();
    if (!away) return store_->write(std::move(bulk), std::move(done));
    std::vector<Status> results(bulk.size(), fail(Code::kRetry, "away"));
    done(std::move(bulk), std::move(results));
  }
  Status sync() override { return store_->sync(); }
  Result<std::optional<StoredDocument>> get(const EntityKey& key) override { return store_->get(key); }
  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override {
    return store_->find(tenant, kind, identifier);
  }
  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override {
    return store_->list(tenant, kind, after, count);
  }
  bool away = false;
  size_t writes = 0;

 private:
  std::unique_ptr<DocStore> store_;
};

struct Pair {
  Pair() {
    whole.store.reset();
    part.store.reset();
    auto second = std::make_unique<Searched>(part.open_again());
    searched = second.get();
    split = make_split_store(whole.open_again(), std::move(second), {"plan", "city"});
  }

  TemporaryStore whole;
  TemporaryStore part;
  Searched* searched = nullptr;
  std::unique_ptr<DocStore> split;
};

std::vector<Status> write(DocStore& store, std::vector<Change> bulk) {
  std::vector<Status> all;
  store.write(std::move(bulk), [&](std::vector<Change>, std::vector<Status> results) { all = std::move(results); });
  return all;
}

std::string json_of(DocStore& store, const std::string& id) {
  const auto found = store.get({"acme", v1::ENTITY_KIND_USER, Hash128::from(id)}).value();
  return found ? model::document_json("acme", v1::ENTITY_KIND_USER, id, found->document) : std::string();
}

Change seen_at(uint64_t version) {
  v1::Value time;
  time.set_time_us(static_cast<int64_t>(version) * 1'000'000);
  return change_of("acme", kIdA, version, {make_op(ChangeOp::SET, v1::LAST_SEEN, "", time)});
}

TEST(SplitStore, TheSecondStoreHasWhatIsSearched) {
  Pair pair;
  const Change first =
      change_of("acme", kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("Pune"), tags(ChangeOp::SET, {"t"})});
  ASSERT_TRUE(write(*pair.split, {first})[0]);
  const auto there = pair.searched->get({"acme", v1::ENTITY_KIND_USER, Hash128::from(kIdA)}).value();
  EXPECT_EQ(there->document.fields_size(), 2);
  EXPECT_TRUE(model::find_field(there->document, v1::ATTRIBUTES, "city"));
  EXPECT_FALSE(model::find_field(there->document, v1::ATTRIBUTES, "tags"));
  EXPECT_EQ(model::find_field(pair.split->get(there->key).value()->document, v1::ATTRIBUTES, "city")->text(), "Pune");
}

TEST(SplitStore, WhatTouchesNothingOfThatIsNotSent) {
  Pair pair;
  write(*pair.split, {change_of("acme", kIdA, 1, {city("Pune")})});
  EXPECT_EQ(pair.searched->writes, 1U);
  const std::string before = json_of(*pair.searched, kIdA);
  EXPECT_TRUE(write(*pair.split, {seen_at(2)})[0]);
  EXPECT_EQ(pair.searched->writes, 1U);
  EXPECT_EQ(json_of(*pair.searched, kIdA), before);
  write(*pair.split, {change_of("acme", kIdA, 3, {city("Oslo")})});
  EXPECT_EQ(pair.searched->get({"acme", v1::ENTITY_KIND_USER, Hash128::from(kIdA)}).value()->document.version(), 3U);
  write(*pair.split, {removal_of("acme", kIdA, 4)});
  EXPECT_EQ(json_of(*pair.searched, kIdA), "");
}

TEST(SplitStore, WhatTheSecondStoreDidNotTakeIsTriedAgain) {
  Pair pair;
  pair.searched->away = true;
  const Change change = change_of("acme", kIdA, 1, {city("Pune")});
  const auto results = write(*pair.split, {change, change_of("short", "x", 1, {})});
  EXPECT_EQ(results[0].error().code, Code::kRetry);
  EXPECT_EQ(results[1].error().code, Code::kInvalid);
  pair.searched->away = false;
  EXPECT_TRUE(write(*pair.split, {change})[0]);
  EXPECT_EQ(json_of(*pair.searched, kIdA), json_of(*pair.split, kIdA));
}

}  // namespace
}  // namespace freshet::docstore
