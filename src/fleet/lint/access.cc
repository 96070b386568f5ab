// Users, ACLs and secrets: what locks somebody out, what lets somebody in, and what should not stand in a file.
#include "fleet/access.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>

#include "cluster/admin/connection.h"
#include "fleet/lint/rules.h"
#include "fleet/text.h"
#include "yaml/reader.h"

namespace freshet::fleet::checks {
namespace {

std::string subject_of_user(const Topology& fleet, const User& user) {
  return "user " + fleet.clusters[user.cluster].name + "/" + user.name;
}

bool has_user_for(const Topology& fleet, Index cluster, Index service) {
  return std::ranges::any_of(fleet.users,
                             [&](const User& user) { return user.cluster == cluster && user.service == service; });
}

bool has_user_named(const Topology& fleet, Index cluster, std::string_view name) {
  const auto& supers = fleet.clusters[cluster].security.super_users;
  return std::ranges::find(supers, name) != supers.end() || std::ranges::any_of(fleet.users, [&](const User& user) {
           return user.cluster == cluster && user.name == name;
         });
}

// The clusters that each service writes or reads.
std::vector<std::set<Index>> clusters_of_services(const Topology& fleet) {
  std::vector<std::set<Index>> out(fleet.services.size());
  for (const Producer& producer : fleet.producers) {
    for (const Index topic : producer.topics) out[producer.service].insert(fleet.topics[topic].cluster);
  }
  for (const Consumer& consumer : fleet.consumers) {
    for (const Index topic : consumer.topics) out[consumer.service].insert(fleet.topics[topic].cluster);
  }
  return out;
}

// Who else may be this user: a mirror, or whoever runs this program.
bool is_named_elsewhere(const Topology& fleet, const User& user) {
  const bool by_mirror = std::ranges::any_of(fleet.mirrors, [&](const Mirror& mirror) {
    return mirror.user == user.name && (mirror.from == user.cluster || mirror.to == user.cluster);
  });
  const Cluster& cluster = fleet.clusters[user.cluster];
  const auto& supers = cluster.security.super_users;
  return by_mirror || std::ranges::find(supers, user.name) != supers.end() ||
         std::ranges::any_of(cluster.connect.properties, [&](const auto& property) {
           return property.first == "sasl.username" && property.second == user.name;
         });
}

bool allows(const Acl& acl, AclResource resource, AclOperation operation, std::string_view name) {
  if (acl.resource != resource || (acl.operation != operation && acl.operation != AclOperation::kAll)) return false;
  return acl.is_prefix ? name.starts_with(acl.name) : acl.name == "*" || acl.name == name;
}

// What the mirror's user may do there; nullopt of one that is not there, which unknown_client says, or may do
// everything.
std::optional<std::vector<Acl>> acls_of_mirror(const Topology& fleet, const Mirror& mirror, Index cluster) {
  const auto& supers = fleet.clusters[cluster].security.super_users;
  const auto user = std::ranges::find_if(
      fleet.users, [&](const User& each) { return each.cluster == cluster && each.name == mirror.user; });
  if (!is_guarded(fleet.clusters[cluster]) || user == fleet.users.end() ||
      std::ranges::find(supers, mirror.user) != supers.end())
    return std::nullopt;
  return acls_of(fleet, *user);
}

// Topics of the mirror that its user may not read (at the source) or write (at the target).
std::vector<std::string> topics_refused(const Topology& fleet, const Mirror& mirror, bool at_source) {
  const auto acls = acls_of_mirror(fleet, mirror, at_source ? mirror.from : mirror.to);
  if (!acls) return {};
  const AclOperation operation = at_source ? AclOperation::kRead : AclOperation::kWrite;
  std::vector<std::string> out;
  for (const MirroredTopic& each : mirror.topics) {
    const std::string& name = fleet.topics[each.from].name;
    const bool allowed =
        std::ranges::any_of(*acls, [&](const Acl& acl) { return allows(acl, AclResource::kTopic, operation, name); });
    if (!allowed) out.push_back(name);
  }
  return out;
}

// MirrorMaker 2, as it is rendered, keeps offset syncs in the source, and the rest of what it knows in the target,
// where its Connect is a group, too. Its tasks fail where one of these is refused.
std::vector<std::string> makers_own_refused(const Topology& fleet, const Mirror& mirror, bool at_source) {
  const Cluster& to = fleet.clusters[mirror.to];
  if (mirror.kind != MirrorKind::kMirrorMaker || to.platform != Platform::kStrimzi) return {};
  const auto acls = acls_of_mirror(fleet, mirror, at_source ? mirror.from : mirror.to);
  if (!acls) return {};
  std::vector<std::string> out;
  const auto needs = [&](AclResource resource, AclOperation operation, const std::string& name) {
    const auto fits = [&](const Acl& acl) { return allows(acl, resource, operation, name); };
    if (std::ranges::none_of(*acls, fits))
      out.push_back(fmt::format("{} {}{}", name_of(operation), resource == AclResource::kGroup ? "group " : "", name));
  };
  if (at_source) {
    needs(AclResource::kTopic, AclOperation::kWrite, "mm2-offset-syncs." + to.name + ".internal");
    return out;
  }
  needs(AclResource::kTopic, AclOperation::kWrite, fleet.clusters[mirror.from].name + ".checkpoints.internal");
  needs(AclResource::kTopic, AclOperation::kWrite, "mirror-" + mirror.name + "-configs");
  needs(AclResource::kGroup, AclOperation::kRead, "mirror-" + mirror.name);
  return out;
}

bool matches_a_topic(const Facts& facts, const User& user, const AclRule& rule) {
  return rule.name == "*" || std::ranges::any_of(facts.topics_of[user.cluster], [&](Index topic) {
           const std::string& name = facts.fleet.topics[topic].name;
           return rule.is_prefix ? name.starts_with(rule.name) : name == rule.name;
         });
}

// Topics that nobody declares: Kafka's own, and those of MirrorMaker and Connect.
bool makes_itself(std::string_view name) {
  return name.starts_with("__") || name.starts_with("mirror") || name.starts_with("mm2-") ||
         name.starts_with("heartbeats") || name.find("checkpoints.internal") != name.npos;
}

}  // namespace

// A mirror has one user for both of its clusters, so one finding says all of it.
Findings unknown_client(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  const auto used = clusters_of_services(fleet);
  Findings found;
  for (Index i = 0; i < fleet.services.size(); ++i) {
    for (const Index cluster : used[i]) {
      if (!is_guarded(fleet.clusters[cluster]) || has_user_for(fleet, cluster, i)) continue;
      const Service& service = fleet.services[i];
      found.push_back(finding(
          facts, Kind::kService, i, "name",
          fmt::format("no user of cluster {} is for it", fleet.clusters[cluster].name),
          fmt::format("users: {{name: {0}, cluster: {1}, service: {0}}}", service.name, fleet.clusters[cluster].name)));
    }
  }
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Mirror& mirror = fleet.mirrors[i];
    for (const Index cluster : {mirror.from, mirror.to}) {
      const bool is_known = !mirror.user.empty() && has_user_named(fleet, cluster, mirror.user);
      if (!is_guarded(fleet.clusters[cluster]) || is_known) continue;
      found.push_back(finding(
          facts, Kind::kMirror, i, mirror.user.empty() ? "name" : "user",
          mirror.user.empty() ? fmt::format("it has no user, and cluster {} asks for one", fleet.clusters[cluster].name)
                              : fmt::format("cluster {} has no user {}", fleet.clusters[cluster].name, mirror.user),
          "user: a user of both clusters"));
      break;  // one user is for both
    }
  }
  return found;
}

// A service's rights follow from what it does; those of a mirror's user are said by `acls`.
Findings mirror_rights(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.mirrors.size(); ++i) {
    const Mirror& mirror = fleet.mirrors[i];
    for (const bool at_source : {true, false}) {
      const std::string_view verb = at_source ? "read" : "write";
      const std::string& cluster = fleet.clusters[at_source ? mirror.from : mirror.to].name;
      const auto add = [&](std::string_view what, std::string_view acls) {
        found.push_back(finding(facts, Kind::kMirror, i, "user",
                                fmt::format("user {} of cluster {} may not {}", mirror.user, cluster, what),
                                fmt::format("acls of user {}/{}: [{}]", cluster, mirror.user, acls)));
      };
      if (const auto names = topics_refused(fleet, mirror, at_source); !names.empty())
        add(fmt::format("{} {}", verb, list_of(names)),
            fmt::format("{{topic: \"*\", operations: [{}, describe]}}", verb));
      if (const auto own = makers_own_refused(fleet, mirror, at_source); !own.empty())
        add(list_of(own), at_source ? "{topic: \"mm2-*\", operations: [all]}"
                                    : "{topic: \"*\", operations: [all]}, {group: \"*\", operations: [all]}");
    }
  }
  return found;
}

// ACLs without authentication are words: everybody is ANONYMOUS.
Findings acls_not_enforced(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.clusters.size(); ++i) {
    if (is_guarded(fleet.clusters[i])) continue;
    const auto users = std::ranges::count_if(fleet.users, [&](const User& user) { return user.cluster == i; });
    if (users == 0) continue;
    found.push_back(finding_mended(facts, Kind::kCluster, i, "security.authentication",
                                   plural(static_cast<uint64_t>(users), "user") + ", authentication none",
                                   "scram_sha_512", ""));
  }
  return found;
}

// Strimzi's operator lets its brokers do everything, and cp-ansible's brokers have a user of their own where there are
// passwords; what stands in certificates knows whoever makes them.
Findings brokers_refused(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.clusters.size(); ++i) {
    const Cluster& cluster = fleet.clusters[i];
    if (cluster.platform != Platform::kEc2 || !cluster.security.super_users.empty() ||
        cluster.security.authentication != Authentication::kCertificates)
      continue;
    found.push_back(finding(facts, Kind::kCluster, i, "security.authentication", "certificates, and no super_users",
                            "security.super_users: the names (CN) in the certificates of brokers and controllers"));
  }
  return found;
}

Findings password_over_plaintext(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (Index i = 0; i < fleet.clusters.size(); ++i) {
    const Cluster& cluster = fleet.clusters[i];
    if (scram_mechanism_of(cluster).empty() || cluster.security.transport == Transport::kTls) continue;
    found.push_back(finding_mended(facts, Kind::kCluster, i, "security.transport",
                                   fmt::format("{} over plaintext", scram_mechanism_of(cluster)), "tls", ""));
  }
  return found;
}

// The value is not shown, and neither is its length. Settings of brokers have little that is secret and much that is
// called a key, a token or a configuration.
Findings secret_in_file(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  const auto is_literal = [](std::string_view value) { return value.find("${") == value.npos; };
  const auto is_secret_setting = [](std::string_view name) {
    return name.find("secret") != name.npos || name.ends_with(".password") || name.ends_with("master.key") ||
           name.ends_with("jaas.config");
  };
  for (Index i = 0; i < fleet.clusters.size(); ++i) {
    const Cluster& cluster = fleet.clusters[i];
    const auto add = [&](yaml::Place at, std::string_view list, const std::string& name, std::string mend) {
      found.push_back(at_place(at, subject_of(fleet, Kind::kCluster, i), fmt::format("{} has {}", list, name), mend));
    };
    for (const auto& [name, value] : cluster.connect.properties)
      if (cluster::may_be_secret(name) && is_literal(value))
        add(cluster.connect_where.of("properties"), "connect.properties", name,
            fmt::format("{}: \"${{NAME}}\", a variable of the environment", name));
    for (const auto& [name, value] : cluster.settings)
      if (is_secret_setting(name) && is_literal(value))
        add(cluster.where.of("settings"), "settings", name,
            fmt::format("{}: \"${{file:/etc/kafka/secrets:NAME}}\", of a provider of Kafka's (config.providers)",
                        name));
  }
  return found;
}

// Super users, mirrors' users and the one that this program connects as have their reason elsewhere.
Findings unused_user(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  const auto used = clusters_of_services(fleet);
  Findings found;
  for (const User& user : fleet.users) {
    const std::string& cluster = fleet.clusters[user.cluster].name;
    std::string evidence;
    if (user.service != kNone && !used[user.service].contains(user.cluster)) {
      evidence =
          fmt::format("service {} neither writes nor reads in cluster {}", fleet.services[user.service].name, cluster);
    } else if (user.service == kNone && user.acls.empty() && !is_named_elsewhere(fleet, user)) {
      evidence = "no service and no mirror is it, and nothing is allowed to it";
    }
    if (evidence.empty()) continue;
    found.push_back(at_place(user.where.of(user.service == kNone ? "name" : "service"), subject_of_user(fleet, user),
                             evidence, "name whose it is, or take it out"));
  }
  return found;
}

// A KafkaUser is called as its user and belongs to one cluster: in one namespace there is one of a name. Clusters of
// one region are taken to be in one Kubernetes (mirror_source_address).
Findings user_twice_in_namespace(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  std::map<std::tuple<Index, std::string, std::string>, const User*> first;
  Findings found;
  for (const User& user : fleet.users) {
    const Cluster& cluster = fleet.clusters[user.cluster];
    if (cluster.platform != Platform::kStrimzi || !is_guarded(cluster)) continue;
    const auto [entry, is_new] =
        first.emplace(std::tuple(cluster.region, cluster.kubernetes_namespace, user.name), &user);
    if (is_new) continue;
    const std::string& other = fleet.clusters[entry->second->cluster].name;
    found.push_back(at_place(user.where.of("name"), subject_of_user(fleet, user),
                             fmt::format("cluster {} has a user {} too, and both clusters are in namespace {}", other,
                                         user.name, cluster.kubernetes_namespace),
                             "another `namespace` for one of the clusters, or another name"));
  }
  return found;
}

// Groups and transactional ids may be anybody's, and come and go; topics are all in the file.
Findings acl_of_nothing(const Facts& facts) {
  const Topology& fleet = facts.fleet;
  Findings found;
  for (const User& user : fleet.users) {
    for (const AclRule& rule : user.acls) {
      if (rule.resource != AclResource::kTopic || makes_itself(rule.name) || matches_a_topic(facts, user, rule))
        continue;
      std::vector<std::string> names;
      for (const Index topic : facts.topics_of[user.cluster]) names.push_back(fleet.topics[topic].name);
      found.push_back(at_place(rule.where.of("topic"), subject_of_user(fleet, user),
                               fmt::format("cluster {} has no topic {}{}{}", fleet.clusters[user.cluster].name,
                                           rule.name, rule.is_prefix ? "*" : "", yaml::did_you_mean(rule.name, names)),
                               "a topic that is there, or take it out"));
    }
  }
  return found;
}

}  // namespace freshet::fleet::checks
