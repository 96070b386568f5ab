// Where a text stops being JSON, for whoever has to mend it. simdjson says that it does and not where: it looks for
// quotes and UTF-8 in all of the text first, and reads only what it is asked for. So a text that it refused is read
// once more, slowly and strictly (RFC 8259, RFC 3629), up to the first byte that is wrong.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace freshet::ingest {

struct JsonFault {
  size_t at = 0;     // bytes before it
  std::string path;  // of the value that it is in, as "batch[2].properties.total"; "": in none
  std::string what;  // "NaN is no JSON"

  // "not valid JSON at byte 17, in batch[2].properties.total: NaN is no JSON"
  [[nodiscard]] std::string text() const;
};

// nullopt: the text is one JSON value, with blanks around it and a byte-order mark in front at most. Whether numbers
// fit anything is not looked at. One pass over the text.
[[nodiscard]] std::optional<JsonFault> find_json_fault(std::string_view text);

}  // namespace freshet::ingest
