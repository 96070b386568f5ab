#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "docstore/embedded/known_identifiers.h"
#include "docstore/embedded/pending.h"
#include "docstore/embedded/rows.h"
#include "model/document.h"
#include "testing/document_changes.h"
#include "testing/project_path.h"
#include "testing/temporary_store.h"

namespace freshet::docstore {
namespace {

using v1::Document;

Change acme_change(const std::string& id, uint64_t version, const std::vector<ChangeOp>& ops) {
  return change_of("acme", id, version, ops);
}

Change acme_removal(const std::string& id, uint64_t version) { return removal_of("acme", id, version); }

EntityKey key_of(const std::string& id) { return {"acme", v1::ENTITY_KIND_USER, Hash128::from(id)}; }

struct Fixture : TemporaryStore {
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
};

TEST(EmbeddedStore, IndexRowsFollowTheDocument) {
  Fixture f;
  f.write({acme_change(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x", "b@x"})})});
  f.write({acme_change(kIdA, 2, {email(ChangeOp::REMOVE_FROM_SET, {"a@x"})})});
  EXPECT_FALSE(f.find("a@x"));
  EXPECT_TRUE(f.find("b@x"));
  EXPECT_EQ(f.index().size(), 1U);
  f.write({acme_removal(kIdA, 3)});
  EXPECT_FALSE(f.find("b@x"));
  EXPECT_TRUE(f.index().empty());
  // A replay of what lies before brings no identifier back.
  f.write({acme_change(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x", "b@x"})})});
  EXPECT_TRUE(f.index().empty());
  EXPECT_FALSE(f.store->get(key_of(kIdA)).value());
}

TEST(EmbeddedStore, FindDropsStaleRowsOnly) {
  Fixture f;
  f.write({acme_change(kIdA, 1, {email(ChangeOp::SET, {"a@x"})})});
  kv::WriteBatch batch;  // as a damaged store might have it
  batch.put(index_key("acme", v1::ENTITY_KIND_USER, "email", "a@x", kIdB), std::string_view{});
  batch.put(index_key("acme", v1::ENTITY_KIND_USER, "email", "a@x", "0000000000000000"), std::string_view{});
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  EXPECT_EQ(f.find("a@x")->key.id, Hash128::from(kIdA));
  EXPECT_EQ(f.index().size(), 2U);  // the one that sorts before is gone
  f.write({acme_removal(kIdA, 2)});
  EXPECT_FALSE(f.find("a@x"));
  EXPECT_TRUE(f.index().empty());
}

TEST(EmbeddedStore, DamageIsSkippedAndSeen) {
  Fixture f;
  f.write({acme_change(kIdA, 1, {city("Pune")})});
  const std::string key = document_key("acme", v1::ENTITY_KIND_USER, kIdA);
  kv::WriteBatch batch;
  batch.merge(key, "\xff\xff not a change");
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  f.write({acme_change(kIdA, 2, {city("Oslo")})});
  EXPECT_EQ(model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text(), "Oslo");

  batch.clear();
  batch.put(key, "\xff\xff not a document");
  ASSERT_TRUE(f.rows->write(batch, kv::Durability::kLogged));
  ASSERT_TRUE(f.store->sync());
  f.open();  // which knows nothing
  EXPECT_EQ(f.store->get(key_of(kIdA)).error().code, Code::kCorrupt);
  EXPECT_TRUE(f.write({acme_change(kIdA, 3, {city("Rome")})})[0]);  // blind
  EXPECT_EQ(f.store->get(key_of(kIdA)).error().code, Code::kCorrupt);
  EXPECT_EQ(f.write({acme_change(kIdA, 4, {email(ChangeOp::SET, {"a@x"})})})[0].error().code, Code::kInvalid);
  Change whole = acme_change(kIdA, 5, {city("Bern")});
  whole.set_whole(true);
  EXPECT_TRUE(f.write({whole})[0]);
  EXPECT_EQ(model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text(), "Bern");
}

// A change that comes late, from a reactor that has lost the partition, is never folded with one that is new.
TEST(EmbeddedStore, WhatCameLateIsNotFolded) {
  Fixture f;
  f.write({acme_change(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("v1")})});
  for (uint64_t version = 2; version <= 4; ++version)
    f.write({acme_change(kIdA, version, {city("v" + std::to_string(version))})});
  ASSERT_TRUE(f.store->sync());
  f.write({acme_change(kIdA, 2, {city("v2")})});
  f.write({acme_change(kIdA, 5, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "plan", text_value("pro"))})});
  const auto city_now = [&] {
    return model::find_field(f.store->get(key_of(kIdA)).value()->document, v1::ATTRIBUTES, "city")->text();
  };
  EXPECT_EQ(city_now(), "v4");
  ASSERT_TRUE(f.store->sync());
  EXPECT_EQ(city_now(), "v4");
}

// A disk that is full: what was to be written is still read, until the process ends.
TEST(PendingTest, AFlightThatFailedIsStillRead) {
  Pending pending;
  pending.add("k", acme_change(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x"})}));
  pending.begin_flight();
  pending.add("k", acme_change(kIdA, 2, {email(ChangeOp::ADD_TO_SET, {"b@x"})}));
  pending.begin_flight();
  EXPECT_EQ(pending.of("k").size(), 2u);
  pending.land();
  EXPECT_EQ(pending.of("k").size(), 1u);
  pending.begin_flight();
  pending.land();
  EXPECT_EQ(pending.of("k").size(), 0u);
}

TEST(KnownIdentifiersTest, AreBoundedAndTheLatest) {
  KnownIdentifiers known(2);
  const auto listing = [](uint64_t version, const std::string& value) {
    Document document;
    (void)model::apply_change(document, acme_change(kIdA, version, {email(ChangeOp::SET, {value}), city("Pune")}));
    return document;
  };
  known.put("a", listing(1, "a@x"));
  ASSERT_TRUE(known.find("a"));
  EXPECT_EQ(known.find("a")->version(), 1U);
  EXPECT_EQ(known.find("a")->fields_size(), 1);  // without the city
  known.put("b", listing(1, "b@x"));             // full: a and b are the older ones
  known.put("a", listing(2, "c@x"));
  EXPECT_EQ(known.find("a")->version(), 2U);
  known.put("c", listing(1, "c@x"));  // full again: b is forgotten
  EXPECT_FALSE(known.find("b"));
  EXPECT_TRUE(known.find("a"));
  known.forget("a");
  EXPECT_FALSE(known.find("a"));
  EXPECT_TRUE(known.find("c"));
  known.forget_all();
  EXPECT_FALSE(known.find("c"));
}

// What is not read is changed all the same: attributes that wait, the index, and the removal.
TEST(EmbeddedStore, KnownIdentifiersAreChangedUnread) {
  Fixture f;
  f.write({acme_change(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("v1")})});
  f.write({acme_change(kIdA, 2, {city("v2")})});
  f.write({acme_change(kIdA, 3, {email(ChangeOp::SET, {"b@x"})})});
  const auto now = f.store->get(key_of(kIdA)).value();
  ASSERT_TRUE(now);
  EXPECT_EQ(now->document.version(), 3U);
  EXPECT_EQ(model::find_field(now->document, v1::ATTRIBUTES, "city")->text(), "v2");
  EXPECT_FALSE(f.find("a@x"));
  EXPECT_TRUE(f.find("b@x"));
  f.write({acme_change(kIdA, 1, {email(ChangeOp::SET, {"a@x"})})});  // a replay
  EXPECT_FALSE(f.find("a@x"));
  f.write({acme_removal(kIdA, 4)});
  EXPECT_TRUE(f.index().empty());
  EXPECT_FALSE(f.store->get(key_of(kIdA)).value());
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

// Against the model to the byte, with the rows of the index, and so many changes that some are folded.
TEST(EmbeddedStoreProperty, HoldsWhatTheChangesSay) {
  Fixture f;
  int entities = 0;
  rc::check([&] {
    const std::string id(hash128(std::to_string(++entities)).view());
    const std::vector<Change> history = random_history("acme", id, *rc::gen::inRange<size_t>(1, 40));
    Document expected;
    for (size_t i = 0; i < history.size(); ++i) {
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
  f.write({acme_change(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("Pune")})});
  f.write({acme_change(kIdA, 2, {city("Oslo")})});
  f.write({acme_change(kIdB, 1, {email(ChangeOp::SET, {"b@x"})})});
  f.write({acme_removal(kIdB, 3)});
  ASSERT_TRUE(f.store->sync());
  std::string text;
  ASSERT_TRUE(f.rows->scan("a", "z", [&](std::string_view key, std::string_view value) {
    text += to_hex(key) + " " + to_hex(value) + "\n";
    return true;
  }));
  std::ifstream file(project_path("tests/golden/docstore/embedded_store.txt"));
  EXPECT_EQ(text, std::string(std::istreambuf_iterator<char>(file), {}));
}

}  // namespace
}  // namespace freshet::docstore
