// BSON as canonical Extended JSON without spaces
// (https://www.mongodb.com/docs/manual/reference/mongodb-extended-json/).
// Private to src/docstore/mongo.
#pragma once

#include <bson/bson.h>

#include <optional>
#include <string>
#include <string_view>

#include "docstore/mongo/bson.h"

namespace freshet::docstore {

// As deep as documents are turned into text: MongoDB keeps none that is deeper. The driver's own functions recurse as
// deep as whoever answers wants, or leave out what is below.
inline constexpr int kDocumentDepthMost = 100;

// What is told of a document that json_of() gives no text of.
inline constexpr const char* kNoJson = "it has text that is not UTF-8, or more than 100 levels";

// nullopt: it is no valid BSON, such as text that is not UTF-8, or it is deeper than that.
[[nodiscard]] std::optional<std::string> json_of(const bson_t& document);
// Of one value. nullopt: as above.
[[nodiscard]] std::optional<std::string> json_of(const bson_iter_t& value);
// A document from its text. nullopt: it is none.
[[nodiscard]] std::optional<Bson> document_of(std::string_view json);
// The document {"_id": VALUE} that an id's text says. nullopt: it says none.
[[nodiscard]] std::optional<Bson> id_document(std::string_view id);

}  // namespace freshet::docstore
