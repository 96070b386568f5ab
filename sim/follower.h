// An engine that reads one partition of `actions` from its beginning and is never disturbed. It has
// two uses. Shadow says what the log must hold of each committed batch, and what the state must be
// (invariants 3 and 4). A standby replays with outputs suppressed, so that its disk can be taken
// over.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "action/engine.h"
#include "action/profile_reads.h"
#include "broker.h"
#include "stage.h"

namespace freshet::sim {

using Rows = std::map<std::string, std::string, std::less<>>;

class Follower {
 public:
  Follower(const Broker& broker, uint32_t partition, std::shared_ptr<kv::MemoryDisk> disk, bool suppressed,
           bool says_changes = true);

  // Processes all records before `end`.
  void read_to(Offset end);
  [[nodiscard]] Offset offset() const { return state_->offset(); }
  [[nodiscard]] std::vector<eventlog::Produce> take() { return out_.take(); }
  void persist();
  // What a reader is to be shown of it.
  [[nodiscard]] action::ProfileAnswer answer(const action::ProfileQuestion& question) const;
  [[nodiscard]] std::optional<v1::EntityState> entity(const Hash128& id) const;

 private:
  const Broker& broker_;
  const TopicPartition of_;
  std::unique_ptr<state::PartitionState> state_;
  action::Outputs out_;
  std::unique_ptr<action::Engine> engine_;
};

// One follower for each partition. Each transaction of action must hold exactly what they say of
// the same records; so each output of each record is in the log once, and is the one that an
// uninterrupted run makes.
class Shadow {
 public:
  Shadow(const Broker& broker, bool says_changes) : broker_(broker), says_changes_(says_changes) {}

  void check(const eventlog::Transaction& transaction);
  // The rows of the partition's state at the committed offset.
  [[nodiscard]] const Rows& rows(uint32_t partition);
  // What has been committed of the partition.
  [[nodiscard]] const Follower& follower(uint32_t partition) { return *at(partition).follower; }

 private:
  struct One {
    std::shared_ptr<kv::MemoryDisk> disk = std::make_shared<kv::MemoryDisk>();
    std::unique_ptr<Follower> follower;
  };
  One& at(uint32_t partition);

  const Broker& broker_;
  const bool says_changes_;
  std::map<uint32_t, One> parts_;
};

}  // namespace freshet::sim
