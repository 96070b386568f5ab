// When partitions are added to a source whose keys decide the target's partition, a key's later records come in another
// source partition than its earlier ones, and both go into the same partition of the target: the earlier ones must be
// written first. For Config::switch_over_us (longer than producers take to notice: metadata.max.age.ms, 5 minutes) a new
// partition is read in rounds:
//   1. where does the new partition end? What lies before that was written by now;
//   2. where do the older ones end? A producer that has gone over to the new partition wrote its earlier records before;
//   3. when all older ones are mirrored up to there, the new one may be read up to the end of step 1.
// The older ones may be another process's: what the group has committed says how far they are. They never wait for
// newer ones, so waits can't form a circle.
#include <algorithm>

#include "mirror/shares.h"

namespace freshet::mirror {

using cluster::OffsetAt;

// It is older than this one if others were seen when there were fewer partitions than its number.
Result<Note> Shares::note_for(const Share& share) {
  Note note;
  note.seen = share.topic->source_partitions;
  if (share.topic->rule.partitions == 0) return note;
  const auto number = static_cast<uint32_t>(share.source.partition);
  FRESHET_ASSIGN(const auto others, group_.committed(partitions_of(share.topic->progress, number)));
  for (const cluster::Place& other : others) {
    const uint32_t seen = other.next < 0 ? 0 : decode_note(other.note).seen;
    if (seen <= number) note.old = std::max(note.old, seen);
  }
  if (note.old > 0) note.until_ms = clock_.now_us() / 1000 + config_.switch_over_us / 1000;
  return note;
}

Status Shares::open_bounds() {
  const int64_t now_ms = clock_.now_us() / 1000;
  for (auto& [id, share] : shares_) {
    if (!share.known || !share.bound || !share.halted.empty()) continue;
    if (!share.young(now_ms)) {
      share.bound.reset();
      share.waits.reset();
    } else if (share.next >= *share.bound) {
      FRESHET_TRY(raise_bound(share));
    }
  }
  return {};
}

Status Shares::raise_bound(Share& share) {
  if (!share.waits) {
    FRESHET_ASSIGN(const auto end, offsets_of(source_, {share.source}, OffsetAt::Kind::kLatest));
    if (end[0] <= share.next) return {};
    const auto old = partitions_of(share.topic->name, share.note.old);
    FRESHET_ASSIGN(const auto ends, offsets_of(source_, old, OffsetAt::Kind::kLatest));
    Share::Waits& waits = share.waits.emplace();
    waits.bound_next = end[0];
    for (size_t p = 0; p < ends.size(); ++p)
      waits.old.push_back({{share.topic->progress, static_cast<int32_t>(p)}, ends[p], ""});
  }
  FRESHET_ASSIGN(const bool done, drained(*share.waits));
  if (!done) return {};
  share.bound = share.waits->bound_next;
  share.waits.reset();
  return {};
}

Result<bool> Shares::drained(const Share::Waits& waits) {
  std::vector<cluster::PartitionRef> of;
  for (const cluster::Place& old : waits.old) of.push_back(old.of);
  FRESHET_ASSIGN(const auto places, group_.committed(of));
  for (size_t i = 0; i < places.size(); ++i)
    if (std::max<int64_t>(places[i].next, 0) < waits.old[i].next) return false;
  return true;
}

}  // namespace freshet::mirror
