// Deciding about slots. All processes see nearly the same and decide alike; where they would all do the same at once,
// those with more to do wait longer (courtesy_us). A wrong decision costs a batch and a fresh start, since the slot's
// transactional id lets only one of two owners commit.
#include "eventlog/kafka/standby/placement.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/number.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr std::string_view kPrefix = "slot ";
constexpr env::TimeUs kPauseUs = 500'000;       // between two looks
constexpr env::TimeUs kShortPauseUs = 100'000;  // while a slot has no owner
constexpr env::TimeUs kBlindUs = 1'500'000;     // After so long without a look nobody is known to have been silent.
constexpr env::TimeUs kGraceUs = 1'000'000;     // Others have seen by then what one has committed.
constexpr env::TimeUs kStepUs = 200'000;        // of courtesy, for each slot that one has
constexpr env::TimeUs kJitterUs = 150'000;      // tells those of equal load apart
// How long the shares are uneven before one slot moves: longer than it takes to see that somebody has died.
constexpr env::TimeUs kUnevenUs = 5'000'000;
constexpr int kUneven = 2;

bool is_space(char c) { return c == ' '; }

std::string_view next_word(std::string_view& text) {
  const auto end = std::find_if(text.begin(), text.end(), is_space);
  const std::string_view word(text.begin(), end);
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

}  // namespace

std::string to_metadata(uint32_t slot, uint32_t slots, const Holder& holder) {
  const char* state = holder.leaves ? " leaves" : holder.ready ? " ready" : "";
  return fmt::format("{}{}/{} {} {}{}", kPrefix, slot, slots, holder.name, holder.beat, state);
}

// Two numbers of slots would share the partitions out in two ways, and nothing fences slot 3 of 8 against slot 3 of
// 16. So this is an error of whoever finds it, unless the other one has left.
Result<std::optional<Holder>> parse_metadata(std::string_view metadata, uint32_t slots) {
  if (!metadata.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = metadata.substr(kPrefix.size());
  const std::string_view place = next_word(rest);
  Holder holder;
  holder.name = next_word(rest);
  const auto beat = to_number<decltype(holder.beat)>(next_word(rest));
  holder.leaves = rest == "leaves";
  holder.ready = rest == "ready";
  const size_t slash = place.find('/');
  const auto of = slash == std::string_view::npos ? std::nullopt : to_number<uint32_t>(place.substr(slash + 1));
  if (!beat || !of) return std::nullopt;
  holder.beat = *beat;
  if (*of == slots) return holder;
  if (holder.leaves) return std::nullopt;
  return fail(
      Code::kInvalid,
      fmt::format("{} works with state.slots: {}, this process with {}: give all of them the same number; to change "
                  "it, stop all first",
                  holder.name, *of, slots));
}

bool is_of_owner(std::string_view metadata) { return metadata.starts_with(kPrefix) && !metadata.ends_with(" leaves"); }

Placement::Placement(const PlacementOptions& options) : options_(options), slots_(options.slots) {
  FRESHET_ASSERT(!slots_.empty() && !options_.name.empty());
}

Part Placement::part(uint32_t slot) const {
  FRESHET_ASSERT(slot < slots_.size());
  return slots_[slot].part;
}

// After a change that did not work it waits a while, so that somebody else may be luckier.
void Placement::failed(uint32_t slot, Part left, env::TimeUs now) {
  FRESHET_ASSERT(slot < slots_.size());
  slots_[slot].part = left;
  slots_[slot].since = now;
  slots_[slot].not_before = now + (left == Part::kNone ? kGraceUs : kPauseUs);
}

env::TimeUs Placement::pause_us() const {
  const bool all_owned = std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.owner.alive; });
  return all_owned ? kPauseUs : kShortPauseUs;
}

// ---- what is seen ---------------------------------------------------------------------------------------------------

// Follows the beat of an owner or a standby. After a time of blindness (`anew`) silence counts from now on: otherwise
// an outage of the brokers would make everybody look dead to everybody.
void Placement::watch(Watched& watched, const std::optional<Holder>& seen, env::TimeUs silence_us, bool anew,
                      env::TimeUs now) {
  const bool changed = seen != watched.holder;
  if (anew || changed) watched.changed_at = now;
  watched.heard = !anew && (watched.heard || changed);
  watched.holder = seen;
  const bool alive = seen && !seen->leaves && now - watched.changed_at < silence_us;
  if (!alive && (watched.alive || anew)) watched.gone_at = now;
  watched.alive = alive;
}

std::vector<Change> Placement::look(const std::vector<SlotSight>& seen, env::TimeUs now) {
  FRESHET_ASSERT(seen.size() == slots_.size());
  const bool anew = !looked_at_ || now - *looked_at_ > kBlindUs;
  looked_at_ = now;
  for (size_t i = 0; i < slots_.size(); ++i) {
    watch(slots_[i].owner, seen[i].owner, options_.silence_us, anew, now);
    // A standby that took over is no standby any more, though what it said as one is still there.
    const bool same = seen[i].owner && seen[i].standby && seen[i].owner->name == seen[i].standby->name;
    watch(slots_[i].standby, same ? std::nullopt : seen[i].standby, options_.standby_silence_us, anew, now);
  }
  count();
  std::vector<Change> changes;
  for (const uint32_t slot : options_.own) {
    const auto change = decide(slot, now);
    if (!change) continue;
    apply(*change, now);
    changes.push_back(*change);
  }
  if (!changes.empty()) return changes;
  const auto move = even_out(now);
  if (move) {
    apply(*move, now);
    changes.push_back(*move);
  }
  return changes;
}

// How much everybody who lives has to do.
void Placement::count() {
  loads_.clear();
  for (const Slot& slot : slots_) {
    if (slot.owner.alive) {
      ++loads_[slot.owner.holder->name].owned;
      ++loads_[slot.owner.holder->name].all;
    }
    if (slot.standby.alive) ++loads_[slot.standby.holder->name].all;
  }
}

Placement::Load Placement::load(const std::string& name) const {
  const auto found = loads_.find(name);
  return found == loads_.end() ? Load{} : found->second;
}

bool Placement::decides(uint32_t slot) const {
  return std::find(options_.own.begin(), options_.own.end(), slot) != options_.own.end();
}

// The dice are a hash of the name, so that two processes of equal load do not wait equally long, at every slot again.
env::TimeUs Placement::courtesy_us(uint32_t slot, int load) const {
  const uint64_t dice = hash128(fmt::format("{} {}", options_.name, slot)).word(0);
  return load * kStepUs + static_cast<env::TimeUs>(dice % kJitterUs);
}

// Counts a change as done, so that what is decided next sees it.
void Placement::apply(const Change& change, env::TimeUs now) {
  FRESHET_ASSERT(change.slot < slots_.size() && decides(change.slot));
  Slot& slot = slots_[change.slot];
  Load& mine = loads_[options_.name];
  const int before = slot.part == Part::kNone ? 0 : 1;
  mine.all += (change.to == Part::kNone ? 0 : 1) - before;
  mine.owned += (change.to == Part::kOwner ? 1 : 0) - (slot.part == Part::kOwner ? 1 : 0);
  slot.part = change.to;
  slot.since = now;
}

// ---- what to do -----------------------------------------------------------------------------------------------------

std::optional<Change> Placement::decide(uint32_t number, env::TimeUs now) const {
  const Slot& slot = slots_[number];
  if (now < slot.not_before) return std::nullopt;
  switch (slot.part) {
    case Part::kOwner: return as_owner(slot, number, now);
    case Part::kStandby: return as_standby(slot, number, now);
    case Part::kNone: return as_nobody(slot, number, now);
  }
  return std::nullopt;
}

// An owner gives up only what it sees another process own, after a moment in which its own claim has surely been seen.
std::optional<Change> Placement::as_owner(const Slot& slot, uint32_t number, env::TimeUs now) const {
  const bool another = slot.owner.holder && slot.owner.holder->name != options_.name;
  if (!another || now - slot.since < kGraceUs) return std::nullopt;
  return Change{number, Part::kNone, "another process has taken it over"};
}

// A standby takes over at once: nobody else is as near.
std::optional<Change> Placement::as_standby(const Slot& slot, uint32_t number, env::TimeUs now) const {
  if (!slot.owner.alive) {
    const bool left = slot.owner.holder && slot.owner.holder->leaves;
    return Change{number, Part::kOwner, left ? "its owner leaves it to us" : "its owner is silent"};
  }
  const bool another = slot.standby.alive && slot.standby.holder->name != options_.name;
  if (!another || now - slot.since < kGraceUs) return std::nullopt;
  return Change{number, Part::kNone, "another process is its standby"};
}

// Whoever has no part waits for the standby to take over, and then by courtesy for those with less to do.
std::optional<Change> Placement::as_nobody(const Slot& slot, uint32_t number, env::TimeUs now) const {
  const std::string& me = options_.name;
  const auto& owner = slot.owner.holder;
  // The owner is another life of this process, which can't run any more, as it would hold the lock of the data
  // directory.
  if (owner && owner->name == me && !owner->leaves) return Change{number, Part::kOwner, "we had it before"};
  if (!slot.owner.alive) {
    const bool standby = slot.standby.alive && slot.standby.holder->name != me;
    const env::TimeUs due = slot.owner.gone_at + (standby ? 2 * options_.silence_us : 0);
    if (now < due + courtesy_us(number, load(me).owned)) return std::nullopt;
    return Change{number, Part::kOwner, "it has no owner"};
  }
  const bool wanted = !slot.standby.alive || slot.standby.holder->name == me;
  if (!wanted || now < slot.standby.gone_at + courtesy_us(number, load(me).all)) return std::nullopt;
  return Change{number, Part::kStandby, "it has no standby"};
}

// Moves one slot at a time, of the whole process, whichever of its threads decides on that slot: the others see the
// same. A move costs a take-over, so it is made only after the shares were uneven for longer than it takes to see that
// somebody has died.
std::optional<Change> Placement::even_out(env::TimeUs now) {
  const std::string& me = options_.name;
  std::optional<Change> best;
  int best_gain = kUneven - 1;
  for (uint32_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (!slot.owner.alive || !slot.standby.alive || slot.standby.holder->name == me) continue;
    const bool mine = slot.owner.holder->name == me;
    const Load theirs = load(slot.standby.holder->name);
    const int gain = mine ? load(me).owned - theirs.owned : theirs.all - load(me).all;
    // A standby that restores a state is silent for a while, and so is one that has died: neither could take over now.
    const bool able =
        slot.standby.holder->ready && slot.standby.heard && now - slot.standby.changed_at < options_.silence_us;
    if (gain <= best_gain || (mine && !able)) continue;
    best_gain = gain;
    best = mine ? Change{i, Part::kNone, "its standby owns fewer"}
                : Change{i, Part::kStandby, "its standby has more to do"};
  }
  if (!best) uneven_since_.reset();
  if (best && !uneven_since_) uneven_since_ = now;
  if (!best || now - *uneven_since_ < kUnevenUs) return std::nullopt;
  uneven_since_.reset();
  const Part part = slots_[best->slot].part;
  const bool settled = now - slots_[best->slot].since >= kGraceUs && now >= slots_[best->slot].not_before;
  const bool possible = best->to == Part::kNone ? part == Part::kOwner : part == Part::kNone;
  return decides(best->slot) && settled && possible ? best : std::nullopt;
}

}  // namespace freshet::eventlog::kafka
