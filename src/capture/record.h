// A change as the records that tell it (docs/capture.md).
//   key    the document's _id as canonical Extended JSON without spaces
//   value  {"op":"snapshot|insert|update|replace|delete","collection":…,"at_ms":…,"before":{…},"after":{…}}
//          `before` only where it is known; `after` is null of a delete, and of a document that was set aside, whose
//          reason is in "set_aside"
// In a topic that is read from its beginning, the last record of a key says what its document is.
#pragma once

#include <string>
#include <string_view>

#include "docstore/mongo/change_reader.h"

namespace freshet::capture {

inline constexpr std::string_view kDeleteBegins = R"({"op":"delete")";

// Of a document of a snapshot, or a change that is of no collection. `op` is its name.
[[nodiscard]] std::string value_of(std::string_view op, const docstore::DocumentChange& change);
// The same document, whose state can't be in the topic.
[[nodiscard]] std::string set_aside_value(std::string_view op, const docstore::DocumentChange& change,
                                          std::string_view reason);

}  // namespace freshet::capture
