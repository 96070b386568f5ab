// Has topic `changes` deleted from on Kafka, where brokers would delete what reaction has not read: every ten minutes,
// on a thread of its own, as brokers may be away. Every process with the role reaction does so; they do not disturb one
// another.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

class Retirement {
 public:
  // The log outlives it.
  Retirement(eventlog::EventLog& log, env::Clock& clock) : log_(log), clock_(clock) {}
  ~Retirement() { stop(); }
  void start();
  void stop();  // blocks; a second call does nothing

  // What the thread does; it says so if nothing can be deleted, once an hour at most. Called by tests without start().
  void step();

 private:
  void run();

  eventlog::EventLog& log_;
  env::Clock& clock_;
  env::TimeUs quiet_until_us_ = 0;
  std::mutex mutex_;  // of what follows
  bool stopping_ = false;
  std::condition_variable changed_;
  std::thread thread_;
};

}  // namespace freshet::app
