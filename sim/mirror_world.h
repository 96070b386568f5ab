// The mirror under one seeded scheduler: clients write into a cluster in memory, processes copy it into another one and
// die, hang, are expelled and fenced at any of their calls, within which others have their turns, too.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "faults.h"
#include "mirror_checks.h"
#include "mirror_stage.h"

namespace freshet::sim {

class MirrorWorld {
 public:
  explicit MirrorWorld(const OtherRun& run);
  ~MirrorWorld();

  // Until all is mirrored; throws Violation.
  void run();
  [[nodiscard]] const Probes& probes() const { return stage_.probes; }
  // Of everything that either cluster has, and of the time it took.
  [[nodiscard]] const std::string& hash() const { return hash_; }

 private:
  struct Process;
  // Chances in 1000 of a call, a step or a commit; with 0 it never happens in this run.
  struct Rates {
    uint32_t crash = 0, aside = 0, no_answer = 0, refused_commit = 0, mute_commit = 0;
    bool expel = false, time_out = false, hang = false, jump = false, trim = false, grow = false, renumber = false;
  };

  void make_topics();
  void roll_rates();
  [[nodiscard]] mirror::Config config_for(size_t slot) const;
  void watch_calls(testing::FakeCluster& cluster);
  void at_call(const char* call);
  [[nodiscard]] testing::CommitFate roll_commit();

  void step();
  void step_process(size_t slot);
  void step_zombie();
  // One step of a process; false: it is no more.
  [[nodiscard]] bool go(Process& process);
  void something_aside();
  void fault();
  void expel();
  void hang();
  void grow();
  void renumber();
  void trim();

  void calm_down();
  [[nodiscard]] bool all_mirrored() const;
  [[nodiscard]] std::string hash_of_all() const;

  MirrorStage stage_;
  std::unique_ptr<MirrorClients> clients_;
  std::unique_ptr<MirrorJudge> judge_;
  Rates rates_;
  std::vector<std::unique_ptr<Process>> slots_;    // by instance
  std::vector<std::unique_ptr<Process>> zombies_;  // whose instances others have, or will have
  std::set<const Process*> in_step_;
  CrashPoint crash_;
  bool calm_ = false;
  const char* last_call_ = "";
  std::string hash_;
};

}  // namespace freshet::sim
