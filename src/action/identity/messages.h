// The messages between entities and homes. Here they are made, one function for each thing that can be said, and here
// is what each must have, by its type. docs/identity.md has the table of the messages, envelope.proto what their fields
// mean.
//
// Two sides ask whether a message is right. The engine does so when one comes out of the log: what is not right was
// written by another program, so it becomes a dead letter. The protocol does so for every message that it handles, also
// for those that never leave their partition: there it is an assertion, because only a fault of the protocol itself
// could have made one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::action {

// The message has the fields that its type needs, and they agree with one another: nothing is merged into itself, a
// survivor ranks before its loser, a user refers to devices and a device to users, and a part of a loser's state is one
// that can be taken in. False for a type that this version does not know.
[[nodiscard]] bool is_well_formed(const v1::Loop& message);

// A type that this version does not know, and a later one may have.
[[nodiscard]] bool is_of_newer_version(const v1::Loop& message);

// The partition that the message is for: where the entity lives that it is addressed to, or the home of its identifier.
// REQUIRES: is_well_formed().
[[nodiscard]] uint32_t target_of(const v1::Loop& message, const std::string& tenant, uint32_t partitions);

namespace messages {

// ---- records, to their entities ----
// `device_part`: the ENTER_DEVICE, or the APPLY made of it, that brought a user's record to the device that it names.
[[nodiscard]] v1::Loop apply(const model::EntityRef& to, const v1::Envelope& record, const v1::Loop* device_part);
[[nodiscard]] v1::Loop erase(const model::EntityRef& to, const v1::Envelope& record);
[[nodiscard]] v1::Loop unlink_record(const model::EntityRef& to, const v1::Envelope& record);
// `known`: the device as the user knows it; nullptr: the one that its first identifier makes; empty: not at all.
// `user`: nullptr if it has no room to list the device.
[[nodiscard]] v1::Loop enter_device(const model::EntityRef* user, const v1::EntityRef* known, v1::Envelope&& part);
// To the home of the identifier that an explicit merge record says is the same person as `into`.
[[nodiscard]] v1::Loop merge(const model::EntityRef& into, const v1::Envelope& record, const v1::Use& use);

// ---- identifiers, to their homes ----
[[nodiscard]] v1::Loop link(const model::EntityRef& claimant, const v1::IdentifierUse& claimed, int64_t received_at_us);
[[nodiscard]] v1::Loop free(const model::EntityRef& holder, const v1::Identifier& identifier, int64_t received_at_us);
[[nodiscard]] v1::Loop suppress(const model::EntityRef& holder, const v1::Identifier& identifier,
                                int64_t received_at_us);
[[nodiscard]] v1::Loop repoint(const model::EntityRef& holder, const v1::EntityRef& heir,
                               const v1::Identifier& identifier, int64_t received_at_us);

// ---- identifiers, to entities ----
// To the heir that the repoint names.
[[nodiscard]] v1::Loop confirm(const v1::Loop& repoint);
[[nodiscard]] v1::Loop ask_again(const v1::EntityRef& claimant, const v1::Identifier& identifier,
                                 int64_t received_at_us);
// Four kinds of UNLINK, the first two of them the home's answers to a claim. `verified`: what is turned down was.
// A shared identifier is another's, who used it at the time of `use`.
[[nodiscard]] v1::Loop taken(const model::EntityRef& to, const v1::Loop& claim, const v1::Use& use, bool verified);
[[nodiscard]] v1::Loop turned_down(const model::EntityRef& to, const v1::Loop& claim, std::string_view reason,
                                   bool verified);
// What became of the claim of `claimant` after `holder` could not be joined with it.
struct Refusal {
  const v1::EntityRef& claimant;
  const v1::EntityRef& holder;
  const v1::Identifier& identifier;
  std::string_view reason;
  int64_t received_at_us;
};
// To the claimant: the identifier stays with the holder. `outranked`: only a verified use would do, whatever its time.
[[nodiscard]] v1::Loop stays(const Refusal& refusal, bool verified, bool outranked);
// To the holder: the identifier goes to the claimant, who used it at the time of `use`, if that comes before.
[[nodiscard]] v1::Loop moves(const Refusal& refusal, const v1::Use& use);

// ---- merging ----
// `cause`: nullptr for an explicit merge.
[[nodiscard]] v1::Loop join(const model::EntityRef& loser, const model::EntityRef& survivor, const v1::Cause* cause,
                            const v1::Use& use, int64_t received_at_us);
// What a loser sends of its state.
[[nodiscard]] v1::Loop absorb(const model::EntityRef& loser, const v1::EntityRef& survivor,
                              const v1::Departure& departure, v1::EntityState&& chunk, bool last,
                              int64_t received_at_us);
// The survivor's three answers, to the loser that sent the chunk.
[[nodiscard]] v1::Loop absorbed(const v1::Loop& chunk, const model::EntityRef& survivor);
[[nodiscard]] v1::Loop revive(const v1::Loop& chunk, const model::EntityRef& survivor);
[[nodiscard]] v1::Loop erased_too(const v1::Loop& chunk, const model::EntityRef& survivor);
// The same as `revive`, where nobody is the survivor that the chunk was addressed to.
[[nodiscard]] v1::Loop no_survivor(const v1::Loop& chunk);
[[nodiscard]] v1::Loop step(const model::EntityRef& itself, int64_t received_at_us);

// ---- users and devices, to one another ----
// I am `sender`. `replaces`: I was that one before; nullptr: nobody. `identifier`: that a device was met by, or null.
[[nodiscard]] v1::Loop attach(const v1::EntityRef& to, const v1::EntityRef& sender, const v1::EntityRef* replaces,
                              const v1::Identifier* identifier, int64_t received_at_us);
// `gone` is no more, or does not list you.
[[nodiscard]] v1::Loop detach(const v1::EntityRef& to, const v1::EntityRef& gone, int64_t received_at_us);
// `erased` was erased, and takes along a device that nobody else uses.
[[nodiscard]] v1::Loop detach_erased(const v1::EntityRef& to, const v1::EntityRef& erased, int64_t received_at_us);

// ---- the way of a message ----
// It goes on to another entity: the one that its receiver has become.
void readdress(v1::Loop& message, const v1::EntityRef& to);

}  // namespace messages
}  // namespace freshet::action
