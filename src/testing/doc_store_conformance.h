// What every DocStore must do: one suite, run over each implementation. Include it in one *_test.cc and instantiate:
//   INSTANTIATE_TEST_SUITE_P(Embedded, DocStoreConformance, testing::Values(Implementation{"embedded", make}));
// A store is compared with the model by what readers see: model::document_json and identity_json.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "docstore/doc_store.h"
#include "env/clock.h"
#include "model/document.h"
#include "testing/document_changes.h"

namespace freshet::docstore {

// A store in which the two tenants have nothing yet, and what the suite has to do to it.
class DocStoreUnderTest {
 public:
  virtual ~DocStoreUnderTest() = default;
  [[nodiscard]] virtual DocStore& store() = 0;
  // Closes and opens again, as a restarted process would.
  virtual void reopen() = 0;
  [[nodiscard]] virtual std::string tenant() { return "acme"; }
  [[nodiscard]] virtual std::string other_tenant() { return "acme2"; }
};

struct Implementation {
  std::string name;
  std::function<std::unique_ptr<DocStoreUnderTest>()> make;
};

inline void PrintTo(const Implementation& implementation, std::ostream* out) { *out << implementation.name; }

class DocStoreConformance : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override { under_test_ = GetParam().make(); }
  DocStore& store() { return under_test_->store(); }
  void reopen() {
    ASSERT_TRUE(store().sync());
    under_test_->reopen();
  }
  std::string tenant() { return under_test_->tenant(); }
  std::string other_tenant() { return under_test_->other_tenant(); }

  Change change_of(const std::string& id, uint64_t version, const std::vector<ChangeOp>& ops) {
    return docstore::change_of(tenant(), id, version, ops);
  }
  Change removal_of(const std::string& id, uint64_t version) { return docstore::removal_of(tenant(), id, version); }

  struct Answer {
    std::vector<Change> bulk;
    std::vector<Status> results;
  };
  std::future<Answer> begin(std::vector<Change> bulk) {
    auto answer = std::make_shared<std::promise<Answer>>();
    store().write(std::move(bulk), [answer](std::vector<Change> changes, std::vector<Status> results) {
      answer->set_value({std::move(changes), std::move(results)});
    });
    return answer->get_future();
  }
  // Waits, and tries again what is to be tried again, for a minute.
  std::vector<Status> write(const std::vector<Change>& bulk) {
    constexpr int kTries = 600;
    std::vector<Status> results = begin(bulk).get().results;
    for (int i = 0; i < kTries; ++i) {
      std::vector<size_t> again;
      std::vector<Change> rest;
      for (size_t at = 0; at < bulk.size(); ++at) {
        if (results[at] || results[at].error().code != Code::kRetry) continue;
        again.push_back(at);
        rest.push_back(bulk[at]);
      }
      if (rest.empty()) break;
      env::real_clock().sleep_us(i == 0 ? 1'000 : 100'000);
      const std::vector<Status> tried = begin(rest).get().results;
      for (size_t at = 0; at < again.size(); ++at) results[again[at]] = tried[at];
    }
    return results;
  }
  // Reading, which may have to be tried again, too.
  template <class Read>
  auto eventually(const Read& read) {
    auto result = read();
    for (int i = 0; i < 100 && !result && result.error().code == Code::kRetry; ++i) {
      env::real_clock().sleep_us(100'000);
      result = read();
    }
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
  }
  std::optional<StoredDocument> get(const std::string& id) {
    return eventually([&] { return store().get({tenant(), v1::ENTITY_KIND_USER, Hash128::from(id)}); });
  }
  std::optional<StoredDocument> find(const std::string& type, const std::string& value) {
    v1::Identifier identifier;
    identifier.set_type(type);
    identifier.set_value(value);
    return eventually([&] { return store().find(tenant(), v1::ENTITY_KIND_USER, identifier); });
  }
  std::vector<StoredDocument> list(const std::string& of, v1::EntityKind kind, const std::string& after, size_t count) {
    return eventually([&] { return store().list(of, kind, after, count); });
  }
  std::string json_of(const std::string& id, const v1::Document& document) {
    return model::document_json(tenant(), v1::ENTITY_KIND_USER, id, document) +
           model::identity_json(tenant(), v1::ENTITY_KIND_USER, id, document);
  }
  // "": there is none.
  std::string json(const std::string& id) {
    const auto found = get(id);
    return found ? json_of(id, found->document) : std::string();
  }
  std::string expected_json(const std::string& id, const std::vector<Change>& changes) {
    v1::Document document;
    for (const Change& change : changes) (void)model::apply_change(document, change);
    return document.removed() || document.version() == 0 ? std::string() : json_of(id, document);
  }

 private:
  std::unique_ptr<DocStoreUnderTest> under_test_;
};

TEST_P(DocStoreConformance, WritesAndReadsEveryKindOfValue) {
  const auto value = [](const std::function<void(v1::Value&)>& fill) {
    v1::Value made;
    fill(made);
    return made;
  };
  const auto set = [](v1::Section section, const std::string& name, const v1::Value& v) {
    return make_op(ChangeOp::SET, section, name, v);
  };
  const std::vector<ChangeOp> ops = {
      email(ChangeOp::SET, {"b@x", "a@x"}),
      set(v1::ATTRIBUTES, "boolean", value([](v1::Value& v) { v.set_boolean(true); })),
      set(v1::ATTRIBUTES, "caf\u00e9 \u2603", text_value("Z\u00fcrich")),
      set(v1::ATTRIBUTES, "empty", list_value({})),
      set(v1::ATTRIBUTES, "integer", value([](v1::Value& v) { v.set_integer(-9'007'199'254'740'993); })),
      set(v1::ATTRIBUTES, "parcel", value([](v1::Value& v) { v.set_decimal("18446744073709551615"); })),
      set(v1::ATTRIBUTES, "parcel of 34",
          value([](v1::Value& v) { v.set_decimal("-1234567890123456789012345678901234"); })),
      set(v1::ATTRIBUTES, "json", value([](v1::Value& v) {
            v.set_json(
                R"({"z":{"a.b":[1,-2.5,"x",null,true,{"$c":{}}],"":""},"a":1234567890123,"u":18446744073709551615})");
          })),
      set(v1::ATTRIBUTES, "number", value([](v1::Value& v) { v.set_number(0.1); })),
      set(v1::ATTRIBUTES, "time", value([](v1::Value& v) { v.set_time_us(1'700'000'000'123'000); })),
      set(v1::DEVICES, "", list_value({"00ff", "aabb"})),
      set(v1::EVENTS, "Order Completed", value([](v1::Value& v) {
            v.mutable_stats()->set_count(3);
            v.mutable_stats()->set_first_us(1'700'000'000'001'000);
            v.mutable_stats()->set_last_us(1'700'000'000'002'000);
          })),
      set(v1::COMPUTED, "value", value([](v1::Value& v) { v.set_decimal("-1234567890123456789.25"); })),
      set(v1::COMPUTED, "tiny", value([](v1::Value& v) { v.set_decimal("0.000000001"); })),
      set(v1::COMPUTED_SINCE, "value", value([](v1::Value& v) { v.set_time_us(1'600'000'000'000'000); })),
      set(v1::FIRST_SEEN, "", value([](v1::Value& v) { v.set_time_us(1'500'000'000'000'000); })),
      set(v1::LAST_SEEN, "", value([](v1::Value& v) { v.set_time_us(1'800'000'000'999'000); })),
      set(v1::MERGED_FROM, "", list_value({"0a0b"})),
      set(v1::SESSIONS, "count", value([](v1::Value& v) { v.set_integer(2); })),
      set(v1::SESSIONS, "current", value([](v1::Value& v) {
            v.mutable_stats()->set_count(3);
            v.mutable_stats()->set_first_us(1'700'000'000'001'000);
            v.mutable_stats()->set_last_us(1'700'000'000'002'000);
          })),
      set(v1::SUBSCRIPTIONS, "email", value([](v1::Value& v) { v.set_text("opted_out"); })),
      set(v1::AUDIENCES, "vip", value([](v1::Value& v) { v.set_time_us(1'700'000'000'123'000); })),
      set(v1::HISTORY, "", value([](v1::Value& v) {
            v.mutable_list()->add_values()->set_json(R"({"what":"created","message_id":"m1"})");
          }))};
  EXPECT_EQ(json(kIdA), "");
  const Change first = change_of(kIdA, 1, {city("Oslo")});
  const Change second = change_of(kIdA, 2, ops);
  const Change whole = [&] {
    Change change = change_of(kIdB, 7, ops);
    change.set_whole(true);
    return change;
  }();
  for (const Status& status : write({first, whole})) EXPECT_TRUE(status);
  EXPECT_TRUE(write({second})[0]);
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {first, second}));
  EXPECT_EQ(json(kIdB), expected_json(kIdB, {whole}));
  reopen();
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {first, second}));
  EXPECT_EQ(json(kIdB), expected_json(kIdB, {whole}));
}

TEST_P(DocStoreConformance, RefusesWhatCannotBeStored) {
  Change no_tenant = change_of(kIdB, 1, {city("x")});
  no_tenant.clear_tenant();
  Change no_kind = change_of(kIdB, 1, {city("x")});
  no_kind.clear_kind();
  const auto results = write({change_of("short", 1, {}), change_of(kIdA, 1, {city("Pune")}), no_tenant, no_kind,
                              change_of(kIdB, 0, {city("x")})});
  ASSERT_EQ(results.size(), 5U);
  EXPECT_TRUE(results[1]);
  for (const size_t i : {0U, 2U, 3U, 4U}) EXPECT_EQ(results[i].error().code, Code::kInvalid) << i;
  EXPECT_TRUE(get(kIdA));
  EXPECT_FALSE(get(kIdB));
}

TEST_P(DocStoreConformance, HandsTheBulkBackUnchanged) {
  const std::vector<Change> bulk = {change_of(kIdA, 1, {city("Pune"), email(ChangeOp::SET, {"a@x"})}),
                                    change_of("short", 1, {}), removal_of(kIdB, 3)};
  const Answer answer = begin(bulk).get();
  ASSERT_EQ(answer.bulk.size(), bulk.size());
  for (size_t i = 0; i < bulk.size(); ++i) EXPECT_EQ(answer.bulk[i].SerializeAsString(), bulk[i].SerializeAsString());
  EXPECT_TRUE(begin({}).get().results.empty());
}

TEST_P(DocStoreConformance, FindFollowsTheIdentifiers) {
  write({change_of(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"a@x", "b@x"})})});
  EXPECT_EQ(find("email", "a@x")->key.id, Hash128::from(kIdA));
  EXPECT_FALSE(find("email", "A@x"));
  EXPECT_FALSE(find("phone", "a@x"));
  EXPECT_FALSE(find("email", "a@"));
  write({change_of(kIdA, 2, {email(ChangeOp::REMOVE_FROM_SET, {"a@x"})})});
  EXPECT_FALSE(find("email", "a@x"));
  EXPECT_TRUE(find("email", "b@x"));
  write({change_of(kIdB, 1, {email(ChangeOp::SET, {"a@x"})})});
  EXPECT_EQ(find("email", "a@x")->key.id, Hash128::from(kIdB));
  write({change_of(kIdA, 3, {make_op(ChangeOp::UNSET, v1::IDENTIFIERS, "email", {})})});
  EXPECT_FALSE(find("email", "b@x"));
  reopen();
  EXPECT_EQ(find("email", "a@x")->key.id, Hash128::from(kIdB));
}

TEST_P(DocStoreConformance, FindsByHowAnIdentifierBegins) {
  if (!store().finds_by_prefix()) return;
  write({change_of(kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"ann.a@x", "zoe@x"})})});
  write({change_of(kIdB, 1, {email(ChangeOp::ADD_TO_SET, {"ann.b@x", "ann.c@x"})})});
  const auto begins = [this](const std::string& value, size_t count = 10) {
    v1::Identifier identifier;
    identifier.set_type("email");
    identifier.set_value(value);
    return eventually([&] { return store().find_by_prefix(tenant(), v1::ENTITY_KIND_USER, identifier, count); });
  };
  EXPECT_EQ(begins("ann.").size(), 2u) << "each document once";
  EXPECT_EQ(begins("ann.", 1).size(), 1u);
  ASSERT_EQ(begins("ann.b").size(), 1u);
  EXPECT_EQ(begins("ann.b")[0].key.id, Hash128::from(kIdB));
  EXPECT_EQ(begins("zoe@x").size(), 1u) << "a whole value begins with itself";
  EXPECT_TRUE(begins("ann_").empty()) << "a dot is a dot, and no pattern";
  EXPECT_TRUE(begins(".*").empty());
  EXPECT_TRUE(begins("nn").empty());
  write({change_of(kIdA, 2, {email(ChangeOp::REMOVE_FROM_SET, {"zoe@x"})})});
  EXPECT_TRUE(begins("zoe").empty());
  write({removal_of(kIdB, 2)});
  ASSERT_EQ(begins("ann").size(), 1u);
  EXPECT_EQ(begins("ann")[0].key.id, Hash128::from(kIdA));
}

TEST_P(DocStoreConformance, ARemovedDocumentLeavesNoGhost) {
  const Change first = change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"})});
  const Change second = change_of(kIdA, 2, {city("Pune")});
  write({first});
  write({second});
  EXPECT_TRUE(write({removal_of(kIdA, 3)})[0]);
  const auto is_gone = [&] {
    return !get(kIdA) && !find("email", "a@x") && list(tenant(), v1::ENTITY_KIND_USER, "", 10).empty();
  };
  EXPECT_TRUE(is_gone());
  Change both = first;
  model::fold_change(both, Change(second));
  for (const Change& replayed : {first, second, both}) {
    EXPECT_TRUE(write({replayed})[0]);
    EXPECT_TRUE(is_gone());
  }
  EXPECT_TRUE(write({change_of(kIdA, 4, {city("Oslo"), email(ChangeOp::ADD_TO_SET, {"a@x"})})})[0]);
  EXPECT_TRUE(is_gone());
  reopen();
  write({first});
  EXPECT_TRUE(is_gone());
  // Removed before anything of it was seen.
  write({removal_of(kIdB, 5)});
  write({change_of(kIdB, 1, {email(ChangeOp::SET, {"a@x"})})});
  EXPECT_TRUE(is_gone());
}

TEST_P(DocStoreConformance, AWholeDocumentReplacesAndRevives) {
  write({change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("Pune")})});
  Change whole = change_of(kIdA, 3, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "plan", text_value("pro"))});
  whole.set_whole(true);
  write({whole});
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {whole}));
  EXPECT_FALSE(find("email", "a@x"));
  write({removal_of(kIdA, 4)});
  whole.set_version(5);
  write({whole});
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {whole}));
}

TEST_P(DocStoreConformance, WhatComesLateChangesNothing) {
  write({change_of(kIdA, 1, {email(ChangeOp::SET, {"a@x"}), city("v1")})});
  for (uint64_t version = 2; version <= 4; ++version)
    write({change_of(kIdA, version, {city("v" + std::to_string(version)), tags(ChangeOp::ADD_TO_SET, {"t"})})});
  const std::string before = json(kIdA);
  EXPECT_TRUE(write({change_of(kIdA, 2, {city("v2")})})[0]);
  EXPECT_TRUE(write({change_of(kIdA, 4, {city("other"), tags(ChangeOp::REMOVE_FROM_SET, {"t"})})})[0]);
  EXPECT_TRUE(write({change_of(kIdA, 1, {email(ChangeOp::SET, {"z@x"})})})[0]);
  EXPECT_EQ(json(kIdA), before);
  write({change_of(kIdA, 5, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "plan", text_value("pro"))})});
  EXPECT_EQ(model::find_field(get(kIdA)->document, v1::ATTRIBUTES, "city")->text(), "v4");
}

// What lay before was refused for good, or is lost: the document has what there is.
TEST_P(DocStoreConformance, AChangeWhosePredecessorNeverCame) {
  const Change later = change_of(kIdA, 7, {email(ChangeOp::SET, {"a@x"}), tags(ChangeOp::ADD_TO_SET, {"t"})});
  write({later});
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {later}));
  EXPECT_TRUE(find("email", "a@x"));
  write({change_of(kIdA, 6, {city("Pune")})});
  EXPECT_EQ(json(kIdA), expected_json(kIdA, {later}));
  const Change plain = change_of(kIdB, 9, {city("Pune")});
  write({plain});
  EXPECT_EQ(json(kIdB), expected_json(kIdB, {plain}));
}

TEST_P(DocStoreConformance, SetOperationsOfEveryShape) {
  std::vector<Change> all = {change_of(kIdA, 1, {tags(ChangeOp::SET, {"c", "a"})})};
  const std::vector<std::vector<ChangeOp>> runs = {
      {tags(ChangeOp::ADD_TO_SET, {"b"})},
      {tags(ChangeOp::ADD_TO_SET, {"z", "a"}), tags(ChangeOp::REMOVE_FROM_SET, {"b", "a"})},
      {tags(ChangeOp::REMOVE_FROM_SET, {"c", "z"})},  // nothing is left
      {tags(ChangeOp::REMOVE_FROM_SET, {"c"})},       // of nothing
      {make_op(ChangeOp::SET, v1::ATTRIBUTES, "tags", text_value("plain"))},
      {tags(ChangeOp::ADD_TO_SET, {"x"})},  // to what is no list
      {city("Pune"), tags(ChangeOp::SET, {"q"}), tags(ChangeOp::ADD_TO_SET, {"p"})},
      {tags(ChangeOp::ADD_TO_SET, {"later"}), city("Oslo"), tags(ChangeOp::REMOVE_FROM_SET, {"q"})},  // not sorted
      {tags(ChangeOp::ADD_TO_SET, {})}};
  write({all[0]});
  for (const auto& ops : runs) {
    all.push_back(change_of(kIdA, all.size() + 1, ops));
    ASSERT_TRUE(write({all.back()})[0]);
    ASSERT_EQ(json(kIdA), expected_json(kIdA, all)) << all.back().ShortDebugString();
  }
}

TEST_P(DocStoreConformance, OddNamesAreKept) {
  std::vector<ChangeOp> ops;
  for (const std::string& name : std::vector<std::string>{"$set", "a.b", ".", "..", "100%", "a%2Eb", "%24", "0", "$",
                                                          "_id", "version", std::string("n\0l", 3), "a b", "\u00e9"}) {
    ops.push_back(make_op(ChangeOp::SET, v1::IDENTIFIERS, name, list_value({"v of " + name})));
    ops.push_back(make_op(ChangeOp::SET, v1::ATTRIBUTES, name, text_value(name)));
  }
  std::stable_sort(ops.begin(), ops.end(), [](const ChangeOp& a, const ChangeOp& b) {
    return std::pair(a.section(), a.name()) < std::pair(b.section(), b.name());
  });
  std::vector<Change> all = {change_of(kIdA, 1, {city("Pune")}), change_of(kIdA, 2, ops)};
  for (const Change& change : all) ASSERT_TRUE(write({change})[0]);
  EXPECT_EQ(json(kIdA), expected_json(kIdA, all));
  for (const char* name : {"a.b", "$set", "100%", "0"}) EXPECT_TRUE(find(name, "v of " + std::string(name))) << name;
  for (ChangeOp& op : ops) op = make_op(ChangeOp::UNSET, op.section(), op.name(), {});
  all.push_back(change_of(kIdA, 3, ops));
  ASSERT_TRUE(write({all.back()})[0]);
  EXPECT_EQ(json(kIdA), expected_json(kIdA, all));
}

TEST_P(DocStoreConformance, ListsInOrderWithoutTheRemoved) {
  std::vector<Change> bulk;
  for (const char c : {'c', 'a', 'd', 'b'}) bulk.push_back(change_of(std::string(16, c), 1, {city("x")}));
  Change other = change_of(std::string(16, 'z'), 1, {city("x")});
  other.set_tenant(other_tenant());
  bulk.push_back(other);
  Change device = change_of(std::string(16, 'a'), 1, {city("y")});
  device.set_kind(v1::ENTITY_KIND_DEVICE);
  bulk.push_back(device);
  for (const Status& status : write(bulk)) EXPECT_TRUE(status);
  write({removal_of(std::string(16, 'b'), 2)});
  const auto all = list(tenant(), v1::ENTITY_KIND_USER, "", 10);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].key.id.view(), std::string(16, 'a'));
  EXPECT_EQ(all[2].key.id.view(), std::string(16, 'd'));
  const auto page = list(tenant(), v1::ENTITY_KIND_USER, std::string(16, 'a'), 1);
  ASSERT_EQ(page.size(), 1U);
  EXPECT_EQ(page[0].key.id.view(), std::string(16, 'c'));
  EXPECT_TRUE(list(tenant(), v1::ENTITY_KIND_USER, std::string(16, 'd'), 10).empty());
  EXPECT_EQ(list(tenant(), v1::ENTITY_KIND_DEVICE, "", 10).size(), 1U);
  EXPECT_EQ(list(other_tenant(), v1::ENTITY_KIND_USER, "", 10).size(), 1U);
}

TEST_P(DocStoreConformance, ManyBulksAtOnce) {
  std::vector<std::future<Answer>> answers;
  for (int b = 0; b < 8; ++b) {
    std::vector<Change> bulk;
    for (int i = 0; i < 700; ++i)
      bulk.push_back(change_of(std::string(hash128(std::to_string(b * 10'000 + i)).view()), 1, {city("x")}));
    answers.push_back(begin(std::move(bulk)));
  }
  for (auto& answer : answers) {
    const Answer got = answer.get();
    for (size_t i = 0; i < got.bulk.size(); ++i) {
      if (got.results[i]) continue;
      EXPECT_EQ(got.results[i].error().code, Code::kRetry);
      EXPECT_TRUE(write({got.bulk[i]})[0]);
    }
  }
  std::set<std::string> ids;
  std::string after;
  for (auto page = list(tenant(), v1::ENTITY_KIND_USER, after, 999); !page.empty();
       page = list(tenant(), v1::ENTITY_KIND_USER, after, 999)) {
    for (const StoredDocument& stored : page) EXPECT_TRUE(ids.insert(std::string(stored.key.id.view())).second);
    after = *ids.rbegin();
  }
  EXPECT_EQ(ids.size(), 5600U);
}

// Against the model: several entities at once, changes folded, sent twice, sent late, beside poisoned ones, over
// restarts.
TEST_P(DocStoreConformance, HoldsWhatTheChangesSay) {
  int entities = 0;
  rc::check([&] {
    struct Entity {
      std::string id;
      std::vector<Change> history;
      size_t next = 0;
      v1::Document expected;
    };
    std::vector<Entity> all(*rc::gen::inRange<size_t>(1, 6));
    for (Entity& entity : all) {
      entity.id = hash128(std::to_string(++entities)).view();
      entity.history = random_history(tenant(), entity.id, *rc::gen::inRange<size_t>(1, 20));
    }
    const auto next_of = [](Entity& entity) {
      Change change = entity.history[entity.next++];
      while (entity.next < entity.history.size() && *rc::gen::inRange(0, 3) == 0)
        model::fold_change(change, Change(entity.history[entity.next++]));
      (void)model::apply_change(entity.expected, change);
      return change;
    };
    const auto late_of = [](const Entity& entity) {
      const size_t from = *rc::gen::inRange<size_t>(0, entity.next);
      Change change = entity.history[from];
      const size_t to = *rc::gen::inRange<size_t>(from, entity.next);
      for (size_t i = from + 1; i <= to; ++i) model::fold_change(change, Change(entity.history[i]));
      return change;
    };
    while (std::any_of(all.begin(), all.end(), [](const Entity& e) { return e.next < e.history.size(); })) {
      std::vector<Change> bulk;
      for (Entity& entity : all) {
        const bool late = entity.next > 0 && *rc::gen::inRange(0, 6) == 0;
        if (late) {
          bulk.push_back(late_of(entity));
        } else if (entity.next < entity.history.size()) {
          bulk.push_back(next_of(entity));
        }
      }
      const size_t poisoned = bulk.size();
      if (*rc::gen::inRange(0, 5) == 0) bulk.push_back(change_of("short", 1, {}));
      const std::vector<Status> results = write(bulk);
      for (size_t i = 0; i < results.size(); ++i) RC_ASSERT(results[i].has_value() == (i < poisoned));
      if (*rc::gen::inRange(0, 6) == 0) RC_ASSERT(store().sync().has_value());
      if (*rc::gen::inRange(0, 200) == 0) reopen();
    }
    for (const Entity& entity : all) {
      const std::string wanted = entity.expected.removed() ? std::string() : json_of(entity.id, entity.expected);
      RC_ASSERT(json(entity.id) == wanted);
    }
  });
}

}  // namespace freshet::docstore
