// The reactor's work, a step at a time and without a thread: Reactor runs it in one, the simulator
// under its scheduler.
//
// A step polls `changes`, folds what came into what waits (Coalescer), hands bulks to the store,
// takes the results in, and now and then commits: for each partition the smallest offset whose
// change is not written yet, after DocStore::sync(). Committed before the sync, a crash would lose
// what was only in the store's memory. While too much waits, all partitions are paused. What a
// result means:
//   ok        the records of the write are done
//   kRetry    tried again after a growing pause, folded with what came meanwhile
//   kInvalid  goes to `deadletters`; done when the log has it. So does a record that is no change.
//   else      the reactor stops with that error; nothing more is committed
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "docstore/doc_store.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "reaction/coalescer.h"
#include "reaction/dead_letters.h"
#include "reaction/offsets.h"
#include "reaction/reactor_options.h"
#include "telemetry/metrics.h"

namespace freshet::reaction {

// One thread runs it.
class ReactorLoop {
 public:
  ReactorLoop(const ReactorOptions& options, eventlog::Consumer& consumer);
  ~ReactorLoop();
  ReactorLoop(const ReactorLoop&) = delete;
  ReactorLoop& operator=(const ReactorLoop&) = delete;

  // Does one round of work. An error means that the reactor can't go on; nothing is committed after
  // it.
  [[nodiscard]] Status step();
  // Writes what is ready, waits for what is in flight (at most drain_max_us), and commits. No
  // step() may follow.
  [[nodiscard]] Status drain();
  // Up to where the changes of its partitions can be read, which is further than what is committed.
  // It may be asked on any thread.
  [[nodiscard]] std::vector<eventlog::Position> readable() const;

 private:
  // A partition from its assignment to its revocation. A new assignment is a new lane, so that late
  // answers of the old one change nothing.
  struct Lane {
    eventlog::TopicPartition of;
    Offsets offsets;
    std::optional<eventlog::Offset> committed;  // nullopt: the log has not said it yet
    bool paused = false;
    [[nodiscard]] eventlog::Offset readable_to() const { return std::max(offsets.low_water(), committed.value_or(0)); }
  };
  // A bulk that the store has not answered yet.
  struct InFlight {
    std::vector<Write> writes;
    env::TimeUs since_us = 0;  // only while traces are collected
  };
  // A store's answer to one bulk.
  struct Completion {
    uint64_t bulk = 0;
    std::vector<v1::Change> changes;
    std::vector<Status> results;
  };
  // Where other threads leave what they have for the loop. It outlives the loop, for answers that
  // come too late.
  struct Mailbox {
    std::mutex mutex;
    std::vector<Completion> bulks;
    std::vector<std::pair<uint64_t, Status>> letters;
    std::optional<Status> synced;
    eventlog::Consumer* consumer = nullptr;  // wakes the loop; null when the loop is gone
    std::thread::id loop;                    // the loop's own thread, which needs no waking
    // REQUIRES: mutex is held.
    void wake();
  };
  struct Metrics;
  // When a bulk was answered, by both clocks.
  struct Times {
    env::TimeUs wall_us;
    env::TimeUs monotonic_us;
  };

  [[nodiscard]] env::TimeUs poll_timeout(env::TimeUs now) const;
  void linger(env::TimeUs now);
  void set_pauses();
  [[nodiscard]] Status take_in(eventlog::PollResult polled);
  [[nodiscard]] Status learn_committed();
  void take_record(uint32_t lane_id, Lane& lane, const eventlog::RecordView& record);
  void dispatch();
  void collect();
  void finish(Completion completion);
  [[nodiscard]] bool settle(Write& write, v1::Change&& change, const Status& result, const Times& now);
  void mark_done(const Marks& marks);
  [[nodiscard]] env::TimeUs backoff(uint32_t attempts) const;
  [[nodiscard]] telemetry::Histogram& freshness(uint32_t tenant);
  [[nodiscard]] size_t waiting_bytes() const { return coalescer_.bytes() + letters_.bytes(); }
  void begin_commit();
  [[nodiscard]] Status finish_commit();
  [[nodiscard]] Status wait_for_commit();
  void publish_readable();
  void measure_lag(env::TimeUs now);

  ReactorOptions options_;
  eventlog::Consumer& consumer_;
  std::shared_ptr<Mailbox> mailbox_;
  Coalescer coalescer_;
  DeadLetters letters_;
  std::unordered_map<uint32_t, Lane> lanes_;
  std::unordered_map<uint64_t, InFlight> in_flight_;  // by the number of the bulk
  uint32_t next_lane_ = 0;
  uint64_t next_bulk_ = 0;
  v1::Change scratch_;
  bool paused_ = false;
  bool worked_ = false;  // the last step took records in
  env::TimeUs polled_at_ = 0;
  env::TimeUs commit_due_ = 0;
  env::TimeUs measure_due_ = 0;
  env::TimeUs learn_due_ = 0;
  std::vector<eventlog::Position> committing_;  // not empty while a sync is under way
  mutable std::mutex readable_mutex_;
  std::vector<eventlog::Position> readable_;
  Status health_;                                 // if it is not ok, why the reactor can't go on
  std::vector<telemetry::Histogram*> freshness_;  // by tenant handle
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace freshet::reaction
