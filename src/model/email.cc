#include "model/email.h"

#include <algorithm>

#include "base/text.h"
#include "model/code_point.h"
#include "model/composed.h"
#include "model/lower_case.h"
#include "model/padding.h"

namespace freshet::model {
namespace {

constexpr std::string_view kMailScheme = "mailto:";

}  // namespace

std::string small_email(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    const bool damaged = c.bytes == 1 && c.letter >= 0x80;
    const char32_t small = damaged ? c.letter : lower_case(c.letter);
    if (small != c.letter) {
      append_code_point(out, small);
    } else if (damaged || !is_invisible(c.letter)) {
      out.append(text.substr(0, c.bytes));
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

// Most are ASCII, which needs no reading of code points.
std::string normal_email(std::string_view text) {
  const bool ascii =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  std::string out = ascii ? freshet::lower_case(text) : composed(small_email(text));
  while (out.starts_with(kMailScheme)) out = without_padding(std::string_view(out).substr(kMailScheme.size()));
  return out;
}

}  // namespace freshet::model
