// What the worlds beside the pipeline's have in common: one seed, what is run of it, and how it is told.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <cstdio>
#include <iterator>
#include <string>

#include "dice.h"
#include "faults.h"
#include "probes.h"
#include "testing/clock.h"
#include "testing/cluster/fake_cluster.h"
#include "workload.h"

namespace freshet::sim {

struct OtherRun {
  uint64_t seed = 1;
  Size size;
  bool checks = true;
  bool trace = false;
};

struct OtherStage {
  explicit OtherStage(const OtherRun& with) : run(with), dice(with.seed) {}

  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) const {
    if (!run.trace) return;
    const std::string line = fmt::format(text, std::forward<Args>(args)...);
    std::fprintf(stderr, "%12.3f ms  %s\n", static_cast<double>(clock.now % 10'000'000'000) / 1000, line.c_str());
  }
  // Each fault is in about half of the runs; the chance of one is in 1000.
  [[nodiscard]] uint32_t maybe(uint32_t most) {
    return dice.one_in(2) ? static_cast<uint32_t>(dice.between(1, most)) : 0u;
  }
  // By chances in 1000: that it is refused, and that nobody answers.
  [[nodiscard]] testing::CommitFate roll_commit(uint32_t refused, uint32_t mute) {
    using Fate = testing::CommitFate;
    if (dice.permille(refused)) return Fate::kRefused;
    if (!dice.permille(mute)) return Fate::kDone;
    constexpr Fate kMute[] = {Fate::kDoneMute, Fate::kLostMute, Fate::kLaterMute};
    return kMute[dice.roll(std::size(kMute))];
  }

  const OtherRun run;
  Dice dice;
  Probes probes;
  env::FakeClock clock{1'750'000'000'000'000};
};

}  // namespace freshet::sim
