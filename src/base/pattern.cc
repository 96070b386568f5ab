#include "base/pattern.h"

namespace freshet {

// Goes back to the last star only, so that no pattern takes more than the product of the lengths.
bool fits_pattern(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0;
  size_t star = std::string_view::npos, kept = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      kept = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++kept;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::optional<std::string> match_pattern(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name ? std::optional<std::string>("") : std::nullopt;
  if (name.size() < star || name.substr(0, star) != pattern.substr(0, star)) return std::nullopt;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t end = star; end <= name.size(); ++end)
    if (fits_pattern(rest, name.substr(end))) return std::string(name.substr(star, end - star));
  return std::nullopt;
}

}  // namespace freshet
