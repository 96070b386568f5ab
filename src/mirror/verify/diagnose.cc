#include "mirror/verify/diagnose.h"

#include <fmt/core.h>

#include <algorithm>

namespace freshet::mirror {
namespace {

std::string seen_at(const std::vector<Sighting>& side, size_t i) {
  if (i >= side.size()) return "nothing";
  return fmt::format("[{}]@{}", side[i].partition, side[i].offset);
}

bool has(const std::vector<Sighting>& side, const Hash128& print, size_t from, size_t to) {
  return std::any_of(side.begin() + static_cast<std::ptrdiff_t>(std::min(from, side.size())),
                     side.begin() + static_cast<std::ptrdiff_t>(std::min(to, side.size())),
                     [&](const Sighting& one) { return one.print == print; });
}

}  // namespace

Difference diagnose(const std::vector<Sighting>& source, const std::vector<Sighting>& target) {
  size_t i = 0;
  while (i < source.size() && i < target.size() && source[i].print == target[i].print) ++i;
  Difference out;
  const std::string at = fmt::format("source {}, target {}", seen_at(source, i), seen_at(target, i));
  const bool target_ends = i >= target.size();
  const bool source_ends = i >= source.size();
  const bool repeats = !target_ends && has(target, target[i].print, 0, i) &&
                       (source_ends || !has(source, target[i].print, i, source.size()));
  const bool later_in_target = !source_ends && has(target, source[i].print, i, target.size());
  const bool later_in_source = !target_ends && has(source, target[i].print, i, source.size());
  if (repeats) {
    out = {Wrong::kDouble, "", at + ": the target's record was there before"};
  } else if (later_in_target && later_in_source) {
    out = {Wrong::kSwapped, "", at + ": the target has them in another order"};
  } else if (target_ends || later_in_source) {
    out = {Wrong::kLost, "", at + ": the source's record is not in the target"};
  } else if (source_ends || later_in_target) {
    out = {Wrong::kForeign, "", at + ": the target's record is not in the source"};
  } else {
    out = {Wrong::kChanged, "", at + ": key, value, headers or timestamp differ"};
  }
  return out;
}

}  // namespace freshet::mirror
