// Journals of runs on living clusters, as JSON of a version.
#pragma once

#include <simdjson.h>

#include <string>

#include "base/result.h"

namespace freshet::fleet {

// What `read` makes of the object, in which what is missing or of another type throws, as simdjson does. kCorrupt: it
// can't be read, or is of another version.
template <class Journal>
[[nodiscard]] Result<Journal> read_journal_text(const std::string& text, int64_t version,
                                                Journal (*read)(const simdjson::dom::element&)) {
  try {
    simdjson::dom::parser parser;
    const simdjson::dom::element value = parser.parse(text);
    const int64_t written = value["version"];
    if (written != version)
      return fail(Code::kCorrupt, "the journal is of another release (version " + std::to_string(written) + ")");
    return read(value);
  } catch (const simdjson::simdjson_error& error) {
    return fail(Code::kCorrupt, std::string("the journal can't be read: ") + error.what());
  }
}

}  // namespace freshet::fleet
