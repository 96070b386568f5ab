// What hangs together: union-find over texts, the obvious way.
#pragma once

#include <map>
#include <string>

#include "freshet/v1/envelope.pb.h"
#include "people.h"

namespace freshet::sim {

class Groups {
 public:
  const std::string& find(const std::string& x) {
    const auto at = parent_.try_emplace(x, x).first;
    if (at->second == x) return at->first;
    at->second = find(std::string(at->second));
    return at->second;
  }
  void join(const std::string& a, const std::string& b) {
    const std::string root = find(b);
    parent_[find(a)] = root;
  }

 private:
  std::map<std::string, std::string> parent_;
};

// The value that an identifier is compared by. Phone numbers are all of one country in a run: international ones are
// left as + and digits, others get its code for their leading 0, whatever is written between the digits.
[[nodiscard]] inline std::string value_of(const v1::Identifier& i) {
  if (i.type() != "phone") return i.value();
  std::string text = i.value(), digits;
  const bool from_abroad = text[0] == '+' || text.rfind("00", 0) == 0;
  if (const size_t trunk = text.find("(0)"); from_abroad && trunk != std::string::npos) text.erase(trunk, 3);
  for (const char c : text)
    if (c >= '0' && c <= '9') digits += c;
  if (text[0] == '+') return "+" + digits;
  if (from_abroad) return "+" + digits.substr(2);
  return "+" + std::string(kCountry) + digits.substr(1);
}

// An identifier of a tenant's as text.
[[nodiscard]] inline std::string text_of(const std::string& tenant, const v1::Identifier& i) {
  return tenant + " " + i.type() + "=" + value_of(i);
}

}  // namespace freshet::sim
