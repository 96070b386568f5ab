// simdjson's on-demand parser as the adapters use it: one parser and one padded buffer per thread and slot, reused.
//
// Why on-demand and not the DOM: a number beyond 64 bits makes the DOM refuse the whole body, on-demand leaves its text.
// Rules of on-demand that the adapters keep: a container is walked at most once (reset() before that is free), a string is
// unescaped at most once, and after a JSON error nothing more is read from the document.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

namespace freshet::ingest {

namespace ondemand = simdjson::ondemand;

// Documents that may be open at the same time in one thread.
enum class Slot : uint8_t { kBody = 0, kContext = 1 };

// A text to be parsed; stays valid until the thread makes the next one of the same slot.
class JsonBody {
 public:
  JsonBody(Slot slot, std::string_view text);

  [[nodiscard]] std::string_view text() const { return text_; }
  // Opens a part of text(), such as one line, which must be one JSON object with blanks around it at most; TAPE_ERROR if
  // there is more behind. One document at a time. `raw`: the object's text.
  [[nodiscard]] simdjson::error_code open(std::string_view part, ondemand::document& document, ondemand::object& root,
                                          std::string_view& raw);

 private:
  Slot slot_;
  std::string_view text_;
  size_t capacity_;
};

// Without the JSON blanks at the end (tokens of on-demand carry what follows them).
[[nodiscard]] inline std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

// The length of the longest prefix of at most `characters` code points. REQUIRES: valid UTF-8.
[[nodiscard]] size_t prefix_of(std::string_view text, size_t characters);

}  // namespace freshet::ingest
