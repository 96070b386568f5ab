// For tests of identity: what must hold at the end of any run, and the ways to look at one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "testing/action/cluster.h"

namespace freshet::action::testing {

using Ids = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::vector<v1::EntityState> live(TestCluster& cluster, v1::EntityKind kind = v1::ENTITY_KIND_USER);
[[nodiscard]] bool lists(const v1::EntityState& e, const std::string& type, const std::string& value);
[[nodiscard]] std::string hex(const v1::EntityRef& ref);
// The live entity that lists the identifier; nullopt: there is none.
[[nodiscard]] std::optional<v1::EntityState> owner_of(TestCluster& cluster, const std::string& type,
                                                      const std::string& value);
// describe() of every live user, sorted.
[[nodiscard]] std::vector<std::string> profiles(TestCluster& cluster);
[[nodiscard]] uint64_t messages_of(TestCluster& cluster);
// The history of an entity in short: "created user_id, linked email, …".
[[nodiscard]] std::string history_of(const v1::EntityState& e);

// Whatever was refused, erased or moved: each identifier has one owner and leads to it, redirects end, nothing is held
// or half done, documents are the live profiles, references are to live entities.
void check_end(TestCluster& cluster);

// Sends the records in every order (up to 720), each with its own interleaving and now and then with crashes; then
// checks the end. With more than six records: 720 random orders.
void in_every_order(uint32_t partitions, const std::vector<v1::Envelope>& records,
                    const std::function<void(TestCluster&)>& check,
                    const model::Tenant& tenant = model::default_tenant("t"));
// One record after the other, each to its end: what depends on the order.
void in_this_order(TestCluster& cluster, const std::vector<v1::Envelope>& records);

// The cases of IDENTITY, on several numbers of partitions.
class IdentityCases : public ::testing::TestWithParam<uint32_t> {};

}  // namespace freshet::action::testing
