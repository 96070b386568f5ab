// A question that may hang, asked so that whoever wants the answer never does.
//
// What is asked of Kafka waits for brokers as long as a client waits; the admin listener has one thread, and probes of
// `/healthz` wait behind every other request. So the question is put on a thread of its own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "env/clock.h"
#include "env/thread.h"

namespace freshet::app {

// Thread-safe. The answer is never older than the question, so a lag of 0 in it means that all is done that was there.
template <class T>
class Timely {
 public:
  // `ask` is called on a thread of this object, one call at a time. It must end some time: the destructor waits for it.
  Timely(const std::string& name, env::Clock& clock, std::chrono::milliseconds patience, std::function<T()> ask)
      : clock_(clock), patience_(patience), ask_(std::move(ask)), thread_([this, name] { run(name); }) {}
  ~Timely() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Timely(const Timely&) = delete;
  Timely& operator=(const Timely&) = delete;

  // nullopt: there was none in time. While answers take longer than that nobody waits at all: the first one that comes
  // in time again ends it.
  [[nodiscard]] std::optional<T> get() {
    std::unique_lock lock(mutex_);
    const uint64_t mine = begun_ + 1;
    wanted_ = mine;
    changed_.notify_all();
    if (is_slow_) return std::nullopt;
    if (changed_.wait_for(lock, patience_, [&] { return answered_ >= mine; })) return answer_;
    is_slow_ = true;
    return std::nullopt;
  }

 private:
  void run(const std::string& name) {
    env::name_thread(name);
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || wanted_ > begun_; });
      if (stopping_) return;
      ++begun_;
      lock.unlock();
      const env::TimeUs began = clock_.monotonic_us();
      T answer = ask_();
      const bool in_time = std::chrono::microseconds(clock_.monotonic_us() - began) <= patience_;
      lock.lock();
      answer_ = std::move(answer);
      answered_ = begun_;
      is_slow_ = !in_time;
      changed_.notify_all();
    }
  }

  env::Clock& clock_;
  const std::chrono::milliseconds patience_;
  const std::function<T()> ask_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  uint64_t wanted_ = 0;  // calls of ask_ by number: which one somebody wants, which one was begun, which one is done
  uint64_t begun_ = 0;
  uint64_t answered_ = 0;
  std::optional<T> answer_;  // of the call `answered_`
  bool is_slow_ = false;
  bool stopping_ = false;
  std::thread thread_;  // the last, as it uses all of the above
};

}  // namespace freshet::app
