// Users as KafkaUser: the same in both versions of the API.
#include <algorithm>
#include <map>
#include <tuple>

#include "base/assert.h"
#include "fleet/access.h"
#include "fleet/render/names.h"
#include "fleet/render/strimzi.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// "transactionalId"; all others are called as in the file.
std::string_view resource_type(AclResource resource) {
  return resource == AclResource::kTransactionalId ? "transactionalId" : name_of(resource);
}

// One entry for each resource, with all of its operations.
yaml::Node acls(const std::vector<Acl>& all) {
  std::map<std::tuple<AclResource, std::string, bool>, yaml::Node> operations;
  for (const Acl& acl : all) {
    yaml::Node& of = operations.try_emplace({acl.resource, acl.name, acl.is_prefix}, list()).first->second;
    of.items.push_back(yaml::text(kafka_name(acl.operation)));
  }
  yaml::Node out = list();
  for (auto& [key, names] : operations) {
    const auto& [resource, name, is_prefix] = key;
    yaml::Node of = map("type", resource_type(resource));
    if (resource != AclResource::kCluster) {
      yaml::put(of, "name", name);
      yaml::put(of, "patternType", is_prefix ? "prefix" : "literal");
    }
    out.items.push_back(map("resource", std::move(of), "operations", std::move(names), "host", "*"));
  }
  return out;
}

// Of each broker, as Kafka counts them.
yaml::Node quotas(const Quota& quota) {
  yaml::Node out = map();
  if (quota.produce_bytes_per_s > 0) yaml::put(out, "producerByteRate", quota.produce_bytes_per_s);
  if (quota.consume_bytes_per_s > 0) yaml::put(out, "consumerByteRate", quota.consume_bytes_per_s);
  // Strimzi takes whole percents.
  if (quota.request_percent > 0)
    yaml::put(out, "requestPercentage", std::max<uint64_t>(1, static_cast<uint64_t>(quota.request_percent + 0.5)));
  return out;
}

// A password of the file's is looked up in a Secret that whoever has it makes; without one the operator makes one up,
// and leaves it in a Secret of the user's name.
yaml::Node authentication(const Cluster& cluster, const User& user) {
  yaml::Node out = map("type", authentication_of(cluster));
  if (!user.password.empty())
    yaml::put(out, "password",
              map("valueFrom", map("secretKeyRef", map("name", user.name + "-password", "key", "password"))));
  return out;
}

}  // namespace

std::string_view authentication_of(const Cluster& cluster) {
  switch (cluster.security.authentication) {
    case Authentication::kScramSha256: return "scram-sha-256";  // of a mirror's other end: listeners have none
    case Authentication::kScramSha512: return "scram-sha-512";
    case Authentication::kCertificates: return "tls";
    case Authentication::kAnonymous: break;
  }
  FRESHET_ASSERT(false && "only of a cluster that asks");
  return "";
}

void render_strimzi_users(const Topology& topology, Index cluster_index, StrimziApi api, std::string& out) {
  const Cluster& cluster = topology.clusters[cluster_index];
  if (!is_guarded(cluster)) return;
  for (const User& user : topology.users) {
    if (user.cluster != cluster_index) continue;
    yaml::Node spec = map("authentication", authentication(cluster, user));
    yaml::Node allowed = acls(acls_of(topology, user));
    if (!allowed.items.empty()) yaml::put(spec, "authorization", map("type", "simple", "acls", std::move(allowed)));
    if (user.quota.is_given()) yaml::put(spec, "quotas", quotas(user.quota));
    append_document(out,
                    strimzi_object(api, "KafkaUser", strimzi_metadata(cluster, user.name, user.description, user.owner),
                                   std::move(spec)));
  }
}

}  // namespace freshet::fleet
