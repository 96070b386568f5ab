// What all processes of a run share: chance, time, the log, the disks, and the document store.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <memory>

#include "broker.h"
#include "dice.h"
#include "faults.h"
#include "probes.h"
#include "sim_store.h"
#include "testing/clock.h"
#include "testing/memory_store.h"

namespace freshet::sim {

using Disks = std::map<uint32_t, std::shared_ptr<kv::MemoryDisk>>;  // by partition

// Bulks and batches once the storm is over.
inline constexpr size_t kCalmBatchMax = 64;

struct Stage {
  Stage(uint64_t seed, const Faults& f, bool traces)
      : dice(seed),
        faults(f),
        entropy(seed + 1),
        broker(dice, faults, probes),
        store(dice, faults, probes),
        trace(traces) {}

  // Says what happens, with the simulated time, if the run is traced.
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) {
    if (!trace) return;
    const std::string line = fmt::format(text, std::forward<Args>(args)...);
    std::fprintf(stderr, "%12.3f ms  %s\n", static_cast<double>(clock.now_us() % 10'000'000'000) / 1000, line.c_str());
  }
  // From now on nothing goes wrong any more, and what is left is done in large batches: where
  // batches end matters in the storm only.
  void calm_down() {
    faults = {.own_disks = faults.own_disks, .batch_max = kCalmBatchMax};
    broker.calm_down();
    store.calm_down();
  }

  Dice dice;
  Faults faults;
  Probes probes;
  env::FakeClock clock{1'750'000'000'000'000};  // in 2025
  SimRandom entropy;
  Broker broker;
  StoreServer store;
  Disks shared_disks;  // used unless Faults::own_disks
  bool trace;
  // Profiles are read from action's state: there is one worker, as in a process with an embedded log, and `changes` is
  // not written.
  bool from_state = false;
  const std::atomic<bool> says_changes{false};  // of that worker
};

// Opens a store whose process may die at any of its writes.
[[nodiscard]] std::unique_ptr<kv::Store> open_crashing(std::shared_ptr<kv::MemoryDisk> disk, const kv::Options& options,
                                                       CrashPoint& crash);

}  // namespace freshet::sim
