// Lanes of the topic `overflow`, and the keys of its records. docs/format/overflow.md.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::ingest {

// What reads `overflow` and moves it to `actions`: a group of the log.
inline constexpr const char* kDrainGroup = "overflow";

// A tenant has two lanes: one for what happens now, and one behind it for what is old.
enum class LaneKind : uint8_t { kLive = 0, kBackfill = 1 };
inline constexpr size_t kLaneKinds = 2;

// Data that happened more than a day before it came is no news. Commands never wait behind it.
[[nodiscard]] LaneKind lane_kind_of(const v1::Envelope& envelope);

struct LaneName {
  std::string tenant;
  LaneKind kind = LaneKind::kLive;
  auto operator<=>(const LaneName&) const = default;
};

// The key of a record in `overflow`: its lane, then its key in `actions`.
//   key := ("l" | "b") tenant "/" key_in_actions
[[nodiscard]] std::string overflow_key(const LaneName& lane, std::string_view key_in_actions);

// A view into such a key.
struct OverflowKey {
  LaneKind kind = LaneKind::kLive;
  std::string_view tenant;
  std::string_view key_in_actions;
};
// False: it is no such key.
[[nodiscard]] bool parse_overflow_key(std::string_view key, OverflowKey& out);

}  // namespace freshet::ingest
