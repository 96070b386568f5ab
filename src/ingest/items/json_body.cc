// The parsers and buffers of a thread. simdjson reads up to 64 bytes past the end of a text, so the
// body is copied once into a buffer with that much padding.

#include "ingest/items/json_body.h"

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "base/number.h"
#include "base/utf8.h"

namespace freshet::ingest {
namespace {

// A larger buffer is given back after use, so that one large body does not keep its memory for
// ever.
constexpr size_t kKeptBytesMax = 1u << 20;

std::string& buffer_of(JsonBuffer which) {
  thread_local std::string buffers[2];
  return buffers[static_cast<size_t>(which)];
}

ondemand::parser& parser_of(JsonBuffer which) {
  thread_local ondemand::parser parsers[2];
  return parsers[static_cast<size_t>(which)];
}

// The code unit of the escape that begins here, if it is one of four digits.
std::optional<uint16_t> unit_at(std::string_view text, size_t at) {
  const std::string_view escape = text.substr(std::min(at, text.size()), 6);
  if (escape.size() < 6 || !escape.starts_with("\\u")) return std::nullopt;
  return hex_to_number<uint16_t>(escape.substr(2));
}

bool is_between(std::optional<uint16_t> unit, uint16_t first, uint16_t last) {
  return unit && *unit >= first && *unit <= last;
}

// Half of a surrogate pair is what is left of an emoji that JavaScript has cut in two, and its JSON.stringify says so.
// As others do, it is read as U+FFFD: refused, the whole message would be lost for a character.
void mend_halves(char* text, size_t size) {
  const std::string_view all(text, size);
  for (size_t at = all.find('\\'); at < size; at = all.find('\\', at)) {
    const auto unit = unit_at(all, at);
    if (is_between(unit, 0xd800, 0xdbff) && is_between(unit_at(all, at + 6), 0xdc00, 0xdfff)) {
      at += 12;
      continue;
    }
    if (is_between(unit, 0xd800, 0xdfff)) std::copy_n("fffd", 4, text + at + 2);
    at += unit ? 6 : 2;
  }
}

}  // namespace

std::string_view with_whole_pairs(std::string_view text, std::string& buffer) {
  if (text.find("\\u") == std::string_view::npos) return text;
  buffer = text;
  mend_halves(buffer.data(), buffer.size());
  return buffer;
}

JsonBody::JsonBody(JsonBuffer which, std::string_view text) : which_(which) {
  text = without_mark(text);
  std::string& buffer = buffer_of(which);
  capacity_ = text.size() + simdjson::SIMDJSON_PADDING;
  if (buffer.size() > kKeptBytesMax && capacity_ <= kKeptBytesMax) std::string().swap(buffer);
  if (buffer.size() < capacity_) buffer.resize(capacity_);
  std::copy(text.begin(), text.end(), buffer.begin());
  mend_halves(buffer.data(), text.size());
  std::fill_n(buffer.begin() + static_cast<std::ptrdiff_t>(text.size()), simdjson::SIMDJSON_PADDING, ' ');
  text_ = {buffer.data(), text.size()};
}

simdjson::error_code JsonBody::open(std::string_view part, ondemand::document& document, ondemand::object& root,
                                    std::string_view& raw) {
  FRESHET_ASSERT(part.data() >= text_.data() && part.data() + part.size() <= text_.data() + text_.size());
  const size_t begin = static_cast<size_t>(part.data() - text_.data());
  const simdjson::padded_string_view padded(part, capacity_ - begin);
  if (const auto error = parser_of(which_).iterate(padded).get(document); error != simdjson::SUCCESS) return error;
  if (const auto error = document.get_object().get(root); error != simdjson::SUCCESS) return error;
  // On-demand does not look behind the object by itself, and what stands there would be lost
  // without a word.
  if (const auto error = root.raw_json().get(raw); error != simdjson::SUCCESS) return error;
  raw = trim_right(raw);
  if (raw.data() + raw.size() != trim_right(part).data() + trim_right(part).size()) return simdjson::TAPE_ERROR;
  return root.reset().error();
}

simdjson::error_code JsonBody::open_unbounded(ondemand::document& document, ondemand::object& root) {
  const simdjson::padded_string_view padded(text_, capacity_);
  if (const auto error = parser_of(which_).iterate(padded).get(document); error != simdjson::SUCCESS) return error;
  return document.get_object().get(root);
}

size_t prefix_of(std::string_view text, size_t characters) {
  if (text.size() <= characters) return text.size();
  for (size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && characters-- == 0) return i;
  }
  return text.size();
}

}  // namespace freshet::ingest
