// The parts of an address, and looking up headers.
#include "http/text.h"

#include <algorithm>

#include "base/assert.h"
#include "http/message.h"

namespace freshet::http {
namespace {

// Escapes may have both cases (RFC 3986, section 2.1).
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string_view Request::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_case_name) return value;
  }
  return {};
}

Result<std::string> percent_decode(std::string_view text, bool query) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    // Forms write a blank as '+' in a query (application/x-www-form-urlencoded); in a path it is a
    // plus.
    if (text[i] == '+' && query) {
      out += ' ';
    } else if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return fail(Code::kInvalid, "malformed escape at byte " + std::to_string(i) +
                                        " of the address: % must be followed by two hexadecimal digits");
      }
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  FRESHET_ASSERT(out.size() <= text.size());
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view parameter = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    // "a=1&&b=2" and a '&' at the end are common and mean nothing.
    if (parameter.empty()) continue;
    const size_t equals = std::min(parameter.find('='), parameter.size());
    FRESHET_ASSIGN(auto name, percent_decode(parameter.substr(0, equals), true));
    FRESHET_ASSIGN(auto value, percent_decode(parameter.substr(std::min(equals + 1, parameter.size())), true));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace freshet::http
