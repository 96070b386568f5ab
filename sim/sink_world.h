// Sinks of all kinds under one seeded scheduler: action writes events, changes and erasures into a log, processes bring
// them into targets in memory and die, hang and lose partitions at any of their calls, within which others have their
// turns; targets are away, answer nothing, or do what they do not answer for.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "sim_log.h"
#include "sink_source.h"
#include "sink_stage.h"
#include "sinks/runner_loop.h"
#include "testing/memory_store.h"

namespace freshet::sim {

class SinkWorld {
 public:
  explicit SinkWorld(const OtherRun& run);
  ~SinkWorld();

  // Until all has come to where it belongs; throws Violation.
  void run();
  [[nodiscard]] const Probes& probes() const { return stage_.probes; }
  // Of everything in the log and in the targets, and of the time it took.
  [[nodiscard]] const std::string& hash() const { return hash_; }

 private:
  struct Process;
  // Where a process of a sink would run. Its disk is what is left of one that dies.
  struct Slot {
    size_t sink = 0;
    std::unique_ptr<Process> process;
    std::shared_ptr<kv::MemoryDisk> disk = std::make_shared<kv::MemoryDisk>();
    std::map<std::string, std::string, std::less<>> older_rows;
  };
  // Chances in 1000 of a call or a step; with 0 it never happens in this run.
  struct Rates {
    uint32_t crash = 0, aside = 0, no_answer = 0, answer_lost = 0, hook_busy = 0, commit_refused = 0, commit_mute = 0;
    bool hang = false, rebalance = false, trim = false, table_lost = false, away = false;
  };

  void configure();
  void roll_rates();
  [[nodiscard]] Status call(const char* name);
  [[nodiscard]] testing::CommitFate roll_commit();
  [[nodiscard]] sinks::RunnerOptions options_for(const model::Sink& sink, SimLog& log);

  void step();
  void step_slot(Slot& slot);
  void step_zombie();
  [[nodiscard]] std::unique_ptr<Process> start(Slot& slot);
  // False: the process is no more.
  [[nodiscard]] bool go(Process& process);
  [[nodiscard]] Slot& any_slot() { return slots_[stage_.dice.roll(slots_.size())]; }
  void die(Slot& slot);
  void something_aside();
  void fault();
  void hang();
  void hang_in_call();
  void trim();

  void calm_down();
  // What is left to do, for people; "": nothing.
  [[nodiscard]] std::string left() const;
  [[nodiscard]] std::string hash_of_all() const;

  SinkStage stage_;
  SinkSource source_;
  Rates rates_;
  std::vector<Slot> slots_;
  std::vector<std::unique_ptr<Process>> zombies_;
  std::set<const Process*> in_step_;
  CrashPoint crash_;
  const model::Sink* away_ = nullptr;  // whose target nobody answers for
  const model::Sink* working_ = nullptr;
  Process* running_ = nullptr;  // that is within one of its calls
  bool calm_ = false;
  const char* last_call_ = "";
  std::string hash_;
};

}  // namespace freshet::sim
