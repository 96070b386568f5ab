#include "docstore/mongo/document_bson.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <utility>
#include <vector>

#include "model/document.h"
#include "testing/document_changes.h"

namespace freshet::docstore {
namespace {

std::string json_of(const Bson& bson) {
  char* text = bson_as_relaxed_extended_json(bson.get(), nullptr);
  std::string json(text);
  bson_free(text);
  // Older drivers write what is empty with two blanks, newer ones with one.
  for (size_t at = 0; (at = json.find("  ", at)) != std::string::npos;) json.erase(at, 1);
  return json;
}

UpdateOne encoded(const Change& change, Shape shape = Shape::kProfile, std::optional<uint64_t> only_on = {}) {
  UpdateOne one;
  EXPECT_TRUE(encode(change, shape, 1'700'000'000'123, only_on, one));
  return one;
}

const std::string kHexA = "30313233343536373839616263646566";

TEST(MongoDocument, SetsAndUnsetsAreOperators) {
  v1::Value time;
  time.set_time_us(1'700'000'000'456'789);
  Change change =
      change_of("acme", kIdA, 7,
                {email(ChangeOp::SET, {"a@x"}), city("Pune"), make_op(ChangeOp::UNSET, v1::ATTRIBUTES, "a.b", {}),
                 make_op(ChangeOp::UNSET, v1::DEVICES, "", {}), make_op(ChangeOp::SET, v1::LAST_SEEN, "", time)});
  const UpdateOne one = encoded(change);
  EXPECT_FALSE(one.replaces);
  EXPECT_EQ(json_of(one.filter),
            R"({ "_id" : ")" + kHexA + R"(", "version" : { "$lt" : 7 }, "removed_at" : { "$exists" : false } })");
  EXPECT_EQ(
      json_of(one.update),
      R"({ "$set" : { "version" : 7, "identifiers.email" : [ "a@x" ], "attributes.city" : "Pune", "devices" : [ ], )"
      R"("last_seen" : { "$date" : "2023-11-14T22:13:20.456Z" } }, "$unset" : { "attributes.a%2Eb" : true }, )"
      R"("$setOnInsert" : { "tenant" : "acme", "kind" : "user" } })");
}

TEST(MongoDocument, TheFirstChangeIsTheWholeDocument) {
  const UpdateOne one =
      encoded(change_of("acme", kIdA, 1, {email(ChangeOp::ADD_TO_SET, {"b@x", "a@x"}), city("Pune")}));
  EXPECT_TRUE(one.replaces);
  EXPECT_EQ(json_of(one.filter), R"({ "_id" : ")" + kHexA + R"(", "version" : { "$lt" : 1 } })");
  EXPECT_EQ(json_of(one.update),
            R"({ "_id" : ")" + kHexA +
                R"(", "version" : 1, "tenant" : "acme", "kind" : "user", "identifiers" : { "email" : )"
                R"([ "a@x", "b@x" ] }, "attributes" : { "city" : "Pune" }, "devices" : [ ], "events" : )"
                R"({ }, "computed" : { }, "computed_since" : { }, "first_seen" : null, "last_seen" : )"
                R"(null, "merged_from" : [ ] })");
}

TEST(MongoDocument, OfASplitProfileOnlyWhatIsSearched) {
  const UpdateOne one = encoded(change_of("acme", kIdA, 1, {email(ChangeOp::SET, {"a@x"})}), Shape::kIdentified);
  EXPECT_EQ(json_of(one.update), R"({ "_id" : ")" + kHexA +
                                     R"(", "version" : 1, "tenant" : "acme", "kind" : "user", "identifiers" : )"
                                     R"({ "email" : [ "a@x" ] }, "attributes" : { } })");
}

TEST(MongoDocument, ARemovalLeavesATombstone) {
  const UpdateOne one = encoded(removal_of("acme", kIdA, 9));
  EXPECT_TRUE(one.replaces);
  EXPECT_EQ(json_of(one.update), R"({ "_id" : ")" + kHexA +
                                     R"(", "version" : 9, "removed_at" : { "$date" : "2023-11-14T22:13:20.123Z" } })");
  EXPECT_TRUE(decode(*one.update.get())->removed());
}

TEST(MongoDocument, AResolvedChangeIsGuardedByOneVersion) {
  const Change change =
      change_of("acme", kIdA, 7, {tags(ChangeOp::ADD_TO_SET, {"b"}), tags(ChangeOp::REMOVE_FROM_SET, {"c"})});
  EXPECT_FALSE(is_blind(change));
  v1::Document document;
  (void)model::apply_change(document, change_of("acme", kIdA, 3, {tags(ChangeOp::SET, {"c", "a"})}));
  const Change resolved = resolve(change, document);
  ASSERT_TRUE(is_blind(resolved));
  const UpdateOne one = encoded(resolved, Shape::kProfile, document.version());
  EXPECT_FALSE(one.replaces);
  EXPECT_NE(json_of(one.filter).find(R"("version" : { "$gte" : 3, "$lt" : 4 })"), std::string::npos)
      << json_of(one.filter);
  EXPECT_NE(json_of(one.update).find(R"("attributes.tags" : [ "a", "b" ])"), std::string::npos) << json_of(one.update);
}

TEST(MongoDocument, WhatMongoDbCannotHoldIsRefused) {
  UpdateOne one;
  EXPECT_EQ(encode(change_of("acme", kIdA, ~uint64_t{0}, {}), Shape::kProfile, 0, {}, one).error().code,
            Code::kInvalid);
  const Change nameless = change_of("acme", kIdA, 2, {make_op(ChangeOp::SET, v1::ATTRIBUTES, "", text_value("x"))});
  EXPECT_EQ(encode(nameless, Shape::kProfile, 0, {}, one).error().code, Code::kInvalid);
  const Change large = change_of("acme", kIdA, 2, {city(std::string(17u << 20, 'x'))});
  EXPECT_EQ(encode(large, Shape::kProfile, 0, {}, one).error().code, Code::kInvalid);
}

TEST(MongoDocument, TimesAtTheEndsOf64Bits) {
  v1::Value time;
  time.set_time_us(std::numeric_limits<int64_t>::min());
  const UpdateOne one = encoded(change_of("acme", kIdA, 7, {make_op(ChangeOp::SET, v1::LAST_SEEN, "", time)}));
  EXPECT_NE(json_of(one.update).find(R"("last_seen" : { "$date" : { "$numberLong" : "-9223372036854776" } })"),
            std::string::npos)
      << json_of(one.update);
}

TEST(MongoDocument, WhatOthersWroteThereIsLeftOut) {
  bson_oid_t oid{};
  bson_t* foreign = BCON_NEW("_id", BCON_OID(&oid), "version", BCON_INT32(3), "attributes", "{", "city",
                             BCON_UTF8("Pune"), "oid", BCON_OID(&oid), "tags", "[", BCON_UTF8("a"), BCON_OID(&oid),
                             BCON_NULL, "]", "}", "identifiers", BCON_UTF8("none"), "events", "{", "Seen",
                             BCON_INT32(1), "}", "first_seen", BCON_UTF8("today"), "score", BCON_DOUBLE(0.5));
  const auto document = decode(*foreign);
  ASSERT_TRUE(document);
  ASSERT_EQ(document->fields_size(), 2);
  EXPECT_EQ(document->fields(0).value().text(), "Pune");
  EXPECT_EQ(document->fields(1).value().list().values_size(), 1);
  EXPECT_FALSE(decode_id(*foreign));
  bson_destroy(foreign);
  bson_t* no_version = BCON_NEW("version", BCON_UTF8("3"));
  EXPECT_FALSE(decode(*no_version));
  bson_destroy(no_version);
  // As shells write numbers.
  const std::vector<std::pair<double, uint64_t>> versions = {{3, 3}, {0, 0}, {2.5, 0}, {-1, 0}, {1e300, 0}};
  for (const auto& [number, version] : versions) {
    bson_t* shells = BCON_NEW("version", BCON_DOUBLE(number));
    const auto read = decode(*shells);
    EXPECT_EQ(read ? read->version() : 0, version) << number;
    bson_destroy(shells);
  }
}

// What a blind or a resolved change says is what the model makes of the document.
RC_GTEST_PROP(MongoDocument, ResolvingKeepsTheEffect, ()) {
  v1::Document document;
  for (const Change& change : random_history("acme", kIdA, *rc::gen::inRange<size_t>(1, 12))) {
    v1::Document after = document;
    (void)model::apply_change(after, change);
    if (!is_blind(change) && document.version() > 0 && !document.removed()) {
      const Change resolved = resolve(change, document);
      RC_ASSERT(is_blind(resolved));
      v1::Document other = document;
      (void)model::apply_change(other, resolved);
      RC_ASSERT(other.SerializeAsString() == after.SerializeAsString());
    }
    Change whole = change_of("acme", kIdA, after.version(), {});
    whole.set_whole(true);
    for (const v1::Field& field : after.fields())
      *whole.add_ops() = make_op(ChangeOp::SET, field.section(), field.name(), field.value());
    UpdateOne one;
    RC_ASSERT(encode(whole, Shape::kProfile, 0, std::nullopt, one).has_value());
    v1::Document back = decode(*one.update.get()).value();
    back.set_removed(after.removed());
    back.set_removed_at_us(after.removed_at_us());
    RC_ASSERT(back.SerializeAsString() == after.SerializeAsString());
    document = std::move(after);
  }
}

}  // namespace
}  // namespace freshet::docstore
