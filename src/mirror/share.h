// What a process of a mirror has of a source partition while the group gives it to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/stream/stream.h"
#include "mirror/marks.h"
#include "mirror/topics.h"

namespace freshet::mirror {

// What is kept beside a partition's position: with how many partitions of the source keys were placed when it was
// reached, and, while keys go over to another number, of that (switch_over.cc).
struct Note {
  uint32_t seen = 0;     // keys lie where so many partitions put them
  uint32_t was = 0;      // and before that so many; 0: it was always so
  int64_t until_ms = 0;  // 0: no switch-over; else until when at least it goes on
  int64_t moved = 0;     // during one: where the second reading is, of records that have moved
  bool operator==(const Note&) const = default;
};
// "3", "5 was=3", "3 until=1700000000000 moved=17"; what can't be read is none.
[[nodiscard]] std::string encode(const Note& note);
[[nodiscard]] Note decode_note(std::string_view text);

struct Share {
  uint32_t id = 0;
  cluster::PartitionRef source;
  cluster::PartitionRef progress;
  Topic* topic = nullptr;
  bool known = false;  // what is committed is known
  bool reading = false;
  env::TimeUs again_us = 0;  // not before; by the monotonic clock
  bool wrote = false;        // into its topic, in the transaction that is under way
  bool lettered = false;     // into the dead letters, in it
  bool waits_turn = false;   // while records are looked for that the target refuses
  std::string halted;        // why it is not read; "": it is, or will be
  int64_t committed = 0;     // -1: nothing
  int64_t next = 0;          // handled up to here
  bool unsaid = false;       // to be committed even if nothing of it was handled
  Mark marked{-1, {}, 0};    // the last one that was committed
  int64_t newest_ms = 0;     // timestamp of what was handled last
  Note note;
  std::optional<int64_t> bound;  // not to be read from here on yet
  std::optional<uint32_t> twin;  // during a switch-over: the id of the other reading
  bool second = false;           // it is the one of records that have moved; what it has is kept with its twin's
  env::TimeUs puzzled_us = 0;    // since when a record lies where its key should not be; 0: none does

  // Of a second reading: it may go up to `bound_next` when all partitions are written up to these ends.
  struct Waits {
    std::vector<cluster::Place> ends;
    int64_t bound_next = 0;
    bool last = false;  // the ends were asked for when the switch-over's time was over
  };
  std::optional<Waits> waits;
  bool settled = false;  // of a second reading: it waits for nobody any more

  [[nodiscard]] bool may_read() const { return known && halted.empty() && (!bound || next < *bound); }
};

}  // namespace freshet::mirror
