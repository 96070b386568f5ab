// KafkaConsumer's parts in slots, where there are standbys: what it owns, what it reads along, and what it gives up.
// Slots decides which part it has; here the partitions of a slot are taken up, followed and let go accordingly.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/consumer.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kTwoBeatsUs = 2'500'000;
constexpr Offset kReadyWithin = 10'000;  // A standby that is behind by no more than this could take over at once.

telemetry::Counter& changes_to(std::string_view part) {
  return telemetry::counter("freshet_kafka_slot_changes_total",
                            "Slots that this process became owner or standby of, or gave up.",
                            {{"to", std::string(part)}});
}

}  // namespace

// Makes the changes that are due. True: there is something that the poll must tell before it hands records out.
Result<bool> KafkaConsumer::change_parts() {
  for (const uint32_t slot : slots_->take_lost()) {
    spdlog::warn("kafka: slot {}: another process has taken it over", slot);
    slots_->failed(slot, Part::kNone);
    lost_slots_.push_back(slot);
  }
  for (const uint32_t slot : std::exchange(lost_slots_, {})) let_go(slot);
  FRESHET_ASSIGN(auto look, slots_->look());
  if (look) {
    raise_bounds(look->committed);
    for (const Change& one : look->changes) FRESHET_TRY(change(one, look->committed));
    say_standbys();
  }
  return !rebalanced_.revoked.empty() || !rebalanced_.followed.empty() || !rebalanced_.assigned.empty();
}

// Makes one change. One that does not work now is tried again by whoever sees the need for it then.
Status KafkaConsumer::change(const Change& change, const std::vector<std::optional<Offset>>& committed) {
  spdlog::info("kafka: group {}: slot {} of {}: {}, as {}", group_, change.slot, consumer_.slots, name_of(change.to),
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
  spdlog::warn("kafka: slot {} is not ours yet: {}", change.slot, owned.error().message);
  const auto share = shares_.find(slots_->partitions_of(change.slot).front());
  const bool follows = share != shares_.end() && share->second.following;
  slots_->failed(change.slot, follows ? Part::kStandby : Part::kNone);
  return {};
}

// A partition that was followed goes on where it is: what lies between there and what the last owner committed is
// handed out now, and its reader replays it.
Status KafkaConsumer::own(uint32_t slot) {
  FRESHET_ASSIGN(const auto claimed, slots_->claim(slot));
  for (const auto& [of, next] : claimed) {
    FRESHET_ASSERT(slots_->slot_of(of) == slot);
    Share& share = shares_[of];
    share.following = false;
    share.committed.emplace(next);
    if (share.held) let_flow(of, true);
    share.held = false;
    rebalanced_.assigned.push_back(of);
  }
  return {};
}

// Where it goes on is the caller's to say, by its state; nothing is handed out before the first bound is known.
void KafkaConsumer::follow(uint32_t slot) {
  for (const TopicPartition of : slots_->partitions_of(slot)) {
    Share& share = shares_[of] = {};
    share.following = true;
    rebalanced_.followed.push_back(of);
  }
}

// Gives a slot up, or notes that it is lost. Nothing of it is under way, as whoever polls has committed what it was
// handed, or lost it.
void KafkaConsumer::let_go(uint32_t slot) {
  slots_->leave(slot);
  std::vector<TopicPartition> started;
  for (const TopicPartition of : slots_->partitions_of(slot)) {
    const auto share = shares_.find(of);
    if (share == shares_.end()) continue;
    if (share->second.started) started.push_back(of);
    shares_.erase(share);
    forget_taken(of);
    std::erase(rebalanced_.assigned, of);
    if (std::erase(rebalanced_.followed, of) == 0) rebalanced_.revoked.push_back(of);
  }
  if (started.empty()) return;
  const ErrorPtr error(rd_kafka_incremental_unassign(client_->get(), list_of(started).get()));
  if (error != nullptr) spdlog::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
}

// Nothing would fence a member of the group and an owner of slots against one another: both would commit for one
// partition, and each record would be applied twice. So a process that is configured without standbys refuses to join
// where some have them.
Status KafkaConsumer::check_no_slots() {
  std::vector<TopicPartition> all;
  for (const Topic topic : consumer_.topics)
    for (uint32_t p = 0; p < cluster_.partitions(topic); ++p) all.push_back({topic, p});
  std::vector<std::string> before;
  for (const env::TimeUs pause_us : {env::TimeUs{0}, kTwoBeatsUs}) {
    if (pause_us > 0) clock_.sleep_us(pause_us);
    const auto committed = cluster_.committed(group_, all);
    if (!committed) return committed.error().code == Code::kRetry ? Status{} : tl::unexpected(committed.error());
    std::vector<std::string> words;
    bool any = false;
    for (const auto& one : *committed) {
      words.push_back(one ? one->metadata : "");
      any = any || is_of_owner(words.back());
    }
    if (!any) return {};
    for (size_t i = 0; i < before.size(); ++i)
      if (is_of_owner(words[i]) && words[i] != before[i])
        return fail(Code::kInvalid,
                    fmt::format("kafka: {} runs with state.standbys ({}), this process without: give both the same "
                                "configuration; to change it, stop all first",
                                group_, words[i]));
    before = std::move(words);
  }
  return {};
}

// ---- reading along --------------------------------------------------------------------------------------------------

// What the owners have committed since the last look may be handed out now.
void KafkaConsumer::raise_bounds(const std::vector<std::optional<Offset>>& committed) {
  for (auto& [of, share] : shares_) {
    const auto next = committed[of.partition];
    if (!share.following || !next) continue;
    if (!share.committed) share.committed.emplace(next);
    if (*next <= share.bound) continue;
    share.bound = *next;
    if (std::exchange(share.held, false)) let_flow(of, true);
  }
}

// Whether a message lies beyond what the owner has committed. It stays where it is then, and librdkafka is asked for
// no more of its partition until the bound rises, so that a standby does not fill its memory with what it may not use.
bool KafkaConsumer::hold_back(TopicPartition of, Share& share, const rd_kafka_message_t& message) {
  const bool is_end = message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF;  // with the offset that comes next
  if (!share.following || message.offset < share.bound + (is_end ? 1 : 0)) return false;
  if (!std::exchange(share.held, true)) let_flow(of, false);
  return true;
}

void KafkaConsumer::let_flow(TopicPartition of, bool flowing) {
  const PartitionList list = list_of({of});
  if (flowing && !shares_[of].paused) {
    rd_kafka_resume_partitions(client_->get(), list.get());
  } else {
    rd_kafka_pause_partitions(client_->get(), list.get());
  }
}

// Says how far this process has read as a standby. An owner leaves a slot only to a standby that has caught up, since
// whoever takes over has to process the rest first.
void KafkaConsumer::say_standbys() {
  for (uint32_t slot = 0; slot < consumer_.slots; ++slot) {
    if (slots_->part(slot) != Part::kStandby) continue;
    std::vector<Position> read;
    bool ready = true;
    for (const TopicPartition of : slots_->partitions_of(slot)) {
      const auto share = shares_.find(of);
      if (share == shares_.end()) continue;
      read.push_back({of, share->second.next});
      ready = ready && share->second.started && share->second.next + kReadyWithin >= share->second.bound;
    }
    slots_->say_standby(slot, read, ready);
  }
}

// The owner may delete what a standby has not read, as long as a checkpoint stands for it. The standby then begins
// anew, from that checkpoint. True: it had to.
bool KafkaConsumer::left_behind() {
  std::vector<TopicPartition> followed;
  for (const auto& [of, share] : shares_)
    if (share.following) followed.push_back(of);
  const auto marks = cluster_.watermarks(followed);
  if (!marks) return false;
  bool any = false;
  for (size_t i = 0; i < followed.size(); ++i) {
    const auto share = shares_.find(followed[i]);
    if (share == shares_.end() || share->second.position.value_or(share->second.next) >= (*marks)[i].low) continue;
    const uint32_t slot = slots_->slot_of(followed[i]);
    spdlog::warn("kafka: slot {}: what this standby has not read of {} is no longer kept; it begins anew", slot,
                 to_string(followed[i]));
    slots_->failed(slot, Part::kNone);
    let_go(slot);
    any = true;
  }
  return any;
}

// ---- committing -----------------------------------------------------------------------------------------------------

Status KafkaConsumer::learn_committed_of_slots() {
  std::map<uint32_t, std::vector<Position>> settled;
  for (auto& [of, share] : shares_) {
    if (share.committed) continue;
    const uint32_t slot = slots_->slot_of(of);
    if (slots_->part(slot) != Part::kOwner) {  // It is read along, or was lost, which the next poll tells.
      FRESHET_ASSIGN(const auto found, cluster_.committed(group_, {of}));
      share.committed.emplace(found.front() ? std::optional(found.front()->next) : std::nullopt);
      continue;
    }
    if (!settled.contains(slot)) {
      auto positions = slots_->settle(slot);
      if (!positions && positions.error().code == Code::kFenced) lost_slots_.push_back(slot);
      if (!positions) return fail(Code::kRetry, positions.error().message);
      settled.emplace(slot, std::move(*positions));
    }
    for (const auto& [settled_of, next] : settled.at(slot))
      if (settled_of == of) share.committed.emplace(next);
  }
  return {};
}

// A slot that was taken over is lost alone: the worker goes on with its other slots, so the commit is an abort to it
// (kConflict), and the next poll revokes the slot.
Status KafkaConsumer::commit_slot(Transaction transaction) {
  FRESHET_ASSERT(!transaction.done.empty());
  const uint32_t slot = slots_->slot_of(transaction.done.front().of);
  for (const Position& position : transaction.done) FRESHET_ASSERT(slots_->slot_of(position.of) == slot);
  Status status = slots_->commit(slot, std::move(transaction.outputs), transaction.done);
  for (const Position& position : transaction.done) {
    const auto share = shares_.find(position.of);
    if (share == shares_.end()) continue;
    if (status) {
      share->second.committed.emplace(position.next);
    } else {
      share->second.committed.reset();
    }
  }
  if (status || status.error().code != Code::kFenced) return status;
  spdlog::warn("{}", status.error().message);
  lost_slots_.push_back(slot);
  return fail(Code::kConflict, status.error().message);
}

}  // namespace freshet::eventlog::kafka
