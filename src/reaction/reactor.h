// The reaction role: it reads topic `changes` as group "reaction" and keeps the profile store up to
// date. Each reactor has one thread for its work, which reactor_loop.h describes, and one for
// syncs.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "reaction/reactor_loop.h"

namespace freshet::reaction {

// One reactor, a member of the group.
class Reactor {
 public:
  // Fails if the log refuses the consumer.
  [[nodiscard]] static Result<std::unique_ptr<Reactor>> start(const ReactorOptions& options);
  ~Reactor();
  // Writes what is ready, waits for what is in flight, and commits; then its threads have ended. A
  // second call does nothing.
  void stop();
  // Ok while it runs and after a clean stop, else why it stopped. It may be asked on any thread.
  [[nodiscard]] Status status();
  // Up to where the changes of its partitions can be read. It may be asked on any thread.
  [[nodiscard]] std::vector<eventlog::Position> readable() const { return loop_.readable(); }

 private:
  Reactor(const ReactorOptions& options, std::unique_ptr<eventlog::Consumer> consumer);
  // Syncs the store on a thread of its own, so that the reactor goes on while the disk works.
  class Syncer {
   public:
    explicit Syncer(const ReactorOptions& options);
    ~Syncer();
    // `done` is called on the syncing thread. REQUIRES: the sync before has ended.
    void start(std::function<void(Status)> done);

   private:
    void run();
    docstore::DocStore& store_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void(Status)> job_;  // empty while there is nothing to do
    bool stopping_ = false;
    std::thread thread_;
  };
  [[nodiscard]] ReactorOptions with_syncer(ReactorOptions options);
  void run();
  void report(Status status);

  // These are destroyed in reverse order: the loop before the thread that syncs for it, and that
  // before the consumer.
  std::unique_ptr<eventlog::Consumer> consumer_;
  Syncer syncer_;
  ReactorLoop loop_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace freshet::reaction
