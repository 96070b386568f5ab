// Deletes what a log no longer has to keep, by size and age; but never what a group of TopicOptions::consumers still
// has to read, even if that fills the disk: a change that reaction never saw would leave its profile wrong for ever.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "eventlog/embedded/state.h"
#include "eventlog/embedded/writer.h"

namespace freshet::eventlog::embedded {

// For how long the wall clock has gone along with the monotonic one. A clock that is set to next month makes everything
// look old: so nothing is deleted by age before the clock has shown for a while that it means it.
class Steadiness {
 public:
  static constexpr env::TimeUs kJumpUs = 60'000'000;  // A clock that is slewed is never that far off in one turn.
  // To be called at every turn.
  [[nodiscard]] env::TimeUs steady_us(env::TimeUs now_us, env::TimeUs monotonic_us);

 private:
  std::optional<env::TimeUs> ahead_us_;  // of the monotonic clock
  env::TimeUs since_us_ = 0;
};

// Age deletes nothing before the clock has been steady for as long as this, or for as long as the topic is kept.
inline constexpr env::TimeUs kSteadyUs = 3'600'000'000;

// What may be deleted now, in whole segments. `actions` is left to trim(), since only action knows what it can do
// without. Takes the mutex.
[[nodiscard]] std::vector<Trim> due_trims(LogState& state, env::TimeUs now_us, env::TimeUs steady_us);

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
  Steadiness steadiness_;
  std::mutex mutex_;
  std::condition_variable condition_;
  bool stop_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace freshet::eventlog::embedded
