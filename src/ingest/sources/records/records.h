// The internal API: POST /v1/records, one JSON object a line (docs/sources/records.md). It is
// strict: an unknown key is an error that names the nearest known one, because a misspelt one would
// otherwise be lost without a word.
#pragma once

#include <google/protobuf/arena.h>

#include <string_view>

#include "ingest/items/parsed.h"

namespace freshet::ingest {

inline constexpr std::string_view kRecordsSource = "records";
inline constexpr size_t kRecordsBytesMax = 10u << 20;
inline constexpr size_t kRecordsLinesMax = 50'000;

// Each line that is not blank is an item, and a line that is not JSON is rejected alone. Commands (merge, erase, …) are
// rejected as needs_server_key unless context.scope allows them. kInvalid: there are too many lines.
[[nodiscard]] ParseResult parse_records(std::string_view body, const AdapterContext& context,
                                        google::protobuf::Arena& arena);

}  // namespace freshet::ingest
