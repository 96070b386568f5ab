#include "rdkafka/property.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace freshet::rdkafka {

bool may_be_secret(std::string_view property) {
  constexpr std::array<std::string_view, 6> kHints = {"password", "secret", "key", "pem", "config", "token"};
  return !property.ends_with(".location") &&
         std::ranges::any_of(kHints, [&](auto hint) { return property.find(hint) != property.npos; });
}

Status set_property(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char words[512];
  const auto result = rd_kafka_conf_set(conf, name.c_str(), value.c_str(), words, sizeof words);
  if (result == RD_KAFKA_CONF_OK) return {};
  if (result == RD_KAFKA_CONF_UNKNOWN)
    return fail(Code::kInvalid, fmt::format("{}: librdkafka {} has no such property", name, rd_kafka_version_str()));
  // What librdkafka says of a wrong value may repeat it, and would end on a terminal or in a log.
  return fail(Code::kInvalid, fmt::format("{}: {}", name, may_be_secret(name) ? "not a possible value" : words));
}

Status set_properties(rd_kafka_conf_t* conf, const std::vector<std::pair<std::string, std::string>>& all) {
  for (const auto& [name, value] : all) FRESHET_TRY(set_property(conf, name, value));
  return {};
}

}  // namespace freshet::rdkafka
