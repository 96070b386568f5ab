// What parts a text depends on what it was: lines, columns of a file, the parameters of an address, a sentence. Nobody
// knows, so all of it is tried; a piece too many costs a hash, and is equal to somebody's by chance only.
#include "console/text_pieces.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "base/number.h"
#include "base/text.h"
#include "base/utf8.h"

namespace freshet::console {
namespace {

constexpr int kDecodingsMax = 3;
constexpr size_t kGapBytesMax = 3;        // between two parts of one piece
constexpr size_t kDigitsOfADate = 6;      // fewer digits alone are a year, an hour, a price
constexpr size_t kPartBytesMin = 4;       // of a row of parts
constexpr size_t kPieceBytesMax = 1'000;  // identifiers are shorter

// Blanks beyond ASCII, in UTF-8: they part words, and would pass for letters.
constexpr std::array<std::string_view, 5> kWideBlanks = {"\xc2\xa0", "\xe3\x80\x80", "\xe2\x80\xaf", "\xe2\x80\xa8",
                                                         "\xe2\x80\x89"};

bool is_part(char c) { return is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80; }

// Whether such a piece of a longer text is worth a look.
bool is_worth(std::string_view piece, const PieceRules& rules) {
  if (piece.size() < rules.bytes_min || piece.empty() || piece.size() > kPieceBytesMax) return false;
  return rules.words || !std::all_of(piece.begin(), piece.end(), is_letter);
}

// The pieces between any of `delimiters`.
bool any_between(std::string_view text, std::string_view delimiters, const PieceRules& rules, const VisitPiece& visit) {
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(delimiters), text.size());
    if (is_worth(text.substr(0, end), rules) && visit(text.substr(0, end))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

struct Part {
  size_t begin = 0, end = 0;
};

std::vector<Part> parts_of(std::string_view text) {
  std::vector<Part> parts;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && is_part(text[end])) ++end;
    if (end > at) parts.push_back({at, end});
    at = end + 1;
  }
  return parts;
}

// A lone number of few digits is nobody, and neither is what spans lines or wide gaps.
bool any_row_of_parts(std::string_view text, const PieceRules& rules, const VisitPiece& visit) {
  const std::vector<Part> parts = parts_of(text);
  for (size_t first = 0; first < parts.size(); ++first) {
    const size_t begin = parts[first].begin;
    const bool has_plus = begin > 0 && text[begin - 1] == '+';
    for (size_t last = first; last < std::min(first + kPartsMax, parts.size()); ++last) {
      if (last > first && parts[last].begin - parts[last - 1].end > kGapBytesMax) break;
      const std::string_view piece = text.substr(begin, parts[last].end - begin);
      if (piece.size() > kPieceBytesMax) break;
      const bool is_short = piece.size() < kPartBytesMin ||
                            (piece.size() < kDigitsOfADate && std::all_of(piece.begin(), piece.end(), is_digit));
      if (is_short || !is_worth(piece, rules)) continue;
      if (visit(piece)) return true;
      if (has_plus && visit(text.substr(begin - 1, piece.size() + 1))) return true;
    }
  }
  return false;
}

bool any_in_one(std::string_view text, const PieceRules& rules, const VisitPiece& visit) {
  return any_between(text, "\"\r\n", rules, visit) || any_between(text, "\",;\t|\r\n", rules, visit) ||
         any_between(text, "\"',;:=&?<>()[]{}\\/ \t|\r\n", rules, visit) || any_row_of_parts(text, rules, visit);
}

// With blanks of ASCII for others.
std::string with_plain_blanks(std::string_view text) {
  std::string out(text);
  for (const std::string_view blank : kWideBlanks)
    for (size_t at = out.find(blank); at != std::string::npos; at = out.find(blank, at))
      out.replace(at, blank.size(), " ");
  return out;
}

std::optional<uint32_t> unit_at(std::string_view text) {
  return text.size() >= 6 && text[0] == '\\' && text[1] == 'u' ? hex_to_number<uint32_t>(text.substr(2, 4))
                                                               : std::nullopt;
}

// Of these three: what the escape at the begin of `text` stands for is appended; how many bytes it takes, 0 if it is
// none.
size_t decode_unit(std::string_view text, std::string& out) {
  const auto first = unit_at(text);
  if (!first) return 0;
  const auto second = unit_at(text.substr(6));
  const bool are_two = *first >> 10 == 0x36 && second && *second >> 10 == 0x37;
  append_code_point(out, are_two ? 0x10000 + ((*first & 0x3ffu) << 10 | (*second & 0x3ffu)) : *first);
  return are_two ? 12 : 6;
}

size_t decode_escape(std::string_view text, std::string& out) {
  if (text.size() < 2 || text[0] != '\\') return 0;
  if (text[1] == 'u') return decode_unit(text, out);
  constexpr std::string_view kLetters = "ntrbf";
  out += kLetters.find(text[1]) == std::string_view::npos ? text[1] : ' ';
  return 2;
}

size_t decode_percent(std::string_view text, std::string& out) {
  if (text.size() < 3 || text[0] != '%') return 0;
  const auto byte = hex_to_number<uint32_t>(text.substr(1, 2));
  if (byte) out += static_cast<char>(*byte);
  return byte ? 3 : 0;
}

std::string decode(std::string_view text, bool percent) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t bytes = decode_escape(text, out);
    if (bytes == 0 && percent) bytes = decode_percent(text, out);
    if (bytes == 0) out += text.front();
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return out;
}

}  // namespace

std::string unescaped(std::string_view text) { return decode(text, false); }

bool any_piece(std::string_view text, const PieceRules& rules, const VisitPiece& visit) {
  if (any_in_one(text, rules, visit)) return true;
  std::string plain = with_plain_blanks(text);
  for (int round = 0; round <= kDecodingsMax; ++round) {
    if (plain != text && any_in_one(plain, rules, visit)) return true;
    std::string next = with_plain_blanks(decode(plain, true));
    if (next == plain) break;
    plain = std::move(next);
  }
  return false;
}

}  // namespace freshet::console
