// The log as the product's contract has it, and at its worst: everything that the contract allows
// to go wrong goes wrong here, by chance and by the seed.

#include "broker.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace freshet::sim {

using eventlog::Produce;
using eventlog::RecordView;
using eventlog::Transaction;

void Broker::create_topic(Topic topic, uint32_t partitions) { topics_[topic].resize(partitions); }

uint32_t Broker::partitions(Topic topic) const {
  const auto at = topics_.find(topic);
  return at == topics_.end() ? 0 : static_cast<uint32_t>(at->second.size());
}

const Broker::Partition& Broker::at(TopicPartition of) const { return topics_.at(of.topic).at(of.partition); }

// ---- records ------------------------------------------------------------------------------------------------------

void Broker::write(const Produce& produce) {
  FRESHET_ASSERT(has(produce.to));
  if (produce.records.empty()) return;
  Partition& partition = topics_.at(produce.to.topic).at(produce.to.partition);
  const std::string& bytes = bytes_.emplace_back(produce.records.data());
  std::string_view data = bytes;
  RecordView record;
  bool corrupt = false;
  while (eventlog::next_record(data, record.key, record.value, &corrupt)) {
    record.offset = partition.next++;
    partition.records.push_back(record);
  }
  FRESHET_ASSERT(!corrupt);
  // Each write goes into the digest with its place, so that two runs of one seed that differ
  // anywhere end differently.
  std::string signature(digest_.view());
  signature.append(freshet::name_of(produce.to.topic)).append(std::to_string(produce.to.partition)).append(bytes);
  digest_ = hash128(signature);
}

// Its process has died, so there is nobody to answer.
bool Broker::land_late() {
  if (late_.empty()) return false;
  for (const Produce& produce : late_.front()) write(produce);
  late_.pop_front();
  probes_.hit(Probe::kLateAppend);
  return true;
}

size_t Broker::index_of(const Partition& partition, Offset from) const {
  const auto at = std::partition_point(partition.records.begin(), partition.records.end(),
                                       [from](const RecordView& r) { return r.offset < from; });
  return static_cast<size_t>(at - partition.records.begin());
}

void Broker::trim(TopicPartition of, Offset before) {
  if (keep_everything_) return;
  FRESHET_ASSERT(before >= 0);
  Partition& partition = topics_.at(of.topic).at(of.partition);
  partition.low = std::max(partition.low, std::min(before, partition.next));
}

// ---- groups -------------------------------------------------------------------------------------------------------

MemberId Broker::join(const std::string& name, const std::vector<Topic>& topics) {
  Group& group = groups_[name];
  for (const Topic topic : topics)
    for (uint32_t p = 0; p < partitions(topic); ++p) group.shares.try_emplace({topic, p});
  const MemberId id = next_member_++;
  group.members.push_back(id);
  members_[id] = {name, 0};
  // A new member takes partitions from others as often as it takes only those that nobody has.
  deal(group, dice_.one_in(2));
  return id;
}

void Broker::leave(MemberId member) {
  const auto at = members_.find(member);
  if (at == members_.end()) return;
  Group& group = groups_.at(at->second.group);
  std::erase(group.members, member);
  members_.erase(at);
  // A member that left hears nothing any more, so all its places are free at once.
  for (auto& [of, share] : group.shares)
    for (std::optional<MemberId>* const place : {&share.target, &share.owner, &share.standby, &share.follower})
      if (*place == member) place->reset();
  deal(group, false);
}

void Broker::rebalance(const std::string& group) {
  if (!groups_.contains(group)) return;
  probes_.hit(Probe::kRebalance);
  deal(groups_.at(group), true);
}

void Broker::hand_over(const std::string& group, TopicPartition of, MemberId to) {
  groups_.at(group).shares.at(of).target = to;
  // The owner that it has now goes on until it polls; only then it is told.
  ++groups_.at(group).generation;
}

// Deals partitions to members by chance: all of them, or those that nobody has. Of those, one goes
// to whoever has read it along, if there is somebody.
void Broker::deal(Group& group, bool all) {
  ++group.generation;
  if (group.members.empty()) return;
  for (auto& [of, share] : group.shares) {
    if (!all && !share.target) share.target = share.follower;
    if (all || !share.target) share.target = dice_.pick(group.members);
  }
  if (!with_standbys_.empty() && &group == &groups_[with_standbys_]) deal_standbys(group, all);
}

// The standby of a partition is never its owner.
void Broker::deal_standbys(Group& group, bool all) {
  for (auto& [of, share] : group.shares) {
    if (!all && share.standby && share.standby != share.target) continue;
    const MemberId one = dice_.pick(group.members);
    share.standby = one == share.target ? std::nullopt : std::optional(one);
  }
}

Broker::Assignment Broker::poll(MemberId id) {
  Assignment out;
  const auto member = members_.find(id);
  out.evicted = member == members_.end();
  if (out.evicted) return out;
  Group& group = groups_.at(member->second.group);
  // A poll is what brings a member up to date; a commit with an older generation is refused.
  member->second.generation = group.generation;
  for (auto& [of, share] : group.shares) {
    take_from_whom_it_left(share, id, of, out);
    give(share, id, of, out);
  }
  return out;
}

// A member lets go of what was dealt to others, whether it owned it or read it along.
void Broker::take_from_whom_it_left(Share& share, MemberId id, TopicPartition of, Assignment& out) const {
  const bool follows_on = share.standby == id || share.target == id;
  if (share.owner == id && share.target != id) {
    share.owner.reset();
    out.revoked.push_back(of);
  } else if (share.follower == id && !follows_on) {
    share.follower.reset();
    out.revoked.push_back(of);
  }
}

// A partition is given only when its last owner has let go of it: two owners at once would both be
// right.
void Broker::give(Share& share, MemberId id, TopicPartition of, Assignment& out) {
  FRESHET_ASSERT(members_.contains(id));
  if (!share.owner && share.target == id) {
    share.owner = id;
    if (share.follower == id) {
      share.follower.reset();
      probes_.hit(Probe::kFollowerTookOver);
    }
    out.assigned.push_back(of);
  } else if (!share.follower && share.standby == id && share.target != id) {
    share.follower = id;
    probes_.hit(Probe::kFollowed);
    out.followed.push_back(of);
  }
}

Status Broker::commit(MemberId id, const Transaction& transaction) {
  const auto member = members_.find(id);
  // A zombie: it was thrown out and does not know it yet.
  if (member == members_.end()) {
    probes_.hit(Probe::kZombieFenced);
    abort(transaction);
    return fail(Code::kFenced, "another owner has the partitions");
  }
  Group& group = groups_.at(member->second.group);
  // A rebalance between poll and commit is what a healthy worker meets on Kafka all the time.
  if (!calm_ && group.members.size() > 1 && dice_.permille(faults_.rebalance_in_batch)) {
    probes_.hit(Probe::kRebalanceInBatch);
    deal(group, true);
  }
  if (member->second.generation != group.generation) {
    abort(transaction);
    return fail(Code::kConflict, "the group was rebalanced since the poll");
  }
  if (!calm_ && dice_.permille(faults_.abort)) {
    probes_.hit(Probe::kAborted);
    abort(transaction);
    return fail(Code::kConflict, "the transaction was aborted");
  }
  // No answer to a commit says nothing about its outcome, so both outcomes occur.
  const bool unknown = !calm_ && dice_.permille(faults_.unknown_outcome);
  if (unknown && dice_.one_in(2)) {
    probes_.hit(Probe::kUnknownAborted);
    abort(transaction);
    return fail(Code::kRetry, "no answer to the commit");
  }
  if (check_) check_({member->second.group, transaction});
  apply(group, transaction);
  if (!unknown) return {};
  probes_.hit(Probe::kUnknownCommitted);
  return fail(Code::kRetry, "no answer to the commit");
}

// Makes a transaction take effect. Each partition that it wrote to gets a marker, which takes an
// offset.
void Broker::apply(Group& group, const Transaction& transaction) {
  for (const Produce& produce : transaction.outputs) {
    write(produce);
    topics_.at(produce.to.topic).at(produce.to.partition).next += 1;
  }
  for (const eventlog::Position& position : transaction.done) {
    Offset& next = group.committed[position.of];
    FRESHET_ASSERT(position.next <= at(position.of).next);
    next = position.next;
  }
}

// An aborted transaction leaves a gap: its records took offsets, and nobody ever sees them.
void Broker::abort(const Transaction& transaction) {
  for (const Produce& produce : transaction.outputs)
    topics_.at(produce.to.topic).at(produce.to.partition).next += static_cast<Offset>(produce.records.count()) + 1;
}

std::optional<Offset> Broker::committed(const std::string& group, TopicPartition of) const {
  const auto at = groups_.find(group);
  if (at == groups_.end()) return std::nullopt;
  const auto offset = at->second.committed.find(of);
  return offset == at->second.committed.end() ? std::nullopt : std::optional(offset->second);
}

bool Broker::lags(const std::string& group, TopicPartition of) const {
  const Partition& partition = at(of);
  return !partition.records.empty() && partition.records.back().offset >= committed(group, of).value_or(0);
}

const Broker::Share* Broker::share_of(const std::string& group, TopicPartition of) const {
  const auto at = groups_.find(group);
  if (at == groups_.end()) return nullptr;
  const auto share = at->second.shares.find(of);
  return share == at->second.shares.end() ? nullptr : &share->second;
}

std::optional<MemberId> Broker::owner(const std::string& group, TopicPartition of) const {
  const Share* const share = share_of(group, of);
  return share == nullptr ? std::nullopt : share->owner;
}

std::optional<MemberId> Broker::follower(const std::string& group, TopicPartition of) const {
  const Share* const share = share_of(group, of);
  return share == nullptr ? std::nullopt : share->follower;
}

}  // namespace freshet::sim
