// The reaction role: reads topic `changes` as group "reaction" and keeps the profile store up to date. One thread each.
// How: reactor_loop.h.
#pragma once

#include <atomic>
#include <condition_variable>
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
  // Up to where the changes of its partitions can be read. Any thread.
  [[nodiscard]] std::vector<eventlog::Position> readable() const { return loop_.readable(); }

 private:
  Reactor(const ReactorOptions& options, std::unique_ptr<eventlog::Consumer> consumer);
  // Syncs the store on a thread of its own: the reactor goes on while the disk works.
  class Syncer {
   public:
    explicit Syncer(const ReactorOptions& options);
    ~Syncer();
    void start(std::function<void(Status)> done);

   private:
    void run();
    docstore::DocStore& store_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void(Status)> job_;  // none: nothing to do
    bool stopping_ = false;
    std::thread thread_;
  };
  [[nodiscard]] ReactorOptions with_syncer(ReactorOptions options);
  void run();
  void report(Status status);

  std::unique_ptr<eventlog::Consumer> consumer_;
  Syncer syncer_;
  ReactorLoop loop_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace freshet::reaction
