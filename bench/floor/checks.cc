// The limits are those that a tenant has by default.
#include "floor/checks.h"

#include <algorithm>
#include <array>

namespace freshet::bench {
namespace {

constexpr size_t kEventsMost = 512;
constexpr size_t kAttributesMost = 256;
constexpr size_t kPropertiesMost = 100;
constexpr size_t kNameLengthMax = 200;  // characters
constexpr size_t kValueLengthMax = 512;
constexpr std::array<std::string_view, 6> kNobody = {"", "null", "undefined", "none", "nil", "0"};

// The library's own kind of text, which its tables are asked with.
absl::string_view key_of_table(std::string_view text) { return {text.data(), text.size()}; }

// A character is as many bytes as it takes, of which all but the first begin with the bits 10.
bool is_longer(std::string_view text, size_t most) {
  if (text.size() <= most) return false;
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; })) > most;
}

}  // namespace

bool Checks::knows(Names& names, std::string_view name, Type type, size_t most) {
  const auto found = names.find(key_of_table(name));
  if (found != names.end()) return found->second == type;
  if (names.size() >= most || name.empty() || is_longer(name, kNameLengthMax)) return false;
  names.emplace(std::string(name), type);
  return true;
}

bool Checks::fits_user(std::string_view value) const {
  return std::ranges::find(kNobody, value) == kNobody.end() && !is_longer(value, kValueLengthMax);
}

bool Checks::fits_attribute(std::string_view name, std::string_view value) {
  return knows(attributes_, name, Type::string, kAttributesMost) && !is_longer(value, kValueLengthMax);
}

bool Checks::fits_event(std::string_view event, simdjson::ondemand::object& properties) {
  auto found = events_.find(key_of_table(event));
  if (found == events_.end()) {
    if (events_.size() >= kEventsMost || event.empty() || is_longer(event, kNameLengthMax)) return false;
    found = events_.emplace(std::string(event), Names()).first;
  }
  size_t count = 0;
  for (auto property : properties) {
    std::string_view name, text;
    Type type{};
    if (property.unescaped_key().get(name) != simdjson::SUCCESS) return false;
    if (property.value().type().get(type) != simdjson::SUCCESS) return false;
    if (!knows(found->second, name, type, kPropertiesMost) || ++count > kPropertiesMost) return false;
    if (type != Type::string) continue;
    if (property.value().get_string().get(text) != simdjson::SUCCESS || is_longer(text, kValueLengthMax)) return false;
  }
  return true;
}

}  // namespace freshet::bench
