// Halving and doubling finds one record among n of a partition in a few times log n transactions, whatever others
// write meanwhile, and ends by itself where the refusal does not come again.
#include "mirror/refusals.h"

#include <algorithm>

#include "base/assert.h"

namespace freshet::mirror {

std::optional<Refusals::Reading> Refusals::next_turn() {
  others_had_it_ = !others_had_it_;
  if (others_had_it_) return std::nullopt;
  auto next = last_turn_ ? suspects_.upper_bound(*last_turn_) : suspects_.begin();
  if (next == suspects_.end()) next = suspects_.begin();
  last_turn_ = next->first;
  return last_turn_;
}

size_t Refusals::take_turns(Shares& shares, size_t usual) {
  for (auto& [id, share] : shares) share.waits_turn = false;
  if (!is_searching()) return usual;
  const auto turn = next_turn();
  size_t most = usual;
  bool is_here = false;
  if (turn) most = suspects_.at(*turn).most;
  for (auto& [id, share] : shares) {
    const Reading reading = reading_of(share);
    const bool has_turn = turn ? reading == *turn : !suspects_.contains(reading);
    share.waits_turn = !has_turn;
    // A second reading may not be known again yet, where the first one is.
    is_here |= turn && reading.first == turn->first && share.halted.empty() && share.topic->refused.empty();
  }
  // Another process has it, or nobody.
  if (turn && !is_here) suspects_.erase(*turn);
  return most;
}

bool Refusals::refused(const Shares& shares, const std::string& topic, bool letters, size_t records, const Last& last,
                       const std::string& why) {
  bool any = false;
  for (const auto& [id, share] : shares) {
    if (!(letters ? share.lettered : share.wrote && share.topic->to == topic)) continue;
    FRESHET_ASSERT(records > 0);
    any = true;
    Suspect& suspect = suspects_[reading_of(share)];
    suspect.most = std::max<size_t>(records / 2, 1);
    suspect.until = std::max(suspect.until, share.next);
  }
  if (!any || records > 1) return any;
  const cluster::PartitionRef& source = shares.at(last.share).source;
  Refused& one = known_[{source, last.offset}];
  one.why = why;
  one.letter = last.letter;
  if (!last.letter) one.in_a_row = ++in_a_row_[source];
  return true;
}

void Refusals::committed(Shares& shares) {
  for (auto& [id, share] : shares) {
    share.lettered = false;
    if (std::exchange(share.wrote, false) && !in_a_row_.empty()) in_a_row_.erase(share.source);
    if (!is_searching() || share.waits_turn) continue;
    const auto suspect = suspects_.find(reading_of(share));
    if (suspect == suspects_.end()) continue;
    suspect->second.most *= 2;
    if (share.next >= suspect->second.until) suspects_.erase(suspect);
  }
}

const Refusals::Refused* Refusals::find(const cluster::PartitionRef& source, int64_t offset) const {
  if (known_.empty()) return nullptr;
  const auto found = known_.find({source, offset});
  return found == known_.end() ? nullptr : &found->second;
}

void Refusals::forget_below(const cluster::PartitionRef& source, int64_t offset) {
  if (known_.empty()) return;
  known_.erase(known_.lower_bound({source, INT64_MIN}), known_.lower_bound({source, offset}));
}

}  // namespace freshet::mirror
