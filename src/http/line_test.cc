#include "http/line.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace freshet::http {
namespace {

TEST(Line, AddressesTakeTurns) {
  Line<int> line;
  for (int i = 0; i < 1000; ++i) line.add(7, i);
  EXPECT_EQ(line.take(), 0);
  line.add(8, -1);
  line.add(8, -2);
  EXPECT_EQ(line.take(), -1);
  EXPECT_EQ(line.take(), 1);
  EXPECT_EQ(line.take(), -2);
  EXPECT_EQ(line.size(), 998U);
}

// Everybody is served once, in the order of its address, and none of another address more than once in between.
RC_GTEST_PROP(Line, NobodyIsPassedTwice, (const std::vector<std::pair<uint8_t, bool>>& steps)) {
  Line<std::pair<int, size_t>> line;
  std::map<int, std::vector<size_t>> waiting;
  std::map<int, std::map<int, int>> passed;  // by whom since the last turn, for those that wait
  const auto take = [&] {
    const auto [address, number] = line.take();
    RC_ASSERT(waiting[address].front() == number);
    waiting[address].erase(waiting[address].begin());
    passed[address].clear();
    for (auto& [other, by] : passed)
      if (other != address && !waiting[other].empty()) RC_ASSERT(++by[address] <= 1);
  };
  for (size_t i = 0; i < steps.size(); ++i) {
    const int address = steps[i].first % 5;
    if (steps[i].second || line.empty()) {
      if (waiting[address].empty()) passed[address].clear();
      waiting[address].push_back(i);
      line.add(static_cast<uint64_t>(address), {address, i});
    } else {
      take();
    }
  }
  while (!line.empty()) take();
}

}  // namespace
}  // namespace freshet::http
