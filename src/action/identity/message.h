// What a message between partitions must have, by its type. docs/identity.md has the table of the messages.
//
// Two sides ask. The engine does so when a message comes out of the log: one that is not right was written by another
// program, so it becomes a dead letter. The protocol does so for every message that it handles, also for those that
// never leave their partition: there it is an assertion, because only a fault of the protocol itself could have made
// one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

// The message has the fields that its type needs, and they agree with one another: nothing is merged into itself, a
// survivor ranks before its loser, a user refers to devices and a device to users. False for a type that this version
// does not know.
[[nodiscard]] bool is_well_formed(const v1::Loop& message);

// An UNLINK that says what all of them say.
[[nodiscard]] v1::Loop unlink_message(const v1::EntityRef& to, const v1::Identifier& identifier,
                                      std::string_view reason, int64_t received_at_us);

// The partition that the message is for: where the entity lives that it is addressed to, or the home of its identifier.
// REQUIRES: is_well_formed().
[[nodiscard]] uint32_t target_of(const v1::Loop& message, const std::string& tenant, uint32_t partitions);

}  // namespace freshet::action
