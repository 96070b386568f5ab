// For tests of identity: random workloads over a few persons, and what must become of them.
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "testing/action/checks.h"

namespace freshet::action::testing {

// The k-th record, with some of the identifiers of one person; contended: which they share with others.
[[nodiscard]] v1::Envelope random_record(std::mt19937_64& rng, int k, bool contended);
// Of two persons, in any order of which they end alike; each is tied together by one record.
[[nodiscard]] std::vector<v1::Envelope> confluent_records(std::mt19937_64& rng);
// profiles() of them, by the simplest possible model: a person is a connected component, its records are applied in
// order of time.
[[nodiscard]] std::vector<std::string> oracle(const std::vector<v1::Envelope>& records);

// Rules under which all kinds of refusals happen.
[[nodiscard]] model::Tenant contended_tenant(uint64_t seed);
[[nodiscard]] v1::Envelope on_some_device(v1::Envelope record, std::mt19937_64& rng);
// A command that concerns the users of `record`, or one of its devices; nullopt: none this time.
[[nodiscard]] std::optional<v1::Envelope> random_command(std::mt19937_64& rng, int k, const v1::Envelope& record);

}  // namespace freshet::action::testing
