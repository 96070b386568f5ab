#include "eventlog/kafka/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr std::string_view kPrefix = "slot ";
constexpr env::TimeUs kPauseUs = 500'000;
constexpr env::TimeUs kShortPauseUs = 100'000;
constexpr env::TimeUs kBlindUs = 1'500'000;  // without a look: what was silent meanwhile was not seen to be
constexpr env::TimeUs kGraceUs = 1'000'000;  // until others see what one has committed
constexpr env::TimeUs kStepUs = 200'000;     // of courtesy
constexpr env::TimeUs kJitterUs = 150'000;   // among those of equal load
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

template <class Number>
bool read_number(std::string_view word, Number& into) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), into);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::string to_metadata(uint32_t slot, uint32_t slots, const Holder& holder) {
  const char* state = holder.leaves ? " leaves" : holder.ready ? " ready" : "";
  return fmt::format("{}{}/{} {} {}{}", kPrefix, slot, slots, holder.name, holder.beat, state);
}

Result<std::optional<Holder>> parse_metadata(std::string_view metadata, uint32_t slots) {
  if (!metadata.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = metadata.substr(kPrefix.size());
  const std::string_view place = next_word(rest);
  Holder holder;
  holder.name = next_word(rest);
  const bool counted = read_number(next_word(rest), holder.beat);
  holder.leaves = rest == "leaves";
  holder.ready = rest == "ready";
  uint32_t of = 0;
  const size_t slash = place.find('/');
  if (!counted || slash == std::string_view::npos || !read_number(place.substr(slash + 1), of)) return std::nullopt;
  if (of == slots) return holder;
  if (holder.leaves) return std::nullopt;
  return fail(
      Code::kInvalid,
      fmt::format("{} works with state.slots: {}, this process with {}: give all of them the same number; to change "
                  "it, stop all first",
                  holder.name, of, slots));
}

bool is_of_owner(std::string_view metadata) { return metadata.starts_with(kPrefix) && !metadata.ends_with(" leaves"); }

Placement::Placement(const PlacementOptions& options) : options_(options), slots_(options.slots) {}

Part Placement::part(uint32_t slot) const { return slots_[slot].part; }

void Placement::failed(uint32_t slot, Part left, env::TimeUs now) {
  slots_[slot].part = left;
  slots_[slot].since = now;
  slots_[slot].not_before = now + (left == Part::kNone ? kGraceUs : kPauseUs);
}

env::TimeUs Placement::pause_us() const {
  const bool all_owned = std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.owner.alive; });
  return all_owned ? kPauseUs : kShortPauseUs;
}

// ---- what is seen ---------------------------------------------------------------------------------------------------

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
  const bool anew = !looked_at_ || now - *looked_at_ > kBlindUs;
  looked_at_ = now;
  for (size_t i = 0; i < slots_.size(); ++i) {
    watch(slots_[i].owner, seen[i].owner, options_.silence_us, anew, now);
    // A standby that took over is none any more.
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

env::TimeUs Placement::courtesy_us(uint32_t slot, int load) const {
  const uint64_t dice = hash128(fmt::format("{} {}", options_.name, slot)).word(0);
  return load * kStepUs + static_cast<env::TimeUs>(dice % kJitterUs);
}

void Placement::apply(const Change& change, env::TimeUs now) {
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

std::optional<Change> Placement::as_owner(const Slot& slot, uint32_t number, env::TimeUs now) const {
  const bool another = slot.owner.holder && slot.owner.holder->name != options_.name;
  if (!another || now - slot.since < kGraceUs) return std::nullopt;
  return Change{number, Part::kNone, "another process has taken it over"};
}

std::optional<Change> Placement::as_standby(const Slot& slot, uint32_t number, env::TimeUs now) const {
  if (!slot.owner.alive) {
    const bool left = slot.owner.holder && slot.owner.holder->leaves;
    return Change{number, Part::kOwner, left ? "its owner leaves it to us" : "its owner is silent"};
  }
  const bool another = slot.standby.alive && slot.standby.holder->name != options_.name;
  if (!another || now - slot.since < kGraceUs) return std::nullopt;
  return Change{number, Part::kNone, "another process is its standby"};
}

std::optional<Change> Placement::as_nobody(const Slot& slot, uint32_t number, env::TimeUs now) const {
  const std::string& me = options_.name;
  const auto& owner = slot.owner.holder;
  // Another life of this process, which can't run any more: it would have the data directory.
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

// One move at a time of the whole process, whichever of its threads decides on that slot: the others see the same.
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
    // One that restores a state is silent for a while, and so is one that has died.
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
