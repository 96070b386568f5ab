// The undisturbed engine that every disturbed one must equal.

#include "follower.h"

#include <algorithm>
#include <utility>

#include "state/peek.h"

namespace freshet::sim {

using eventlog::Produce;
using eventlog::RecordView;

Follower::Follower(const Broker& broker, uint32_t partition, std::shared_ptr<kv::MemoryDisk> disk, bool suppressed,
                   bool says_changes)
    : broker_(broker), of_{Topic::kActions, partition}, out_(partition, broker.partitions(Topic::kActions)) {
  auto opened = state::PartitionState::open({}, {}, [&](const kv::Options& options) {
    return Result<std::unique_ptr<kv::Store>>(kv::open_memory(std::move(disk), options));
  });
  require(opened.has_value(), "a follower can't open its state");
  state_ = std::move(*opened);
  out_.suppress(suppressed);
  out_.say_changes(says_changes);
  engine_ = std::make_unique<action::Engine>(partition, broker.partitions(Topic::kActions), *state_, out_);
}

void Follower::read_to(Offset end) {
  const Broker::Partition& partition = broker_.at(of_);
  const size_t first = broker_.index_of(partition, state_->offset());
  const size_t last = broker_.index_of(partition, end);
  if (first < last) {
    const Status status = engine_->process({partition.records.data() + first, last - first});
    require(status.has_value(), [&] { return "a follower stops: " + status.error().message; });
  }
  state_->advance(end);
}

void Follower::persist() { require(state_->persist().has_value(), "a follower can't persist"); }

action::ProfileAnswer Follower::answer(const action::ProfileQuestion& question) const {
  auto answer = action::answer_from(*state_, engine_->rules(), question);
  require(answer.has_value(), "a follower can't read its state");
  return std::move(*answer);
}

std::optional<v1::EntityState> Follower::entity(const Hash128& id) const {
  auto entity = state::peek_entity(*state_, id);
  require(entity.has_value(), "a follower can't read its state");
  return std::move(*entity);
}

// ---- shadow -------------------------------------------------------------------------------------------------------

Shadow::One& Shadow::at(uint32_t partition) {
  One& one = parts_[partition];
  if (!one.follower) one.follower = std::make_unique<Follower>(broker_, partition, one.disk, false, says_changes_);
  return one;
}

void Shadow::check(const eventlog::Transaction& transaction) {
  std::map<TopicPartition, std::string> expected, said;
  for (const eventlog::Position& position : transaction.done) {
    Follower& follower = *at(position.of.partition).follower;
    require(position.next > follower.offset(), [&] {
      return fmt::format("partition {}: offset {} is committed again, up to {}", position.of.partition,
                         follower.offset(), position.next);
    });
    follower.read_to(position.next);
    for (const Produce& produce : follower.take()) expected[produce.to] += produce.records.data();
  }
  for (const Produce& produce : transaction.outputs) said[produce.to] += produce.records.data();
  for (const auto& [of, bytes] : expected) said.try_emplace(of);
  for (const auto& [of, bytes] : said)
    require(bytes == expected[of], [&, &of = of] {
      return fmt::format("invariant 4: {} {} gets other outputs than an uninterrupted run has",
                         freshet::name_of(of.topic), of.partition);
    });
}

const Rows& Shadow::rows(uint32_t partition) {
  One& one = at(partition);
  one.follower->persist();
  return one.disk->rows;
}

}  // namespace freshet::sim
