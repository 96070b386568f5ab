// Identifiers: which values count, where they live, in which order a record lists them. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "freshet/v1/envelope.pb.h"
#include "model/tenant.h"

namespace freshet::model {

inline constexpr std::string_view kUserId = "user_id";
inline constexpr std::string_view kPhone = "phone";

// Without blanks at both ends, Unicode's and those without width among them; e-mail addresses and advertising ids in
// one form (model/email.h, docs/identity.md). Case otherwise counts. Doing it twice changes nothing more.
[[nodiscard]] std::string normalize_identifier(std::string_view type, std::string_view value);
// The same, and phone numbers as the tenant has them (model/phone.h). This is what ingest stores and look-ups ask for.
[[nodiscard]] std::string normalize_identifier(const Tenant& tenant, std::string_view type, std::string_view value);
// The spelling that ingest stored before the tenant's phone numbers were brought to one, where that is another:
// profiles from before may be known by it. What looks for somebody asks for it, too.
[[nodiscard]] std::optional<std::string> other_spelling(const Tenant& tenant, std::string_view type,
                                                        std::string_view value);

// A value that many senders use for "nobody": "", null, 0, zeros, dashes, unfilled templates, … also quoted, cased
// and padded; and the tenant's own. Such a value is never an identifier. (IDENTITY cases 1 and 2.)
[[nodiscard]] bool is_blocked_identifier(std::string_view value, const v1::TenantRules& rules);

// What is hashed, keyed or not: tenant '\0' kind '\0' type '\0' value.
[[nodiscard]] std::string identifier_key(std::string_view tenant, v1::EntityKind kind,
                                         const v1::Identifier& identifier);

// What stands for a value, of whatever type, where the erased are remembered: keyed with 16 bytes, blind to case.
[[nodiscard]] Hash128 value_hash(std::string_view key16, std::string_view tenant, std::string_view value);

// The partition that decides who has the identifier: murmur2 of identifier_key, as a Kafka producer would choose.
[[nodiscard]] uint32_t home_of(std::string_view tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                               uint32_t partitions);

// The types that identify a user or a device of this tenant, the one that counts most first.
[[nodiscard]] const google::protobuf::RepeatedPtrField<std::string>& priority_of(v1::EntityKind kind,
                                                                                 const v1::TenantRules& rules);

// Sorts by the tenant's priority (types it does not list come last, by name), then by value, and drops repetitions.
void sort_identifiers(v1::EntityKind kind, const v1::TenantRules& rules,
                      google::protobuf::RepeatedPtrField<v1::Identifier>& identifiers);

// Position in the priority list; types it does not list share the position after the last.
[[nodiscard]] uint32_t rank_of(v1::EntityKind kind, std::string_view type, const v1::TenantRules& rules);
[[nodiscard]] bool is_shared(v1::EntityKind kind, std::string_view type, const v1::TenantRules& rules);
[[nodiscard]] uint32_t identifier_limit(std::string_view type, const v1::TenantRules& rules);

// Caps of one profile and of one identifier, beside the limits of each type: what the rules say, else the default.
inline constexpr uint32_t kMergesMax = 1000;
inline constexpr uint32_t kIdentifiersMax = 500;
inline constexpr uint32_t kClaimantsMax = 100;
[[nodiscard]] uint32_t merges_max(const v1::TenantRules& rules);       // profiles merged into one
[[nodiscard]] uint32_t identifiers_max(const v1::TenantRules& rules);  // of all types
[[nodiscard]] uint32_t claimants_max(const v1::TenantRules& rules);    // that claim one identifier which another has

// on_conflict: an identifier whose join was refused goes to the claimant, if that used it later.
[[nodiscard]] bool moves_on_conflict(std::string_view type, const v1::TenantRules& rules);

}  // namespace freshet::model
