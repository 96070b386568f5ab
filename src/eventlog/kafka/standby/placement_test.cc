#include "eventlog/kafka/standby/placement.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kMs = 1000;
constexpr env::TimeUs kS = 1'000'000;

TEST(Metadata, IsReadAsItWasWritten) {
  for (const Holder& holder : {Holder{"a", 7}, Holder{"freshet-x1", 1, true}, Holder{"b", 1ull << 60, false, true}})
    EXPECT_EQ(parse_metadata(to_metadata(3, 8, holder), 8).value(), holder);
  EXPECT_EQ(to_metadata(3, 8, {"freshet-x1", 12, false, true}), "slot 3/8 freshet-x1 12 ready");
}

TEST(Metadata, OfAGroupMemberIsNotAboutSlots) {
  EXPECT_EQ(parse_metadata("freshet.action.freshet-x1.0", 8).value(), std::nullopt);
  EXPECT_EQ(parse_metadata("", 8).value(), std::nullopt);
  for (const char* damaged : {"slot ", "slot 1", "slot 1/8", "slot 1/8 a", "slot x/y a 1", "slot 1/8 a b"})
    EXPECT_EQ(parse_metadata(damaged, 8).value(), std::nullopt) << damaged;
}

TEST(Metadata, OfAnotherNumberOfSlotsIsAnErrorWhileItsWriterLives) {
  const auto refused = parse_metadata("slot 1/4 other 9", 8);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_NE(refused.error().message.find("state.slots: 4"), std::string::npos) << refused.error().message;
  EXPECT_EQ(parse_metadata("slot 1/4 other 9 leaves", 8).value(), std::nullopt);
}

// Processes of some threads each, on a log where whoever begins a slot's id last can commit beside it.
class World {
 public:
  World(uint32_t slots, uint32_t threads) : slots_(slots), threads_(threads), log_(slots), fence_(slots, -1) {}

  int start() {
    Process process;
    process.name = "p" + std::to_string(processes_.size());
    launch(process);
    processes_.push_back(std::move(process));
    return static_cast<int>(processes_.size()) - 1;
  }
  void kill(int who) { processes_[static_cast<size_t>(who)].running = false; }
  void restart(int who) { launch(processes_[static_cast<size_t>(who)]); }
  void pause(int who, env::TimeUs for_us) { processes_[static_cast<size_t>(who)].asleep_until = now_ + for_us; }
  // As a process that is told to stop.
  void leave(int who) {
    for (uint32_t slot = 0; slot < slots_; ++slot)
      if (fence_[slot] == who && log_[slot].owner) log_[slot].owner->leaves = true;
    kill(who);
  }

  void run(env::TimeUs for_us) {
    for (const env::TimeUs end = now_ + for_us; now_ < end; now_ += 50 * kMs)
      for (size_t i = 0; i < processes_.size(); ++i) step(static_cast<int>(i));
  }

  std::vector<int> running() const {
    std::vector<int> out;
    for (size_t i = 0; i < processes_.size(); ++i)
      if (processes_[i].running) out.push_back(static_cast<int>(i));
    return out;
  }
  // Who believes to have that part of the slot.
  std::vector<int> with(Part part, uint32_t slot) const {
    std::vector<int> out;
    for (const int who : running())
      if (processes_[static_cast<size_t>(who)].threads[slot % threads_].part(slot) == part) out.push_back(who);
    return out;
  }
  int owned_by(int who) const {
    int count = 0;
    for (uint32_t slot = 0; slot < slots_; ++slot) count += with(Part::kOwner, slot) == std::vector<int>{who};
    return count;
  }
  env::TimeUs now() const { return now_; }
  env::TimeUs changed_at() const { return changed_at_; }

 private:
  struct Process {
    std::string name;
    std::vector<Placement> threads;
    std::vector<env::TimeUs> look_at;
    uint64_t beat = 0;
    bool running = true;
    env::TimeUs asleep_until = 0;
    env::TimeUs beat_at = 0;
  };

  void launch(Process& process) {
    process.running = true;
    process.asleep_until = 0;
    process.threads.clear();
    for (uint32_t t = 0; t < threads_; ++t) {
      PlacementOptions options{process.name, slots_, {}};
      for (uint32_t slot = t; slot < slots_; slot += threads_) options.own.push_back(slot);
      process.threads.emplace_back(options);
    }
    process.look_at.assign(threads_, now_);
  }

  void step(int who) {
    Process& process = processes_[static_cast<size_t>(who)];
    if (!process.running || now_ < process.asleep_until) return;
    if (now_ >= process.beat_at) {
      process.beat_at = now_ + kS;
      ++process.beat;
      for (uint32_t slot = 0; slot < slots_; ++slot) beat(who, slot);
    }
    for (uint32_t t = 0; t < threads_; ++t) {
      if (now_ < process.look_at[t]) continue;
      for (const Change& change : process.threads[t].look(log_, now_)) take(who, change);
      for (uint32_t slot = t; slot < slots_; slot += threads_)  // it has just seen whether it is the standby still
        if (process.threads[t].part(slot) == Part::kStandby)
          log_[slot].standby = {process.name, process.beat, false, true};
      process.look_at[t] = now_ + process.threads[t].pause_us();
    }
  }

  void beat(int who, uint32_t slot) {
    Process& process = processes_[static_cast<size_t>(who)];
    Placement& thread = process.threads[slot % threads_];
    if (thread.part(slot) == Part::kOwner && fence_[slot] != who) thread.failed(slot, Part::kNone, now_);
    if (thread.part(slot) == Part::kOwner) log_[slot].owner = {process.name, process.beat};
  }

  void take(int who, const Change& change) {
    changed_at_ = now_;
    if (change.to == Part::kOwner) fence_[change.slot] = who;
    if (change.to == Part::kNone && fence_[change.slot] == who && log_[change.slot].owner)
      log_[change.slot].owner->leaves = true;
    beat(who, change.slot);
  }

  const uint32_t slots_;
  const uint32_t threads_;
  std::vector<SlotSight> log_;
  std::vector<int> fence_;  // whose the transactional ids are
  std::vector<Process> processes_;
  env::TimeUs now_ = 1'000 * kS;
  env::TimeUs changed_at_ = 0;
};

// What is not as it should be after a long quiet time; empty: nothing.
std::string unsettled(const World& world, uint32_t slots) {
  const auto running = world.running();
  for (uint32_t slot = 0; slot < slots; ++slot) {
    const size_t owners = world.with(Part::kOwner, slot).size(), standbys = world.with(Part::kStandby, slot).size();
    if (owners != 1) return fmt::format("slot {} has {} owners", slot, owners);
    if (standbys != (running.size() > 1 ? 1 : 0)) return fmt::format("slot {} has {} standbys", slot, standbys);
  }
  int most = 0, least = 1 << 20;
  for (const int who : running) {
    most = std::max(most, world.owned_by(who));
    least = std::min(least, world.owned_by(who));
  }
  if (most - least > 2) return fmt::format("one owns {} slots, another {}", most, least);
  return world.now() - world.changed_at() > 10 * kS ? "" : "slots go on moving";
}

TEST(Placement, OneProcessTakesEverySlotWithinTwoSeconds) {
  World world(8, 2);
  world.start();
  world.run(2 * kS);
  EXPECT_EQ(world.owned_by(0), 8);
}

TEST(Placement, ASecondProcessIsStandbyAndGetsHalf) {
  World world(8, 2);
  world.start();
  world.run(5 * kS);
  world.start();
  world.run(60 * kS);
  EXPECT_EQ(unsettled(world, 8), "");
  EXPECT_EQ(world.owned_by(1), 4);
}

TEST(Placement, AStandbyTakesOverFromTheDeadWithinFourSeconds) {
  World world(4, 2);
  world.start();
  world.start();
  world.run(40 * kS);
  for (env::TimeUs offset = 0; offset < kS; offset += 100 * kMs) {
    world.run(offset);
    world.kill(0);
    world.run(4 * kS);
    EXPECT_EQ(world.owned_by(1), 4);
    world.restart(0);
    world.run(60 * kS);
    EXPECT_EQ(unsettled(world, 4), "");
  }
}

TEST(Placement, WhatIsLeftIsTakenWithinASecond) {
  World world(4, 2);
  world.start();
  world.start();
  world.run(40 * kS);
  world.leave(0);
  world.run(kS);
  EXPECT_EQ(world.owned_by(1), 4);
}

TEST(Placement, OneThatWasPausedComesBackAsStandby) {
  World world(4, 2);
  world.start();
  world.start();
  world.run(40 * kS);
  world.pause(0, 8 * kS);
  world.run(6 * kS);
  EXPECT_EQ(world.owned_by(0), 0);
  world.run(60 * kS);
  EXPECT_EQ(unsettled(world, 4), "");
}

// It sees so seldom that nobody is known to be silent.
TEST(Placement, NothingIsLeftToTheDeadByOneThatIsSlow) {
  World world(4, 2);
  world.start();
  world.start();
  world.run(40 * kS);
  world.kill(1);
  world.run(5 * kS);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(world.owned_by(0), 4) << i;
    world.pause(0, 2 * kS);
    world.run(2200 * kMs);
  }
}

TEST(Placement, AThirdProcessGetsItsShare) {
  World world(9, 2);
  world.start();
  world.start();
  world.run(30 * kS);
  world.start();
  world.run(120 * kS);
  EXPECT_EQ(unsettled(world, 9), "");
  EXPECT_GE(world.owned_by(2), 2);
}

RC_GTEST_PROP(Placement, SettlesWhateverHappenedBefore, ()) {
  const auto slots = *rc::gen::inRange<uint32_t>(1, 10);
  World world(slots, *rc::gen::inRange<uint32_t>(1, 4));
  world.start();
  const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 5), rc::gen::inRange(0, 40)));
  for (const auto& [what, number] : steps) {
    const auto running = world.running();
    const int who = running.empty() ? 0 : running[static_cast<size_t>(number) % running.size()];
    if (what == 0 && running.size() < 4) world.start();
    if (what == 1) world.kill(who);
    if (what == 2) world.pause(who, number * 500 * kMs);
    if (what == 3) world.leave(who);
    if (what == 4) world.restart(who);
    world.run(number * 200 * kMs);
  }
  if (world.running().empty()) world.start();
  world.run(180 * kS);
  RC_ASSERT(unsettled(world, slots) == "");
}

}  // namespace
}  // namespace freshet::eventlog::kafka
