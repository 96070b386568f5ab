// Runs the waves of a journal on a living cluster, one after another; each is proved again from how the cluster is
// then. Every step may be done twice, so one that was killed goes on by being run again with the journal that it left.
//
// Throttles: what was set before is saved first, then ours is set; at the end, at a pause and at a cancel all is put
// back. While moves are under way the throttle follows how the cluster fares (copy_rate.h), no lower than each wave was
// proved for. A wave begins only in a window of maintenance in which it can end. Moves of others are told and waited
// for, never touched. One thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "env/clock.h"
#include "fleet/rebalance/port.h"
#include "fleet/rebalance/windows.h"

namespace freshet::fleet::rebalance {

enum class Wish : uint8_t { kGoOn, kPause, kCancel };

struct ExecutorOptions {
  env::TimeUs poll_us = 1'000'000;
  env::TimeUs away_max_us = 600'000'000;  // how long the cluster may not answer before we give up
  env::TimeUs fares_us = 5'000'000;       // how often the throttle is thought over
  Windows windows;                        // those of the journal
  // What was moved away and still lies on a disk is known to the port from its own looks alone, and it has not looked
  // while those moves ended: nothing begins before all of that is surely gone.
  bool forgot_leaving = false;
  // Durable when it returns.
  std::function<Status(const Journal&)> save;
  // What a person wants to know, a line.
  std::function<void(const std::string&)> tell;
  std::function<Wish()> wish;  // asked between steps
};

class Executor {
 public:
  Executor(Port& port, env::Clock& clock, Journal journal, ExecutorOptions options)
      : port_(port), clock_(clock), journal_(std::move(journal)), options_(std::move(options)) {}

  // To the end, or until a wish stops it: journal().outcome says which. kInvalid: it is another cluster. kConflict: a
  // wave is no longer safe, with the proof, or somebody else moved what is ours; throttles are put back, and it goes on
  // by being run again. Other errors: the cluster does not answer.
  [[nodiscard]] Status run();
  // Stops what is under way, which goes back to where it was, and puts throttles back. What has moved stays.
  [[nodiscard]] Status cancel();

  [[nodiscard]] const Journal& journal() const { return journal_; }

 private:
  // How the moves of a wave stand.
  struct Standing {
    std::vector<JournalMove> waiting, under_way, done, lost;  // lost: the partition is gone or moved by others
    std::vector<Moving> strange;                              // what others move
    std::vector<Moving> moving;                               // everything
  };
  // That a wave is safe, and down to which throttle.
  struct Proof {
    double duration_s = 0;
    double rate = 0, least_rate = 0;
  };

  [[nodiscard]] Status check_cluster();
  [[nodiscard]] Status run_waves();
  // True: the wave is done. What waits is begun only if it may.
  [[nodiscard]] Result<bool> step(bool may_start);
  [[nodiscard]] Result<Standing> stand(const State& state);
  [[nodiscard]] Status start(const State& state, const Standing& standing);
  [[nodiscard]] Result<Proof> prove(const State& state, const Standing& standing);
  [[nodiscard]] Status hold_back(const State& state, const Standing& standing, const Error& refusal);
  [[nodiscard]] Status take_back(const std::vector<JournalMove>& moves);
  [[nodiscard]] Status set_throttles(const State& state, const std::vector<JournalMove>& moves);
  [[nodiscard]] Status set(const std::vector<Change>& changes);
  // In executor_rate.cc: the throttle that follows the cluster, and windows.
  [[nodiscard]] Status see_before();
  [[nodiscard]] Status keep_copy_rate(const State& state, const Standing& standing);
  [[nodiscard]] double rate() const;
  // False: no window is open in which it would end; until when it waits is told.
  [[nodiscard]] Result<bool> may_begin(double duration_s);
  [[nodiscard]] bool is_closed() const;
  [[nodiscard]] Status put_back();
  [[nodiscard]] Status see_put_back(const Change& change);
  [[nodiscard]] Status elect();
  [[nodiscard]] Status save();
  void tell_strange(const Standing& standing);
  // Does it again while the cluster does not answer, for as long as that may take.
  template <class Do>
  auto patiently(const Do& what) -> decltype(what());

  Port& port_;
  env::Clock& clock_;
  Journal journal_;
  const ExecutorOptions options_;
  std::vector<std::string> told_;       // of others' moves
  env::TimeUs held_back_since_us_ = 0;  // 0: nothing is
  bool is_idle_ = true;                 // nothing was under way at the last step
  env::TimeUs window_at_us_ = 0;        // of the wall clock: nothing begins before
  CopyRate copy_rate_;
  double rate_set_ = 0;  // that brokers have, as far as this process knows
  env::TimeUs fares_at_us_ = 0;
};

}  // namespace freshet::fleet::rebalance
