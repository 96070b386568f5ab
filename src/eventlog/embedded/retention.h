// Deletes what a log no longer has to keep, by size and age; but never what a group of TopicOptions::consumers still
// has to read, even if that fills the disk: a change that reaction never saw would leave its profile wrong for ever.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "env/steadiness.h"
#include "eventlog/embedded/state.h"
#include "eventlog/embedded/writer.h"

namespace freshet::eventlog::embedded {

// What may be deleted now, in whole segments. `actions` is left to trim(), since only action knows what it can do
// without. Takes the mutex.
[[nodiscard]] std::vector<Trim> due_trims(LogState& state, env::TimeUs now_us, const env::Steadiness& steadiness);

// A thread that looks for it now and then, and has the writer delete it.
class Housekeeper {
 public:
  Housekeeper(kv::Store& store, env::Clock& clock, LogState& state, Writer& writer, env::TimeUs interval_us);
  ~Housekeeper();

 private:
  void run();
  void work();
  void reclaim();

  kv::Store& store_;
  env::Clock& clock_;
  LogState& state_;
  Writer& writer_;
  const env::TimeUs interval_us_;
  env::Steadiness steadiness_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace freshet::eventlog::embedded
