// Who tries to work on which slot, where there are standbys. A slot is a fixed set of partitions with one
// transactional id: who has begun that id last owns it, and has fenced whoever owned it before. So two that both
// believe they own one do no harm, and nothing here has to be exact: it only decides when to try.
//
// Each owner and each standby leaves its name beside the offsets that it commits, with a beat that changes as long as
// it lives (Holder). From what it reads there, each process decides for itself:
//   an owner that is silent, or leaves   its standby takes over at once; without one, whoever owns the fewest slots
//   no standby                           whoever has the fewest slots to do with becomes it
//   an owner of at least two slots more than its standby, which has caught up, leaves one to it
//   who has at least two slots less to do with than a standby takes its place
// Pure: what is seen and what time it is are given.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::eventlog::kafka {

// What an owner or a standby says of itself.
struct Holder {
  std::string name;
  uint64_t beat = 0;
  bool leaves = false;
  bool ready = false;  // a standby that has caught up
  bool operator==(const Holder&) const = default;
};

// What was read of one slot.
struct SlotSight {
  std::optional<Holder> owner;
  std::optional<Holder> standby;
};

// "slot 3/8 <name> <beat> [leaves|ready]": what stands beside a committed offset.
[[nodiscard]] std::string to_metadata(uint32_t slot, uint32_t slots, const Holder& holder);
// nullopt: it is not about slots. kInvalid: of another number of slots, by somebody who has not left.
[[nodiscard]] Result<std::optional<Holder>> parse_metadata(std::string_view metadata, uint32_t slots);

// Whether it was written by an owner that has not left.
[[nodiscard]] bool is_of_owner(std::string_view metadata);

enum class Part : uint8_t { kNone, kStandby, kOwner };
[[nodiscard]] constexpr auto names_of(Part) {
  using enum Part;
  return std::to_array<Name<Part>>({{kNone, "none"}, {kStandby, "standby"}, {kOwner, "owner"}});
}

struct PlacementOptions {
  std::string name;             // of this process, as no other has it
  uint32_t slots = 1;           // of all processes
  std::vector<uint32_t> own{};  // slots that are decided here: other threads of the process have the others
  env::TimeUs silence_us = 2'500'000;
  env::TimeUs standby_silence_us = 30'000'000;  // a standby may restore a state for that long
};

// What this process is to become in a slot, and why, for the log.
struct Change {
  uint32_t slot = 0;
  Part to = Part::kNone;
  const char* why = "";
};

// Used by one thread.
class Placement {
 public:
  explicit Placement(const PlacementOptions& options);

  // What to do, after what was just read of all slots. Each change counts as done, unless failed() or lost() says
  // otherwise.
  [[nodiscard]] std::vector<Change> look(const std::vector<SlotSight>& seen, env::TimeUs now);
  // A change did not work, or this process was fenced: what is left.
  void failed(uint32_t slot, Part left, env::TimeUs now);
  [[nodiscard]] Part part(uint32_t slot) const;
  // When to look again: soon while a slot has no owner.
  [[nodiscard]] env::TimeUs pause_us() const;

 private:
  // Somebody's part, as it was seen from look to look.
  struct Watched {
    std::optional<Holder> holder;
    env::TimeUs changed_at = 0;
    env::TimeUs gone_at = 0;  // since when there is nobody
    bool alive = false;
    bool heard = false;  // since we see again: before that it is only not known to be silent
  };
  struct Slot {
    Part part = Part::kNone;
    env::TimeUs since = 0;
    env::TimeUs not_before = 0;  // a change of ours
    Watched owner;
    Watched standby;
  };
  struct Load {
    int owned = 0;
    int all = 0;
  };

  static void watch(Watched& watched, const std::optional<Holder>& seen, env::TimeUs silence_us, bool anew,
                    env::TimeUs now);
  void count();
  [[nodiscard]] Load load(const std::string& name) const;
  [[nodiscard]] std::optional<Change> decide(uint32_t number, env::TimeUs now) const;
  [[nodiscard]] std::optional<Change> as_owner(const Slot& slot, uint32_t number, env::TimeUs now) const;
  [[nodiscard]] std::optional<Change> as_standby(const Slot& slot, uint32_t number, env::TimeUs now) const;
  [[nodiscard]] std::optional<Change> as_nobody(const Slot& slot, uint32_t number, env::TimeUs now) const;
  [[nodiscard]] std::optional<Change> even_out(env::TimeUs now);
  [[nodiscard]] bool decides(uint32_t slot) const;
  // How long who has so much to do waits, that others may be first.
  [[nodiscard]] env::TimeUs courtesy_us(uint32_t slot, int load) const;
  void apply(const Change& change, env::TimeUs now);

  const PlacementOptions options_;
  std::vector<Slot> slots_;
  std::map<std::string, Load> loads_;  // of those that live
  std::optional<env::TimeUs> looked_at_;
  std::optional<env::TimeUs> uneven_since_;
};

}  // namespace freshet::eventlog::kafka
