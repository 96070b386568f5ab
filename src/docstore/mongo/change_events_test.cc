#include "docstore/mongo/change_events.h"

#include <gtest/gtest.h>

#include "docstore/mongo/extended_json.h"
#include "docstore/mongo/tails.h"

namespace freshet::docstore {
namespace {

Bson parsed_json(std::string_view text) {
  auto out = document_of(text);
  EXPECT_TRUE(out) << text;
  return out ? std::move(*out) : Bson();
}

TEST(ExtendedJson, IdsComeBackAsTheyWere) {
  for (const char* id : {R"("a\"b c")", R"({"$oid":"65a000000000000000000001"})", R"({"$numberInt":"1"})",
                         R"({"$numberLong":"1"})", R"({"$numberDouble":"1.5"})", R"({"a":{"$numberInt":"1"},"b":"x"})",
                         R"({"$binary":{"base64":"AAE=","subType":"04"}})", "true", "null"}) {
    const auto document = id_document(id);
    ASSERT_TRUE(document) << id;
    bson_iter_t at;
    ASSERT_TRUE(bson_iter_init_find(&at, document->get(), "_id"));
    EXPECT_EQ(json_of(at), id);
  }
  EXPECT_FALSE(id_document(""));
  EXPECT_FALSE(id_document(R"(1},{"x":1)"));
  EXPECT_FALSE(id_document(R"(1,"_id":2)"));
}

TEST(ExtendedJson, RefusesTextThatIsNotUtf8) {
  Bson document;
  append_text(document.get(), "a", "x\xff");
  EXPECT_FALSE(json_of(*document.get()));
}

// Nested documents, or scopes of code, which the driver would follow as deep as they are.
Bson nested(int depth, bool of_scopes) {
  Bson inner;
  append_int(inner.get(), "a", 1);
  for (int i = 0; i < depth; ++i) {
    Bson outer;
    const bool appended = of_scopes ? bson_append_code_with_scope(outer.get(), "a", 1, "x", inner.get())
                                    : bson_append_document(outer.get(), "a", 1, inner.get());
    EXPECT_TRUE(appended);
    inner = std::move(outer);
  }
  return inner;
}

TEST(ExtendedJson, RefusesWhatIsTooDeep) {
  for (const bool of_scopes : {false, true}) {
    EXPECT_TRUE(json_of(*nested(kDocumentDepthMost, of_scopes).get()));
    EXPECT_FALSE(json_of(*nested(kDocumentDepthMost + 1, of_scopes).get()));
    EXPECT_FALSE(json_of(*nested(1'000, of_scopes).get()));
  }
  Bson event;
  append_text(event.get(), "operationType", "insert");
  nest_document(event.get(), "documentKey", [](bson_t* key) { append_int(key, "_id", 1); });
  const Bson deep = nested(1'000, false);
  ASSERT_TRUE(bson_append_document(event.get(), "fullDocument", -1, deep.get()));
  const auto change = stream_event(*event.get());
  ASSERT_TRUE(change);
  EXPECT_EQ(change->change.problem, "it has text that is not UTF-8, or more than 100 levels");
}

TEST(StreamEvents, CursorsNameACollection) {
  const auto collection = [](const char* cursor) { return collection_of_cursor(*parsed_json(cursor).get()); };
  EXPECT_EQ(collection(R"({"id":1,"ns":"shop.$cmd.aggregate"})"), "$cmd.aggregate");
  const std::string longest(64 << 10, 'c');
  EXPECT_EQ(collection((R"({"ns":"shop.)" + longest + "\"}").c_str()), longest);
  for (const char* none :
       {R"({"id":1})", R"({"ns":""})", R"({"ns":"s"})", R"({"ns":"shop"})", R"({"ns":"shop."})", R"({"ns":7})"})
    EXPECT_EQ(collection(none), std::nullopt) << none;
}

TEST(StreamEvents, TellChanges) {
  const auto insert = stream_event(
      *parsed_json(
           R"({"_id":{"_data":"8"},"operationType":"insert","clusterTime":{"$timestamp":{"t":5,"i":1}},)"
           R"("ns":{"db":"shop","coll":"a"},"documentKey":{"_id":"k"},"fullDocument":{"_id":"k","x":{"$numberInt":"1"}}})")
           .get());
  ASSERT_TRUE(insert);
  EXPECT_EQ(insert->change.kind, ChangeKind::kInsert);
  EXPECT_EQ(insert->change.id, "\"k\"");
  EXPECT_EQ(insert->change.after, R"({"_id":"k","x":{"$numberInt":"1"}})");
  EXPECT_EQ(insert->change.at_ms, 5000);
  const auto update = stream_event(
      *parsed_json(R"({"operationType":"update","ns":{"db":"shop","coll":"a"},"documentKey":{"_id":1},)"
                   R"("fullDocumentBeforeChange":{"_id":1,"y":2},"wallTime":{"$date":"2026-01-01T00:00:00.123Z"}})")
           .get());
  ASSERT_TRUE(update);
  EXPECT_TRUE(update->look_up);
  EXPECT_EQ(update->change.before, R"({"_id":{"$numberInt":"1"},"y":{"$numberInt":"2"}})");
  EXPECT_EQ(update->change.at_ms, 1'767'225'600'123);
  const auto rename = stream_event(*parsed_json(R"({"operationType":"rename","ns":{"db":"s","coll":"a"},)"
                                                R"("to":{"db":"s","coll":"b"}})")
                                        .get());
  ASSERT_TRUE(rename);
  EXPECT_EQ(rename->change.to, "b");
  EXPECT_FALSE(stream_event(*parsed_json(R"({"operationType":"createIndexes","ns":{"db":"s","coll":"a"}})").get()));
  EXPECT_TRUE(is_invalidate(*parsed_json(R"({"operationType":"invalidate"})").get()));
  const auto nameless =
      stream_event(*parsed_json(R"({"operationType":"delete","ns":{"db":"s","coll":"a"},"documentKey":{}})").get());
  ASSERT_TRUE(nameless);
  EXPECT_FALSE(nameless->change.problem.empty());
}

std::vector<ChangeEvent> logged(std::string_view text) {
  auto out = oplog_events(*parsed_json(text).get(), "shop");
  EXPECT_TRUE(out);
  return out ? *std::move(out) : std::vector<ChangeEvent>();
}

TEST(OplogEvents, TellChanges) {
  const auto insert = logged(R"({"ts":{"$timestamp":{"t":7,"i":2}},"op":"i","ns":"shop.a.b","o":{"_id":1}})");
  ASSERT_EQ(insert.size(), 1u);
  EXPECT_EQ(insert[0].change.collection, "a.b");
  EXPECT_EQ(insert[0].change.after, R"({"_id":{"$numberInt":"1"}})");
  EXPECT_EQ(insert[0].change.at_ms, 7000);
  const auto update = logged(R"({"op":"u","ns":"shop.a","o":{"$inc":{"z":1}},"o2":{"_id":"k"}})");
  ASSERT_EQ(update.size(), 1u);
  EXPECT_TRUE(update[0].look_up);
  EXPECT_EQ(update[0].change.id, "\"k\"");
  EXPECT_EQ(logged(R"({"op":"d","ns":"shop.a","o":{"_id":1}})").at(0).change.kind, ChangeKind::kDelete);
  EXPECT_TRUE(logged(R"({"op":"i","ns":"other.a","o":{"_id":1}})").empty());
  EXPECT_TRUE(logged(R"({"op":"i","ns":"shop.a","o":{"_id":1},"fromMigrate":true})").empty());
  EXPECT_TRUE(logged(R"({"op":"n","ns":"","o":{"msg":"x"}})").empty());
}

TEST(OplogEvents, TellOfCollectionsAndTransactions) {
  const auto drop = logged(R"({"op":"c","ns":"shop.$cmd","o":{"drop":"a"}})");
  ASSERT_EQ(drop.size(), 1u);
  EXPECT_EQ(drop[0].change.kind, ChangeKind::kDropped);
  const auto rename = logged(R"({"op":"c","ns":"admin.$cmd","o":{"renameCollection":"shop.a","to":"other.b"}})");
  ASSERT_EQ(rename.size(), 1u);
  EXPECT_EQ(rename[0].change.collection, "a");
  EXPECT_EQ(rename[0].change.to, "");
  EXPECT_EQ(logged(R"({"op":"c","ns":"shop.$cmd","o":{"dropDatabase":1}})").at(0).change.kind, ChangeKind::kAllDropped);
  const auto transaction =
      logged(R"({"op":"c","ns":"admin.$cmd","o":{"applyOps":[{"op":"i","ns":"shop.a","o":{"_id":1}},)"
             R"({"op":"i","ns":"other.a","o":{"_id":2}},{"op":"d","ns":"shop.b","o":{"_id":3}}]}})");
  ASSERT_EQ(transaction.size(), 2u);
  EXPECT_EQ(transaction[1].change.collection, "b");
  EXPECT_FALSE(oplog_events(*parsed_json(R"({"op":"c","ns":"admin.$cmd","o":{"applyOps":[],"partialTxn":true}})").get(),
                            "shop"));
}

TEST(Tails, KnowWhoseAPositionIs) {
  EXPECT_TRUE(is_of_oplog(R"({"oplog":{"$timestamp":{"t":1,"i":2}}})"));
  EXPECT_FALSE(is_of_oplog(R"({"stream":{"_data":"82"}})"));
}

}  // namespace
}  // namespace freshet::docstore
