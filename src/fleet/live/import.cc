// The file that is made describes what lives: `fleet diff` with it finds no difference. What clusters do not tell is
// left to its defaults, and what a file can't say is noted for whoever made it.
#include "fleet/live/import.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "fleet/fields.h"
#include "fleet/topic_settings.h"
#include "yaml/units.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::map;

constexpr std::string_view kNoZone = "unknown";  // of brokers that have no rack
constexpr std::string_view kNoRegion = "imported";

// The keys of a topic that many share, so that `defaults` can have them.
constexpr std::array<std::string_view, 7> kSharedKeys = {
    "partitions", "replication", "min_isr", "retention", "retention_bytes", "cleanup", "message_bytes_max"};

std::optional<int64_t> whole(const SettingNow* setting) {
  if (setting == nullptr) return std::nullopt;
  int64_t value = 0;
  const std::string& text = setting->value;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

// Racks may have any name; zones of a file are names of a cloud's.
std::string cloud_name_of(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 63)) {
    out += is_name_char(c) || c == '-' || c == '.' ? c : '-';
  }
  return out.empty() ? std::string(kNoZone) : out;
}

// What is the same in "us-east-1a" and "us-east-1b", and in "europe-west1-b" and "europe-west1-c".
std::string region_of(const std::set<std::string>& zones) {
  std::string region;
  if (zones.contains(std::string(kNoZone))) return std::string(kNoRegion);
  for (const std::string& zone : zones) {
    std::string_view name = std::string_view(zone).substr(0, zone.size() - 1);
    if (name.ends_with('-')) name.remove_suffix(1);
    if (zone.back() < 'a' || zone.back() > 'z' || !kDnsName.fits(name) || (!region.empty() && name != region))
      return std::string(kNoRegion);
    region = name;
  }
  return region;
}

std::set<std::string> zones_of(const ClusterNow& now) {
  std::set<std::string> out;
  for (const cluster::Broker& broker : now.brokers) {
    if (!broker.rack.empty()) out.insert(cloud_name_of(broker.rack));
  }
  if (out.empty()) out.insert(std::string(kNoZone));
  return out;
}

std::string cleanup_of(const SettingNow* setting) {
  for (const auto& [policy, name] : {std::pair("compact", "compact"), std::pair("compact,delete", "compact_delete")}) {
    if (setting != nullptr && same_setting("cleanup.policy", setting->value, policy)) return name;
  }
  return "delete";
}

class Importer {
 public:
  Importer(const cluster::Properties& properties, const std::vector<ClusterSeen>& clusters)
      : properties_(properties), clusters_(clusters) {}

  Imported run(const std::string& name) {
    for (const ClusterSeen& seen : clusters_) add_cluster(seen);
    yaml::Node root = map("fleet", name);
    yaml::Node defaults = map();
    if (!properties_.empty()) yaml::put(defaults, "cluster", map("connect", map("properties", properties())));
    yaml::Node shared = share();
    if (!shared.keys.empty()) yaml::put(defaults, "topic", std::move(shared));
    if (!defaults.keys.empty()) yaml::put(root, "defaults", std::move(defaults));
    yaml::put(root, "regions", regions());
    yaml::put(root, "clusters", std::move(cluster_nodes_));
    if (!topics_.items.empty()) yaml::put(root, "topics", std::move(topics_));
    if (!services_.items.empty()) yaml::put(root, "services", std::move(services_));
    return {header() + yaml::write(root), std::move(notes_)};
  }

 private:
  [[nodiscard]] std::string header() const {
    std::string out = "# Made by freshet fleet import";
    for (const ClusterSeen& seen : clusters_) out += (&seen == clusters_.data() ? " from " : ", ") + seen.bootstrap;
    return out +
           ".\n# Clusters do not tell what machines and disks they run on, how many messages come, how large they "
           "are,\n"
           "# who produces and who owns what: these have their defaults here until somebody fills them in.\n";
  }

  // Passwords that were given on the command line go into no file: they are taken from the environment, by that name.
  [[nodiscard]] yaml::Node properties() const {
    yaml::Node out = map();
    for (const auto& [name, value] : properties_) {
      std::string variable = "KAFKA_";
      for (const char c : name)
        variable += c == '.' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
      yaml::put(out, name, cluster::may_be_secret(name) ? "${" + variable + "}" : value);
    }
    return out;
  }

  void add_cluster(const ClusterSeen& seen) {
    const std::set<std::string> zones = zones_of(seen.now);
    const std::string region = region_of(zones);
    zones_[region].insert(zones.begin(), zones.end());
    yaml::Node node =
        map("name", seen.name, "region", region, "zones",
            yaml::list_of(std::vector<std::string>(zones.begin(), zones.end())), "brokers", seen.now.brokers.size(),
            "connect", map("bootstrap", seen.bootstrap, "cluster_id", seen.now.id));
    cluster_nodes_.items.push_back(std::move(node));
    for (const auto& [name, topic] : seen.now.topics) add_topic(seen, name, topic);
    for (const GroupSeen& group : seen.groups) add_group(seen, group);
  }

  void note(const ClusterSeen& seen, const std::string& topic, const std::string& what) {
    notes_.push_back(fmt::format("topic {}/{}: {}", seen.name, topic, what));
  }

  void add_topic(const ClusterSeen& seen, const std::string& name, const TopicNow& now) {
    yaml::Node node =
        map("name", name, "cluster", seen.name, "partitions", now.partitions, "replication", now.replication_max);
    if (now.replication_min != now.replication_max)
      note(seen, name, fmt::format("its partitions have {} to {} replicas", now.replication_min, now.replication_max));
    yaml::put(node, "min_isr", whole(now.find("min.insync.replicas")).value_or(1));
    retention(seen, name, now, node);
    local_retention(seen, name, now, node);
    yaml::put(node, "cleanup", cleanup_of(now.find("cleanup.policy")));
    yaml::put(node, "message_bytes_max",
              yaml::size_text(static_cast<uint64_t>(whole(now.find("max.message.bytes")).value_or(1 << 20))));
    yaml::Node settings = map();
    for (const auto& [key, setting] : now.settings) {
      if (!setting.own || !why_not_a_setting(key).empty()) continue;
      if (setting.value.empty()) {
        note(seen, name, key + " is set to nothing, which a file can't say");
      } else {
        yaml::put(settings, key,
                  is_plain_number(setting.value) ? yaml::plain(setting.value) : yaml::text(setting.value));
      }
    }
    if (!settings.keys.empty()) yaml::put(node, "settings", std::move(settings));
    topics_.items.push_back(std::move(node));
  }

  void retention(const ClusterSeen& seen, const std::string& name, const TopicNow& now, yaml::Node& node) {
    const int64_t ms = whole(now.find("retention.ms")).value_or(-1);
    if (ms == 0) note(seen, name, "retention.ms is 0, which a file can't say: 0 is without end there");
    const bool endless = ms <= 0 || ms > kRetentionMostUs / 1000;
    yaml::put(node, "retention", yaml::plain(endless ? "0" : yaml::duration_text(ms * 1000)));
    // A bound of the brokers is theirs: the file says only what is set on the topic.
    const SettingNow* bytes = now.find("retention.bytes");
    const int64_t most = bytes != nullptr && bytes->own ? whole(bytes).value_or(-1) : -1;
    if (bytes != nullptr && bytes->own && (most <= 0 || static_cast<uint64_t>(most) > kRetentionMostBytes))
      note(seen, name, fmt::format("retention.bytes is set to {} on it, which a file does not say", bytes->value));
    const bool bounded = most > 0 && static_cast<uint64_t>(most) <= kRetentionMostBytes;
    yaml::put(node, "retention_bytes",
              bounded ? yaml::plain(yaml::size_text(static_cast<uint64_t>(most))) : yaml::plain("0"));
  }

  // A tiered topic that is not told of as one would be made anew without its remote storage.
  void local_retention(const ClusterSeen& seen, const std::string& name, const TopicNow& now, yaml::Node& node) {
    const SettingNow* tiered = now.find("remote.storage.enable");
    if (tiered == nullptr || tiered->value != "true") return;
    const int64_t ms = whole(now.find("local.retention.ms")).value_or(-1);
    if (ms > 0 && ms <= kRetentionMostUs / 1000) {
      yaml::put(node, "local_retention", yaml::plain(yaml::duration_text(ms * 1000)));
    } else {
      note(seen, name, "it is tiered, and all that it keeps may be on the disks, too: say how much (local_retention)");
    }
  }

  void add_group(const ClusterSeen& seen, const GroupSeen& group) {
    if (!kAnyName.fits(group.name) || group.topics.empty()) {
      notes_.push_back(fmt::format("group {}/{}: reads no topic of the file", seen.name, group.name));
      return;
    }
    std::string name = dns_name_of(group.name);
    for (size_t number = 2; !service_names_.insert(name).second; ++number)
      name = dns_name_of(group.name).substr(0, 58) + "-" + std::to_string(number);
    const std::vector<std::string> topics(group.topics.begin(), group.topics.end());
    services_.items.push_back(
        map("name", name, "instances", std::max(group.members, 1u), "consumes",
            yaml::list(map("cluster", seen.name, "topics", yaml::list_of(topics), "group", group.name))));
  }

  [[nodiscard]] yaml::Node regions() const {
    yaml::Node out = yaml::list();
    for (const auto& [name, zones] : zones_)
      out.items.push_back(
          map("name", name, "zones", yaml::list_of(std::vector<std::string>(zones.begin(), zones.end()))));
    return out;
  }

  // Takes what most topics have out of them, and returns it.
  yaml::Node share() {
    yaml::Node out = map();
    for (const std::string_view key : kSharedKeys) {
      std::map<std::string, size_t> counts;
      for (const yaml::Node& topic : topics_.items) ++counts[topic.find(key)->text];
      if (counts.empty()) continue;
      const std::string most = std::ranges::max_element(counts, {}, [](const auto& one) { return one.second; })->first;
      yaml::put(out, key, yaml::plain(most));
      for (yaml::Node& topic : topics_.items) {
        const auto at = std::ranges::find(topic.keys, key, &yaml::Node::text) - topic.keys.begin();
        if (topic.items[static_cast<size_t>(at)].text != most) continue;
        topic.keys.erase(topic.keys.begin() + at);
        topic.items.erase(topic.items.begin() + at);
      }
    }
    return out;
  }

  const cluster::Properties& properties_;
  const std::vector<ClusterSeen>& clusters_;
  std::map<std::string, std::set<std::string>> zones_;  // by region
  std::set<std::string> service_names_;
  yaml::Node cluster_nodes_ = yaml::list();
  yaml::Node topics_ = yaml::list();
  yaml::Node services_ = yaml::list();
  std::vector<std::string> notes_;
};

}  // namespace

std::string dns_name_of(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const char lower = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    const bool fits = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (fits) {
      out += lower;
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  out.resize(std::min<size_t>(out.size(), 63));
  while (out.ends_with('-')) out.pop_back();
  return out.empty() ? "unnamed" : out;
}

Result<std::vector<GroupSeen>> look_at_groups(cluster::Admin& admin, const ClusterNow& now,
                                              std::vector<std::string>& notes) {
  std::vector<cluster::PartitionRef> all;
  for (const auto& [name, topic] : now.topics) {
    for (uint32_t p = 0; p < topic.partitions; ++p) all.push_back({name, static_cast<int32_t>(p)});
  }
  FRESHET_ASSIGN(const cluster::Groups groups, admin.groups());
  notes.insert(notes.end(), groups.errors.begin(), groups.errors.end());
  std::vector<GroupSeen> out;
  for (const cluster::Group& group : groups.list) {
    GroupSeen& seen = out.emplace_back();
    seen.name = group.name;
    const auto members = admin.members(group.name);
    const auto committed = admin.committed(group.name, all);
    if (!members) notes.push_back(members.error().message);
    if (!committed) notes.push_back(committed.error().message);
    seen.members = members ? static_cast<uint32_t>(members->size()) : 0;
    const auto reads = [&](const cluster::PartitionRef& of) {
      if (now.topics.contains(of.topic)) seen.topics.insert(of.topic);
    };
    for (const cluster::Member& member : members.value_or(std::vector<cluster::Member>())) {
      for (const cluster::PartitionRef& of : member.assigned) reads(of);
    }
    for (const cluster::CommittedOffset& one : committed.value_or(std::vector<cluster::CommittedOffset>()))
      reads(one.of);
  }
  return out;
}

Imported import_fleet(const std::string& name, const cluster::Properties& properties,
                      const std::vector<ClusterSeen>& clusters) {
  return Importer(properties, clusters).run(name);
}

}  // namespace freshet::fleet
