// The brokers' side of slots. What keeps two owners of a slot apart is its transactional id alone: whoever begins it
// fences the other. What is written beside the offsets (names and beats) only tells when to try; so it may be late,
// old or wrong, and costs time then, but never a record.
#include "eventlog/kafka/standby/slots.h"

#include <fmt/core.h>
#include <string.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kBeatUs = 1'000'000;
constexpr auto kBeatLook = std::chrono::milliseconds(200);
constexpr env::TimeUs kStuckUs = 300'000'000;  // A worker that does not poll for so long has no beat any more.
constexpr env::TimeUs kWarnAgainUs = 10'000'000;

PlacementOptions placement_for(const KafkaOptions& options, const ConsumerOptions& consumer) {
  PlacementOptions out;
  out.name = options.client_id;
  out.slots = consumer.slots;
  out.silence_us = options.silence_us;
  // A standby is not given up before an owner would be.
  out.standby_silence_us = std::max(out.standby_silence_us, options.silence_us);
  for (uint32_t slot = consumer.member; slot < consumer.slots; slot += consumer.members) out.own.push_back(slot);
  return out;
}

}  // namespace

// A slot that this process owns. Whoever commits holds its mutex: the worker, or the beat.
struct Slots::Owned {
  Owned(const KafkaOptions& options, const Names& names, const std::string& id, env::Clock& clock,
        const std::atomic<bool>& interrupted)
      : transactions(options, names, id, clock, interrupted, Transactions::OnFence::kYield) {}
  std::mutex mutex;
  Transactions transactions;
  std::map<TopicPartition, Offset> committed;
  env::TimeUs said_at = 0;
};

Slots::Slots(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, const ConsumerOptions& consumer,
             const std::atomic<bool>& interrupted)
    : options_(options),
      clock_(clock),
      cluster_(cluster),
      interrupted_(interrupted),
      topic_(consumer.topics.front()),
      slots_(consumer.slots),
      group_(options.topic_prefix + consumer.group),
      standby_group_(group_ + ".standby"),
      name_(options.client_id),
      nobody_(rd_kafka_consumer_group_metadata_new(group_.c_str())),
      placement_(placement_for(options, consumer)),
      beat_(static_cast<uint64_t>(clock.now_us())),  // It differs from that of an earlier life.
      looked_at_(clock.monotonic_us()) {
  FRESHET_ASSERT(consumer.topics.size() == 1);
  FRESHET_ASSERT(slots_ > 0 && slots_ <= cluster_.partitions(topic_));  // Each slot has a partition that speaks for it.
  thread_ = std::thread([this, member = consumer.member] {
    env::name_thread(fmt::format("beat-{}", member));
    run();
  });
}

Slots::~Slots() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

std::vector<TopicPartition> Slots::partitions_of(uint32_t slot) const {
  std::vector<TopicPartition> out;
  for (uint32_t p = slot; p < cluster_.partitions(topic_); p += slots_) out.push_back({topic_, p});
  return out;
}

// ---- what the others say --------------------------------------------------------------------------------------------

Result<std::optional<Slots::Look>> Slots::look() {
  const env::TimeUs now = clock_.monotonic_us();
  looked_at_ = now;
  if (now < look_at_) return std::nullopt;
  std::vector<TopicPartition> all;
  for (uint32_t p = 0; p < cluster_.partitions(topic_); ++p) all.push_back({topic_, p});
  const auto owners = cluster_.committed(group_, all);
  const auto standbys = owners ? cluster_.committed(standby_group_, all) : owners;
  if (!standbys) {
    log::debug("{}", standbys.error().message);
    look_at_ = clock_.monotonic_us() + placement_.pause_us();
    return std::nullopt;
  }
  std::vector<SlotSight> seen(slots_);
  for (uint32_t slot = 0; slot < slots_; ++slot) {  // Partition `slot` is the slot's first one.
    auto owner = (*owners)[slot] ? parse_metadata((*owners)[slot]->metadata, slots_) : std::nullopt;
    auto standby = (*standbys)[slot] ? parse_metadata((*standbys)[slot]->metadata, slots_) : std::nullopt;
    if (!owner) return tl::unexpected(std::move(owner).error());
    if (!standby) return tl::unexpected(std::move(standby).error());
    seen[slot] = {std::move(*owner), std::move(*standby)};
  }
  Look out;
  out.changes = placement_.look(seen, clock_.monotonic_us());
  for (const auto& one : *owners) out.committed.push_back(one ? std::optional(one->next) : std::nullopt);
  look_at_ = clock_.monotonic_us() + placement_.pause_us();
  return out;
}

Result<std::vector<std::optional<Committed>>> Slots::committed_of(uint32_t slot) {
  return cluster_.committed(group_, partitions_of(slot), Cluster::Offsets::kDecided);
}

// Whether the group has members. They commit without a slot's id, so nothing would fence them.
Result<bool> Slots::group_has_members() {
  FRESHET_ASSIGN(const auto members, cluster_.members(group_));
  const env::TimeUs now = clock_.monotonic_us();
  if (!members.empty() && now - warned_at_ >= kWarnAgainUs) {
    warned_at_ = now;
    log::warn(
        "kafka: waiting for {} to leave group {}: it runs without state.standbys; stop it, or give it the same "
        "configuration",
        members.front(), group_);
  }
  return !members.empty();
}

// ---- owning ---------------------------------------------------------------------------------------------------------

// The id is begun before the offsets are read, as the last owner could move them until then. And they are read as
// decided: an answer from before its last transaction's markers would be one batch old, and that batch would be said
// twice.
Result<std::vector<Position>> Slots::claim(uint32_t slot) {
  FRESHET_ASSERT(slot < slots_);
  FRESHET_ASSIGN(const auto strangers, group_has_members());
  if (strangers) return fail(Code::kRetry, "kafka: group " + group_ + " has members");
  const auto owned = std::make_shared<Owned>(options_, cluster_.names(), fmt::format("{}.slot-{}", group_, slot),
                                             clock_, interrupted_);
  {
    const std::lock_guard lock(owned->mutex);
    FRESHET_TRY(owned->transactions.settle());
    const std::vector<TopicPartition> partitions = partitions_of(slot);
    FRESHET_ASSIGN(const auto committed, committed_of(slot));
    FRESHET_ASSIGN(const auto marks, cluster_.watermarks(partitions));
    for (size_t i = 0; i < partitions.size(); ++i)
      owned->committed[partitions[i]] = committed[i] ? committed[i]->next : marks[i].low;
    FRESHET_TRY(say(slot, *owned, {}, false));
  }
  const std::lock_guard lock(mutex_);
  owned_[slot] = owned;
  return positions_of(*owned);
}

std::vector<Position> Slots::positions_of(const Owned& owned) const {
  std::vector<Position> out;
  for (const auto& [of, next] : owned.committed) out.push_back({of, next});
  return out;
}

// Commits outputs and says that this process owns the slot. Each transaction has all offsets of the slot, so that none
// of them ever becomes too old for the brokers to keep.
Status Slots::say(uint32_t slot, Owned& owned, std::vector<Produce> outputs, bool leaves) {
  uint64_t beat;
  {
    const std::lock_guard lock(mutex_);
    beat = ++beat_;
  }
  const std::string metadata = to_metadata(slot, slots_, {name_, beat, leaves, false});
  const PartitionList list = make_list(owned.committed.size());
  for (const auto& [of, next] : owned.committed)
    add_committed(list.get(), cluster_.names().of(of.topic), of.partition, {next, metadata});
  FRESHET_TRY(owned.transactions.commit(std::move(outputs), list.get(), nobody_.get()));
  owned.said_at = clock_.monotonic_us();
  return {};
}

std::shared_ptr<Slots::Owned> Slots::find(uint32_t slot) {
  const std::lock_guard lock(mutex_);
  const auto found = owned_.find(slot);
  return found == owned_.end() ? nullptr : found->second;
}

// Begins the id again after a commit whose outcome is not known. It asks first who the owner is: to begin the id would
// fence whoever took the slot over meanwhile.
Status Slots::ensure_begun(uint32_t slot, Owned& owned) {
  if (owned.transactions.begun()) return {};
  FRESHET_ASSIGN(const auto last, committed_of(slot));
  const auto holder = last.front() ? parse_metadata(last.front()->metadata, slots_) : std::nullopt;
  if (!holder || !*holder || (*holder)->name != name_)
    return fail(Code::kFenced, fmt::format("kafka: another process has taken slot {} over", slot));
  return owned.transactions.settle();
}

Status Slots::commit(uint32_t slot, std::vector<Produce> outputs, const std::vector<Position>& done) {
  for (const Position& position : done) FRESHET_ASSERT(slot_of(position.of) == slot);
  const auto owned = find(slot);
  if (owned == nullptr) return fail(Code::kFenced, fmt::format("kafka: slot {} is lost", slot));
  const std::lock_guard lock(owned->mutex);
  Status said = ensure_begun(slot, *owned);
  if (said) {
    const auto before = owned->committed;
    for (const Position& position : done) owned->committed[position.of] = position.next;
    said = say(slot, *owned, std::move(outputs), false);
    if (!said) owned->committed = before;
  }
  if (!said && said.error().code == Code::kFenced) failed(slot, Part::kNone);
  return said;
}

// After a commit without an answer: the brokers decide it, and then say from where to go on.
Result<std::vector<Position>> Slots::settle(uint32_t slot) {
  const auto owned = find(slot);
  if (owned == nullptr) return fail(Code::kFenced, fmt::format("kafka: slot {} is lost", slot));
  const std::lock_guard lock(owned->mutex);
  const Status begun = ensure_begun(slot, *owned);
  if (!begun && begun.error().code == Code::kFenced) failed(slot, Part::kNone);
  FRESHET_TRY(begun);
  FRESHET_ASSIGN(const auto committed, committed_of(slot));
  size_t i = 0;
  for (auto& [of, next] : owned->committed) {
    if (committed[i]) next = committed[i]->next;
    ++i;
  }
  return positions_of(*owned);
}

void Slots::leave(uint32_t slot) {
  std::shared_ptr<Owned> owned;
  {
    const std::lock_guard lock(mutex_);
    const auto found = owned_.find(slot);
    if (found == owned_.end()) return;
    owned = std::move(found->second);
    owned_.erase(found);
  }
  const std::lock_guard lock(owned->mutex);
  if (!owned->transactions.begun()) return;  // Its last commit is not decided, which its successor will do.
  if (const Status said = say(slot, *owned, {}, true); !said) log::debug("{}", said.error().message);
}

void Slots::failed(uint32_t slot, Part left) {
  placement_.failed(slot, left, clock_.monotonic_us());
  const std::lock_guard lock(mutex_);
  owned_.erase(slot);
}

std::vector<uint32_t> Slots::take_lost() {
  const std::lock_guard lock(mutex_);
  return std::exchange(lost_, {});
}

// ---- the beat -------------------------------------------------------------------------------------------------------

void Slots::run() {
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, kBeatLook, [this] { return stopping_; })) {
    lock.unlock();
    beat(clock_.monotonic_us());
    lock.lock();
  }
}

// A beat for each owned slot that its worker has not committed for lately. A worker that hangs has none: after five
// minutes without a poll its standby is the better owner.
void Slots::beat(env::TimeUs now) {
  if (now - looked_at_ > kStuckUs) return;
  std::map<uint32_t, std::shared_ptr<Owned>> all;
  {
    const std::lock_guard lock(mutex_);
    all = owned_;
  }
  for (const auto& [slot, owned] : all) {
    const std::unique_lock lock(owned->mutex,
                                std::try_to_lock);  // If that fails the worker commits, and says it itself.
    if (!lock || now - owned->said_at < kBeatUs) continue;
    Status said = ensure_begun(slot, *owned);
    if (said) said = say(slot, *owned, {}, false);
    if (said) continue;
    log::debug("{}", said.error().message);
    const std::lock_guard guard(mutex_);
    if (said.error().code == Code::kFenced && owned_.erase(slot) > 0) lost_.push_back(slot);
  }
}

// Standbys say it without a transaction: if it is lost, the next one says it again.
void Slots::say_standby(uint32_t slot, const std::vector<Position>& read, bool ready) {
  const env::TimeUs now = clock_.monotonic_us();
  env::TimeUs& said_at = standby_said_at_[slot];
  if (now - said_at < kBeatUs) return;
  said_at = now;
  uint64_t beat;
  {
    const std::lock_guard lock(mutex_);
    beat = ++beat_;
  }
  const std::string metadata = to_metadata(slot, slots_, {name_, beat, false, ready});
  const Status said = cluster_.commit(standby_group_, read, metadata);
  if (!said) log::debug("{}", said.error().message);
}

}  // namespace freshet::eventlog::kafka
