// Changes as MongoDB's update operators, and documents as BSON and back. All functions are pure:
// docs/format/mongodb.md.
#pragma once

#include <optional>
#include <string>

#include "base/hash.h"
#include "base/result.h"
#include "docstore/mongo/bson.h"
#include "freshet/v1/change.pb.h"

namespace freshet::docstore {

// Which parts every document has, if only empty.
enum class Shape : uint8_t {
  kProfile,     // all of the public shape
  kIdentified,  // identifiers and attributes: what the split store keeps here
};

// One operation of a bulk. `update` holds operators, or the document that takes the place of what
// is there.
struct UpdateOne {
  Bson filter;
  Bson update;
  bool replaces = false;
};

// Whether operators alone say what the change does, whatever is there: it replaces the document, or
// it sets and unsets, each name once. Any other change has to be resolved.
[[nodiscard]] bool is_blind(const v1::Change& change);

// The change with the effect that `change` has on this very document, by SET and UNSET alone.
// REQUIRES: not is_blind(change); the document's version is lower.
[[nodiscard]] v1::Change resolve(const v1::Change& change, const v1::Document& document);

// Makes `out` the operation for a blind change, to be sent as an upsert. It takes effect on a
// document whose version is lower (with only_on: is exactly this one), or if there is none;
// otherwise the server answers with a duplicate key. An update by operators has no effect on a
// tombstone either. `now_ms` is the time that a tombstone gets. kInvalid: the change can't be
// stored.
[[nodiscard]] Status encode(const v1::Change& change, Shape shape, int64_t now_ms, std::optional<uint64_t> only_on,
                            UpdateOne& out);

// Reads what lies in the collection, whoever wrote it; parts of another shape are left out.
// nullopt: it is no document of ours (its version is missing or not a positive whole number).
[[nodiscard]] std::optional<v1::Document> decode(const bson_t& bson);
// nullopt: _id is not one of ours.
[[nodiscard]] std::optional<Hash128> decode_id(const bson_t& bson);

}  // namespace freshet::docstore
