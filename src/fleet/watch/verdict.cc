// The five rules, worst first. Each looks at the whole window, which is ten commits: that is cheap enough to be done
// anew at every look.
#include "fleet/watch/verdict.h"

#include <algorithm>

namespace freshet::fleet {
namespace {

using Commits = std::span<const Commit>;

// Nothing came for longer than the whole window took.
bool has_stopped(Commits commits, env::TimeUs now_us) {
  return now_us - commits.back().at_us > commits.back().at_us - commits.front().at_us;
}

// It was at the end of the log a moment ago: what waits has only just come.
bool was_lately_at_end(Commits commits, std::span<const int64_t> recent_ends) {
  return std::ranges::any_of(recent_ends, [&](int64_t end) { return end <= commits.back().offset; });
}

// Of the first step back only: whoever is where it was before has mended itself, as a member does that commits late
// what another one has committed since.
bool is_rewound(Commits commits) {
  const auto goes_back = [](const Commit& before, const Commit& after) { return after.offset < before.offset; };
  const auto before = std::ranges::adjacent_find(commits, goes_back);
  if (before == commits.end()) return false;
  return std::none_of(before + 1, commits.end(), [&](const Commit& later) { return later.offset >= before->offset; });
}

bool was_ever_within(Commits commits, int64_t lag_allowed) {
  return std::ranges::any_of(commits, [&](const Commit& c) { return c.lag != kNoLag && c.lag <= lag_allowed; });
}

bool stands_still(Commits commits) {
  return std::ranges::all_of(commits, [&](const Commit& c) { return c.offset == commits.front().offset; });
}

bool never_falls(Commits commits) {
  int64_t before = kNoLag;
  for (const Commit& commit : commits) {
    if (commit.lag == kNoLag) continue;
    if (commit.lag < before) return false;
    before = commit.lag;
  }
  return true;
}

}  // namespace

Verdict judge(const LagWindow& window) {
  const Commits commits = window.commits;
  if (commits.empty() || window.lag <= window.lag_allowed) return Verdict::kOk;
  // That comes before everything else: a window that ended long ago says nothing of today.
  if (has_stopped(commits, window.now_us) && !was_lately_at_end(commits, window.recent_ends)) return Verdict::kStop;
  // And this before the look at zero lag, because a reader that has read all and then begins anew has both.
  if (is_rewound(commits)) return Verdict::kRewind;
  if (was_ever_within(commits, window.lag_allowed)) return Verdict::kOk;
  if (stands_still(commits)) return Verdict::kStall;
  return never_falls(commits) ? Verdict::kWarn : Verdict::kOk;
}

}  // namespace freshet::fleet
