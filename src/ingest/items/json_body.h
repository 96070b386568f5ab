// simdjson's on-demand parser as the adapters use it: one parser and one padded buffer, reused, per thread and
// JsonBuffer.
//
// Why on-demand and not the DOM: a number beyond 64 bits makes the DOM refuse the whole body,
// on-demand leaves its text. On-demand has rules that the adapters keep: a container is walked at
// most once (reset() before that is free), a string is unescaped at most once, and after a JSON
// error nothing more is read from the document.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/utf8.h"

namespace freshet::ingest {

namespace ondemand = simdjson::ondemand;

// The documents that may be open at the same time in one thread.
enum class JsonBuffer : uint8_t { kBody = 0, kContext = 1 };

// The text with U+FFFD for halves of surrogate pairs: itself, or a copy in `buffer`. Its length is the same.
[[nodiscard]] std::string_view with_whole_pairs(std::string_view text, std::string& buffer);

// A text to be parsed, without its byte-order mark, and with U+FFFD for halves of surrogate pairs. It stays valid until
// the thread makes the next one in the same buffer.
class JsonBody {
 public:
  JsonBody(JsonBuffer which, std::string_view text);

  [[nodiscard]] std::string_view text() const { return text_; }
  // Opens a part of text(), such as one line, which must be one JSON object with at most blanks
  // around it; TAPE_ERROR means that there is more behind. Only one document of a body may be open
  // at a time. `raw` becomes the object's text.
  [[nodiscard]] simdjson::error_code open(std::string_view part, ondemand::document& document, ondemand::object& root,
                                          std::string_view& raw);
  // Opens all of text() without a look at what stands behind the object: a walk over a large body is a tenth of what
  // its items cost. Whoever has read the object to its end asks is_at_end().
  [[nodiscard]] simdjson::error_code open_unbounded(ondemand::document& document, ondemand::object& root);
  // REQUIRES: the root object was read to its end.
  [[nodiscard]] static bool is_at_end(ondemand::document& document) {
    return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  }

 private:
  JsonBuffer which_;
  std::string_view text_;
  size_t capacity_;
};

// The text without the JSON blanks at its end: tokens of on-demand carry what follows them.
[[nodiscard]] inline std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

// The length of the longest prefix that has at most `characters` code points. REQUIRES: valid
// UTF-8.
[[nodiscard]] size_t prefix_of(std::string_view text, size_t characters);

}  // namespace freshet::ingest
