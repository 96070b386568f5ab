// The simplest possible model of what confluent input must come to (invariant 6): a person is what
// records connect, and its records are looked at all at once, in no order. It shares nothing with
// the product but the shape of records and documents, so it can't share its mistakes.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "freshet/v1/change.pb.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::sim {

// A profile as text, one line for each field, sorted: what convergence is about. It is without id,
// version and merged_from.
using Profile = std::map<std::string, std::string>;

// What the records must come to, sorted.
[[nodiscard]] std::vector<Profile> expected_profiles(const std::vector<v1::Envelope>& records);
// How many messages each user_id may have in its profile, "tenant/user_id": of records that name nobody else, in the
// order in which its partition saw them, under limits of events.
[[nodiscard]] std::map<std::string, uint64_t> messages_within(const v1::PersonLimits& limits,
                                                              const std::vector<v1::Envelope>& records);
[[nodiscard]] Profile profile_of(const v1::Document& document);
// The same of devices: their identifiers, whether messages are wanted there, and the push token that reaches them.
[[nodiscard]] std::vector<Profile> expected_devices(const std::vector<v1::Envelope>& records);
[[nodiscard]] Profile device_of(const v1::Document& document);
// An audience that not all rules of a run have: who is in it depends on when it was judged. Profiles leave it out.
inline constexpr const char* kLateAudience = "late";
// In which audiences somebody with this profile is, by its other parts.
[[nodiscard]] std::set<std::string> audiences_met(const Profile& profile);
// For the report of a violation.
[[nodiscard]] std::string describe(const Profile& profile);

}  // namespace freshet::sim
