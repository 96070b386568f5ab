// freshet-sim's command line: runs seeds until one fails, and tells how to run that one again.

#include "command.h"

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <limits>

#include "base/json_writer.h"
#include "base/number.h"
#include "env/clock.h"
#include "mutants.h"
#include "run.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::sim {
namespace {

constexpr env::TimeUs kProgressUs = 500'000;

struct Options {
  std::string seeds, workload, mutant, profiles;
  size_t records = 500;
  uint32_t partitions = 0;
  bool json = false, list_mutants = false, list_workloads = false, once = false, trace = false, check_mutants = false;
};

struct Range {
  uint64_t first = 1, last = std::numeric_limits<uint64_t>::max();
};

// Reads "7" or "1..400"; no text means from 1 on until stopped.
bool parse_range(const std::string& text, Range& range) {
  if (text.empty()) return true;
  const size_t dots = text.find("..");
  const auto first = to_number<uint64_t>(std::string_view(text).substr(0, dots));
  const auto last = dots == std::string::npos ? first : to_number<uint64_t>(std::string_view(text).substr(dots + 2));
  if (!first || !last || *first > *last) return false;
  range = {*first, *last};
  return true;
}

// A line that is written over on a terminal, and nothing elsewhere.
class Progress {
 public:
  explicit Progress(bool enabled) : enabled_(enabled && isatty(STDERR_FILENO) != 0) {}
  ~Progress() { clear(); }
  void show(const std::string& text) {
    const env::TimeUs now = env::real_clock().monotonic_us();
    if (!enabled_ || now < due_) return;
    due_ = now + kProgressUs;
    shown_ = true;
    std::fprintf(stderr, "\r\x1b[K%s", text.c_str());
  }
  void clear() {
    if (shown_) std::fputs("\r\x1b[K", stderr);
    shown_ = false;
  }

 private:
  const bool enabled_;
  bool shown_ = false;
  env::TimeUs due_ = 0;
};

// Runs seeds one after the other and adds up what they met.
class Campaign {
 public:
  explicit Campaign(const Options& options) : options_(options) {
    run_.size = {options.records, options.partitions};
    run_.twice = !options.once;
    run_.trace = options.trace;
    if (!options.profiles.empty()) run_.from_state = options.profiles == "state";
    if (!options.workload.empty()) (void)choose_workload(options.workload, run_);  // It was looked for before.
  }

  // Runs until a seed fails, and returns that one.
  std::optional<uint64_t> run(const Range& range, const std::string& what) {
    Progress progress(!options_.json);
    const env::TimeUs begin = env::real_clock().monotonic_us();
    for (uint64_t seed = range.first;; ++seed) {
      last_ = run_seed(seed, run_);
      probes_.add(last_.probes);
      ++done_;
      elapsed_us_ = env::real_clock().monotonic_us() - begin;
      if (last_.violation) return seed;
      if (seed == range.last) return std::nullopt;
      progress.show(fmt::format("{} seed {}, {:.1f} seeds/s, {} of {} probes hit", what, seed, per_second(),
                                probes_.hit_count(), kProbes));
    }
  }
  [[nodiscard]] double per_second() const {
    return static_cast<double>(done_) * 1e6 / static_cast<double>(std::max<env::TimeUs>(elapsed_us_, 1));
  }
  // Whoever reads of a failure must be able to see it again, so this names everything that the seed
  // depends on.
  [[nodiscard]] std::string replay(uint64_t seed) const {
    std::string text =
        fmt::format("freshet-sim --seeds {} --workload {} --records {}", seed, last_.workload, options_.records);
    if (run_.workload == nullptr && run_.other == nullptr)
      text = fmt::format("freshet-sim --seeds {} --records {}", seed, options_.records);
    if (options_.partitions != 0) text += fmt::format(" --partitions {}", options_.partitions);
    if (!options_.profiles.empty()) text += " --profiles " + options_.profiles;
    if (!options_.mutant.empty()) text += " --mutant " + options_.mutant;
    return text + " --trace";
  }
  [[nodiscard]] const RunResult& last() const { return last_; }
  [[nodiscard]] const Probes& probes() const { return probes_; }
  [[nodiscard]] uint64_t done() const { return done_; }

 private:
  const Options& options_;
  RunOptions run_;
  RunResult last_;
  Probes probes_;
  uint64_t done_ = 0;
  env::TimeUs elapsed_us_ = 0;
};

void print_json(const Campaign& campaign, const std::optional<uint64_t>& failed) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("seeds", campaign.done());
  json.key("seeds_per_s").raw(fmt::format("{:.1f}", campaign.per_second())).member("failed", failed);
  json.member("violation", failed ? campaign.last().violation : std::nullopt);
  json.member("replay", failed ? std::optional(campaign.replay(*failed)) : std::nullopt);
  json.member("hash", campaign.last().hash).key("probes").begin_object();
  for (size_t i = 0; i < kProbes; ++i) {
    const auto probe = static_cast<Probe>(i);
    json.member(name_of(probe), campaign.probes().of(probe));
  }
  json.end_object().end_object();
  fmt::print("{}\n", out);
}

void print_text(const Options& options, const Campaign& campaign, const std::optional<uint64_t>& failed) {
  if (failed)
    fmt::print("seed {}, workload {}: {}\n    again: {}\n", *failed, campaign.last().workload,
               *campaign.last().violation, campaign.replay(*failed));
  fmt::print("{} seeds, {:.1f} seeds/s, {} of {} probes hit, last hash {}\n", campaign.done(), campaign.per_second(),
             campaign.probes().hit_count(), kProbes, campaign.last().hash);
  fmt::print("  {} records of clients, {} records processed by action, {} of them messages between partitions\n",
             campaign.done() * options.records, telemetry::counter_total("freshet_action_records_total"),
             telemetry::counter_total("freshet_action_loop_messages_total"));
  for (size_t i = 0; i < kProbes; ++i)
    fmt::print("  {:24} {}\n", name_of(static_cast<Probe>(i)), campaign.probes().of(static_cast<Probe>(i)));
}

int run_campaign(const Options& options, const Range& range) {
  Campaign campaign(options);
  const std::optional<uint64_t> failed = campaign.run(range, "");
  options.json ? print_json(campaign, failed) : print_text(options, campaign, failed);
  return failed ? 1 : 0;
}

int check_mutants(Options options) {
  // A second run would only say once more that the mutant was found.
  options.once = true;
  int survivors = 0;
  for (const MutantInfo& info : mutants()) {
    options.mutant = info.name;
    options.workload = info.workload;
    planted_mutant = info.mutant;
    Campaign campaign(options);
    const std::optional<uint64_t> found = campaign.run({1, kMutantSeeds}, options.mutant);
    survivors += found ? 0 : 1;
    const std::string how = found ? campaign.last().violation->substr(0, campaign.last().violation->find('\n')) : "";
    fmt::print("{:26} {}\n", info.name, found ? fmt::format("seed {:3}  {}", *found, how) : "SURVIVES");
    std::fflush(stdout);
  }
  planted_mutant = Mutant::kNone;
  return survivors > 0 ? 1 : 0;
}

int list(const Options& options) {
  if (options.list_mutants)
    for (const MutantInfo& info : mutants()) fmt::print("{:26} {}\n", info.name, info.text);
  if (options.list_workloads)
    for (const auto& workload : workloads())
      fmt::print("{:14} {:10} {}\n", workload->name(), workload->confluent() ? "confluent" : "contended",
                 workload->text());
  if (options.list_workloads)
    for (const OtherWorld& world : other_worlds()) fmt::print("{:14} {:10} {}\n", world.name, "", world.text);
  return 0;
}

int usage(const std::string& what) {
  fmt::print(stderr, "freshet-sim: {}\n", what);
  return 2;
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("--seeds", options.seeds, "A..B, or one; without it: from 1 on until stopped");
  app.add_option("--workload", options.workload, "One of --list-workloads; without it the seed chooses");
  app.add_option("--profiles", options.profiles, "Where they are read; without it the seed chooses")
      ->check(CLI::IsMember({"state", "store"}));
  app.add_option("--mutant", options.mutant, "Plants one of --list-mutants, which must then be found");
  app.add_option("--records", options.records, "Of each run")->check(CLI::Range(1, 100'000));
  app.add_option("--partitions", options.partitions, "Of the log; without it the seed chooses")
      ->check(CLI::Range(1, 64));
  app.add_flag("--json", options.json, "One object on standard output");
  app.add_flag("--once", options.once, "No second run of each seed, which must end in the same hash");
  app.add_flag("--trace", options.trace, "Prints every step to standard error");
  app.add_flag("--list-mutants", options.list_mutants, "Prints the faults that can be planted, and does nothing else");
  app.add_flag("--list-workloads", options.list_workloads, "Prints the workloads, and does nothing else");
  app.add_flag("--check-mutants", options.check_mutants,
               "Plants each mutant in turn: all must be found within 1,000 seeds");
  app.footer(
      "Example:\n  freshet-sim --seeds 1..1000\n  freshet-sim --seeds 17 --trace          a seed that failed, step by "
      "step\n"
      "Exit status: 0 all invariants held, 1 one did not, and which seed shows it, 2 wrong usage.");
}

}  // namespace

int run_command(int argc, char** argv) {
  CLI::App app("The whole pipeline in one thread, under a seeded scheduler, with faults: docs/simulator.md",
               "freshet-sim");
  Options options;
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  static_cast<void>(telemetry::set_log_level("off"));
  Range range;
  if (!parse_range(options.seeds, range)) return usage("--seeds must be a number or A..B");
  if (RunOptions any; !options.workload.empty() && !choose_workload(options.workload, any))
    return usage("there is no workload " + options.workload + ": see --list-workloads");
  if (options.list_mutants || options.list_workloads) return list(options);
  if (options.check_mutants) return check_mutants(options);
  if (!options.mutant.empty()) {
    const MutantInfo* const info = find_mutant(options.mutant);
    if (info == nullptr) return usage("there is no mutant " + options.mutant + ": see --list-mutants");
    planted_mutant = info->mutant;
    if (options.workload.empty()) options.workload = info->workload;
  }
  return run_campaign(options, range);
}

}  // namespace freshet::sim
