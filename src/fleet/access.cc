// ACLs of a service are what its clients ask for: a producer (idempotent ones, too, since Kafka 3.0) writes its topics
// and looks them up, a consumer reads them and its group.
#include "fleet/access.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace freshet::fleet {
namespace {

using enum AclOperation;

// Whoever writes or reads a topic also asks where its partitions are led, which is kDescribe.
void add_topics(const Topology& fleet, Index cluster, const std::vector<Index>& topics, AclOperation operation,
                std::vector<Acl>& out) {
  for (const Index topic : topics) {
    FRESHET_ASSERT(topic < fleet.topics.size());
    if (fleet.topics[topic].cluster != cluster) continue;
    out.push_back({AclResource::kTopic, fleet.topics[topic].name, false, operation});
    out.push_back({AclResource::kTopic, fleet.topics[topic].name, false, kDescribe});
  }
}

// Whether any of these topics is of this cluster: a group is only needed where its topics are.
bool is_in(const Topology& fleet, Index cluster, const std::vector<Index>& topics) {
  return std::ranges::any_of(topics, [&](Index topic) { return fleet.topics[topic].cluster == cluster; });
}

}  // namespace

std::vector<Acl> acls_of(const Topology& fleet, const User& user) {
  std::vector<Acl> out;
  // What the file says comes first; what follows from the service may say the same again.
  for (const AclRule& rule : user.acls) {
    for (const AclOperation operation : rule.operations)
      out.push_back({rule.resource, rule.name, rule.is_prefix, operation});
  }
  if (user.service != kNone) {
    for (const Producer& producer : fleet.producers) {
      if (producer.service == user.service) add_topics(fleet, user.cluster, producer.topics, kWrite, out);
    }
    for (const Consumer& consumer : fleet.consumers) {
      if (consumer.service != user.service || !is_in(fleet, user.cluster, consumer.topics)) continue;
      add_topics(fleet, user.cluster, consumer.topics, kRead, out);
      out.push_back({AclResource::kGroup, consumer.group, false, kRead});
    }
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool is_guarded(const Cluster& cluster) { return cluster.security.authentication != Authentication::kAnonymous; }

std::string principal_of(const Cluster& cluster, std::string_view user) {
  const bool by_certificate = cluster.security.authentication == Authentication::kCertificates;
  return "User:" + std::string(by_certificate ? "CN=" : "") + std::string(user);
}

std::string_view scram_mechanism_of(const Cluster& cluster) {
  switch (cluster.security.authentication) {
    case Authentication::kScramSha256: return "SCRAM-SHA-256";
    case Authentication::kScramSha512: return "SCRAM-SHA-512";
    case Authentication::kAnonymous:
    case Authentication::kCertificates: break;
  }
  return "";
}

std::string_view protocol_of(const Security& security) {
  const bool sasl = security.authentication == Authentication::kScramSha256 ||
                    security.authentication == Authentication::kScramSha512;
  if (security.transport == Transport::kTls) return sasl ? "SASL_SSL" : "SSL";
  return sasl ? "SASL_PLAINTEXT" : "PLAINTEXT";
}

std::string_view variable_of(std::string_view reference) {
  constexpr std::string_view kFirst = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  constexpr std::string_view kDigits = "0123456789";
  if (!reference.starts_with("${") || !reference.ends_with("}") || reference.size() < 4) return "";
  const std::string_view name = reference.substr(2, reference.size() - 3);
  const auto fits = [&](char c) { return kFirst.find(c) != kFirst.npos || kDigits.find(c) != kDigits.npos; };
  return kFirst.find(name.front()) != kFirst.npos && std::ranges::all_of(name, fits) ? name : std::string_view();
}

// The table of Kafka's documentation, "Operations and resources on protocols".
bool is_possible(AclResource resource, AclOperation operation) {
  const auto one_of = [&](auto... allowed) { return operation == kAll || ((operation == allowed) || ...); };
  switch (resource) {
    case AclResource::kTopic:
      return one_of(kRead, kWrite, kCreate, kDelete, kAlter, kDescribe, kDescribeConfigs, kAlterConfigs);
    case AclResource::kGroup: return one_of(kRead, kDelete, kDescribe, kDescribeConfigs, kAlterConfigs);
    case AclResource::kTransactionalId: return one_of(kWrite, kDescribe);
    case AclResource::kCluster:
      return one_of(kCreate, kAlter, kDescribe, kClusterAction, kDescribeConfigs, kAlterConfigs, kIdempotentWrite);
  }
  return false;
}

std::string_view kafka_name(AclOperation operation) {
  constexpr std::array<std::string_view, 11> kNames = {
      "All",      "Read",          "Write",           "Create",       "Delete",         "Alter",
      "Describe", "ClusterAction", "DescribeConfigs", "AlterConfigs", "IdempotentWrite"};
  FRESHET_ASSERT(static_cast<size_t>(operation) < kNames.size());
  return kNames[static_cast<size_t>(operation)];
}

std::string text_of(const Acl& acl) {
  std::string out(name_of(acl.resource));
  if (!acl.name.empty()) out += " " + acl.name + (acl.is_prefix ? "*" : "");
  return out + ": " + std::string(name_of(acl.operation));
}

}  // namespace freshet::fleet
