// The Control record, by which rules reach action: one in each partition, before anything that they are for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "env/clock.h"
#include "freshet/v1/envelope.pb.h"
#include "model/tenant.h"

namespace freshet::action {

// Raised with every change of what the same records lead to. A partition whose rules name a higher one is not
// processed.
inline constexpr uint32_t kLogicVersion = 8;
// From here on computed attributes keep the digits of whole numbers beyond 64 bits, as attributes do.
inline constexpr uint32_t kLogicOfWholeNumbers = 2;
// From here on a Control says what changes; before it said what there is.
inline constexpr uint32_t kLogicOfChanges = 3;
// From here on a record that came by a server key counts for more where profiles claim one identifier.
inline constexpr uint32_t kLogicOfVerified = 4;
// From here on sessions, subscriptions and the state of push tokens are kept.
inline constexpr uint32_t kLogicOfActivity = 5;
// From here on a user goes on listing a device whose push token went to another one of the user's.
inline constexpr uint32_t kLogicOfKeptDevices = 5;
// From here on events of one person have limits (events/person_limits.h), where the rules have some.
inline constexpr uint32_t kLogicOfPersonLimits = 6;
// From here on profiles are in audiences (events/audiences.h), where the rules have some.
inline constexpr uint32_t kLogicOfAudiences = 6;
// From here on `exists: false` of a computed attribute passes where there is no such property, and 5 equals 5.0.
inline constexpr uint32_t kLogicOfFilters = 6;
// From here on an entity that is told to give up an identifier to itself claims it again.
inline constexpr uint32_t kLogicOfClaimsAgain = 6;
// From here on a tenant's profiles alone may be asked for. No rule has to know: an older binary refuses the record.
inline constexpr uint32_t kLogicOfTenantSaidAgain = 7;
// From here on those that are gone may be asked for, too, and one profile alone; as above.
inline constexpr uint32_t kLogicOfGoneSaidAgain = 8;
// From here on y and n, t and f, 1.0 and 0.0 say of a subscription what yes and no do.
inline constexpr uint32_t kLogicOfShortWords = 8;
// From here on a record that does not say whose an identifier is counts for less than one that does
// (identity/claims.h).
inline constexpr uint32_t kLogicOfWhose = 8;

// From here on an entity that is asked about an identifier that it does not list tells the identifier's home, too.
inline constexpr uint32_t kLogicOfFreedAgain = 8;

// A logic that this version does not have, and a later one may. (No release raises it by much.)
[[nodiscard]] inline bool is_of_newer_version(const v1::Control& control) {
  return control.logic_version() > kLogicVersion && control.logic_version() < kLogicVersion + 1000;
}

// What holds for all tenants, and the rules of these, for a log of `partitions`; the rules of others stay. Its revision
// is the caller's to set.
[[nodiscard]] v1::Envelope control_record(const std::vector<model::Tenant>& tenants, uint32_t partitions,
                                          std::string_view hash_key, env::TimeUs received_at_us);

// The rules of some tenants and nothing else, under this revision.
[[nodiscard]] v1::Envelope rules_record(const std::vector<v1::TenantRules>& rules, uint64_t revision,
                                        env::TimeUs received_at_us);

// By so much may versions be raised: more than records could be lost at once, and far from the highest that there is.
inline constexpr uint64_t kRaiseMost = uint64_t{1} << 32;
// Asks a partition to say all its profiles again, or those of one tenant (action/republish.h).
[[nodiscard]] v1::Envelope republish_record(env::TimeUs received_at_us, uint64_t raise, const std::string& tenant = {},
                                            bool gone_too = false);
// Asks for one of a tenant's profiles, which may be gone. It is for the partition that the id ends in (model/home.h).
[[nodiscard]] v1::Envelope republish_one_record(env::TimeUs received_at_us, const std::string& tenant,
                                                const std::string& id);

}  // namespace freshet::action
