// Takes old versions of rows out of the states of a worker on Kafka, for the erasures that the console of whatever
// process sees to: it follows topic `deadletters` for its questions (console/erasure_copies.h), rewrites the files of
// the states that are open here, and says so there. With the embedded log the console does that itself.
// What it can't rewrite, as it is open nowhere here any more, it removes in the end (leftover_states.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "app/leftover_states.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "freshet/v1/event.pb.h"
#include "kv/store.h"

namespace freshet::app {

struct StateScrubsOptions {
  eventlog::EventLog* log = nullptr;
  env::Clock* clock = nullptr;
  std::string installation;
  std::string data_dir;  // of LeftoverOptions, as is leftover_us
  uint32_t partitions = 0;
  env::TimeUs leftover_us = 3'600'000'000;
  bool threads = true;  // without, tests call turn()
};

// Thread-safe.
class StateScrubs {
 public:
  // What `options` names outlives it.
  explicit StateScrubs(StateScrubsOptions options);
  ~StateScrubs();
  void stop();  // blocks; a second call does nothing

  // A state is about to be opened: whoever still has the one of before lets go of it soon.
  void opening(uint32_t partition);
  void add(uint32_t partition, std::weak_ptr<kv::Store> state);

  // What the thread does now and then.
  [[nodiscard]] Status turn();

 private:
  struct Part {
    std::weak_ptr<kv::Store> state;
    int64_t wanted = -1;  // files of before this offset are to be rewritten; -1: nobody asked
    bool due = false;     // they were not yet, since it was opened
    std::shared_ptr<std::atomic<bool>> canceled = std::make_shared<std::atomic<bool>>(false);
  };

  [[nodiscard]] Status follow();
  void take(const v1::StatePlaces& places);
  [[nodiscard]] Result<v1::StatePlaces> scrub();
  void report(v1::StatePlaces places);
  void run();

  const StateScrubsOptions options_;
  LeftoverStates leftovers_;
  eventlog::Offset next_ = -1;  // in the topic; of the thread, as is the next
  env::TimeUs scrub_due_us_ = 0;
  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::map<uint32_t, Part> parts_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace freshet::app
