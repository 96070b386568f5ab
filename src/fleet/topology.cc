// Names: what may be one, and how enumerators are written in fleet.yaml. The rules are those of the systems that get
// the names, so that a fleet that is accepted here can be made there.
#include "fleet/topology.h"

#include <algorithm>

#include "fleet/fields.h"
#include "fleet/rebalance/windows.h"

namespace freshet::fleet {
namespace {

bool is_dns_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

// A label of a host's name (RFC 1035: 63 octets). Names of clusters and services become parts of host names,
// Kubernetes objects and folders, none of which take more than this.
bool is_dns_name(std::string_view name) {
  constexpr size_t kLengthMax = 63;
  return !name.empty() && name.size() <= kLengthMax && name.front() != '-' && name.back() != '-' &&
         std::all_of(name.begin(), name.end(), is_dns_char);
}

// Labels with dots between them, as Route 53 has zones. The length leaves room for a host's own label.
bool is_dns_zone(std::string_view zone) {
  constexpr size_t kLengthMax = 251;
  if (zone.size() > kLengthMax) return false;
  while (true) {
    const size_t end = std::min(zone.find('.'), zone.size());
    if (!is_dns_name(zone.substr(0, end))) return false;
    if (end == zone.size()) return true;
    zone.remove_prefix(end + 1);
  }
}

// "us-east-1a", "c6g.xlarge", "gp3", "n2_standard_4".
bool is_cloud_name(std::string_view name) {
  constexpr size_t kLengthMax = 63;
  const auto fits = [](char c) { return is_dns_char(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_'; };
  return !name.empty() && name.size() <= kLengthMax && std::all_of(name.begin(), name.end(), fits);
}

bool is_topic_char(char c) { return is_dns_char(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_'; }

// Kafka's own rule (org.apache.kafka.common.internals.Topic). The length leaves room for "-<partition>" and a suffix
// in a file name of 255 bytes.
bool is_topic_name(std::string_view name) {
  constexpr size_t kLengthMax = 249;
  return !name.empty() && name.size() <= kLengthMax && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(), is_topic_char);
}

bool is_user_char(char c) { return is_topic_char(c) || c == '@'; }

// Stands in principals, names of secrets and shell: what needs escaping in one of them is no name.
bool is_user_name(std::string_view name) {
  constexpr size_t kLengthMax = 63;
  return !name.empty() && name.size() <= kLengthMax && name.front() != '-' && std::ranges::all_of(name, is_user_char);
}

// Groups and transactional ids may be called anything in Kafka; here they are what all targets can write.
bool is_resource_name(std::string_view name) {
  constexpr size_t kLengthMax = 249;
  if (name == "*") return true;
  if (name.ends_with('*')) name.remove_suffix(1);
  const auto fits = [](char c) { return is_user_char(c) || c == ':' || c == '/'; };
  return !name.empty() && name.size() <= kLengthMax && std::ranges::all_of(name, fits);
}

// Two or three numbers: "3.9" or "3.9.1". A "v", a "-rc1" and the like are refused: images and archives are found by
// this text.
bool is_version(std::string_view text) {
  size_t numbers = 0;
  while (true) {
    const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    if (digits == 0 || digits > 3 || ++numbers > 3) return false;
    text.remove_prefix(digits);
    if (text.empty()) return numbers >= 2;
    if (text.front() != '.') return false;
    text.remove_prefix(1);
  }
}

// Anything that stays on one line, because it ends in comments and labels of rendered files.
bool is_printable(std::string_view text) {
  constexpr size_t kLengthMax = 500;
  return !text.empty() && text.size() <= kLengthMax &&
         std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

}  // namespace

const yaml::TextRule kAnyName = {"^[^\\u0000-\\u001f]{1,500}$", "one line of text", is_printable};
const yaml::TextRule kDnsName = {"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
                                 "up to 63 of a-z 0-9 -, not beginning or ending with -", is_dns_name};
const yaml::TextRule kTopicName = {"^(?!\\.{1,2}$)[a-zA-Z0-9._-]{1,249}$", "up to 249 of a-z A-Z 0-9 . _ -",
                                   is_topic_name};
const yaml::TextRule kDnsZone = {"^[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})*$",
                                 "names of up to 63 of a-z 0-9 - with dots between them, as in kafka.internal",
                                 is_dns_zone};
const yaml::TextRule kWindow = {"^[a-z,-]{3,60} [0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}( [A-Za-z0-9_+:/-]{1,60})?$",
                                rebalance::kWindowForm, rebalance::is_window_text};
const yaml::TextRule kCloudName = {"^[a-zA-Z0-9._-]{1,63}$", "up to 63 of a-z A-Z 0-9 . _ -", is_cloud_name};
const yaml::TextRule kUserName = {"^[a-zA-Z0-9._@][a-zA-Z0-9._@-]{0,62}$",
                                  "up to 63 of a-z A-Z 0-9 . _ @ -, not beginning with -", is_user_name};
const yaml::TextRule kResourceName = {
    "^(\\*|[a-zA-Z0-9._@:/-]{1,249}\\*?)$",
    "up to 249 of a-z A-Z 0-9 . _ @ : / -, a * at the end stands for all that begin so", is_resource_name};
const yaml::TextRule kKafkaVersion = {"^[0-9]{1,3}(\\.[0-9]{1,3}){1,2}$", "a version, as in 3.9.1", is_version};

const std::string* said_setting(const std::vector<std::pair<std::string, std::string>>& settings,
                                std::string_view name) {
  for (const auto& [each, value] : settings)
    if (each == name) return &value;
  return nullptr;
}

// ReplicationPolicy.isInternalTopic and the default of topics.exclude (DefaultTopicFilter).
bool is_never_mirrored(std::string_view topic) {
  return topic.ends_with("-internal") || topic.ends_with(".internal") || topic.ends_with(".replica") ||
         topic.starts_with("__") || topic.starts_with('.') || topic == "heartbeats";
}

Index Topology::find_cluster(std::string_view wanted) const {
  for (Index i = 0; i < clusters.size(); ++i) {
    if (clusters[i].name == wanted) return i;
  }
  return kNone;
}

Index Topology::find_topic(Index cluster, std::string_view wanted) const {
  for (Index i = 0; i < topics.size(); ++i) {
    if (topics[i].cluster == cluster && topics[i].name == wanted) return i;
  }
  return kNone;
}

Index Topology::find_service(std::string_view wanted) const {
  for (Index i = 0; i < services.size(); ++i) {
    if (services[i].name == wanted) return i;
  }
  return kNone;
}

}  // namespace freshet::fleet
