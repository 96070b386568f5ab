// Adding partitions to a source whose keys decide the target's partition. A key's later records come in another source
// partition than its earlier ones, both go into the same partition of the target, and the earlier ones must be written
// first. The mirror knows of each record where Java's producers put its key: with `seen` partitions, or with more.
//
// From its first record that has moved on, a partition is read twice, for Config::switch_over_us at least (longer than
// producers take to notice: metadata.max.age.ms, 5 minutes):
//   the first reading    goes on at once, and writes the records that lie where they always did;
//   the second reading   writes those that have moved. It goes up to where the first one is when
//                        every partition's first reading has passed the end that the partition has now.
// A producer that has gone over wrote its earlier records before, so they lie below those ends. First readings wait for
// nobody, so nothing waits in a circle. Where they are says the group, whoever has them. When the time is over and such
// ends were passed once more, no earlier record can come: the first reading stops, the second one catches up, and from
// there the partition is read once, with the new number of partitions.
#include <algorithm>

#include "base/assert.h"
#include "base/mutant.h"
#include "mirror/shares.h"
#include "telemetry/log.h"

namespace freshet::mirror {
namespace {

constexpr env::TimeUs kPuzzledUs = 10'000'000;  // until the source tells of partitions that producers know
constexpr env::TimeUs kLookAgainUs = 200'000;

}  // namespace

using cluster::OffsetAt;

// What a partition that was never mirrored begins with: it was added if others were seen when there were no more than
// its number.
Result<Note> Shares::note_for(const Share& share) {
  Note note;
  note.seen = share.topic->source_partitions;
  const auto number = static_cast<uint32_t>(share.source.partition);
  if (!share.topic->rule.follows_keys() || number == 0) return note;
  FRESHET_ASSIGN(const auto others, group_.committed(cluster::partitions_of(share.topic->progress, number)));
  uint32_t before = 0;
  for (const cluster::Place& other : others) {
    const uint32_t seen = other.next < 0 ? 0 : decode_note(other.note).seen;
    if (seen <= number) before = std::max(before, seen);
  }
  if (before == 0) return note;
  note.seen = before;
  note.until_ms = (clock_.now_us() + config_.switch_over_us) / 1000;
  return note;
}

void Shares::begin_switch(Share& share, int64_t at, int64_t until_ms) {
  FRESHET_ASSERT(!share.second && !share.twin);
  share.note.until_ms = until_ms;
  share.unsaid = true;
  Share& second = shares_[next_id_];
  second.id = next_id_++;
  second.source = share.source;
  second.progress = share.progress;
  second.topic = share.topic;
  second.note = share.note;
  second.known = second.second = true;
  second.next = second.committed = at;
  second.bound = at;
  second.twin = share.id;
  share.twin = second.id;
  log::info(
      "mirror {}: {}[{}]: the source has more partitions than {}: keys that have moved wait for what came before, from "
      "{} on",
      config_.name, share.source.topic, share.source.partition, share.note.seen, at);
}

void Shares::end_switch(Share& share) {
  Share& second = shares_.at(*share.twin);
  lanes_.stop(second);
  shares_.erase(second.id);
  share.twin.reset();
  share.bound.reset();
  share.note = {share.topic->source_partitions, share.note.seen, 0, 0};
  share.unsaid = true;
  log::info("mirror {}: {}[{}]: keys lie where {} partitions put them, from {} on", config_.name, share.source.topic,
            share.source.partition, share.note.seen, share.next);
}

Shares::Home Shares::home_of(Share& share, uint32_t hash, int64_t offset) {
  if (!share.topic->rule.follows_keys()) return Home::kHere;
  const auto here = static_cast<uint32_t>(share.source.partition);
  const bool as_ever = hash % share.note.seen == here;
  if (share.twin) return as_ever == share.second ? Home::kOther : Home::kHere;
  if (as_ever || (share.note.was > 0 && hash % share.note.was == here)) {
    share.puzzled_us = 0;
    return Home::kHere;
  }
  if (share.topic->source_partitions > share.note.seen) {
    begin_switch(share, offset, (clock_.now_us() + config_.switch_over_us) / 1000);
    return Home::kOther;
  }
  const env::TimeUs now = clock_.monotonic_us();
  if (share.puzzled_us == 0) share.puzzled_us = now;
  if (now - share.puzzled_us > kPuzzledUs) return Home::kNone;
  share.again_us = now + kLookAgainUs;
  return Home::kLater;
}

Status Shares::go_over() {
  const int64_t now_ms = clock_.now_us() / 1000;
  std::vector<uint32_t> ids;
  for (const auto& [id, share] : shares_)
    if (share.twin && !share.second) ids.push_back(id);
  for (const uint32_t id : ids) {
    Share& first = shares_.at(id);
    Share& second = shares_.at(*first.twin);
    if (!second.settled) {
      if (second.next >= *second.bound || now_ms >= first.note.until_ms) FRESHET_TRY(raise_bound(second, first));
      continue;
    }
    lanes_.stop(first);
    second.bound = first.bound = first.next;
    if (second.next >= first.next) end_switch(first);
  }
  return {};
}

Status Shares::raise_bound(Share& second, const Share& first) {
  if (!second.waits) {
    const bool last = clock_.now_us() / 1000 >= first.note.until_ms;
    if (first.next <= second.next && !last) return {};
    const uint32_t count = first.topic->source_partitions;
    FRESHET_ASSIGN(const auto ends,
                   offsets_of(source_, cluster::partitions_of(first.topic->name, count), OffsetAt::Kind::kLatest));
    Share::Waits& waits = second.waits.emplace(Share::Waits{});
    waits.bound_next = first.next;
    waits.last = last;
    for (size_t p = 0; p < ends.size(); ++p)
      waits.ends.push_back({{first.topic->progress, static_cast<int32_t>(p)}, ends[p], ""});
  }
  FRESHET_ASSIGN(const bool done, drained(*second.waits));
  if (!done) return {};
  second.bound = std::max(*second.bound, second.waits->bound_next);
  second.settled = second.waits->last;
  second.waits.reset();
  return {};
}

Result<bool> Shares::drained(const Share::Waits& waits) {
  if (FRESHET_MUTANT(kMirrorNoSwitchWait)) return true;
  std::vector<cluster::PartitionRef> of;
  for (const cluster::Place& end : waits.ends) of.push_back(end.of);
  FRESHET_ASSIGN(const auto places, group_.committed(of));
  for (size_t i = 0; i < places.size(); ++i)
    if (std::max<int64_t>(places[i].next, 0) < waits.ends[i].next) return false;
  return true;
}

Note Shares::note_of(const Share& share) const {
  Note note = share.note;
  if (share.twin) note.moved = FRESHET_MUTANT(kMirrorSwitchForgotten) ? share.next : shares_.at(*share.twin).next;
  return note;
}

int64_t Shares::whole_below(const Share& share) const {
  return share.twin ? std::min(share.next, shares_.at(*share.twin).next) : share.next;
}

}  // namespace freshet::mirror
