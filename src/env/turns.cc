#include "env/turns.h"

#include <chrono>
#include <utility>

#include "env/thread.h"

namespace freshet::env {

Turns::Turns(std::string name, Turn turn)
    : name_(std::move(name)), turn_(std::move(turn)), thread_([this] { run(); }) {}

void Turns::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  due_.notify_all();
}

void Turns::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  due_.notify_all();
  std::call_once(joined_, [this] { thread_.join(); });
}

void Turns::run() {
  name_thread(name_);
  const auto is_due = [this] { return woken_ || ending_; };
  std::unique_lock lock(mutex_);
  while (true) {
    const bool last = ending_;
    woken_ = false;
    lock.unlock();
    const TimeUs pause_us = turn_(last);
    if (last) return;
    lock.lock();
    if (pause_us == kUntilWoken) {
      due_.wait(lock, is_due);
    } else {
      due_.wait_for(lock, std::chrono::microseconds(pause_us), is_due);
    }
  }
}

}  // namespace freshet::env
