// This process's parts in the slots of a group, on the brokers' side: the transactional ids of those that it owns, and
// what it leaves beside the committed offsets for the others (placement.h). Owners say it in their transactions, which
// fence them; standbys in a group "<group>.standby", whose lag is theirs.
//
// Used by one thread, beside one of its own that goes on saying that the owner lives while its worker is busy.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "eventlog/kafka/cluster.h"
#include "eventlog/kafka/produce/transactions.h"
#include "eventlog/kafka/standby/placement.h"

namespace freshet::eventlog::kafka {

// The slots of one consumer.
class Slots {
 public:
  struct Look {
    std::vector<Change> changes;                   // which the caller makes, or says that they failed
    std::vector<std::optional<Offset>> committed;  // of all partitions of the topic
  };

  // `interrupted`: ends waits for brokers that are away. All outlive it.
  Slots(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, const ConsumerOptions& consumer,
        const std::atomic<bool>& interrupted);
  ~Slots();

  // nullopt: it is not time yet, or the brokers do not say. kInvalid: others have another number of slots.
  [[nodiscard]] Result<std::optional<Look>> look();

  [[nodiscard]] uint32_t slot_of(TopicPartition of) const { return of.partition % slots_; }
  [[nodiscard]] std::vector<TopicPartition> partitions_of(uint32_t slot) const;
  [[nodiscard]] Part part(uint32_t slot) const { return placement_.part(slot); }

  // Begins the slot's id, which fences its last owner; what that had not committed is aborted. Answers from where to
  // go on.
  [[nodiscard]] Result<std::vector<Position>> claim(uint32_t slot);
  // REQUIRES: owner. kFenced: another process has begun the id, or may have; this one has no part in the slot any more.
  [[nodiscard]] Status commit(uint32_t slot, std::vector<Produce> outputs, const std::vector<Position>& done);
  // Decides a commit whose outcome is not known. kFenced: as above.
  [[nodiscard]] Result<std::vector<Position>> settle(uint32_t slot);
  // Owners that are fenced without a commit of their own, since the last call.
  [[nodiscard]] std::vector<uint32_t> take_lost();
  // Says that nothing more is committed here: the standby goes on at once. REQUIRES: owner.
  void leave(uint32_t slot);
  // A change did not work, or the slot is lost: what is left.
  void failed(uint32_t slot, Part left);
  // What this standby has read, if it is time to say so. `ready`: all of it.
  void say_standby(uint32_t slot, const std::vector<Position>& read, bool ready);

 private:
  struct Owned;
  // Of the slot's partitions, as far as it is decided.
  [[nodiscard]] Result<std::vector<std::optional<Committed>>> committed_of(uint32_t slot);
  [[nodiscard]] Result<bool> group_has_members();
  // null: this process does not own the slot.
  [[nodiscard]] std::shared_ptr<Owned> find(uint32_t slot);
  // REQUIRES, for these two: the slot's mutex is held.
  [[nodiscard]] Status ensure_begun(uint32_t slot, Owned& owned);
  [[nodiscard]] Status say(uint32_t slot, Owned& owned, std::vector<Produce> outputs, bool leaves);
  [[nodiscard]] std::vector<Position> positions_of(const Owned& owned) const;
  void run();
  void beat(env::TimeUs now);

  const KafkaOptions options_;
  env::Clock& clock_;
  Cluster& cluster_;
  const std::atomic<bool>& interrupted_;
  const Topic topic_;
  const uint32_t slots_;
  const std::string group_;
  const std::string standby_group_;
  const std::string name_;
  const GroupMetadata nobody_;  // of the group, without a member
  Placement placement_;
  env::TimeUs look_at_ = 0;
  env::TimeUs warned_at_ = 0;
  std::map<uint32_t, env::TimeUs> standby_said_at_;

  std::mutex mutex_;
  std::condition_variable stop_;
  std::map<uint32_t, std::shared_ptr<Owned>> owned_;  // guarded by mutex_, as are the next three
  std::vector<uint32_t> lost_;
  uint64_t beat_;
  bool stopping_ = false;
  std::atomic<env::TimeUs> looked_at_;
  std::thread thread_;
};

}  // namespace freshet::eventlog::kafka
