// The distance is the optimal string alignment distance: Levenshtein's with swaps of neighbours, which are what fingers
// do.
#include "base/nearest.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/text.h"

namespace freshet {
namespace {

constexpr size_t kComparedBytesMax = 200;
constexpr size_t kStepsMax = 500'000;  // of all comparisons for one name: some milliseconds

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replace, last[j] + 1, row[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string_view nearest(std::string_view name, const NameList& candidates) {
  if (name.size() > kComparedBytesMax) return {};
  const std::string wanted = lower_case(name);
  std::string_view best;
  size_t best_edits = std::numeric_limits<size_t>::max();
  size_t steps = 0;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kComparedBytesMax) continue;
    const size_t allowed = std::max<size_t>(1, std::max(wanted.size(), candidate.size()) / 3);
    // The shorter of the two lacks so many characters at least.
    if (std::max(wanted.size(), candidate.size()) - std::min(wanted.size(), candidate.size()) > allowed) continue;
    steps += wanted.size() * candidate.size();
    if (steps > kStepsMax) break;
    const size_t edits = edit_distance(wanted, lower_case(candidate));
    if (edits > allowed || edits >= best_edits) continue;
    best = candidate;
    best_edits = edits;
  }
  return best;
}

}  // namespace freshet
