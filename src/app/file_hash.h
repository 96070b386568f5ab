// What tells one configuration file's tenants and rules from another's.
#pragma once

#include <string>
#include <string_view>

namespace freshet::app {

struct FileHash {
  std::string whole;  // of rules and of the tenants' documents
  std::string rules;  // of the rules alone, as the first releases had it
  [[nodiscard]] bool is(std::string_view hash) const { return hash == whole || hash == rules; }
};

}  // namespace freshet::app
