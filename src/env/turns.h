// A thread that takes turns: when it is woken, and again after as long as its last turn has said, until it is ended.
#pragma once

#include <condition_variable>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <thread>

#include "env/clock.h"

namespace freshet::env {

inline constexpr TimeUs kUntilWoken = std::numeric_limits<TimeUs>::max();

class Turns {
 public:
  // Returns after how long it is called again if nobody wakes it. `last`: it is not called again, whatever it returns,
  // and should wait for nobody.
  using Turn = std::function<TimeUs(bool last)>;

  // The first turn is taken at once. `name`: of the thread (env/thread.h).
  Turns(std::string name, Turn turn);
  ~Turns() { end(); }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // A turn that begins after this is soon taken. Thread-safe.
  void wake();
  // Waits for the turn that is being taken, and for the last one. A second call does nothing. Not by the thread itself.
  void end();

 private:
  void run();

  const std::string name_;
  const Turn turn_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable due_;
  bool woken_ = false;
  bool ending_ = false;
  std::once_flag joined_;
  std::thread thread_;  // the last, as it uses all of the above
};

}  // namespace freshet::env
