// What follows from a topology's users: the ACLs that each needs, and words for them. Pure. What renders ACLs, and what
// compares them, takes them from here, so that they agree.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/topology.h"

namespace freshet::fleet {

// What the user says, and what its service needs to write and read as the file has it. Sorted, all different.
// REQUIRES: the user is of this fleet.
[[nodiscard]] std::vector<Acl> acls_of(const Topology& fleet, const User& user);

// Whether brokers of the cluster ask who somebody is, and refuse what no ACL allows.
[[nodiscard]] bool is_guarded(const Cluster& cluster);

// What Kafka calls the user: "User:billing", "User:CN=billing" where certificates say who it is.
[[nodiscard]] std::string principal_of(const Cluster& cluster, std::string_view user);

// "SCRAM-SHA-512"; "": the cluster has none.
[[nodiscard]] std::string_view scram_mechanism_of(const Cluster& cluster);

// "PLAINTEXT", "SASL_SSL", …
[[nodiscard]] std::string_view protocol_of(const Security& security);

// The name of the variable in "${NAME}"; "": it is none.
[[nodiscard]] std::string_view variable_of(std::string_view reference);

// Whether Kafka has such an operation on such a resource.
[[nodiscard]] bool is_possible(AclResource resource, AclOperation operation);

// As Kafka writes it: "Read", "DescribeConfigs".
[[nodiscard]] std::string_view kafka_name(AclOperation operation);

// "topic orders*: read"
[[nodiscard]] std::string text_of(const Acl& acl);

}  // namespace freshet::fleet
