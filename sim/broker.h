// The simulated log: what all processes see of it. Partitions with gaps between offsets as Kafka has them, transactions
// that are aborted or whose outcome is not known, consumer groups whose members lose partitions, also without noticing.
// A process has its SimLog (sim_log.h) on it. One thread.
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
using MemberId = uint64_t;  // of one incarnation of a consumer

// What a transaction that takes effect does, before it does it.
struct Committed {
  const std::string& group;
  const eventlog::Transaction& transaction;
};

class Broker {
 public:
  Broker(Dice& dice, const Faults& faults, Probes& probes) : dice_(dice), faults_(faults), probes_(probes) {}

  void create_topic(Topic topic, uint32_t partitions);
  [[nodiscard]] uint32_t partitions(Topic topic) const;
  [[nodiscard]] bool has(TopicPartition of) const { return of.partition < partitions(of.topic); }
  // Asked before a transaction takes effect; throws Violation.
  void on_commit(std::function<void(const Committed&)> check) { check_ = std::move(check); }
  void calm_down() { calm_ = true; }  // no more faults of its own
  // Each partition of this group has, if there are two members, another one that reads along and takes over.
  void keep_standbys(const std::string& group) { with_standbys_ = group; }
  // Records below the low watermark are gone, else trim() does nothing.
  void keep_everything(bool keep) { keep_everything_ = keep; }

  // ---- records
  void write(const eventlog::Produce& produce);
  // An append whose process died lands later, or never.
  void write_late(std::vector<eventlog::Produce> batches) { late_.push_back(std::move(batches)); }
  bool land_late();  // false: there is none
  struct Partition {
    std::vector<eventlog::RecordView> records;
    Offset next = 0;
    Offset low = 0;
  };
  [[nodiscard]] const Partition& at(TopicPartition of) const;
  // The first record from `from` on.
  [[nodiscard]] size_t index_of(const Partition& partition, Offset from) const;
  void trim(TopicPartition of, Offset before);

  // ---- groups
  MemberId join(const std::string& group, const std::vector<Topic>& topics);
  void leave(MemberId member);  // its partitions go to others
  // Deals the partitions anew among the members; owners hear of it at their next poll.
  void rebalance(const std::string& group);
  void hand_over(const std::string& group, TopicPartition of, MemberId to);
  struct Assignment {
    bool evicted = false;
    std::vector<TopicPartition> revoked, followed, assigned;
  };
  Assignment poll(MemberId member);
  [[nodiscard]] bool is_member(MemberId member) const { return members_.contains(member); }
  [[nodiscard]] Status commit(MemberId member, const eventlog::Transaction& transaction);
  [[nodiscard]] std::optional<Offset> committed(const std::string& group, TopicPartition of) const;
  // The record at which the group goes on exists.
  [[nodiscard]] bool lags(const std::string& group, TopicPartition of) const;
  [[nodiscard]] std::optional<MemberId> owner(const std::string& group, TopicPartition of) const;
  [[nodiscard]] std::optional<MemberId> follower(const std::string& group, TopicPartition of) const;

  // Of everything that was written, in order.
  [[nodiscard]] Hash128 digest() const { return digest_; }

 private:
  // Of one partition: whose it is to be, and whose it is as far as that member has heard.
  struct Share {
    std::optional<MemberId> target, owner;
    std::optional<MemberId> standby, follower;
  };
  struct Group {
    std::map<TopicPartition, Share> shares;
    std::map<TopicPartition, Offset> committed;
    std::vector<MemberId> members;
    uint64_t generation = 1;
  };
  struct Member {
    std::string group;
    uint64_t generation = 0;  // that it knows of
  };

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
  std::string with_standbys_;  // a group; empty: none
  std::map<Topic, std::vector<Partition>> topics_;
  std::deque<std::string> bytes_;  // what the records are views into; nothing is ever freed
  std::deque<std::vector<eventlog::Produce>> late_;
  std::map<std::string, Group> groups_;
  std::map<MemberId, Member> members_;
  MemberId next_member_ = 1;
  std::function<void(const Committed&)> check_;
  Hash128 digest_;
};

}  // namespace freshet::sim
