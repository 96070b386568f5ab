#include "mirror/share.h"

#include <fmt/format.h>

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
  if (note.old == 0) return std::to_string(note.seen);
  return fmt::format("{} old={} until={}", note.seen, note.old, note.until_ms);
}

Note decode_note(std::string_view text) {
  Note note;
  if (!take_number(text, "", note.seen)) return {};
  Note whole = note;
  if (take_number(text, " old=", whole.old) && take_number(text, " until=", whole.until_ms) && text.empty())
    return whole;
  return note;
}

}  // namespace freshet::mirror
