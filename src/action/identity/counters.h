// What the identity protocol counts, and why it left something out.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "action/events/audiences.h"

namespace freshet::action {

// Why a join was refused, or an identifier or a reference was left out. docs/identity.md lists them.
enum class Reason : uint8_t {
  kIdentifierLimit,  // the limit of a unique type
  kIdentifiersMax,   // identifiers of one profile
  kMergesMax,        // profiles merged into one
  kSharedLimit,      // the limit of a shared type: the least recently used one is let go
  kCommon,           // claimed by too many
  kContested,        // the same, but it stays with its holder
  kSuppressed,       // of an erased person
  kMoved,            // on_conflict: another used it later
  kDevicesMax,       // devices of a user
  kUsersMax,         // users of a device
};
inline constexpr size_t kReasons = 10;
static_assert(static_cast<size_t>(Reason::kUsersMax) + 1 == kReasons);

// The reason as metrics and histories of identities have it: "identifier_limit".
[[nodiscard]] std::string_view word_of(Reason reason);

using ByReason = std::array<uint64_t, kReasons>;

// Since the engine was made. They are for whoever watches: nothing that the engine does depends on them.
struct ProtocolCounters {
  uint64_t created = 0, linked = 0, merged = 0, refused = 0, erased = 0, erased_messages = 0, dropped_identifiers = 0;
  uint64_t limited = 0;     // records over the limits of their persons
  uint64_t impossible = 0;  // messages that were set aside (Turn::set_aside)
  AudienceCounters audiences;
  // What is done in steps: bytes and messages. No record makes them grow by more than a step's bounds.
  uint64_t step_bytes = 0, step_messages = 0;
  ByReason refused_by{};  // joins
  ByReason dropped_by{};  // identifiers and references
};

// Adds what has been counted since `before` to the metrics of each reason.
void count_reasons(const ProtocolCounters& now, const ProtocolCounters& before);

}  // namespace freshet::action
