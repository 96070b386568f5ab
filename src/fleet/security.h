// Who may do what on a cluster, as plain values: how clients and brokers know each other, what a user may do, and how
// much of the brokers it may use. Names and meanings are Kafka's. What follows from them is in `fleet/access.h`.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/names.h"
#include "yaml/node.h"

namespace freshet::fleet {

// What connections of clients and brokers are: open to whoever is between them, or not.
enum class Transport : uint8_t { kPlaintext, kTls };
[[nodiscard]] constexpr auto names_of(Transport) {
  using enum Transport;
  return std::to_array<Name<Transport>>({{kPlaintext, "plaintext"}, {kTls, "tls"}});
}

// How brokers know who a client is. With any but kAnonymous they refuse whatever no ACL allows.
enum class Authentication : uint8_t { kAnonymous, kScramSha256, kScramSha512, kCertificates };
[[nodiscard]] constexpr auto names_of(Authentication) {
  using enum Authentication;
  return std::to_array<Name<Authentication>>({{kAnonymous, "none"},
                                              {kScramSha256, "scram_sha_256"},
                                              {kScramSha512, "scram_sha_512"},
                                              {kCertificates, "certificates"}});
}

struct Security {
  Transport transport = Transport::kPlaintext;
  Authentication authentication = Authentication::kAnonymous;
  std::vector<std::string> super_users;  // names of users who may do everything
};

// What an ACL is about.
enum class AclResource : uint8_t { kTopic, kGroup, kTransactionalId, kCluster };
[[nodiscard]] constexpr auto names_of(AclResource) {
  using enum AclResource;
  return std::to_array<Name<AclResource>>(
      {{kTopic, "topic"}, {kGroup, "group"}, {kTransactionalId, "transactional_id"}, {kCluster, "cluster"}});
}

enum class AclOperation : uint8_t {
  kAll,
  kRead,
  kWrite,
  kCreate,
  kDelete,
  kAlter,
  kDescribe,
  kClusterAction,
  kDescribeConfigs,
  kAlterConfigs,
  kIdempotentWrite,
};
[[nodiscard]] constexpr auto names_of(AclOperation) {
  using enum AclOperation;
  return std::to_array<Name<AclOperation>>({{kAll, "all"},
                                            {kRead, "read"},
                                            {kWrite, "write"},
                                            {kCreate, "create"},
                                            {kDelete, "delete"},
                                            {kAlter, "alter"},
                                            {kDescribe, "describe"},
                                            {kClusterAction, "cluster_action"},
                                            {kDescribeConfigs, "describe_configs"},
                                            {kAlterConfigs, "alter_configs"},
                                            {kIdempotentWrite, "idempotent_write"}});
}

// One entry of `acls`: these operations are allowed on what has this name, or begins with it. From any host.
struct AclRule {
  AclResource resource = AclResource::kCluster;
  std::string name;        // "*": everything of its kind; "" of kCluster
  bool is_prefix = false;  // "orders*" in the file: `name` is how they begin
  std::vector<AclOperation> operations;
  yaml::Where where;
};

// One operation allowed on one resource: a rule taken apart.
struct Acl {
  AclResource resource = AclResource::kCluster;
  std::string name;
  bool is_prefix = false;
  AclOperation operation = AclOperation::kAll;
  auto operator<=>(const Acl&) const = default;
};

// Of each broker; 0: not bounded.
struct Quota {
  uint64_t produce_bytes_per_s = 0;
  uint64_t consume_bytes_per_s = 0;
  double request_percent = 0;  // of one thread's time: 200 are two threads
  [[nodiscard]] bool is_given() const {
    return produce_bytes_per_s > 0 || consume_bytes_per_s > 0 || request_percent > 0;
  }
  bool operator==(const Quota&) const = default;
};

}  // namespace freshet::fleet
