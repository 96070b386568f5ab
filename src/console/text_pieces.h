// The pieces of a text that could be somebody's identifier, wherever in it they are: "a@b.c" in "mail a@b.c!" and in
// "https://shop/?to=%2Fx%3Fmail%3Da%2540b.c". Only hashes are kept of values that are looked for, so every piece has to
// be tried. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace freshet::console {

using VisitPiece = std::function<bool(std::string_view)>;

// So many parts of letters and digits a piece has at most, if it has no delimiter on both sides.
inline constexpr size_t kPartsMax = 8;

struct PieceRules {
  size_t bytes_min = 4;  // "de" and "7" are in nearly every text
  bool words = true;     // also a piece of ASCII letters alone, if it is not the whole text
};

// Calls `visit` with the pieces until it returns true; true: it did. Tried are what lies between delimiters (quotes;
// the separators of columns; those and blanks, brackets and the parts of addresses), and every row of up to kPartsMax
// parts with what stands between them: all of it as it is, and with %40, \u0040 and the like undone, up to three times.
[[nodiscard]] bool any_piece(std::string_view text, const PieceRules& rules, const VisitPiece& visit);

// With \uXXXX, \n, \/ and the like undone.
[[nodiscard]] std::string unescaped(std::string_view text);

}  // namespace freshet::console
