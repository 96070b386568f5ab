// Makes checkpoints in the background, on threads of its own: as many partitions at a time as `concurrency` says, each
// when `interval` has passed since its last one began and `min_pause` since it ended, if its state has changed.
// Hashing and sending share `bandwidth`. A failure is counted and logged by name and tried again; nobody waits for it,
// but the log keeps what it must.
//
// A snapshot is hard links beside the state, SCRATCH(partition); it goes when its checkpoint is made.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "env/clock.h"
#include "objectstore/object_store.h"
#include "state/checkpoint/keeper.h"
#include "state/checkpoint/writer.h"

namespace freshet::state {

struct CheckpointerOptions {
  objectstore::ObjectStore* store = nullptr;
  env::Clock* clock = nullptr;
  env::Random* random = nullptr;
  uint32_t partitions = 0;
  std::function<std::string(uint32_t partition)>
      scratch;  // a directory that may be made, on the file system of the state
  env::TimeUs interval_us = 60'000'000;
  env::TimeUs min_pause_us = 10'000'000;
  uint32_t keep = 3;
  uint32_t concurrency = 1;
  uint64_t bytes_per_s = 0;  // 0: no bound
};

// How far the checkpoints are that somebody has asked for.
struct AskedFor {
  struct Part {
    uint32_t partition = 0;
    int64_t offset = -1;  // that its newest checkpoint has; -1: there is none yet
    bool done = false;    // a checkpoint has all that was there when it was asked for
    bool gone = false;    // another worker has the partition now
    std::string error;    // why the last attempt since then failed
  };
  uint64_t round = 0;          // 0: nobody has asked
  std::set<uint32_t> members;  // workers that take part
  std::vector<Part> parts;     // their partitions
};

// All public methods but stop() may be called by any thread.
class Checkpointer final : public CheckpointKeeper {
 public:
  explicit Checkpointer(const CheckpointerOptions& options);
  ~Checkpointer() override;

  [[nodiscard]] int64_t persisted(uint32_t partition, const PartitionState& state, uint64_t round) override;
  [[nodiscard]] uint64_t round() const override { return round_.load(std::memory_order_acquire); }
  void takes_part(uint64_t round, uint32_t member, const std::vector<uint32_t>& partitions) override;

  // Checkpoints of what is there now, without waiting for their time: the number of the round.
  uint64_t ask();
  [[nodiscard]] AskedFor asked();
  // Breaks off what is under way and begins nothing more. Idempotent; blocks.
  void stop();

 private:
  // What is known of one partition. `busy`: a thread makes a checkpoint of it, and has the writer to itself.
  struct Item {
    std::weak_ptr<kv::Store> store;
    int64_t durable_offset = 0;
    int64_t done_offset = -1;  // that the newest checkpoint has
    std::optional<int64_t> keep_from;
    env::TimeUs due_us = 0;
    env::TimeUs behind_since_us = 0;  // the state has something that no checkpoint has since then; 0: it has not
    bool busy = false;
    bool failed = false;      // the last attempt: the next one is at due_us, whoever asks
    uint64_t round = 0;       // of what is durable
    uint64_t made_round = 0;  // of what a checkpoint has
    std::string error;        // of the last attempt since somebody asked
    std::unique_ptr<CheckpointWriter> writer;

    [[nodiscard]] bool hurries() const { return round > made_round && !failed; }
  };
  struct Metrics;
  struct Snapshot;

  void run();
  [[nodiscard]] std::map<uint32_t, Item>::iterator next_due();
  // Without the lock, but for the item's writer, which is the caller's as long as the item is busy.
  [[nodiscard]] Status make(uint32_t partition, const std::shared_ptr<kv::Store>& store, Item& item);
  void note(uint32_t partition, Item& item, env::TimeUs began_us, uint64_t round, const Status& status);
  void measure_age();

  const CheckpointerOptions options_;
  objectstore::Pace pace_;
  std::unique_ptr<Metrics> metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint32_t, Item> items_;  // these guarded by mutex_, as are changes of the round
  bool stopping_ = false;
  std::set<uint32_t> members_, asked_;  // that take part in the round, and their partitions
  std::atomic<uint64_t> round_{0};
  std::vector<std::thread> threads_;
};

// A snapshot in `directory`, which is made anew, and what it stands for.
[[nodiscard]] Result<v1::PartitionMeta> take_snapshot(kv::Store& store, const std::string& directory);

}  // namespace freshet::state
