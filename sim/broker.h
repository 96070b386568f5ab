// The simulated log: what all processes see of it. It has partitions with gaps between offsets as
// Kafka has them, transactions that are aborted or whose outcome is not known, and consumer groups
// whose members lose partitions, also without noticing. A process has its SimLog (sim_log.h) on it.
// One thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "eventlog/event_log.h"
#include "faults.h"

namespace freshet::sim {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;
using MemberId = uint64_t;  // of one incarnation of a consumer; a restarted process is another member

// What a transaction that takes effect does, shown before it does it.
struct Committed {
  const std::string& group;
  const eventlog::Transaction& transaction;
};

// One for the whole run. Nothing in it is ever lost by a crash: what a crash loses is in SimLog.
class Broker {
 public:
  Broker(Dice& dice, const Faults& faults, Probes& probes) : dice_(dice), faults_(faults), probes_(probes) {}

  // Makes a topic with empty partitions.
  void create_topic(Topic topic, uint32_t partitions);
  [[nodiscard]] uint32_t partitions(Topic topic) const;
  [[nodiscard]] bool has(TopicPartition of) const { return of.partition < partitions(of.topic); }
  // `check` is asked before a transaction takes effect; it throws Violation.
  void on_commit(std::function<void(const Committed&)> check) { check_ = std::move(check); }
  // From now on it makes no more faults of its own.
  void calm_down() { calm_ = true; }
  // If there are two members, each partition of this group has another one that reads along and
  // takes over.
  void keep_standbys(const std::string& group) { with_standbys_ = group; }
  // With `keep`, trim() does nothing; without it, records below the low watermark are gone.
  void keep_everything(bool keep) { keep_everything_ = keep; }

  // ---- records
  // Appends at the end of a partition, without a transaction.
  void write(const eventlog::Produce& produce);
  // For an append whose process died: it lands later, or never.
  void write_late(std::vector<eventlog::Produce> batches) { late_.push_back(std::move(batches)); }
  // Writes one of those; false if there is none.
  bool land_late();
  struct Partition {
    std::vector<eventlog::RecordView> records;
    Offset next = 0;
    Offset low = 0;
  };
  // The records of a partition. Offsets rise, with gaps.
  [[nodiscard]] const Partition& at(TopicPartition of) const;
  // The index of the first record at or after `from`.
  [[nodiscard]] size_t index_of(const Partition& partition, Offset from) const;
  // Raises the low watermark, unless everything is kept.
  void trim(TopicPartition of, Offset before);

  // ---- groups
  // Takes a new member into the group and deals it partitions.
  MemberId join(const std::string& group, const std::vector<Topic>& topics);
  // Its partitions go to others.
  void leave(MemberId member);
  // Deals the partitions anew among the members. Owners hear of it at their next poll.
  void rebalance(const std::string& group);
  // Makes `to` the owner of a partition, from its next poll on.
  void hand_over(const std::string& group, TopicPartition of, MemberId to);
  // What a member hears at a poll.
  struct Assignment {
    bool evicted = false;
    std::vector<TopicPartition> revoked, followed, assigned;
  };
  // What has changed for the member since its last poll; it counts as up to date from then on.
  Assignment poll(MemberId member);
  [[nodiscard]] bool is_member(MemberId member) const { return members_.contains(member); }
  // Fenced: the member was thrown out. Conflict: aborted. Retry: nobody knows whether it took
  // effect.
  [[nodiscard]] Status commit(MemberId member, const eventlog::Transaction& transaction);
  // The offset at which the group goes on; nullopt if it has never committed.
  [[nodiscard]] std::optional<Offset> committed(const std::string& group, TopicPartition of) const;
  // Whether the record at which the group goes on exists, so that there is something left to do.
  [[nodiscard]] bool lags(const std::string& group, TopicPartition of) const;
  [[nodiscard]] std::optional<MemberId> owner(const std::string& group, TopicPartition of) const;
  [[nodiscard]] std::optional<MemberId> follower(const std::string& group, TopicPartition of) const;

  // A hash of everything that was written, in order.
  [[nodiscard]] Hash128 digest() const { return digest_; }

 private:
  // A partition's members: whose it is to be, and whose it is as far as that member has heard.
  struct Share {
    std::optional<MemberId> target, owner;
    std::optional<MemberId> standby, follower;
  };
  // A consumer group: who has what, and where it goes on.
  struct Group {
    std::map<TopicPartition, Share> shares;
    std::map<TopicPartition, Offset> committed;
    std::vector<MemberId> members;
    uint64_t generation = 1;
  };
  struct Member {
    std::string group;
    uint64_t generation = 0;  // the one that it knows of
  };

  // Deals to members by chance.
  void deal(Group& group, bool all);
  void deal_standbys(Group& group, bool all);
  void take_from_whom_it_left(Share& share, MemberId id, TopicPartition of, Assignment& out) const;
  void give(Share& share, MemberId id, TopicPartition of, Assignment& out);
  [[nodiscard]] const Share* share_of(const std::string& group, TopicPartition of) const;
  void apply(Group& group, const eventlog::Transaction& transaction);
  void abort(const eventlog::Transaction& transaction);

  Dice& dice_;
  const Faults& faults_;
  Probes& probes_;
  bool calm_ = false;
  bool keep_everything_ = true;
  std::string with_standbys_;  // a group, or empty if none has standbys
  std::map<Topic, std::vector<Partition>> topics_;
  std::deque<std::string> bytes_;  // records are views into these; nothing is ever freed
  std::deque<std::vector<eventlog::Produce>> late_;
  std::map<std::string, Group> groups_;
  std::map<MemberId, Member> members_;
  MemberId next_member_ = 1;
  std::function<void(const Committed&)> check_;
  Hash128 digest_;
};

}  // namespace freshet::sim
