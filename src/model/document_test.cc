#include "model/document.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <iterator>

#include "base/hash.h"
#include "testing/change_generator.h"
#include "testing/project_path.h"

namespace freshet::model {
namespace {

using testing::list_value;
using testing::make_op;
using testing::random_history;
using testing::text_value;
using v1::Change;
using v1::ChangeOp;
using v1::Document;

Document applied(Document document, const std::vector<Change>& changes) {
  for (const Change& change : changes) (void)apply_change(document, change);
  return document;
}

Change folded(std::vector<Change> changes) {
  Change all = std::move(changes.front());
  for (size_t i = 1; i < changes.size(); ++i) fold_change(all, std::move(changes[i]));
  return all;
}

bool same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

Change change_of(uint64_t version, const std::vector<ChangeOp>& ops) {
  Change change;
  change.set_version(version);
  for (const ChangeOp& op : ops) *change.add_ops() = op;
  return change;
}

ChangeOp attribute(ChangeOp::Type type, const v1::Value& value = {}) {
  return make_op(type, v1::ATTRIBUTES, "a", value);
}

// The types and lists of the only name in `change`, as text: "ADD[a,b] REMOVE[c]".
std::string shown(const Change& change) {
  std::string out;
  for (const ChangeOp& op : change.ops()) {
    if (!out.empty()) out += ' ';
    out += op.type() == ChangeOp::ADD_TO_SET        ? "ADD"
           : op.type() == ChangeOp::REMOVE_FROM_SET ? "REMOVE"
                                                    : ChangeOp::Type_Name(op.type());
    if (op.value().has_list()) {
      out += '[';
      for (const v1::Value& v : op.value().list().values()) out += v.text();
      out += ']';
    } else if (op.has_value()) {
      out += ' ' + op.value().text();
    }
  }
  return out;
}

std::string fold_shown(const std::vector<ChangeOp>& ops) {
  std::vector<Change> changes;
  for (size_t i = 0; i < ops.size(); ++i) changes.push_back(change_of(i + 1, {ops[i]}));
  return shown(folded(changes));
}

TEST(FoldChange, FollowsTheAlgebra) {
  const auto set = [](const char* v) { return attribute(ChangeOp::SET, text_value(v)); };
  const auto set_list = [](const std::vector<std::string>& l) { return attribute(ChangeOp::SET, list_value(l)); };
  const auto add = [](const std::vector<std::string>& l) { return attribute(ChangeOp::ADD_TO_SET, list_value(l)); };
  const auto remove = [](const std::vector<std::string>& l) {
    return attribute(ChangeOp::REMOVE_FROM_SET, list_value(l));
  };
  const ChangeOp unset = attribute(ChangeOp::UNSET);
  EXPECT_EQ(fold_shown({set("x"), set("y")}), "SET y");
  EXPECT_EQ(fold_shown({set("x"), unset}), "UNSET");
  EXPECT_EQ(fold_shown({unset, set("x")}), "SET x");
  EXPECT_EQ(fold_shown({set_list({"c", "a"}), add({"b"})}), "SET[abc]");
  EXPECT_EQ(fold_shown({set_list({"a", "b"}), remove({"a"})}), "SET[b]");
  EXPECT_EQ(fold_shown({set_list({"a"}), remove({"a"})}), "UNSET");
  EXPECT_EQ(fold_shown({set("x"), add({"b"})}), "SET[b]");
  EXPECT_EQ(fold_shown({unset, add({"b", "a", "b"})}), "SET[ab]");
  EXPECT_EQ(fold_shown({add({"a"}), add({"b"})}), "ADD[ab]");
  EXPECT_EQ(fold_shown({add({"a", "b"}), remove({"b", "c"})}), "ADD[a] REMOVE[bc]");
  EXPECT_EQ(fold_shown({add({"a"}), remove({"a"})}), "REMOVE[a]");
  EXPECT_EQ(fold_shown({remove({"a"}), add({"a"})}), "ADD[a]");
  EXPECT_EQ(fold_shown({add({"a"}), remove({"b"}), add({"b"}), remove({"a"})}), "ADD[b] REMOVE[a]");
  EXPECT_EQ(fold_shown({add({"a"}), remove({"b"}), set("x")}), "SET x");
}

TEST(FoldChange, WholeAndRemoveReplaceEverything) {
  Change set = change_of(1, {attribute(ChangeOp::SET, text_value("x"))});
  Change remove = change_of(2, {});
  remove.set_remove(true);
  remove.set_received_at_us(77);
  Change late = change_of(3, {attribute(ChangeOp::SET, text_value("y"))});
  late.set_received_at_us(99);
  Change removed = folded({set, remove, late});
  EXPECT_TRUE(removed.remove());
  EXPECT_EQ(removed.version(), 3U);
  EXPECT_EQ(removed.ops_size(), 0);
  EXPECT_EQ(removed.received_at_us(), 77);
  Change whole = change_of(4, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "b", text_value("z"))});
  whole.set_whole(true);
  fold_change(removed, std::move(whole));
  EXPECT_TRUE(removed.whole());
  EXPECT_FALSE(removed.remove());
  EXPECT_EQ(shown(removed), "SET z");
}

TEST(ApplyChange, StaleChangesNothing) {
  Document document = applied({}, {change_of(5, {attribute(ChangeOp::SET, text_value("x"))})});
  const Document before = document;
  EXPECT_FALSE(apply_change(document, change_of(5, {attribute(ChangeOp::SET, text_value("y"))})));
  EXPECT_FALSE(apply_change(document, change_of(4, {attribute(ChangeOp::UNSET)})));
  EXPECT_TRUE(same(document, before));
}

TEST(ApplyChange, RemovedStaysUntilWhole) {
  Change remove = change_of(2, {});
  remove.set_remove(true);
  remove.set_received_at_us(77);
  Document document = applied({}, {change_of(1, {attribute(ChangeOp::SET, text_value("x"))}), remove});
  EXPECT_TRUE(document.removed());
  EXPECT_EQ(document.fields_size(), 0);
  EXPECT_EQ(document.removed_at_us(), 77);
  document = applied(document, {change_of(3, {attribute(ChangeOp::SET, text_value("y"))})});
  EXPECT_TRUE(document.removed());
  EXPECT_EQ(document.version(), 3U);
  EXPECT_EQ(document.fields_size(), 0);
  Change whole = change_of(4, {attribute(ChangeOp::SET, text_value("z"))});
  whole.set_whole(true);
  document = applied(document, {whole});
  EXPECT_FALSE(document.removed());
  EXPECT_EQ(document.removed_at_us(), 0);
  EXPECT_EQ(find_field(document, v1::ATTRIBUTES, "a")->text(), "z");
  EXPECT_EQ(find_field(document, v1::ATTRIBUTES, "b"), nullptr);
  EXPECT_EQ(find_field(document, v1::COMPUTED, "a"), nullptr);
}

TEST(ApplyChange, UnsortedOpsAreSorted) {
  const Change change = change_of(1, {make_op(ChangeOp::SET, v1::COMPUTED, "b", text_value("1")),
                                      make_op(ChangeOp::SET, v1::ATTRIBUTES, "c", text_value("2")),
                                      make_op(ChangeOp::SET, v1::COMPUTED, "a", text_value("3"))});
  const Document document = applied({}, {change});
  ASSERT_EQ(document.fields_size(), 3);
  EXPECT_EQ(document.fields(0).name(), "c");
  EXPECT_EQ(document.fields(1).name(), "a");
  EXPECT_EQ(document.fields(2).name(), "b");
}

RC_GTEST_PROP(DocumentProperty, FieldsStaySortedAndSet, ()) {
  const Document document = applied({}, random_history(*rc::gen::inRange<size_t>(1, 8)));
  for (int i = 0; i < document.fields_size(); ++i) {
    RC_ASSERT(document.fields(i).value().kind_case() != v1::Value::KIND_NOT_SET);
    if (i == 0) continue;
    const auto& a = document.fields(i - 1);
    const auto& b = document.fields(i);
    RC_ASSERT(std::pair(a.section(), a.name()) < std::pair(b.section(), b.name()));
  }
}

RC_GTEST_PROP(DocumentProperty, FoldThenApplyIsOneAfterTheOther, ()) {
  const size_t first = *rc::gen::inRange<size_t>(0, 4);
  const std::vector<Change> all = random_history(first + *rc::gen::inRange<size_t>(1, 7));
  const Document before = applied({}, {all.begin(), all.begin() + static_cast<ptrdiff_t>(first)});
  const std::vector<Change> rest(all.begin() + static_cast<ptrdiff_t>(first), all.end());
  RC_ASSERT(same(applied(before, {folded(rest)}), applied(before, rest)));
}

RC_GTEST_PROP(DocumentProperty, FoldingIsAssociative, ()) {
  const std::vector<Change> all = random_history(*rc::gen::inRange<size_t>(3, 7));
  const auto middle = static_cast<ptrdiff_t>(*rc::gen::inRange<size_t>(1, all.size()));
  const Change left = folded({all.begin(), all.begin() + middle});
  const Change right = folded({all.begin() + middle, all.end()});
  const Document before = applied({}, {});
  RC_ASSERT(same(applied(before, {folded({left, right})}), applied(before, all)));
}

// What a crash does: a fold of changes of which the document has had some already.
RC_GTEST_PROP(DocumentProperty, ReplayedFoldChangesOnlyWhatIsNew, ()) {
  const std::vector<Change> all = random_history(*rc::gen::inRange<size_t>(2, 9));
  const auto from = static_cast<ptrdiff_t>(*rc::gen::inRange<size_t>(0, all.size()));
  const auto had = static_cast<ptrdiff_t>(*rc::gen::inRange<size_t>(static_cast<size_t>(from), all.size() + 1));
  const Document document = applied({}, {all.begin(), all.begin() + had});
  RC_ASSERT(same(applied(document, {folded({all.begin() + from, all.end()})}), applied({}, all)));
}

RC_GTEST_PROP(DocumentProperty, TwiceIsOnce, ()) {
  const std::vector<Change> all = random_history(*rc::gen::inRange<size_t>(1, 6));
  const Document once = applied({}, all);
  RC_ASSERT(same(applied(once, {all.back()}), once));
  RC_ASSERT(same(applied(once, all), once));
}

RC_GTEST_PROP(DocumentProperty, FoldedOpsAreOneAName, ()) {
  std::vector<Change> all;
  for (Change& change : random_history(6)) {
    Change plain = change_of(change.version(), {});
    for (const ChangeOp& op : change.ops()) {
      const bool repeated = plain.ops_size() > 0 && plain.ops().rbegin()->section() == op.section() &&
                            plain.ops().rbegin()->name() == op.name();
      if (!repeated) *plain.add_ops() = op;
    }
    all.push_back(plain);
  }
  const Change fold = folded(all);
  for (int i = 1; i < fold.ops_size(); ++i) {
    const ChangeOp& a = fold.ops(i - 1);
    const ChangeOp& b = fold.ops(i);
    if (a.section() == b.section() && a.name() == b.name()) {
      RC_ASSERT(a.type() == ChangeOp::ADD_TO_SET && b.type() == ChangeOp::REMOVE_FROM_SET);
    } else {
      RC_ASSERT(std::pair(a.section(), a.name()) < std::pair(b.section(), b.name()));
    }
  }
}

// ---- golden: docs/format/change.md, docs/format/document.md ----

std::string golden(const std::string& name) {
  std::ifstream file(project_path("tests/golden/model/" + name), std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

constexpr const char* kChange = R"(
  tenant: "acme" kind: ENTITY_KIND_USER id: "0123456789abcdef" version: 17 received_at_us: 1767323045678901
  ops { type: ADD_TO_SET section: IDENTIFIERS name: "anonymous_id" value { list { values { text: "a2" } values { text: "a1" } } } }
  ops { type: SET section: IDENTIFIERS name: "user_id" value { list { values { text: "u1" } } } }
  ops { type: SET section: ATTRIBUTES name: "city" value { text: "Pune \"\\ é" } }
  ops { type: UNSET section: ATTRIBUTES name: "old" }
  ops { type: SET section: ATTRIBUTES name: "score" value { number: 0.5 } }
  ops { type: ADD_TO_SET section: ATTRIBUTES name: "tags" value { list { values { text: "x" } } } }
  ops { type: ADD_TO_SET section: DEVICES value { list { values { text: "66656463626139383736353433323130" } } } }
  ops { type: SET section: EVENTS name: "Order Completed" value { stats { count: 3 first_us: 1767312000000000 last_us: 1767323045678901 } } }
  ops { type: SET section: COMPUTED name: "lifetime_value" value { decimal: "12.5" } }
  ops { type: SET section: COMPUTED name: "purchases" value { integer: 3 } }
  ops { type: SET section: COMPUTED_SINCE name: "purchases" value { time_us: 1767312000000000 } }
  ops { type: SET section: LAST_SEEN value { time_us: 1767323045678901 } }
  ops { type: ADD_TO_SET section: MERGED_FROM value { list { values { text: "30313233343536373839616263646566" } } } })";

Change golden_change() {
  Change change;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kChange, &change));
  return change;
}

TEST(Golden, ChangeBytes) {
  EXPECT_EQ(to_hex(golden_change().SerializeAsString()), golden("change.hex"));
  Change change;
  ASSERT_TRUE(change.ParseFromString(from_hex(golden("change.hex"))));
  EXPECT_TRUE(same(change, golden_change()));
}

TEST(Golden, DocumentBytesAndJson) {
  const Document document = applied({}, {golden_change()});
  EXPECT_EQ(to_hex(document.SerializeAsString()), golden("document.hex"));
  Document stored;
  ASSERT_TRUE(stored.ParseFromString(from_hex(golden("document.hex"))));
  EXPECT_EQ(document_json("acme", v1::ENTITY_KIND_USER, "0123456789abcdef", stored), golden("document.json"));
}

TEST(DocumentJson, TheHistoryIsToldOfTheIdentityOnly) {
  v1::Value history;
  history.mutable_list()->add_values()->set_json(R"({"what":"created","message_id":"m1"})");
  const Document document =
      applied({}, {change_of(1, {make_op(ChangeOp::SET, v1::IDENTIFIERS, "user_id", list_value({"u"})),
                                 make_op(ChangeOp::SET, v1::HISTORY, "", history)})});
  EXPECT_EQ(document_json("acme", v1::ENTITY_KIND_USER, "0123456789abcdef", document).find("created"),
            std::string::npos);
  EXPECT_EQ(identity_json("acme", v1::ENTITY_KIND_USER, "0123456789abcdef", document),
            R"({"id":"30313233343536373839616263646566","tenant":"acme","kind":"user","identifiers":{"user_id":["u"]},)"
            R"("merged_from":[],"history":[{"what":"created","message_id":"m1"}],"version":1})");
  v1::Value text;
  text.set_json(R"([{"what":"created","message_id":"m2"}])");
  const Document as_text = applied(document, {change_of(2, {make_op(ChangeOp::SET, v1::HISTORY, "", text)})});
  EXPECT_TRUE(identity_json("acme", v1::ENTITY_KIND_USER, "0123456789abcdef", as_text)
                  .ends_with(R"("history":[{"what":"created","message_id":"m2"}],"version":2})"));
}

TEST(Golden, EmptyDeviceHasEveryKey) {
  EXPECT_EQ(document_json("acme", v1::ENTITY_KIND_DEVICE, "0123456789abcdef", {}), golden("empty_device.json"));
}

}  // namespace
}  // namespace freshet::model
