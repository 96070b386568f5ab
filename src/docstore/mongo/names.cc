// The escapes of names. MongoDB reads a dot as a path and a leading dollar as an operator, and BSON
// ends a name at NUL.

#include "docstore/mongo/names.h"

#include <array>
#include <optional>

namespace freshet::docstore {
namespace {

constexpr std::array<std::pair<std::string_view, char>, 4> kEscapes = {
    {{"%2E", '.'}, {"%24", '$'}, {std::string_view("%00"), '\0'}, {"%25", '%'}}};

// Which character an escape at this place stands for.
std::optional<char> escaped_at(std::string_view text, size_t at) {
  for (const auto& [escape, character] : kEscapes) {
    if (text.substr(at, escape.size()) == escape) return character;
  }
  return std::nullopt;
}

}  // namespace

std::string escape_name(std::string_view name) {
  std::string field;
  field.reserve(name.size());
  for (size_t i = 0; i < name.size(); ++i) {
    switch (name[i]) {
      case '.': field += "%2E"; break;
      case '\0': field += "%00"; break;
      // A dollar that is not the first character means nothing to the server.
      case '$': field += i == 0 ? "%24" : "$"; break;
      case '%': field += escaped_at(name, i) ? "%25" : "%"; break;
      default: field += name[i];
    }
  }
  return field;
}

std::string unescape_name(std::string_view field) {
  std::string name;
  name.reserve(field.size());
  for (size_t i = 0; i < field.size(); ++i) {
    const std::optional<char> character = field[i] == '%' ? escaped_at(field, i) : std::nullopt;
    name += character.value_or(field[i]);
    if (character) i += 2;
  }
  return name;
}

}  // namespace freshet::docstore
