// Makes checkpoints in the background, on threads of its own: as many partitions at a time as `concurrency` says, each
// when `interval` has passed since its last one began and `min_pause` since it ended, if its state has changed.
// Hashing and sending share `bandwidth`. A failure is counted and logged by name and tried again; nobody waits for it,
// but the log keeps what it must.
//
// A snapshot is hard links beside the state, SCRATCH(partition); it goes when its checkpoint is made.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
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

// persisted() is called by any thread.
class Checkpointer final : public CheckpointKeeper {
 public:
  explicit Checkpointer(const CheckpointerOptions& options);
  ~Checkpointer() override;

  [[nodiscard]] int64_t persisted(uint32_t partition, const PartitionState& state) override;
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
    std::unique_ptr<CheckpointWriter> writer;
  };
  struct Metrics;
  struct Snapshot;

  void run();
  [[nodiscard]] std::map<uint32_t, Item>::iterator next_due();
  // Without the lock, but for the item's writer, which is the caller's as long as the item is busy.
  [[nodiscard]] Status make(uint32_t partition, const std::shared_ptr<kv::Store>& store, Item& item);
  void note(uint32_t partition, Item& item, env::TimeUs began_us, const Status& status);
  void measure_age();

  const CheckpointerOptions options_;
  objectstore::Pace pace_;
  std::unique_ptr<Metrics> metrics_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint32_t, Item> items_;  // these two guarded by mutex_
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// A snapshot in `directory`, which is made anew, and what it stands for.
[[nodiscard]] Result<v1::PartitionMeta> take_snapshot(kv::Store& store, const std::string& directory);

}  // namespace freshet::state
