// What hangs together: union-find over texts, the obvious way.
#pragma once

#include <map>
#include <string>

#include "freshet/v1/envelope.pb.h"

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

// An identifier of a tenant's as text.
[[nodiscard]] inline std::string text_of(const std::string& tenant, const v1::Identifier& i) {
  return tenant + " " + i.type() + "=" + i.value();
}

}  // namespace freshet::sim
