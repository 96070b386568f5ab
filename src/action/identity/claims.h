// What a claim to somebody else's identifier counts for. A write key stands in every web page, so whoever reads it can
// make up any number of persons who claim an address. What the tenant itself says of somebody, with a server key or the
// secret of its data API, is *verified*: no number of other claims takes an identifier away from a holder who has it by
// such a record. Where nobody vouches for anything, claims count by what can't be made up in a minute: days. Pure
// functions.
#pragma once

#include <cstdint>

#include "action/rules.h"
#include "freshet/v1/envelope.pb.h"
#include "state/partition_state.h"

namespace freshet::action {

// On so many days of received_at an identifier must be claimed before claims that are not verified make it common. A
// shared address meets that by ordinary use; who attacks must go on for a week, under the eyes of a metric.
inline constexpr int kClaimDays = 7;

enum class ClaimVerdict : uint8_t {
  kCounted,    // it is one of those that are looked into
  kContested,  // too many claim the identifier, which stays with its holder: not even looked into
  kCommon,     // with this one they are too many: the identifier tells nothing of a person
};

// Notes who claims what another has. REQUIRES: the alias is held, by another than the claimant, and not common yet.
[[nodiscard]] ClaimVerdict count_claim(state::Alias& alias, const v1::Loop& claim, const Tenant& tenant);

// Whether the identifiers of a record are its profile's, as the tenant itself says: it vouches for the record, and the
// record names somebody by the type that comes first (user_id). What a record without one says of an address holds for
// whoever has that address, and he may have no right to it.
[[nodiscard]] bool is_verified(const v1::Envelope& record, const Tenant& tenant);
// Whether the record, of an entity of this kind, says whose the identifier is that it names: a shared one is of whom it
// names by a unique one beside it, a unique one is of the user_id beside it. A record that does not say so has come to
// whoever had the identifier by then.
[[nodiscard]] bool says_whose(const v1::Envelope& record, v1::EntityKind kind, const v1::Identifier& identifier,
                              const Tenant& tenant);
// When the record uses the identifier, and whether that is verified. Uses by records that do not say whose it is come
// before all that do, and are in the order of time among themselves. Were they like others, whoever had the identifier
// by then would keep it or lose it by which of two claims was there before the record.
[[nodiscard]] v1::Use identifier_use(const v1::Envelope& record, v1::EntityKind kind, const v1::Identifier& identifier,
                                     const Tenant& tenant);
// The time of the record that made this use.
[[nodiscard]] int64_t time_of_record(const v1::Use& use);
// Notes that the record uses an identifier that the entity, of this kind, lists already. True: that is verified for the
// first time.
bool renew_use(v1::IdentifierUse& listed, const v1::Envelope& record, v1::EntityKind kind, const Tenant& tenant);
// Puts two uses of an identifier by one profile together: the later one, verified if one of them is.
void merge_use(v1::Use& use, const v1::Use& other);

// Of two profiles that can't be one, whether the claimant gets the identifier. What is verified comes before what is
// not; `by_time`: and of equals the later use before the earlier one, else the holder's.
[[nodiscard]] bool goes_over(const v1::Use& holder, const v1::Use& claimant, bool by_time);

}  // namespace freshet::action
