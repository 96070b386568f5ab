// The slow half of making states durable, on a thread of its own: the worker goes on while the disk works. Afterwards the
// log may forget what lies before the durable offset.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "eventlog/event_log.h"
#include "state/partition_state.h"

namespace freshet::action {

class Persister {
 public:
  Persister(eventlog::EventLog& log, uint32_t member);
  ~Persister();

  // state.begin_persist() now, the rest later; nothing if the partition's last one is still under way. The state must
  // stay until wait().
  [[nodiscard]] Status persist(uint32_t partition, state::PartitionState& state);
  // Until nothing is under way; the first failure of all, if there was one.
  [[nodiscard]] Status wait();

 private:
  struct Job {
    uint32_t partition;
    state::PartitionState* state;
  };
  void run();
  [[nodiscard]] Status finish(const Job& job);

  eventlog::EventLog& log_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;  // these four guarded by mutex_
  std::set<uint32_t> under_way_;
  Status failure_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::action
