// A worker's checkpoints: the product's writer and its restore, on snapshots of a simulated disk. The thread that makes
// them in the product (state/checkpoint/checkpointer.h) is the scheduler's turn here.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bucket.h"
#include "stage.h"
#include "state/checkpoint/keeper.h"
#include "state/checkpoint/recover.h"
#include "state/checkpoint/writer.h"

namespace freshet::sim {

// A folder of this machine for the files of snapshots and restores, gone with its owner.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class WorkerCheckpoints final : public state::CheckpointKeeper {
 public:
  using DiskOf = std::function<std::shared_ptr<kv::MemoryDisk>&(uint32_t partition)>;
  WorkerCheckpoints(Stage& stage, CrashPoint& crash, DiskOf disk_of);

  int64_t persisted(uint32_t partition, const state::PartitionState& state, uint64_t round) override;
  // Makes a checkpoint of one partition that has something new; false: none has.
  bool tick();
  [[nodiscard]] bool idle() const;
  // From this disk, or the newest whole checkpoint, as a worker's start has it.
  [[nodiscard]] Result<std::unique_ptr<state::PartitionState>> open(
      uint32_t partition, const std::function<Result<std::unique_ptr<state::PartitionState>>()>& open_disk);

 private:
  struct Item {
    std::weak_ptr<kv::Store> store;
    bool due = false;
    std::optional<int64_t> keep_from;
    std::unique_ptr<state::CheckpointWriter> writer;
  };
  [[nodiscard]] Status make(uint32_t partition, Item& item);

  Stage& stage_;
  BucketClient client_;
  DiskOf disk_of_;
  objectstore::Pace pace_;
  Folder folder_;
  std::map<uint32_t, Item> items_;
};

// Every checkpoint that counts is whole, and the log still has what follows on the newest. Throws Violation.
void check_checkpoints(Stage& stage, uint32_t partitions);

}  // namespace freshet::sim
