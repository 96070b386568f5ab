// The cases of Burrow's evaluator tests (core/internal/evaluator/caching_test.go of October 2025): inputs and expected
// answers are its data. Then what must hold for any window.
#include "fleet/watch/verdict.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace freshet::fleet {
namespace {

struct VerdictCase {
  const char* what;
  std::vector<int64_t> offsets;
  std::vector<int64_t> lags;  // kNoLag: not known
  int64_t first_ms;
  int64_t step_ms;
  std::vector<int64_t> ends;
  int64_t lag;
  int64_t now_s;
  int64_t allowed;
  Verdict verdict;
};

Verdict verdict_of(const VerdictCase& test, const std::vector<int64_t>& times_ms = {}) {
  std::vector<Commit> commits;
  for (size_t i = 0; i < test.offsets.size(); ++i) {
    const int64_t at_ms = times_ms.empty() ? test.first_ms + static_cast<int64_t>(i) * test.step_ms : times_ms[i];
    commits.push_back({test.offsets[i], test.lags[i], at_ms * 1000});
  }
  return judge({commits, test.ends, test.lag, test.allowed, test.now_s * 1'000'000});
}

TEST(VerdictTest, AgreesWithBurrowsCases) {
  using enum Verdict;
  const std::vector<int64_t> even = {1000, 2000, 3000, 4000, 5000};
  const std::vector<int64_t> same(5, 1000);
  const std::vector<int64_t> back = {1000, 2000, 3000, 2000, 4000};
  const std::vector<int64_t> from_zero = {0, 50, 100, 150, 200};
  const std::vector<int64_t> growing = {100, 150, 200, 250, 300};
  const std::vector<int64_t> rewound = {100, 150, 200, 1250, 300};
  const std::vector<VerdictCase> cases = {
      {"0: the lag was zero", even, from_zero, 100'000, 100'000, {5200}, 200, 600, 0, kOk},
      {"1: silent for as long as the window, not longer", even, from_zero, 100'000, 100'000, {5200}, 200, 900, 0, kOk},
      {"2: longer, although the lag was zero", even, from_zero, 100'000, 100'000, {5200}, 200, 1000, 0, kStop},
      {"3: longer", even, {50, 100, 150, 200, 250}, 100'000, 100'000, {5250}, 250, 1000, 0, kStop},
      {"4: stands still, the lag was zero", same, from_zero, 100'000, 100'000, {1200}, 200, 600, 0, kOk},
      {"5: stands still", same, growing, 100'000, 100'000, {1300}, 300, 600, 0, kStall},
      {"6: and nothing comes", same, {100, 100, 100, 100, 100}, 100'000, 100'000, {1100}, 100, 600, 0, kStall},
      {"7: went back and recovered", back, rewound, 100'000, 100'000, {4300}, 300, 600, 0, kOk},
      {"8: no lag now", even, {50, 100, 150, 200, 250}, 100'000, 100'000, {5250}, 0, 1000, 0, kOk},
      {"11: some lags are not known",
       {1000, 1500, 2000, 2500, 3000, 3500, 4000, 4500, 5000, 5500},
       {0, kNoLag, 50, kNoLag, 100, kNoLag, 150, kNoLag, 200, kNoLag},
       100'000,
       50'000,
       {5700},
       200,
       600,
       0,
       kOk},
      {"12: as much is allowed", {1000, 2000, 2000}, {2, 1, 1}, 100'000, 100'000, {2001}, 1, 550, 1, kOk},
      {"13: stands still above what is allowed", same, growing, 100'000, 100'000, {1300}, 300, 600, 99, kStall},
      {"14: recovered, above what is allowed", back, rewound, 100'000, 100'000, {4300}, 300, 600, 99, kOk},
      {"15: not recovered", {1000, 2000, 3000, 2000, 2500}, rewound, 100'000, 100'000, {4300}, 300, 600, 0, kRewind},
  };
  for (const VerdictCase& test : cases) EXPECT_EQ(name_of(verdict_of(test)), name_of(test.verdict)) << test.what;
}

// Its cases 9 and 10: one commit a second, then seventeen seconds of silence.
TEST(VerdictTest, AgreesWithBurrowsCasesOfRecentZeroLag) {
  std::vector<int64_t> offsets;
  const std::vector<int64_t> lags(15, 0);
  for (int64_t i = 0; i < 15; ++i) offsets.push_back(792748079 + i);
  const std::vector<int64_t> times_ms = {1512224618356, 1512224619362, 1512224620366, 1512224621367, 1512224622370,
                                         1512224623373, 1512224624378, 1512224625379, 1512224626383, 1512224627383,
                                         1512224628383, 1512224629388, 1512224630391, 1512224631394, 1512224632397};
  VerdictCase test{"9: what waits came a while ago",
                   offsets,
                   lags,
                   0,
                   0,
                   {792749024, 792749000, 792748800, 792748600, 792748500},
                   931,
                   1512224650,
                   0,
                   Verdict::kStop};
  EXPECT_EQ(verdict_of(test, times_ms), Verdict::kStop);
  test.ends = {792748094, 792748093, 792748093, 792748093};
  test.lag = 1;
  EXPECT_EQ(verdict_of(test, times_ms), Verdict::kOk);
}

TEST(VerdictTest, WarnsOfALagThatNeverFalls) {
  EXPECT_EQ(verdict_of({"", {1000, 1500, 2000}, {10, 10, 40}, 0, 1000, {2040}, 40, 3, 0, Verdict::kWarn}),
            Verdict::kWarn);
  EXPECT_EQ(verdict_of({"", {1000, 1500, 2000}, {10, 9, 40}, 0, 1000, {2040}, 40, 3, 0, Verdict::kOk}), Verdict::kOk);
  EXPECT_EQ(judge({}), Verdict::kOk);
}

std::vector<Commit> any_commits() {
  std::vector<Commit> commits;
  env::TimeUs at_us = 0;
  const auto count = *rc::gen::inRange<size_t>(1, 12);
  for (size_t i = 0; i < count; ++i) {
    at_us += *rc::gen::inRange<int64_t>(1, 1000);
    commits.push_back({*rc::gen::inRange<int64_t>(0, 20), *rc::gen::inRange<int64_t>(0, 20), at_us});
  }
  return commits;
}

// Where all of it lies on the axes of time and offsets does not matter.
RC_GTEST_PROP(VerdictTest, DoesNotDependOnTheOrigin, ()) {
  std::vector<Commit> commits = any_commits();
  std::vector<int64_t> ends = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(0, 40));
  const auto lag = *rc::gen::inRange<int64_t>(0, 20);
  const auto silence_us = *rc::gen::inRange<int64_t>(0, 5000);
  const Verdict verdict = judge({commits, ends, lag, 0, commits.back().at_us + silence_us});
  const auto by = *rc::gen::inRange<int64_t>(0, 1'000'000'000'000);
  for (Commit& commit : commits) {
    commit.offset += by;
    commit.at_us += 2 * by;
  }
  for (int64_t& end : ends) end += by;
  RC_ASSERT(judge({commits, ends, lag, 0, commits.back().at_us + silence_us}) == verdict);
}

// Whoever has nothing to read is fine, whatever its commits look like.
RC_GTEST_PROP(VerdictTest, IsOkWithinWhatIsAllowed, ()) {
  const std::vector<Commit> commits = any_commits();
  const auto allowed = *rc::gen::inRange<int64_t>(0, 20);
  const auto lag = *rc::gen::inRange<int64_t>(0, allowed + 1);
  RC_ASSERT(judge({commits, {}, lag, allowed, commits.back().at_us + 1'000'000}) == Verdict::kOk);
}

}  // namespace
}  // namespace freshet::fleet
