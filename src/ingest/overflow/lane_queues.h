// What waits in one partition of `overflow`, by lane. Lanes are moved at different speeds, so a slow one leaves its
// records behind among those that are long gone. What is known of a lane is therefore a position of its own; and of its
// records only the first are held in memory, a window. When a window has run dry, the partition is read again from
// there (a sweep), for all lanes that need it at once.
//
// It neither reads nor writes: the caller has the cursor (drain_loop.h). Offsets are those of the partition.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/event_log.h"
#include "freshet/v1/overflow.pb.h"
#include "ingest/overflow/lane_key.h"
#include "ingest/overflow/lanes.h"

namespace freshet::ingest {

// A record that waits and is in memory.
struct HeldRecord {
  eventlog::Offset offset = 0;
  std::string key;  // as in `overflow`
  std::string value;
  [[nodiscard]] size_t bytes() const { return key.size() + value.size(); }
};

class LaneQueues {
 public:
  // Nothing before `begin` waits.
  explicit LaneQueues(eventlog::Offset begin) : begin_(begin), tail_(begin) {}

  // ---- reading: records come by rising offset from the cursor on
  // Lanes of it were moved by an earlier owner. All of them up to the end are to be learned before the first take().
  void learn(const v1::OverflowProgress& progress);
  // Of a lane no more than about `window` bytes are held. False: the record is none of overflow.
  [[nodiscard]] bool take(const eventlog::RecordView& record, size_t window);
  // The cursor is at `next`: what lies before was taken, from where it last began.
  void passed(eventlog::Offset next);
  // Where the cursor should go now: back, for lanes that ran dry, or ahead, if nobody needs what comes. nullopt: on.
  [[nodiscard]] std::optional<eventlog::Offset> turn(size_t window);

  // ---- moving
  struct Lane {
    std::deque<HeldRecord> held;  // the first of those that wait, in their order
    uint64_t records = 0;         // that wait, held or not
    uint64_t bytes = 0;
    size_t deficit = 0;  // of the round robin: so many bytes more may be moved in this turn

   private:
    friend class LaneQueues;
    size_t held_bytes = 0;
    eventlog::Offset next = 0;               // what lies before is moved
    std::optional<eventlog::Offset> behind;  // from here on there may be some that are not held
    uint64_t stuck_in = 0;                   // the sweep in which one found no room: later ones must not be held
    size_t lacks_bytes = 0;                  // so large was that one
    env::TimeUs oldest_us = 0;
  };
  // Takes the first record that is held of it. REQUIRES: there is one.
  [[nodiscard]] HeldRecord pop(Lane& lane);
  [[nodiscard]] std::map<LaneName, Lane>& lanes() { return lanes_; }
  [[nodiscard]] size_t count() const { return lanes_.size(); }

  // Everything before this offset is moved.
  [[nodiscard]] eventlog::Offset base() const;
  // What a successor that begins at base() has to be told of this lane; nullopt: nothing.
  [[nodiscard]] std::optional<eventlog::Offset> progress_of(const Lane& lane, eventlog::Offset base) const;
  // Forgets lanes of which nothing waits and nobody has to be told.
  void forget(eventlog::Offset base);

  [[nodiscard]] eventlog::Offset tail() const { return tail_; }  // all before it was seen
  [[nodiscard]] bool empty() const;                              // nothing waits of what was seen
  [[nodiscard]] bool waits(const LaneName& lane) const;
  void add_depths(std::map<LaneName, LaneDepth>& depths);

 private:
  // Whether the sweep under way reads what the lane lacks.
  [[nodiscard]] bool hungry(const Lane& lane) const;
  void hold(Lane& lane, const eventlog::RecordView& record, size_t window);

  std::map<LaneName, Lane> lanes_;
  eventlog::Offset begin_;  // where the sweep under way began, or the first reading
  eventlog::Offset tail_;
  bool tail_first_ = false;  // a sweep has just ended
  bool sweeping_ = false;    // the cursor is before the tail
  uint64_t sweep_ = 1;
};

}  // namespace freshet::ingest
