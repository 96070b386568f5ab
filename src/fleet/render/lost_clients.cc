// Read back from what was rendered, by whichever release.
#include "fleet/render/lost_clients.h"

#include <algorithm>
#include <initializer_list>
#include <map>

#include "base/text.h"
#include "fleet/kafka_version.h"
#include "fleet/render/documents.h"

namespace freshet::fleet {
namespace {

// "" if it is not there.
std::string text_at(const yaml::Node& node, std::initializer_list<std::string_view> path) {
  const yaml::Node* const found = node.find(path);
  return found == nullptr ? "" : found->text;
}

// How a cluster is reached, as its resources or its inventory say it; "" is not known.
struct Reached {
  std::string cluster;
  std::string place;       // the namespace
  std::string connection;  // "plaintext", "tls, scram-sha-512"
  std::string version;
};

std::string connections_text(bool tls, const std::string& authentication) {
  return std::string(tls ? "tls" : "plaintext") + (authentication.empty() ? "" : ", " + authentication);
}

Reached reached_by(const yaml::Node& resource) {
  Reached out;
  if (text_at(resource, {"kind"}) != "Kafka") return out;
  out.cluster = text_at(resource, {"metadata", "name"});
  out.place = text_at(resource, {"metadata", "namespace"});
  out.version = text_at(resource, {"spec", "kafka", "version"});
  const yaml::Node* const listeners = resource.find({"spec", "kafka", "listeners"});
  if (listeners == nullptr || listeners->items.empty()) return out;
  const yaml::Node& first = listeners->items.front();
  out.connection = connections_text(text_at(first, {"tls"}) == "true", text_at(first, {"authentication", "type"}));
  return out;
}

Reached reached_in(std::string_view resources) {
  for (const yaml::Node& resource : documents_in(resources))
    if (Reached out = reached_by(resource); !out.cluster.empty()) return out;
  return {};
}

Reached reached_by_inventory(std::string_view cluster, std::string_view inventory) {
  Reached out;
  for (const yaml::Node& document : documents_in(inventory)) {
    const yaml::Node* const vars = document.find({"all", "vars"});
    if (vars == nullptr) continue;
    out.cluster = cluster;
    out.version = text_at(*vars, {"confluent_package_version"});
    const std::string sasl = text_at(*vars, {"sasl_protocol"});
    const bool certificates = text_at(*vars, {"ssl_client_authentication"}) == "required";
    out.connection = connections_text(text_at(*vars, {"ssl_enabled"}) == "true", certificates ? "certificates" : sasl);
  }
  return out;
}

// `product` is what the version is of.
void compare_reached(const Reached& was, const Reached& is, const std::string& product, std::vector<std::string>& out) {
  const std::string cluster = "cluster " + was.cluster;
  if (was.connection != is.connection)
    out.push_back(cluster + ": connections are " + is.connection + " instead of " + was.connection +
                  ": clients, and brokers among themselves, are refused until they connect so, too");
  if (!was.version.empty() && !is.version.empty() && parse_version(is.version) < parse_version(was.version))
    out.push_back(cluster + ": " + product + " " + is.version + " instead of " + was.version +
                  ": it does not start where the newer one's features were taken into use");
}

// Names of KafkaUsers by cluster.
std::map<std::string, std::vector<std::string>> users_in(std::string_view file) {
  std::map<std::string, std::vector<std::string>> out;
  for (const yaml::Node& resource : documents_in(file)) {
    const std::string name = text_at(resource, {"metadata", "name"});
    if (text_at(resource, {"kind"}) == "KafkaUser" && !name.empty())
      out[text_at(resource, {"metadata", "labels", "strimzi.io/cluster"})].push_back(name);
  }
  return out;
}

}  // namespace

std::vector<std::string> lost_listeners(std::string_view old_resources, std::string_view new_resources) {
  const Reached was = reached_in(old_resources);
  const Reached is = reached_in(new_resources);
  if (was.cluster.empty() || is.cluster.empty()) return {};
  // Whatever else differs is of another cluster.
  if (was.place != is.place)
    return {
        "cluster " + was.cluster + " is in namespace " + is.place + " instead of " + was.place +
        ": that is another cluster, and empty; what makes resources of it deletes the brokers of the old one, whose "
        "volumes stay"};
  std::vector<std::string> out;
  compare_reached(was, is, "Kafka", out);
  return out;
}

std::vector<std::string> lost_connections(std::string_view cluster, std::string_view old_inventory,
                                          std::string_view new_inventory) {
  const Reached was = reached_by_inventory(cluster, old_inventory);
  const Reached is = reached_by_inventory(cluster, new_inventory);
  if (was.cluster.empty() || is.cluster.empty()) return {};
  std::vector<std::string> out;
  compare_reached(was, is, "Confluent Platform", out);
  return out;
}

std::vector<std::string> lost_users(std::string_view old_users, std::string_view new_users) {
  auto now = users_in(new_users);
  std::vector<std::string> out;
  for (const auto& [cluster, names] : users_in(old_users)) {
    const std::vector<std::string>& kept = now[cluster];
    std::vector<std::string> gone;
    for (const std::string& name : names)
      if (std::ranges::find(kept, name) == kept.end()) gone.push_back(name);
    if (gone.empty()) continue;
    const bool one = gone.size() == 1;
    out.push_back("cluster " + cluster + (one ? ": user " : ": users ") + joined(gone, ", ") + (one ? " is" : " are") +
                  " gone: what makes resources of users deletes credentials and ACLs, and " +
                  "whoever still comes with them is refused");
  }
  return out;
}

}  // namespace freshet::fleet
