#include "model/email.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/utf8.h"
#include "model/code_point.h"
#include "model/composed.h"
#include "model/lower_case.h"
#include "model/padding.h"
#include "model/punycode.h"

namespace freshet::model {
namespace {

constexpr std::string_view kMailScheme = "mailto:";
constexpr std::string_view kEncodedLabel = "xn--";
constexpr char32_t kIdeographicStop = 0x3002, kHalfWidthStop = 0xff61;

// Full-width letters and signs as those of ASCII, and the full stops of East Asia as a point, as which they part names
// of hosts (RFC 3490, section 3.1).
std::string narrow(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = code_point(text);
    if (const char ascii = narrow_form(c.letter); ascii != '\0') {
      out += ascii;
    } else if (c.letter == kIdeographicStop || c.letter == kHalfWidthStop) {
      out += '.';
    } else {
      out.append(text.substr(0, c.bytes));
    }
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string in_small(std::string_view text) {
  return is_ascii(text) ? freshet::lower_case(text) : composed(narrow(small_email(text)));
}

// What stands around an address where it was copied from: a link, a mail's header, a text. Once.
std::string_view without_frame(std::string_view text) {
  if (text.starts_with(kMailScheme)) {
    text.remove_prefix(kMailScheme.size());
    return text.substr(0, text.find('?'));
  }
  const size_t bracket = text.ends_with('>') ? text.rfind('<') : std::string_view::npos;
  if (bracket != std::string_view::npos && text.find('@', bracket) != std::string_view::npos)
    return text.substr(bracket + 1, text.size() - bracket - 2);
  if (text.size() > 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\''))
    return text.substr(1, text.size() - 2);
  if (text.find('@') != std::string_view::npos)
    while (text.ends_with('.') || text.ends_with(',') || text.ends_with(';')) text.remove_suffix(1);
  return text;
}

// A host's name beyond ASCII has two spellings, and which one is sent depends on the tool that it came through.
std::string with_readable_host(std::string address) {
  const size_t at = address.rfind('@');
  if (at == std::string::npos || address.find(kEncodedLabel, at) == std::string::npos) return address;
  std::string out = address.substr(0, at + 1);
  for (size_t begin = at + 1; begin <= address.size();) {
    const size_t end = std::min(address.find('.', begin), address.size());
    const std::string label = address.substr(begin, end - begin);
    std::optional<std::string> readable;
    if (label.starts_with(kEncodedLabel))
      readable = decode_punycode(std::string_view(label).substr(kEncodedLabel.size()));
    // What would be spelled otherwise here is no name that a host can have.
    const bool proper = readable && !is_ascii(*readable) && in_small(*readable) == *readable;
    out.append(proper ? *readable : label);
    if (end < address.size()) out += '.';
    begin = end + 1;
  }
  return out;
}

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
  std::string out = in_small(text);
  for (size_t before = 0; before != out.size();) {
    before = out.size();
    out = without_padding(without_frame(out));
  }
  return with_readable_host(std::move(out));
}

}  // namespace freshet::model
