// The runbook of a migration followed by hands in memory: to its end, killed at every call, and all the way back.
#include "fleet/runbook/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "testing/clock.h"

namespace freshet::fleet {
namespace {

struct Killed {};

RunbookStep runbook_step(StepKind kind, const std::string& what, const std::string& command, const std::string& mirror,
                         const std::string& way_back, bool by_people = false) {
  return {kind, "orders", what, command, mirror, way_back, by_people};
}

const std::vector<RunbookStep> kSteps = {
    runbook_step(StepKind::kLook, "no errors", "lint", "", ""),
    runbook_step(StepKind::kMirror, "mirrored", "", "there.yaml", "end it"),
    runbook_step(StepKind::kCheck, "whole", "verify", "", ""),
    runbook_step(StepKind::kCheck, "group stopped, offsets go", "offsets", "", "start it there again", true),
    runbook_step(StepKind::kMirror, "mirror back", "", "back.yaml", "end it"),
    runbook_step(StepKind::kPeople, "web writes at home", "", "", "it writes there again", true),
    runbook_step(StepKind::kMirrorsEnd, "mirrors end", "", "", "", true),
    runbook_step(StepKind::kLook, "nobody is left", "watch", "", "", true)};

class HandsInMemory final : public RunbookHands {
 public:
  Result<int> run(const std::string& command) override {
    call();
    log.push_back(command);
    int& left = fails[command];
    if (left > 0) return --left, 2;
    return exit_of[command];
  }
  Status start_mirror(const std::string& file) override {
    call();
    if (mirrors.insert(file).second) log.push_back("+" + file);
    return {};
  }
  bool mirror_runs(const std::string& file) override { return mirrors.contains(file); }
  Status end_mirror(const std::string& file) override {
    call();
    if (mirrors.erase(file) > 0) log.push_back("-" + file);
    return {};
  }
  Answer ask(const RunbookStep& step, bool going_back) override {
    call();
    log.push_back((going_back ? "<" : "?") + step.what);
    if (going_back) return Answer::kBack;
    return step.what == back_at ? Answer::kBack : step.what == stop_at ? Answer::kStop : Answer::kDone;
  }
  void tell(const std::string&) override {}

  void call() {
    if (++calls == kill_at) throw Killed();
  }
  int calls = 0, kill_at = -1;
  std::string back_at, stop_at;
  std::map<std::string, int> fails, exit_of;
  std::set<std::string> mirrors;
  std::vector<std::string> log;
};

class Follow : public ::testing::Test {
 protected:
  RunbookFollower follower() {
    RunbookOptions options;
    options.check_max_us = 60'000'000;
    options.save = [this](const RunbookJournal& now) {
      journal = runbook_journal_from_json(to_json(now)).value();
      return Status();
    };
    options.stops = [] { return false; };
    return {kSteps, hands, clock, journal, options};
  }
  env::FakeClock clock;
  HandsInMemory hands;
  RunbookJournal journal{"h", RunbookOutcome::kRunning, 0};
};

TEST_F(Follow, ToItsEnd) {
  hands.fails["verify"] = 3;  // what is mirrored arrives a moment later
  hands.exit_of["lint"] = 1;  // warnings
  ASSERT_TRUE(follower().run());
  EXPECT_EQ(journal.outcome, RunbookOutcome::kDone);
  EXPECT_THAT(hands.log,
              testing::ElementsAre("lint", "+there.yaml", "verify", "verify", "verify", "verify",
                                   "?group stopped, offsets go", "offsets", "+back.yaml", "?web writes at home",
                                   "?mirrors end", "-back.yaml", "-there.yaml", "?nobody is left", "watch"));
  EXPECT_TRUE(hands.mirrors.empty());
}

TEST_F(Follow, AStepThatCantBeDoneIsNamedAndIsTheNextOne) {
  hands.exit_of["verify"] = 3;
  const Status ran = follower().run();
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, testing::HasSubstr("\"whole\" fails with status 3: verify"));
  EXPECT_EQ(journal.done, 2U);
  hands.exit_of.clear();
  hands.log.clear();
  ASSERT_TRUE(follower().run());
  EXPECT_EQ(hands.log.front(), "verify");
}

// A mirror that somebody has killed meanwhile is there again before anything relies on it.
TEST_F(Follow, KilledAtEveryCallItGoesOn) {
  for (int at = 1; at < 40; ++at) {
    hands = {};
    journal = {"h", RunbookOutcome::kRunning, 0};
    hands.kill_at = at;
    bool killed = false;
    try {
      ASSERT_TRUE(follower().run());
    } catch (const Killed&) {
      killed = true;
      if (at % 2 == 0) hands.mirrors.clear();
      ASSERT_TRUE(follower().run()) << at;
    }
    EXPECT_EQ(journal.outcome, RunbookOutcome::kDone) << at;
    EXPECT_TRUE(hands.mirrors.empty()) << at;
    for (const char* once : {"offsets", "?web writes at home", "watch"})
      EXPECT_THAT(hands.log, testing::Contains(once)) << at;
    if (!killed) return;
  }
  FAIL() << "it never ran to its end";
}

TEST_F(Follow, TheWayBackEndsMirrorsAndAsksForTheRest) {
  hands.back_at = "web writes at home";
  ASSERT_TRUE(follower().run());
  EXPECT_EQ(journal.outcome, RunbookOutcome::kStopped);
  EXPECT_EQ(journal.done, 0U);
  EXPECT_THAT(hands.log, testing::ElementsAre("lint", "+there.yaml", "verify", "?group stopped, offsets go", "offsets",
                                              "+back.yaml", "?web writes at home", "<mirror back", "-back.yaml",
                                              "<group stopped, offsets go", "<mirrored", "-there.yaml"));
}

TEST_F(Follow, AfterTheMirrorsEndThereIsNoWayBack) {
  hands.back_at = "nobody is left";
  ASSERT_TRUE(follower().run());
  EXPECT_EQ(journal.done, 7U);
}

TEST_F(Follow, StoppedItWaits) {
  hands.stop_at = "web writes at home";
  ASSERT_TRUE(follower().run());
  EXPECT_EQ(journal.outcome, RunbookOutcome::kStopped);
  EXPECT_EQ(journal.done, 5U);
  EXPECT_EQ(hands.mirrors, (std::set<std::string>{"back.yaml", "there.yaml"})) << "mirrors go on";
  EXPECT_FALSE(runbook_journal_from_json("{}"));
}

}  // namespace
}  // namespace freshet::fleet
