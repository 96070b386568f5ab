#include "model/spellings.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "model/email.h"
#include "model/identifier.h"
#include "model/padding.h"

namespace freshet::model {

std::vector<std::string> all_spellings(const Tenant& tenant, std::string_view type, std::string_view value) {
  std::vector<std::string> all;
  const auto add = [&](std::string spelling) {
    if (spelling.empty() || std::find(all.begin(), all.end(), spelling) != all.end()) return;
    all.push_back(std::move(spelling));
  };
  add(normalize_identifier(tenant, type, value));
  const std::string_view of_0_2 = without_padding(value);
  add(type == kEmail ? small_email(of_0_2) : std::string(of_0_2));
  const std::string_view of_0_1 = trim(value, " \t\r\n\v\f");
  add(type == kEmail ? freshet::lower_case(of_0_1) : std::string(of_0_1));
  return all;
}

}  // namespace freshet::model
