// A partition as its reader keeps it, from its assignment to its revocation. Invariant: next <= passed.
#pragma once

#include <optional>

#include "eventlog/event_log.h"

namespace freshet::eventlog::kafka {

struct Share {
  bool started = false;  // librdkafka reads it
  bool paused = false;
  bool held = false;  // librdkafka has something from `bound` on, and is asked for no more
  // Nothing is handed out from here on: a standby has what the owner has committed, and the rest may still be aborted,
  // and then it was never there. nullopt: it is read as its owner.
  std::optional<Offset> bound;
  std::optional<Offset> position;  // to go on from; librdkafka was not told yet
  Offset next = 0;                 // handed out up to here
  Offset passed = 0;               // nothing up to here but gaps and what was handed out; told when idle

  [[nodiscard]] bool follows() const { return bound.has_value(); }
  // Whether what lies at `offset` is the owner's alone still. The end of a partition is told with the offset that
  // comes next, so it may lie at the bound.
  [[nodiscard]] bool is_beyond(Offset offset, bool is_end) const {
    return bound && offset >= *bound + (is_end ? 1 : 0);
  }
  // Whether offsets without a record were passed that may be told now.
  [[nodiscard]] bool has_gap() const {
    return started && !paused && !position && passed > next && !(bound && passed > *bound);
  }
};

}  // namespace freshet::eventlog::kafka
