#include "docstore/embedded/embedded_store.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "docstore/embedded/rows.h"
#include "model/change_generator.h"
#include "model/document.h"

namespace freshet::docstore {
namespace {

using model::testing::list_value;
using model::testing::make_op;
using model::testing::random_history;
using model::testing::text_value;
using v1::Change;
using v1::ChangeOp;
using v1::Document;

const std::string kIdA = "0123456789abcdef";
const std::string kIdB = "fedcba9876543210";

ChangeOp email(ChangeOp::Type type, const std::vector<std::string>& values) {
  return make_op(type, v1::IDENTIFIERS, "email", list_value(values));
}

ChangeOp city(const std::string& value) { return make_op(ChangeOp::SET, v1::ATTRIBUTES, "city", text_value(value)); }

Change change_of(const std::string& id, uint64_t version, const std::vector<ChangeOp>& ops) {
  Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(id);
  change.set_version(version);
  change.set_received_at_us(static_cast<int64_t>(version));
  for (const ChangeOp& op : ops) *change.add_ops() = op;
  return change;
}

Change removal_of(const std::string& id, uint64_t version) {
  Change change = change_of(id, version, {});
  change.set_remove(true);
  return change;
}

EntityKey key_of(const std::string& id) { return {"acme", v1::ENTITY_KIND_USER, Hash128::from(id)}; }

// A store in a directory of its own.
struct Fixture {
  Fixture() {
    static int made = 0;
    path = std::filesystem::temp_directory_path() /
           ("freshet-docstore-" + std::to_string(getpid()) + "-" + std::to_string(++made));
    std::filesystem::remove_all(path);
    open();
  }
  ~Fixture() {
    store.reset();
    std::filesystem::remove_all(path);
  }
  void open() {
    store.reset();
    auto opened = kv::open_rocks(embedded_options(path, memory));
    if (!opened) throw std::runtime_error(opened.error().message);
    rows = opened->get();
    store = open_embedded_store(std::move(*opened));
  }
  std::vector<Status> write(std::vector<Change> bulk) {
    std::vector<Status> all;
    store->write(std::move(bulk), [&](std::vector<Change>, std::vector<Status> results) { all = std::move(results); });
    return all;
  }
  std::optional<StoredDocument> find(const std::string& value) {
    v1::Identifier identifier;
    identifier.set_type("email");
    identifier.set_value(value);
    return store->find("acme", v1::ENTITY_KIND_USER, identifier).value();
  }
  std::vector<std::string> index() {
    std::vector<std::string> keys;
    EXPECT_TRUE(rows->scan("i", "j", [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    }));
    return keys;
  }

  std::filesystem::path path;
  std::shared_ptr<kv::MemoryBudget> memory = kv::make_memory_budget(64u << 20);
  std::unique_ptr<DocStore> store;
  kv::Store* rows = nullptr;
};

TEST(EmbeddedStore, WritesAndReads) {
  Fixture f;
  EXPECT_FALSE(f.store->get(key_of(kIdA)).value());
  for (const Status& status : f.write(
           {change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("Pune")}), change_of(kIdB, 1, {city("Oslo")})})) {
    EXPECT_TRUE(status);
  }
  const auto a = f.store->get(key_of(kIdA)).value();
  ASSERT_TRUE(a);
  EXPECT_EQ(model::find_field(a->document, v1::ATTRIBUTES, "city")->text(), "Pune");
  ASSERT_TRUE(f.store->sync());
  f.open();
  EXPECT_EQ(f.find("a@x")->key.id, Hash128::from(kIdA));
  EXPECT_FALSE(f.find("b@x"));
}

TEST(EmbeddedStore, RefusesWhatCannotBeStored) {
  Fixture f;
  Change no_tenant = change_of(kIdB, 1, {city("x")});
  no_tenant.clear_tenant();
  Change no_kind = change_of(kIdB, 1, {city("x")});
  no_kind.clear_kind();
  const auto results = f.write({change_of("short", 1, {}), change_of(kIdA, 1, {city("Pune")}), no_tenant, no_kind,
                                change_of(kIdB, 0, {city("x")})});
  ASSERT_EQ(results.size(), 5U);
  EXPECT_TRUE(results[1]);
  for (const size_t i : {0U, 2U, 3U, 4U}) EXPECT_EQ(results[i].error().code, Code::kInvalid) << i;
  EXPECT_TRUE(f.store->get(key_of(kIdA)).value());
}

TEST(EmbeddedStore, IndexRowsFollowTheDocument) {
  Fixture f;
  f.write({change_of(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x", "b@x"})})});
  f.write({change_of(kIdA, 2, {email(ChangeOp::REMOVE_FROM_SET, {"a@x"})})});
  EXPECT_FALSE(f.find("a@x"));
  EXPECT_TRUE(f.find("b@x"));
  EXPECT_EQ(f.index().size(), 1U);
  f.write({removal_of(kIdA, 3)});
  EXPECT_FALSE(f.find("b@x"));
  EXPECT_TRUE(f.index().empty());
  // A replay of what lies before brings no identifier back.
  f.write({change_of(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x", "b@x"})})});
  EXPECT_TRUE(f.index().empty());
  EXPECT_FALSE(f.store->get(key_of(kIdA)).value());
}

TEST(EmbeddedStore, FindDropsStaleRowsOnly) {
  Fixture f;
  f.write({change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"})})});
  kv::WriteBatch batch;  // as a damaged store might have it
  batch.put(index_key("acme", v1::ENTITY_KIND_USER, "email", "a@x", kIdB), std::string_view{});
  batch.put(index_key("acme", v1::ENTITY_KIND_USER, "email", "a@x", "0000000000000000"), std::string_view{});
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  EXPECT_EQ(f.find("a@x")->key.id, Hash128::from(kIdA));
  EXPECT_EQ(f.index().size(), 2U);  // the one that sorts before is gone
  f.write({removal_of(kIdA, 2)});
  EXPECT_FALSE(f.find("a@x"));
  EXPECT_TRUE(f.index().empty());
}

TEST(EmbeddedStore, ListsInOrderWithoutTheRemoved) {
  Fixture f;
  std::vector<Change> bulk;
  for (const char c : {'c', 'a', 'd', 'b'}) bulk.push_back(change_of(std::string(16, c), 1, {city("x")}));
  Change other = change_of(std::string(16, 'z'), 1, {city("x")});
  other.set_tenant("acme2");
  bulk.push_back(other);
  f.write(bulk);
  f.write({removal_of(std::string(16, 'b'), 2)});
  const auto all = f.store->list("acme", v1::ENTITY_KIND_USER, "", 10).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].key.id.view(), std::string(16, 'a'));
  EXPECT_EQ(all[2].key.id.view(), std::string(16, 'd'));
  const auto page = f.store->list("acme", v1::ENTITY_KIND_USER, std::string(16, 'a'), 1).value();
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].key.id.view(), std::string(16, 'c'));
  EXPECT_TRUE(f.store->list("acme", v1::ENTITY_KIND_DEVICE, "", 10)->empty());
}

TEST(EmbeddedStore, DamageIsSkippedAndSeen) {
  Fixture f;
  f.write({change_of(kIdA, 1, {city("Pune")})});
  const std::string key = document_key("acme", v1::ENTITY_KIND_USER, kIdA);
  kv::WriteBatch batch;
  batch.merge(key, "\xff\xff not a change");
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  f.write({change_of(kIdA, 2, {city("Oslo")})});
  EXPECT_EQ(model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text(), "Oslo");

  batch.clear();
  batch.put(key, "\xff\xff not a document");
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  EXPECT_EQ(f.store->get(key_of(kIdA)).error().code, Code::kCorrupt);
  EXPECT_TRUE(f.write({change_of(kIdA, 3, {city("Rome")})})[0]);  // blind
  EXPECT_EQ(f.store->get(key_of(kIdA)).error().code, Code::kCorrupt);
  EXPECT_EQ(f.write({change_of(kIdA, 4, {email(ChangeOp::SET, {"a@x"})})})[0].error().code, Code::kInvalid);
  Change whole = change_of(kIdA, 5, {city("Bern")});
  whole.set_whole(true);
  EXPECT_TRUE(f.write({whole})[0]);
  EXPECT_EQ(model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text(), "Bern");
}

// A change that comes late, from a reactor that has lost the partition, is never folded with one that is new.
TEST(EmbeddedStore, WhatCameLateIsNotFolded) {
  Fixture f;
  f.write({change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("v1")})});
  for (uint64_t version = 2; version <= 4; ++version)
    f.write({change_of(kIdA, version, {city("v" + std::to_string(version))})});
  ASSERT_TRUE(f.store->sync());
  f.write({change_of(kIdA, 2, {city("v2")})});
  f.write({change_of(kIdA, 5, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "plan", text_value("pro"))})});
  const auto city_now = [&] {
    return model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text();
  };
  EXPECT_EQ(city_now(), "v4");
  ASSERT_TRUE(f.store->sync());
  EXPECT_EQ(city_now(), "v4");
}

TEST(MergeDocument, NeverThrowsOnDamage) {
  rc::check([](const std::string& existing, const std::vector<std::string>& operands) {
    std::vector<std::string_view> views(operands.begin(), operands.end());
    if (views.empty()) views.emplace_back();
    (void)merge_document(existing, views);
    Document document;
    RC_ASSERT(document.ParseFromString(merge_document(std::nullopt, views)));
  });
}

std::vector<std::string> index_rows_of(const Document& document, const std::string& id) {
  std::vector<std::string> rows;
  for (const v1::Field& field : document.fields()) {
    if (field.section() != v1::IDENTIFIERS) continue;
    std::vector<std::string> values;
    if (!field.value().has_list()) values.push_back(field.value().text());
    for (const v1::Value& value : field.value().list().values()) values.push_back(value.text());
    for (const std::string& value : values) {
      rows.push_back(index_key("acme", v1::ENTITY_KIND_USER, field.name(), value, id));
    }
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

// Against the model, with replays, reopens and so many changes that some are put whole.
TEST(EmbeddedStoreProperty, HoldsWhatTheChangesSay) {
  Fixture f;
  int entities = 0;
  rc::check([&] {
    const std::string id(hash128(std::to_string(++entities)).view());
    std::vector<Change> history = random_history(*rc::gen::inRange<size_t>(1, 40));
    Document expected;
    for (size_t i = 0; i < history.size(); ++i) {
      history[i].set_id(id);
      (void)model::apply_change(expected, history[i]);
      RC_ASSERT(f.write({history[i]})[0]);
      if (*rc::gen::inRange(0, 8) == 0) f.write({history[*rc::gen::inRange<size_t>(0, i + 1)]});
      if (*rc::gen::inRange(0, 6) == 0) RC_ASSERT(f.store->sync().has_value());
      if (*rc::gen::inRange(0, 200) == 0) {
        RC_ASSERT(f.store->sync().has_value());
        f.open();
      }
    }
    const auto stored = f.store->get(key_of(id)).value();
    RC_ASSERT(stored.has_value() == !expected.removed());
    if (stored) RC_ASSERT(stored->document.SerializeAsString() == expected.SerializeAsString());
    std::vector<std::string> rows = f.index();
    std::erase_if(rows, [&](const std::string& row) { return !row.ends_with(id); });
    RC_ASSERT(rows == index_rows_of(expected, id));
  });
}

TEST(Golden, Rows) {
  Fixture f;
  f.write({change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("Pune")})});
  f.write({change_of(kIdA, 2, {city("Oslo")})});
  f.write({change_of(kIdB, 1, {email(ChangeOp::SET, {"b@x"})})});
  f.write({removal_of(kIdB, 3)});
  ASSERT_TRUE(f.store->sync());
  std::string text;
  ASSERT_TRUE(f.rows->scan("a", "z", [&](std::string_view key, std::string_view value) {
    text += to_hex(key) + " " + to_hex(value) + "\n";
    return true;
  }));
  std::ifstream file(std::string(FRESHET_SOURCE_DIR) + "/tests/golden/docstore/embedded_store.txt");
  EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace
}  // namespace freshet::docstore
