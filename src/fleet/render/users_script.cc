// What stands in the script are names of the file, whose rules (kUserName, kResourceName, kTopicName) leave no
// character that means something to a shell but `*`; they are quoted all the same, since rules may become wider.
#include "fleet/render/users_script.h"

#include <fmt/core.h>

#include "fleet/access.h"
#include "fleet/render/names.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

constexpr std::string_view kHead =
    "# Needs Kafka's own tools (of any 3.x or 4.x) on the PATH. KAFKA_ADMIN_CONFIG is a file of a client's properties "
    "that\n"
    "# may do this; KAFKA_BOOTSTRAP goes before the brokers below. Run again it changes nothing but passwords. It "
    "takes\n"
    "# nothing away: what is no longer in the file stays until somebody removes it.\n"
    "set -euo pipefail\n"
    "config=(${KAFKA_ADMIN_CONFIG:+--command-config \"$KAFKA_ADMIN_CONFIG\"})\n";

// In single quotes, as the shell takes it literally.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + "'";
}

// As kafka-acls.sh takes it: literal names are its default.
std::string resource_arguments(const Acl& acl) {
  const std::string pattern = acl.is_prefix ? " --resource-pattern-type prefixed" : "";
  switch (acl.resource) {
    case AclResource::kTopic: return "--topic " + shell_quoted(acl.name) + pattern;
    case AclResource::kGroup: return "--group " + shell_quoted(acl.name) + pattern;
    case AclResource::kTransactionalId: return "--transactional-id " + shell_quoted(acl.name) + pattern;
    case AclResource::kCluster: break;
  }
  return "--cluster";
}

// Without "User:", as quotas and credentials name it.
std::string entity_of(const Cluster& cluster, const User& user) {
  return shell_quoted(principal_of(cluster, user.name).substr(std::string_view("User:").size()));
}

void append_quota(const Cluster& cluster, const User& user, std::string& out) {
  std::string settings;
  const auto add = [&](std::string_view name, const std::string& value) {
    settings += fmt::format("{}{}={}", settings.empty() ? "" : ",", name, value);
  };
  if (user.quota.produce_bytes_per_s > 0) add("producer_byte_rate", std::to_string(user.quota.produce_bytes_per_s));
  if (user.quota.consume_bytes_per_s > 0) add("consumer_byte_rate", std::to_string(user.quota.consume_bytes_per_s));
  if (user.quota.request_percent > 0) add("request_percentage", fmt::format("{:g}", user.quota.request_percent));
  out += fmt::format("configs --alter --entity-type users --entity-name {} --add-config {}\n", entity_of(cluster, user),
                     shell_quoted(settings));
}

// The password before the ACLs: who is allowed something should be able to prove who he is. The tool reads it from a
// pipe of the shell's, as its own options would be seen in the list of processes.
void append_user(const Topology& topology, const Cluster& cluster, const User& user, std::string& out) {
  out += "\n# " + user.name + (user.owner.empty() ? "" : " (" + user.owner + ")") +
         (user.description.empty() ? "" : ": " + user.description) + "\n";
  // A file of properties takes a backslash for an escape. The shell would go on where the variable is missed inside the
  // pipe only.
  if (!user.password.empty()) out += fmt::format(": \"${{{}:?}}\"\n", variable_of(user.password));
  if (!user.password.empty())
    out += fmt::format(
        "configs --alter --entity-type users --entity-name {} --add-config-file <(printf '%s=password=%s\\n' {} "
        "\"${{{}//\\\\/\\\\\\\\}}\")\n",
        entity_of(cluster, user), scram_mechanism_of(cluster), variable_of(user.password));
  for (const Acl& acl : acls_of(topology, user))
    out +=
        fmt::format("acls --add --force --allow-principal {} --operation {} {}\n",
                    shell_quoted(principal_of(cluster, user.name)), kafka_name(acl.operation), resource_arguments(acl));
  if (user.quota.is_given()) append_quota(cluster, user, out);
}

}  // namespace

void render_users_script(const Topology& topology, Index index, const Source& source, Rendering& out) {
  const Cluster& cluster = topology.clusters[index];
  if (!is_guarded(cluster)) return;
  std::string users;
  size_t without_password = 0;
  for (const User& user : topology.users) {
    if (user.cluster != index) continue;
    append_user(topology, cluster, user, users);
    without_password += user.password.empty() && !scram_mechanism_of(cluster).empty() ? 1 : 0;
  }
  if (users.empty()) return;
  const std::string tools = fmt::format(
      "bootstrap=${{KAFKA_BOOTSTRAP:-{}}}\n"
      "configs() {{ kafka-configs.sh --bootstrap-server \"$bootstrap\" \"${{config[@]}}\" \"$@\"; }}\n"
      "acls() {{ kafka-acls.sh --bootstrap-server \"$bootstrap\" \"${{config[@]}}\" \"$@\"; }}\n",
      bootstrap_of(topology, cluster));
  out.files.push_back({"ansible/" + cluster.name + "/users.sh",
                       "#!/usr/bin/env bash\n" + comment_header(source) + std::string(kHead) + tools + users});
  if (without_password > 0)
    out.notes.push_back(fmt::format("cluster {}: {} without a password: users.sh makes no credentials of theirs",
                                    cluster.name, plural(without_password, "user")));
}

}  // namespace freshet::fleet
