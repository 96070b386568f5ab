// Follows topic `deadletters`, keeps the letters of each tenant and sees erasures to their end. Whoever wants to read
// or change what it keeps hands in a piece of work, which its own thread does: no request makes the listener wait.
//
//   topic deadletters ──► follow ──► Letters, Erasures (one store) ◄── work of requests
//                                         └─► Purger: an erasure that was applied is written, purged, verified
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "console/keeper_options.h"
#include "console/purger.h"
#include "console/violations.h"
#include "env/clock.h"
#include "env/steadiness.h"
#include "eventlog/event_log.h"
#include "kv/store.h"

namespace freshet::console {

class LetterKeeper {
 public:
  // What it keeps, for a piece of work.
  struct Kept {
    Letters& letters;
    Erasures& erasures;
    Violations& violations;
  };
  using Work = std::function<void(Kept)>;

  // What `options` names must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<LetterKeeper>> start(std::shared_ptr<kv::Store> store,
                                                                   KeeperOptions options);
  ~LetterKeeper();
  // Ends the threads; what is posted from then on is refused.
  void stop();

  // Has the work done soon, after all that is in the topic by now (as far as one turn takes it in). kRetry: too much
  // waits already. Thread-safe.
  [[nodiscard]] Status post(Work work);
  // Letters of all tenants. Thread-safe.
  [[nodiscard]] uint64_t letters() const { return letters_total_.load(std::memory_order_relaxed); }

  // ---- what the threads do; called by tests without threads
  // Takes in what is new in the topic, does what was posted, takes out what is too old or too much.
  [[nodiscard]] Status turn();
  // Brings erasures on, as far as they can get now.
  [[nodiscard]] Status purge();

 private:
  LetterKeeper(std::shared_ptr<kv::Store> store, KeeperOptions options);

  [[nodiscard]] Status load();
  [[nodiscard]] Status recover();
  [[nodiscard]] Status follow();
  [[nodiscard]] Status note_missed(uint64_t records);
  [[nodiscard]] Result<bool> follow_partition(uint32_t partition);
  [[nodiscard]] Status take_in(const v1::DeadLetter& letter, kv::WriteBatch& batch);
  [[nodiscard]] Status take_late_records(const v1::DeadLetter& letter, kv::WriteBatch& batch);
  [[nodiscard]] Status expire();
  void work();
  void run_turns();
  void run_purges();

  const KeeperOptions options_;
  std::shared_ptr<kv::Store> store_;
  KeptRows kept_;
  bool stale_ = false;     // what of kept_ is in memory may not be what is in the store; guarded like that
  Violations violations_;  // likewise
  std::vector<eventlog::Offset> positions_;  // by partition; -1: nowhere yet; of the thread of turns
  std::vector<eventlog::Offset> trimmed_;    // likewise
  env::TimeUs expire_due_us_ = 0;
  // Of the thread of turns: by which clock what is old goes, and what it said when this turn began.
  env::Steadiness expiring_by_;
  env::TimeUs turn_us_ = 0;
  std::atomic<bool> stopping_{false};
  ErasureCopies copies_;
  Purger purger_;  // of the thread of purges
  std::atomic<uint64_t> letters_total_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> work_;  // guarded by mutex_
  bool working_ = false;   // without threads: a piece of work posts another one
  std::thread turns_, purges_;
};

}  // namespace freshet::console
