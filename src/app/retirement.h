// Has topic `changes` deleted from on Kafka, where brokers would delete what reaction has not read: every ten minutes,
// on a thread of its own, as brokers may be away. Every process with the role reaction does so; they do not disturb one
// another.
#pragma once

#include <optional>

#include "env/clock.h"
#include "env/turns.h"
#include "eventlog/event_log.h"

namespace freshet::app {

class Retirement {
 public:
  // The log outlives it.
  Retirement(eventlog::EventLog& log, env::Clock& clock) : log_(log), clock_(clock) {}
  void start();
  void stop();  // blocks; a second call does nothing

  // What the thread does; it says so if nothing can be deleted, once an hour at most. Called by tests without start().
  void step();

 private:
  eventlog::EventLog& log_;
  env::Clock& clock_;
  env::TimeUs quiet_until_us_ = 0;
  std::optional<env::Turns> turns_;  // the last, as they use all of the above
};

}  // namespace freshet::app
