// Action's work, a step at a time, without a thread: Worker runs it in one, the simulator under its scheduler.
//
// A step polls `actions`, runs the engines over what came, commits their outputs with the offsets in one transaction
// (invariant 4), and now and then has a state made durable. A commit may fail in three ways:
//   kConflict  It was aborted. Memory is dropped and replayed, and outputs are said again from the committed offset on.
//   kRetry     Its outcome is not known. The same is done once the log says what is committed: to guess "committed"
//              would lose the outputs, to guess "aborted" would say them twice.
//   else       The loop ends with that error (kFenced: there is another owner). Nothing that was not committed is on
//              disk.
// A partition that can't begin yet waits, paused, while the others go on: the log does not say what is committed
// (kRetry), or the worker of this process that had it before has not closed its state yet (kConflict). A partition
// that the worker follows, as its standby, is processed like what is replayed: as far as its owner has committed it,
// and without outputs. Readers of profiles (action/profile_reads.h) are answered at the end of a step, when all that is
// in memory is committed.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "action/engine.h"
#include "action/persister.h"
#include "action/process_spans.h"
#include "action/worker_options.h"

namespace freshet::action {

// Used by one thread.
class WorkerLoop {
 public:
  // Consumer and persistence outlive the loop.
  WorkerLoop(const WorkerOptions& options, eventlog::Consumer& consumer, Persistence& persistence);
  ~WorkerLoop();

  // Waits up to `poll_us` for records.
  [[nodiscard]] Status step(env::TimeUs poll_us);
  // Makes every state durable, so that the next start replays nothing. No step() may follow.
  [[nodiscard]] Status drain();
  // Whether every partition that this worker has has replayed up to its committed offset. A worker without partitions
  // is caught up once it was given none for so long that it is clearly there for when others fail.
  [[nodiscard]] bool caught_up() const;

 private:
  // One partition in the hands of this worker. All of it is made anew from what is durable when it is lost or aborted.
  struct Partition {
    eventlog::TopicPartition of;
    std::unique_ptr<state::PartitionState> state;
    std::unique_ptr<Outputs> out;
    std::unique_ptr<Engine> engine;
    eventlog::Offset committed = 0;  // records before it are replayed, with outputs suppressed
    bool following = false;          // read along as a standby: all of it is a replay
    env::TimeUs persist_due = 0;
    bool gathering = false;  // a persist has begun, and has more to copy
    uint64_t round = 0;      // CheckpointKeeper::round() before the last persist began
    EngineCounters counted;
    ProtocolCounters identity_counted;

    [[nodiscard]] bool behind() const { return !following && state->offset() < committed; }
  };
  struct Metrics;

  // A partition that could not begin yet.
  struct Waiting {
    Partition part;            // without a state, if that could not be opened
    env::TimeUs due = 0;       // when to try again
    env::TimeUs pause_us = 0;  // before the try after that
  };

  [[nodiscard]] Status take_over(eventlog::TopicPartition mine, bool following);
  [[nodiscard]] Status begin(Waiting waiting);
  [[nodiscard]] Status begin_those_due();
  [[nodiscard]] Status open_state(Partition& part);
  [[nodiscard]] Status begin_replay(Partition& part);
  static void go_on_despite(Partition& part, eventlog::Offset foreign);
  [[nodiscard]] Status process_all(const std::vector<eventlog::Fetched>& fetched);
  [[nodiscard]] Status process(Partition& part, const eventlog::Fetched& batch);
  [[nodiscard]] Status commit(eventlog::Transaction transaction);
  [[nodiscard]] Status look_after_states();
  void note_round();
  [[nodiscard]] Status begin_persist(Partition& part);
  [[nodiscard]] Status go_on_persisting(Partition& part, size_t rows_max);
  [[nodiscard]] Status make_room(Partition& part);
  void answer_reads();
  void note_readable(Partition& part);
  void count(Partition& part);
  void show_partitions();

  const WorkerOptions options_;
  eventlog::Consumer& consumer_;
  Persistence& persistence_;
  const uint32_t partitions_;
  // By number of the partition, each in one of the two.
  std::map<uint32_t, Partition> working_;
  std::map<uint32_t, Waiting> waiting_;
  const env::TimeUs started_;
  bool reads_left_ = false;  // questions of readers that the last step did not get to
  bool gathering_ = false;   // of any partition
  uint64_t round_ = 0;       // CheckpointKeeper::round() that this worker has said to take part in
  ProcessSpans spans_;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace freshet::action
