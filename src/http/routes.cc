#include "http/routes.h"

#include "http/text.h"

namespace freshet::http {
namespace {

// Takes the first part off a path: "/v1/track" gives "v1" and leaves "/track". nullopt: it does not begin with a slash.
std::optional<std::string_view> take_part(std::string_view& path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  const std::string_view part = path.substr(0, path.find('/'));
  path.remove_prefix(part.size());
  return part;
}

}  // namespace

std::optional<std::vector<std::string_view>> match_path(std::string_view pattern, std::string_view path) {
  // Not of "//", which is no other name of "/".
  if (path.size() > 2 && path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string_view> arguments;
  while (!pattern.empty()) {
    const auto wanted = take_part(pattern);
    const auto part = take_part(path);
    if (!wanted || !part) return std::nullopt;
    if (!wanted->starts_with('{')) {
      if (*part != *wanted) return std::nullopt;
    } else {
      if (part->empty()) return std::nullopt;
      arguments.push_back(*part);
    }
  }
  if (!path.empty()) return std::nullopt;
  return arguments;
}

bool serves(std::string_view route_method, std::string_view method) {
  return method == route_method || (method == "HEAD" && route_method == "GET");
}

Result<std::vector<std::string>> decode_arguments(const std::vector<std::string_view>& arguments) {
  std::vector<std::string> decoded;
  decoded.reserve(arguments.size());
  for (const std::string_view argument : arguments) {
    FRESHET_ASSIGN(std::string text, percent_decode(argument, false));
    decoded.push_back(std::move(text));
  }
  return decoded;
}

}  // namespace freshet::http
