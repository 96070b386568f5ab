#include "mirror/share.h"

#include <fmt/core.h>

#include <charconv>

namespace freshet::mirror {
namespace {

template <class Number>
bool take_number(std::string_view& text, std::string_view before, Number& out) {
  if (!text.starts_with(before)) return false;
  text.remove_prefix(before.size());
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

}  // namespace

std::string encode(const Note& note) {
  std::string out = std::to_string(note.seen);
  if (note.was > 0) out += fmt::format(" was={}", note.was);
  if (note.until_ms > 0) out += fmt::format(" until={} moved={}", note.until_ms, note.moved);
  return out;
}

Note decode_note(std::string_view text) {
  Note note;
  if (!take_number(text, "", note.seen)) return {};
  (void)take_number(text, " was=", note.was);
  Note whole = note;
  if (take_number(text, " until=", whole.until_ms) && take_number(text, " moved=", whole.moved)) return whole;
  return note;
}

}  // namespace freshet::mirror
