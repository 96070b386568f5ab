// Which offsets of a partition are done, when they are done in any order: what may be committed is the smallest that is
// not. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>

#include "base/assert.h"
#include "base/mutant.h"
#include "eventlog/event_log.h"

namespace freshet::reaction {

class Offsets {
 public:
  // A record taken in; its ticket. REQUIRES: offsets rise.
  uint64_t begin(eventlog::Offset offset) {
    pending_.push_back({offset, false});
    return first_ + pending_.size() - 1;
  }
  // Once per ticket.
  void done(uint64_t ticket) {
    FRESHET_ASSERT(ticket >= first_ && ticket - first_ < pending_.size());
    pending_[ticket - first_].done = true;
    while (!pending_.empty() && pending_.front().done) {
      pending_.pop_front();
      ++first_;
    }
  }
  // Everything before `next` was taken in (also offsets without a record).
  void read_to(eventlog::Offset next) { next_ = next; }
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
  uint64_t first_ = 0;  // ticket of the front
  eventlog::Offset next_ = 0;
};

}  // namespace freshet::reaction
