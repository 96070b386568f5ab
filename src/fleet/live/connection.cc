#include "fleet/live/connection.h"

#include <fmt/core.h>

#include <algorithm>

#include "fleet/render/names.h"

namespace freshet::fleet {

Result<std::string> expand(std::string_view text, const yaml::Environment& environment) {
  constexpr std::string_view kNameCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
  std::string out;
  while (true) {
    const size_t dollar = std::min(text.find("${"), text.size());
    out += text.substr(0, dollar);
    text.remove_prefix(dollar);
    if (text.empty()) return out;
    const size_t end = std::min(text.find_first_not_of(kNameCharacters, 2), text.size());
    if (end == 2 || end == text.size() || text[end] != '}') {
      out += text.substr(0, 2);
      text.remove_prefix(2);
      continue;
    }
    const std::string name(text.substr(2, end - 2));
    const auto value = environment(name);
    if (!value) return fail(Code::kInvalid, "the environment variable " + name + " is not set");
    out += *value;
    text.remove_prefix(end + 1);
  }
}

Result<cluster::Connection> connection_of(const Topology& fleet, const Cluster& cluster,
                                          const yaml::Environment& environment) {
  cluster::Connection out;
  out.bootstrap = cluster.connect.bootstrap.empty() ? bootstrap_of(fleet, cluster) : cluster.connect.bootstrap;
  for (const auto& [name, value] : cluster.connect.properties) {
    Result<std::string> expanded = expand(value, environment);
    if (!expanded)
      return fail(expanded.error().code,
                  fmt::format("cluster {}: connect.properties: {}: {}", cluster.name, name, expanded.error().message));
    out.properties.emplace_back(name, *std::move(expanded));
  }
  return out;
}

}  // namespace freshet::fleet
