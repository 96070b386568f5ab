// What is told to the worker and what is taken up are two steps, as in a group: a change of parts is told by one poll,
// and the next one goes on from where the worker has put each partition meanwhile, by the state that it has opened.
#include "eventlog/kafka/standby/slot_member.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/consume/settings.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr Offset kReadyWithin = 10'000;  // A standby that is behind by no more than this could take over at once.

telemetry::Counter& changes_to(std::string_view part) {
  return telemetry::counter("freshet_kafka_slot_changes_total",
                            "Slots that this process became owner or standby of, or gave up.",
                            {{"to", std::string(part)}});
}

}  // namespace

// It joins no group: whoever begins a slot's transactional id has it.
Result<std::unique_ptr<Consumer>> SlotMember::open(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                                                   const ConsumerOptions& consumer) {
  FRESHET_ASSERT(consumer.slots > 0 && consumer.topics.size() == 1);
  std::unique_ptr<SlotMember> made(new SlotMember(options, clock, cluster, consumer));
  const uint32_t partitions = cluster.partitions(consumer.topics.front());
  FRESHET_TRY(made->fetcher_.client().open(options, settings_of_reader(options, made->group_, "", partitions)));
  return made;
}

SlotMember::SlotMember(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                       const ConsumerOptions& consumer)
    : clock_(clock),
      cluster_(cluster),
      consumer_(consumer),
      group_(options.topic_prefix + consumer.group),
      fetcher_(clock, cluster, "group " + group_, [this](TopicPartition of) { return slots_.slot_of(of); }),
      slots_(options, clock, cluster, consumer, fetcher_.client().interrupted()) {}

// Leaving says so beside the offsets, which is why a standby goes on at its next look instead of after a silence.
SlotMember::~SlotMember() {
  for (uint32_t slot = 0; slot < consumer_.slots; ++slot)
    if (slots_.part(slot) == Part::kOwner) slots_.leave(slot);
  fetcher_.close();
}

// ---- polling --------------------------------------------------------------------------------------------------------

Result<PollResult> SlotMember::poll(size_t bytes_max, env::TimeUs timeout_us) {
  auto polled = poll_fetcher(bytes_max, timeout_us);
  if (!polled && polled.error().code == Code::kNotFound && left_behind()) return std::exchange(changed_, {});
  return polled;
}

Result<PollResult> SlotMember::poll_fetcher(size_t bytes_max, env::TimeUs timeout_us) {
  const env::TimeUs end = clock_.monotonic_us() + std::max<env::TimeUs>(timeout_us, 0);
  FRESHET_ASSIGN(const auto changed, change_parts());
  if (changed) return std::exchange(changed_, {});
  FRESHET_TRY(fetcher_.take_up(committed_, [this] { return learn_committed(); }));
  PollResult result;
  FRESHET_ASSIGN(result.fetched, fetcher_.fetch(bytes_max, end));
  return result;
}

// ---- changes of parts -----------------------------------------------------------------------------------------------

// Makes the changes that are due. True: there is something that the poll must tell before it hands records out.
Result<bool> SlotMember::change_parts() {
  for (const uint32_t slot : slots_.take_lost()) {
    log::warn("kafka: slot {}: another process has taken it over", slot);
    slots_.failed(slot, Part::kNone);
    lost_slots_.push_back(slot);
  }
  for (const uint32_t slot : std::exchange(lost_slots_, {})) let_go(slot);
  FRESHET_ASSIGN(auto look, slots_.look());
  if (look) {
    raise_bounds(look->committed);
    for (const Change& one : look->changes) FRESHET_TRY(change(one, look->committed));
    say_standbys();
  }
  return !changed_.revoked.empty() || !changed_.followed.empty() || !changed_.assigned.empty();
}

// Makes one change. One that does not work now is tried again by whoever sees the need for it then.
Status SlotMember::change(const Change& change, const std::vector<std::optional<Offset>>& committed) {
  log::info("kafka: group {}: slot {} of {}: {}, as {}", group_, change.slot, consumer_.slots, name_of(change.to),
            change.why);
  changes_to(name_of(change.to)).add();
  switch (change.to) {
    case Part::kNone: let_go(change.slot); return {};
    case Part::kStandby:
      follow(change.slot);
      raise_bounds(committed);
      return {};
    case Part::kOwner: break;
  }
  const Status owned = own(change.slot);
  if (owned) return {};
  const Code code = owned.error().code;
  if (code != Code::kRetry && code != Code::kFenced && code != Code::kConflict) return owned;
  log::warn("kafka: slot {} is not ours yet: {}", change.slot, owned.error().message);
  const auto share = fetcher_.shares().find(slots_.partitions_of(change.slot).front());
  const bool follows = share != fetcher_.shares().end() && share->second.follows();
  slots_.failed(change.slot, follows ? Part::kStandby : Part::kNone);
  return {};
}

// A partition that was followed goes on where it is: what lies between there and what the last owner committed is
// handed out now, and its reader replays it.
Status SlotMember::own(uint32_t slot) {
  FRESHET_ASSIGN(const auto claimed, slots_.claim(slot));
  for (const auto& [of, next] : claimed) {
    FRESHET_ASSERT(slots_.slot_of(of) == slot);
    if (!fetcher_.has(of)) fetcher_.add(of);
    fetcher_.set_bound(of, std::nullopt);
    committed_[of] = next;
    changed_.assigned.push_back(of);
  }
  return {};
}

// Where it goes on is the caller's to say, by its state; nothing is handed out before the first bound is known.
void SlotMember::follow(uint32_t slot) {
  for (const TopicPartition of : slots_.partitions_of(slot)) {
    fetcher_.add(of, Offset{0});
    committed_.erase(of);
    changed_.followed.push_back(of);
  }
}

// Gives a slot up, or notes that it is lost. Nothing of it is under way, as whoever polls has committed what it was
// handed, or lost it.
void SlotMember::let_go(uint32_t slot) {
  slots_.leave(slot);
  std::vector<TopicPartition> started;
  for (const TopicPartition of : slots_.partitions_of(slot)) {
    if (!fetcher_.has(of)) continue;
    if (fetcher_.drop(of)) started.push_back(of);
    committed_.erase(of);
    std::erase(changed_.assigned, of);
    if (std::erase(changed_.followed, of) == 0) changed_.revoked.push_back(of);
  }
  if (started.empty()) return;
  const ErrorPtr error(
      rd_kafka_incremental_unassign(fetcher_.client().handle(), list_of(cluster_.names(), started).get()));
  if (error != nullptr) log::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
}

// ---- reading along --------------------------------------------------------------------------------------------------

// What the owners have committed since the last look may be handed out now.
void SlotMember::raise_bounds(const std::vector<std::optional<Offset>>& committed) {
  std::vector<TopicPartition> followed;
  for (const auto& [of, share] : fetcher_.shares())
    if (share.follows()) followed.push_back(of);
  for (const TopicPartition of : followed) {
    FRESHET_ASSERT(of.partition < committed.size());
    const auto next = committed[of.partition];
    if (!next) continue;
    committed_.emplace(of, next);
    fetcher_.set_bound(of, next);
  }
}

// Says how far this process has read as a standby. An owner leaves a slot only to a standby that has caught up, since
// whoever takes over has to process the rest first.
void SlotMember::say_standbys() {
  for (uint32_t slot = 0; slot < consumer_.slots; ++slot) {
    if (slots_.part(slot) != Part::kStandby) continue;
    std::vector<Position> read;
    bool ready = true;
    for (const TopicPartition of : slots_.partitions_of(slot)) {
      const auto share = fetcher_.shares().find(of);
      if (share == fetcher_.shares().end()) continue;
      read.push_back({of, share->second.next});
      ready = ready && share->second.started && share->second.next + kReadyWithin >= share->second.bound.value_or(0);
    }
    slots_.say_standby(slot, read, ready);
  }
}

// The owner may delete what a standby has not read, as long as a checkpoint stands for it. The standby then begins
// anew, from that checkpoint. True: it had to.
bool SlotMember::left_behind() {
  std::vector<TopicPartition> followed;
  for (const auto& [of, share] : fetcher_.shares())
    if (share.follows()) followed.push_back(of);
  const auto marks = cluster_.watermarks(followed);
  if (!marks) return false;
  bool any = false;
  for (size_t i = 0; i < followed.size(); ++i) {
    const auto share = fetcher_.shares().find(followed[i]);
    if (share == fetcher_.shares().end()) continue;
    if (share->second.position.value_or(share->second.next) >= (*marks)[i].low) continue;
    const uint32_t slot = slots_.slot_of(followed[i]);
    log::warn("kafka: slot {}: what this standby has not read of {} is no longer kept; it begins anew", slot,
              to_string(followed[i]));
    slots_.failed(slot, Part::kNone);
    let_go(slot);
    any = true;
  }
  return any;
}

// ---- committing -----------------------------------------------------------------------------------------------------

// Asks for what is committed wherever that is not known: of slots that it owns as it is decided, else as it is said.
Status SlotMember::learn_committed() {
  std::map<uint32_t, std::vector<Position>> settled;
  for (const auto& [of, share] : fetcher_.shares()) {
    if (committed_.contains(of)) continue;
    const uint32_t slot = slots_.slot_of(of);
    if (slots_.part(slot) != Part::kOwner) {  // It is read along, or was lost, which the next poll tells.
      FRESHET_ASSIGN(committed_[of], cluster_.place(group_, of));
      continue;
    }
    if (!settled.contains(slot)) {
      auto positions = slots_.settle(slot);
      if (!positions && positions.error().code == Code::kFenced) lost_slots_.push_back(slot);
      if (!positions) return fail(Code::kRetry, positions.error().message);
      settled.emplace(slot, std::move(*positions));
    }
    for (const auto& [settled_of, next] : settled.at(slot))
      if (settled_of == of) committed_[of] = next;
  }
  return {};
}

// What this consumer has committed itself it knows. Of partitions that are not its own the brokers are asked.
Result<std::optional<Offset>> SlotMember::committed(TopicPartition partition) {
  if (!fetcher_.has(partition)) return cluster_.place(group_, partition);
  if (!committed_.contains(partition)) FRESHET_TRY(learn_committed());
  return committed_.at(partition);
}

// A slot that was taken over is lost alone: the worker goes on with its other slots, so the commit is an abort to it
// (kConflict), and the next poll revokes the slot.
Status SlotMember::commit(Transaction transaction) {
  FRESHET_TRY(cluster_.check_targets(transaction.outputs));
  FRESHET_ASSERT(!transaction.done.empty());
  const uint32_t slot = slots_.slot_of(transaction.done.front().of);
  for (const Position& position : transaction.done) FRESHET_ASSERT(slots_.slot_of(position.of) == slot);
  Status status = slots_.commit(slot, std::move(transaction.outputs), transaction.done);
  for (const Position& position : transaction.done) {
    if (!fetcher_.has(position.of)) continue;
    if (status) {
      committed_[position.of] = position.next;
    } else {
      committed_.erase(position.of);
    }
  }
  if (status || status.error().code != Code::kFenced) return status;
  log::warn("{}", status.error().message);
  lost_slots_.push_back(slot);
  return fail(Code::kConflict, status.error().message);
}

}  // namespace freshet::eventlog::kafka
