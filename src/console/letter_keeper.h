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

#include "console/erasure_copies.h"
#include "console/erasures.h"
#include "console/letters.h"
#include "console/violations.h"
#include "docstore/doc_store.h"
#include "env/clock.h"
#include "env/steadiness.h"
#include "eventlog/event_log.h"
#include "kv/store.h"

namespace freshet::console {

// Takes copies of erased persons out of one place, for good: files, not only rows. It may take long and gives up, with
// kRetry, soon after `canceled` became true.
struct PurgeStep {
  std::string name;  // of the place: "log", "state", …
  std::function<Status(const std::vector<v1::Erasure>&, std::atomic<bool>& canceled)> run;
};

struct KeeperOptions {
  LetterQuota quota;
  std::string hash_key;  // of the installation
  eventlog::EventLog* log = nullptr;
  docstore::DocStore* profiles = nullptr;
  env::Clock* clock = nullptr;
  // Nobody else reads the topic (the embedded log): what is kept here need not stay there.
  bool trims_topic = false;
  // Up to where everybody else has read a partition of the topic, who has to: it is trimmed no further. Null: nobody.
  std::function<eventlog::Offset(eventlog::TopicPartition)> others_read;
  std::vector<PurgeStep> steps;
  // Makes a store that is not well so again, if it can. Null: it stays as it is.
  std::function<Status()> mend;
  CopiesOptions copies;  // in places that no step reaches
  bool threads = true;   // without, all is done within the calls: for tests
};

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
  [[nodiscard]] Result<bool> follow_partition(uint32_t partition);
  [[nodiscard]] Status take_in(const v1::DeadLetter& letter, kv::WriteBatch& batch);
  [[nodiscard]] Status expire();
  void work();
  // Of one erasure; true: it is ready to be purged from files, or, if it was, to be verified.
  [[nodiscard]] Result<bool> bring_on(v1::Erasure& erasure);
  [[nodiscard]] Result<bool> wait_for(v1::Erasure& erasure);
  [[nodiscard]] Result<bool> is_gone_from_profiles(const v1::Erasure& erasure);
  [[nodiscard]] Status sweep_letters(v1::Erasure& erasure);
  [[nodiscard]] Status purge_files(std::vector<v1::Erasure>& ready);
  [[nodiscard]] Status verify(v1::Erasure& erasure);
  [[nodiscard]] Status save(v1::Erasure& erasure);
  void report_pending();
  void run_turns();
  void run_purges();

  const KeeperOptions options_;
  std::shared_ptr<kv::Store> store_;
  std::mutex kept_mutex_;  // of letters_, erasures_ and violations_
  bool stale_ = false;     // what of these is in memory may not be what is in the store; guarded likewise
  std::unique_ptr<Letters> letters_;
  std::unique_ptr<Erasures> erasures_;
  Violations violations_;
  std::vector<eventlog::Offset> positions_;  // by partition; of the thread of turns
  std::vector<eventlog::Offset> trimmed_;    // likewise
  env::TimeUs expire_due_us_ = 0;
  // Of the thread of turns: by which clock what is old goes, and what it said when this turn began.
  env::Steadiness expiring_by_;
  env::TimeUs turn_us_ = 0;
  env::Steadiness purging_by_;  // of the thread of purges, as is the next one
  env::TimeUs purge_due_us_ = 0;
  ErasureCopies copies_;
  std::atomic<uint64_t> letters_total_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Work> work_;  // guarded by mutex_
  bool working_ = false;   // without threads: a piece of work posts another one
  std::thread turns_, purges_;
};

}  // namespace freshet::console
