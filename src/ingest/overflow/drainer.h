// Gives the drain of `overflow` its thread; drain_loop.h describes what it does. Every ingest node has one.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include "ingest/overflow/drain_loop.h"

namespace freshet::ingest {

class Drainer {
 public:
  // Fails if the log refuses the consumer.
  [[nodiscard]] static Result<std::unique_ptr<Drainer>> start(const DrainOptions& options);
  ~Drainer();
  // What waits stays in the log. A second call does nothing.
  void stop();
  // Ok while it runs and after a clean stop, else why it stopped. It may be asked on any thread.
  [[nodiscard]] Status status();

 private:
  Drainer(const DrainOptions& options, std::unique_ptr<eventlog::Consumer> consumer);
  void run();

  std::unique_ptr<eventlog::Consumer> consumer_;
  DrainLoop loop_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  Status status_;
  std::thread thread_;
};

}  // namespace freshet::ingest
