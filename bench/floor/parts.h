// What any program like Freshet does with an event beyond reading and applying it. Each part can be left out, so that
// what it costs can be told by itself.
#pragma once

#include <bitset>
#include <cstdint>

#include "base/names.h"

namespace freshet::bench {

enum class Part : uint8_t {
  kLog,      // what came in is appended and synced, group by group, before anybody is answered
  kSeen,     // message ids are looked up in the rows of those before, and kept: nothing counts twice
  kState,    // entities that changed are written as sorted rows, every few seconds
  kKeys,     // identifiers are hashed with a key, so that rows tell nothing of them and nobody can choose collisions
  kChecks,   // names, types and sizes are held against a schema with limits
  kChanges,  // what changed in an entity is written down for whoever keeps its profile
  kEvents,   // the event is enriched and written down for other services
};
inline constexpr size_t kParts = 7;
[[nodiscard]] constexpr auto names_of(Part) {
  using enum Part;
  return std::to_array<Name<Part>>({{kLog, "log"},
                                    {kSeen, "deduplication"},
                                    {kState, "state"},
                                    {kKeys, "keyed_hashes"},
                                    {kChecks, "validation"},
                                    {kChanges, "changes"},
                                    {kEvents, "events"}});
}

class Parts {
 public:
  void add(Part part) { on_.set(static_cast<size_t>(part)); }
  void add_all() { on_.set(); }
  [[nodiscard]] bool has(Part part) const { return on_.test(static_cast<size_t>(part)); }

 private:
  std::bitset<kParts> on_;
};

}  // namespace freshet::bench
