// The reaction role: reads topic `changes` as group "reaction" and keeps the profile store up to date. One thread each.
// How: reactor_loop.h.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "reaction/reactor_loop.h"

namespace freshet::reaction {

class Reactor {
 public:
  // Fails if the log refuses the consumer.
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> start(const ReactorOptions& options);
  ~Reactor();
  // Writes what is ready, waits for what is in flight, commits; then the thread is gone. Again: nothing.
  void stop();
  // Ok while it runs and after a clean stop; else why it stopped. Any thread.
  [[nodiscard]] Status status();

 private:
  Reactor(const ReactorOptions& options, std::unique_ptr<eventlog::Consumer> consumer);
  void run();
  void report(Status status);

  std::unique_ptr<eventlog::Consumer> consumer_;
  ReactorLoop loop_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace freshet::reaction
