// Which offsets of a partition are done, when they are done in any order. What may be committed is
// the smallest one that is not done: a larger one would skip it after a crash. It is pure, and one
// thread uses it.
#pragma once

#include <cstdint>
#include <deque>

#include "base/assert.h"
#include "base/mutant.h"
#include "eventlog/event_log.h"

namespace freshet::reaction {

class Offsets {
 public:
  // Takes a record in and returns its ticket. REQUIRES: offsets rise.
  uint64_t begin(eventlog::Offset offset) {
    FRESHET_ASSERT(offset >= next_ && (pending_.empty() || pending_.back().offset < offset));
    pending_.push_back({offset, false});
    return first_ + pending_.size() - 1;
  }
  // The record of this ticket is done. Call it once for each ticket.
  void done(uint64_t ticket) {
    FRESHET_ASSERT(ticket >= first_ && ticket - first_ < pending_.size());
    FRESHET_ASSERT(!pending_[ticket - first_].done);
    pending_[ticket - first_].done = true;
    while (!pending_.empty() && pending_.front().done) {
      pending_.pop_front();
      ++first_;
    }
  }
  // Everything before `next` was taken in, offsets without a record too (transaction markers have
  // offsets).
  void read_to(eventlog::Offset next) {
    FRESHET_ASSERT(next >= next_ && (pending_.empty() || pending_.back().offset < next));
    next_ = next;
  }
  // The offset behind all that was taken in.
  [[nodiscard]] eventlog::Offset next() const { return next_; }
  // The first offset that is not done.
  [[nodiscard]] eventlog::Offset low_water() const {
    return pending_.empty() || FRESHET_MUTANT(kLowWaterTooHigh) ? next_ : pending_.front().offset;
  }
  [[nodiscard]] size_t pending() const { return pending_.size(); }

 private:
  struct One {
    eventlog::Offset offset;
    bool done;
  };
  std::deque<One> pending_;
  uint64_t first_ = 0;  // the ticket of the front
  eventlog::Offset next_ = 0;
};

}  // namespace freshet::reaction
