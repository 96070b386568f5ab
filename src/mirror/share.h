// What a process of a mirror has of a source partition while the group gives it to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/stream/stream.h"
#include "mirror/marks.h"
#include "mirror/topics.h"

namespace freshet::mirror {

// What is kept beside a partition's position: how many partitions the source had when this one was first seen, and of
// one that was added later which are older, and until when these go first (switch_over.h).
struct Note {
  uint32_t seen = 0;
  uint32_t old = 0;  // 0: it was there from the beginning
  int64_t until_ms = 0;
  bool operator==(const Note&) const = default;
};
// "3" or "5 old=3 until=1700000000000"; what can't be read is none.
[[nodiscard]] std::string encode(const Note& note);
[[nodiscard]] Note decode_note(std::string_view text);

struct Share {
  uint32_t id = 0;
  cluster::PartitionRef source;
  cluster::PartitionRef progress;
  Topic* topic = nullptr;
  bool known = false;     // what is committed is known
  bool reading = false;
  env::TimeUs again_us = 0;  // not before; by the monotonic clock
  std::string halted;     // why it is not read; "": it is, or will be
  int64_t committed = 0;  // -1: nothing
  int64_t next = 0;       // handled up to here
  bool unsaid = false;    // to be committed even if nothing of it was handled
  Mark marked{-1, {}, 0};  // the last one that was committed
  int64_t newest_ms = 0;  // timestamp of what was handled last
  Note note;
  std::optional<int64_t> bound;  // not to be read from here on yet

  // While old partitions have to be drained up to these ends, before the bound goes up to `bound_next`.
  struct Waits {
    std::vector<cluster::Place> old;
    int64_t bound_next = 0;
  };
  std::optional<Waits> waits;

  [[nodiscard]] bool young(int64_t now_ms) const { return note.old > 0 && now_ms < note.until_ms; }
  [[nodiscard]] bool may_read() const { return known && halted.empty() && (!bound || next < *bound); }
};

}  // namespace freshet::mirror
