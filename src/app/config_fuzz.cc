// Any text: no crash; refused with problems, or a configuration whose tenants are sorted.
#include <algorithm>
#include <cstdlib>

#include "app/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  yaml::Problems problems("fuzz");
  const auto config = app::parse_config(
      {reinterpret_cast<const char*>(data), size},
      [](const std::string&) { return std::optional<std::string>("value"); }, problems);
  if (config.has_value() != problems.empty()) std::abort();
  const auto by_name = [](const model::Tenant& a, const model::Tenant& b) { return a.name < b.name; };
  if (config && !std::is_sorted(config->tenants.begin(), config->tenants.end(), by_name)) std::abort();
  return 0;
}
