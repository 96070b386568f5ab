#include "app/disk_check.h"

#include <gtest/gtest.h>

#include <map>

#include "testing/clock.h"

namespace freshet::app {
namespace {

// Files of 32 MiB by name; the value says whether one is damaged.
CheckNextFile files(std::map<std::string, bool>& all, std::string& seen) {
  return [&](std::string& cursor) -> Result<uint64_t> {
    const auto next = all.upper_bound(cursor);
    if (next == all.end()) {
      cursor.clear();
      return 0;
    }
    cursor = next->first;
    seen += cursor;
    if (next->second) return fail(Code::kCorrupt, cursor + " is damaged");
    return 32u << 20;
  };
}

TEST(DiskCheckTest, ReadsEveryFileOnceARound) {
  env::FakeClock clock;
  DiskCheck check(clock);
  std::map<std::string, bool> some{{"a", false}, {"b", true}, {"c", false}};
  std::map<std::string, bool> others{{"d", false}};
  std::string seen;
  check.add("some", files(some, seen));
  check.add("others", files(others, seen));
  EXPECT_EQ(check.step(), 2'000'000) << "so that it is 16 MiB a second";
  EXPECT_FALSE(check.found_damage());
  for (int i = 0; i < 10; ++i) (void)check.step();
  EXPECT_EQ(seen, "abcd");
  EXPECT_TRUE(check.found_damage());
  clock.sleep_us(kCheckRoundUs);
  some["b"] = false;
  for (int i = 0; i < 10; ++i) (void)check.step();
  EXPECT_EQ(seen, "abcdabcd");
  EXPECT_TRUE(check.found_damage()) << "until the next round is over";
  clock.sleep_us(kCheckRoundUs);
  for (int i = 0; i < 10; ++i) (void)check.step();
  EXPECT_FALSE(check.found_damage());
}

TEST(DiskCheckTest, AStoreThatIsOpenedAgainIsCheckedFromItsBegin) {
  env::FakeClock clock;
  DiskCheck check(clock);
  std::map<std::string, bool> some{{"a", false}, {"b", false}};
  std::string seen;
  check.add("some", files(some, seen));
  (void)check.step();
  check.add("some", files(some, seen));
  for (int i = 0; i < 5; ++i) (void)check.step();
  EXPECT_EQ(seen, "aab");
}

TEST(DiskCheckTest, AStoreThatFailsIsLeftForTheNextRound) {
  env::FakeClock clock;
  DiskCheck check(clock);
  int calls = 0;
  check.add("some", [&](std::string&) -> Result<uint64_t> {
    ++calls;
    return fail(Code::kFatal, "no such device");
  });
  for (int i = 0; i < 5; ++i) (void)check.step();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(check.found_damage());
}

}  // namespace
}  // namespace freshet::app
