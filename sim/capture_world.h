// A capture under one seeded scheduler: clients change documents in a database in memory, a process writes them into a
// cluster in memory and dies, hangs and is fenced at any of its calls to either, within which others have their turns.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "capture_checks.h"
#include "faults.h"
#include "testing/cluster/fake_cluster.h"

namespace freshet::sim {

class CaptureWorld {
 public:
  explicit CaptureWorld(const OtherRun& run);
  ~CaptureWorld();

  // Until all is captured; throws Violation.
  void run();
  [[nodiscard]] const Probes& probes() const { return stage_.probes; }
  // Of everything that the cluster has, and of the time it took.
  [[nodiscard]] const std::string& hash() const { return hash_; }

 private:
  struct Process;
  // Chances in 1000 of a call, a step or a commit; with 0 it never happens in this run.
  struct Rates {
    uint32_t crash = 0, aside = 0, no_answer = 0, refused_commit = 0, mute_commit = 0;
    bool hang = false, time_out = false, forget = false, anew = false, whole = false, jump = false;
  };

  void configure();
  void roll_rates();
  void at_call(const char* call);
  [[nodiscard]] Status answer(const char* call);
  [[nodiscard]] testing::CommitFate roll_commit();

  void step();
  void step_process();
  void step_zombie();
  // One step of a process; false: it is no more.
  [[nodiscard]] bool go(Process& process);
  void fault();
  void end(const Process* process);
  void something_aside();
  void hang_in_call();
  void change();
  void change_a_collection();

  void calm_down();
  [[nodiscard]] bool all_captured() const;
  [[nodiscard]] std::string hash_of_all() const;

  CaptureStage stage_;
  CaptureJudge judge_;
  Rates rates_;
  std::unique_ptr<Process> process_;
  std::vector<std::unique_ptr<Process>> zombies_;
  std::set<const Process*> in_step_;
  CrashPoint crash_;
  bool snapshot_ = false;  // the next process begins anew
  bool calm_ = false;
  const char* last_call_ = "";
  size_t changes_ = 0;
  std::string hash_;
};

}  // namespace freshet::sim
