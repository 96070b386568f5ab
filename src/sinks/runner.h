// One sink with a thread of its own, so that one that is slow or dead holds up nothing else: not the pipeline, and no
// other sink.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "sinks/runner_loop.h"

namespace freshet::sinks {

class Runner {
 public:
  // Starts it. What `options` names outlives it. A target that is away, or wrong, is tried again until it works.
  explicit Runner(RunnerOptions options);
  // Stops it.
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  // It ends soon: after the request that is under way. Does not block.
  void stop();

 private:
  void run();
  // Runs until it is stopped or can't go on with this sink or this consumer.
  [[nodiscard]] Status run_once();

  RunnerOptions options_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable wake_;
  eventlog::Consumer* consumer_ = nullptr;  // that polls now; guarded by mutex_
  std::thread thread_;
};

}  // namespace freshet::sinks
