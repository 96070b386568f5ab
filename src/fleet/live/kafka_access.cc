// Requests go to any broker: with KRaft it passes them on to the controller, or answers from what it knows.
#include "fleet/live/kafka_access.h"

#include <fmt/core.h>

#include <array>
#include <optional>

#include "cluster/protocol/errors.h"
#include "cluster/protocol/scram.h"
#include "fleet/live/connection.h"

namespace freshet::fleet {
namespace {

using namespace cluster::protocol;

constexpr const char* kClusterName = "kafka-cluster";
constexpr const char* kProduceQuota = "producer_byte_rate";
constexpr const char* kConsumeQuota = "consumer_byte_rate";
constexpr const char* kRequestQuota = "request_percentage";
// Kafka's own default, and the least that it takes.
constexpr int kScramIterations = 4096;
constexpr size_t kSaltBytes = 24;

struct ResourceNumber {
  AclResource resource;
  int8_t number;
};
constexpr std::array<ResourceNumber, 4> kAclKinds = {{{AclResource::kTopic, kTopicAcl},
                                                      {AclResource::kGroup, kGroupAcl},
                                                      {AclResource::kTransactionalId, kTransactionalIdAcl},
                                                      {AclResource::kCluster, kClusterAcl}}};
// Kafka's operations begin behind "unknown" and "any", in the order of ours.
constexpr int8_t kFirstOperation = 2;

// Kafka's number of a kind of resource, in ACLs.
int8_t number_of(AclResource resource) {
  for (const ResourceNumber& known : kAclKinds) {
    if (known.resource == resource) return known.number;
  }
  return 0;
}

// nullopt: of a kind that the file has no words for, denied, or bound to hosts.
std::optional<Acl> acl_from(const DescribeAclsResponse::Resource& resource, const DescribeAclsResponse::Acl& acl) {
  const int operation = acl.operation - kFirstOperation;
  if (acl.permission != kAllowed || acl.host != "*" || operation < 0 ||
      operation > static_cast<int>(AclOperation::kIdempotentWrite))
    return std::nullopt;
  for (const ResourceNumber& known : kAclKinds) {
    if (known.number != resource.type) continue;
    const bool is_cluster = known.resource == AclResource::kCluster;
    return Acl{known.resource, is_cluster ? "" : resource.name, resource.pattern == kPrefixedName,
               static_cast<AclOperation>(operation)};
  }
  return std::nullopt;
}

std::string mechanism_name(int8_t mechanism) {
  return mechanism == kSha256Credential ? "SCRAM-SHA-256" : mechanism == kSha512Credential ? "SCRAM-SHA-512" : "";
}

// Users of quotas and credentials are named without "User:".
std::string entity_of(const std::string& principal) { return principal.substr(std::string_view("User:").size()); }

void take_quota(const DescribeClientQuotasResponse::Value& value, Quota& out) {
  if (value.key == kProduceQuota) out.produce_bytes_per_s = static_cast<uint64_t>(std::max(value.value, 0.0));
  if (value.key == kConsumeQuota) out.consume_bytes_per_s = static_cast<uint64_t>(std::max(value.value, 0.0));
  if (value.key == kRequestQuota) out.request_percent = value.value;
}

}  // namespace

// Brokers without an authorizer answer with an error of its own, which is an answer here.
Status KafkaAccess::read_acls(AccessNow& out) {
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(DescribeAclsRequest()));
  if (answer.error == kSecurityDisabled) return {};
  if (answer.error != kNoError)
    return tl::unexpected(error_of(answer.error, key_name(DescribeAclsRequest::kKey), answer.message));
  out.has_authorizer = true;
  for (const auto& resource : answer.resources) {
    for (const auto& acl : resource.acls) {
      if (const auto known = acl_from(resource, acl)) out.users[acl.principal].acls.insert(*known);
    }
  }
  return {};
}

// Quotas of users alone: those of a user and a client id together are somebody else's.
Status KafkaAccess::read_quotas(AccessNow& out) {
  DescribeClientQuotasRequest request;
  request.components = {{"user", DescribeClientQuotasRequest::kAny, std::nullopt}};
  request.strict = true;
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  if (answer.error != kNoError)
    return tl::unexpected(error_of(answer.error, key_name(DescribeClientQuotasRequest::kKey), answer.message));
  if (!answer.entries) return {};
  for (const auto& entry : *answer.entries) {
    if (entry.entity.size() != 1 || !entry.entity.front().name) continue;  // the default is nobody's own
    for (const auto& value : entry.values) take_quota(value, out.users["User:" + *entry.entity.front().name].quota);
  }
  return {};
}

Status KafkaAccess::read_passwords(AccessNow& out) {
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(DescribeScramRequest()));
  if (answer.error != kNoError)
    return tl::unexpected(error_of(answer.error, key_name(DescribeScramRequest::kKey), answer.message));
  for (const auto& user : answer.users) {
    for (const auto& info : user.infos)
      out.users["User:" + user.name].mechanisms.insert(mechanism_name(info.mechanism));
  }
  return {};
}

Result<AccessNow> KafkaAccess::look() {
  AccessNow out;
  FRESHET_TRY(read_acls(out));
  FRESHET_TRY(read_quotas(out));
  FRESHET_TRY(read_passwords(out));
  return out;
}

// Brokers have no dry run of ACLs and credentials. Before they look at an ACL they look whether the asker may alter the
// cluster, and one for a cluster of any name but "kafka-cluster" they refuse: so that refusal says that we may.
Status KafkaAccess::check_may_alter(const std::string& what) {
  CreateAclsRequest request;
  request.acls.push_back({kClusterAcl, "freshet-asks-whether-it-may", kLiteralName, "User:nobody", "*",
                          static_cast<int8_t>(static_cast<int8_t>(AclOperation::kDescribe) + kFirstOperation),
                          kAllowed});
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  for (const auto& result : answer.results) {
    if (result.error != kNoError && result.error != kInvalidRequest && result.error != kSecurityDisabled)
      return tl::unexpected(error_of(result.error, what, result.message));
  }
  return {};
}

// Adding one that is there changes nothing, so a run that was killed is run again.
Status KafkaAccess::add_acls(const UserWanted& user) {
  CreateAclsRequest request;
  for (const Acl& acl : user.acls) {
    const bool is_cluster = acl.resource == AclResource::kCluster;
    const auto operation = static_cast<int8_t>(static_cast<int8_t>(acl.operation) + kFirstOperation);
    request.acls.push_back({number_of(acl.resource), is_cluster ? kClusterName : acl.name,
                            acl.is_prefix ? kPrefixedName : kLiteralName, user.principal, "*", operation, kAllowed});
  }
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  for (const auto& result : answer.results) {
    if (result.error != kNoError)
      return tl::unexpected(error_of(result.error, "ACLs of user " + user.name, result.message));
  }
  return {};
}

// Only what the file bounds is set: what else is bounded stays.
Status KafkaAccess::set_quota(const UserWanted& user, bool check) {
  AlterClientQuotasRequest request;
  request.validate_only = check;
  AlterClientQuotasRequest::Entry entry;
  entry.entity = {{"user", entity_of(user.principal)}};
  const auto add = [&](const char* key, double value) {
    if (value > 0) entry.ops.push_back({key, value, false});
  };
  add(kProduceQuota, static_cast<double>(user.quota.produce_bytes_per_s));
  add(kConsumeQuota, static_cast<double>(user.quota.consume_bytes_per_s));
  add(kRequestQuota, user.quota.request_percent);
  request.entries.push_back(std::move(entry));
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  for (const auto& result : answer.entries) {
    if (result.error != kNoError)
      return tl::unexpected(error_of(result.error, "quota of user " + user.name, result.message));
  }
  return {};
}

// The password itself is not sent: what brokers keep of it is.
Status KafkaAccess::add_password(const UserWanted& user, bool check) {
  const auto password = expand(user.password, environment_);
  if (!password)
    return fail(Code::kInvalid, fmt::format("password of user {}: {}", user.name, password.error().message));
  if (password->empty()) return fail(Code::kInvalid, fmt::format("password of user {}: is empty", user.name));
  if (check) return check_may_alter("credential of user " + user.name);
  const bool is_512 = user.mechanism == "SCRAM-SHA-512";
  AlterScramRequest request;
  AlterScramRequest::Upsertion credential;
  credential.name = entity_of(user.principal);
  credential.mechanism = is_512 ? kSha512Credential : kSha256Credential;
  credential.iterations = kScramIterations;
  credential.salt = random_.bytes(kSaltBytes);
  credential.salted_password =
      salted_password(is_512 ? ScramHash::kSha512 : ScramHash::kSha256, *password, credential.salt, kScramIterations);
  request.upsertions.push_back(std::move(credential));
  FRESHET_ASSIGN(const auto answer, client_->ask_controller(request));
  for (const auto& result : answer.users) {
    if (result.error != kNoError)
      return tl::unexpected(error_of(result.error, "credential of user " + user.name, result.message));
  }
  return {};
}

Status KafkaAccess::give(const Grant& grant, bool check) {
  switch (grant.kind) {
    case Grant::Kind::kPassword: return add_password(grant.user, check);
    case Grant::Kind::kAcls: return check ? check_may_alter("ACLs of user " + grant.user.name) : add_acls(grant.user);
    case Grant::Kind::kQuota: return set_quota(grant.user, check);
  }
  return {};
}

}  // namespace freshet::fleet
