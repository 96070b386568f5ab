#include "run.h"

#include <algorithm>

#include "base/assert.h"
#include "capture_world.h"
#include "mirror_world.h"
#include "sink_world.h"
#include "world.h"

namespace freshet::sim {
namespace {

void throw_violation(const char* expression, const char* file, int line) {
  throw Violation(fmt::format("assertion failed: {} ({}:{})", expression, file, line));
}

std::string run_once(const WorldOptions& options, const Scenario& scenario, const Workload& workload, Probes* probes) {
  World world(scenario, workload, options);
  world.run();
  if (probes != nullptr) *probes = world.probes();
  return world.hash();
}

void must_be_same(const std::string& first, const std::string& again) {
  require(again == first, [&] { return fmt::format("the second run ends in {}, the first in {}", again, first); });
}

template <class OneWorld>
RunResult run_other(const OtherWorld& of, uint64_t seed, const RunOptions& options) {
  RunResult result;
  result.workload = of.name;
  try {
    OneWorld world({seed, options.size, true, options.trace});
    world.run();
    result.hash = world.hash();
    result.probes = world.probes();
    if (!options.twice) return result;
    OneWorld again({seed, options.size, false, false});
    again.run();
    must_be_same(result.hash, again.hash());
  } catch (const Violation& violation) {
    result.violation = violation.what();
  }
  return result;
}

constexpr OtherWorld kOtherWorlds[] = {
    {"mirrors", "a mirror between two clusters, by key and one to one, while processes die and partitions are added",
     &run_other<MirrorWorld>},
    {"captures", "a database into a cluster, documents and their changes, while processes die and collections go",
     &run_other<CaptureWorld>},
    {"sinks", "files, a webhook, PostgreSQL and a state topic, fed by one log, while their processes and targets fail",
     &run_other<SinkWorld>}};

constexpr uint64_t kSeedsOfOthers = 12;
// Every third one reads profiles from action's state, the others have reaction write documents.
constexpr uint64_t kSeedsFromState = 3;

// Each now and then; merges more often: most of the protocol is in them. (A run of merge_storm costs two to three times
// as much as another one, and is needed less often than those of merges and unlinks that cross.)
const Workload* any_workload(uint64_t seed, Dice& dice) {
  // The last five have seeds of their own, so the others are what they would be without them.
  if (seed % kSeedsOfOthers == 0) return workloads().back().get();
  if (seed % (2 * kSeedsOfOthers) == kSeedsOfOthers / 2) return find_workload("floods");
  if (seed % (2 * kSeedsOfOthers) == kSeedsOfOthers * 3 / 2) return find_workload("phones");
  if (seed % kSeedsOfOthers == 5) return find_workload("audiences");
  if (seed % kSeedsOfOthers == 7) return find_workload("tokens");
  const size_t usual = workloads().size() - 5;
  const size_t at = dice.roll(usual + 5);
  if (at < usual) return workloads()[at].get();
  return find_workload(at == usual ? "merge_storm" : "merges");
}

}  // namespace

std::span<const OtherWorld> other_worlds() { return kOtherWorlds; }

bool choose_workload(std::string_view name, RunOptions& options) {
  const auto other = std::find_if(std::begin(kOtherWorlds), std::end(kOtherWorlds),
                                  [&](const OtherWorld& one) { return one.name == name; });
  options.other = other == std::end(kOtherWorlds) ? nullptr : other;
  options.workload = find_workload(name);
  return options.other != nullptr || options.workload != nullptr;
}

RunResult run_seed(uint64_t seed, const RunOptions& options) {
  set_assertion_handler(throw_violation);
  if (options.other != nullptr) return options.other->run(*options.other, seed, options);
  Dice dice(seed);
  const Workload* workload = options.workload;
  if (workload == nullptr) workload = any_workload(seed, dice);
  RunResult result;
  result.workload = workload->name();
  try {
    Scenario scenario;
    workload->setup(dice, options.size, scenario);
    workload->start(dice, options.size, scenario);
    const uint64_t world_seed = dice.next();
    WorldOptions world{world_seed, true, options.trace, options.from_state.value_or(seed % kSeedsFromState == 2)};
    result.hash = run_once(world, scenario, *workload, &result.probes);
    if (!options.twice) return result;
    world.checks = world.trace = false;
    must_be_same(result.hash, run_once(world, scenario, *workload, nullptr));
  } catch (const Violation& violation) {
    result.violation = violation.what();
  }
  return result;
}

}  // namespace freshet::sim
