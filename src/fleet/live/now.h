// A living cluster as far as the file has words for it, and what the file wants of it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cluster/admin/admin.h"
#include "fleet/topology.h"

namespace freshet::fleet {

struct SettingNow {
  std::string value;
  bool own = false;  // set on the topic itself, not by the brokers or Kafka
  bool operator==(const SettingNow&) const = default;
};

struct TopicNow {
  uint32_t partitions = 0;
  uint32_t replication_min = 0;  // of its partitions
  uint32_t replication_max = 0;
  std::map<std::string, SettingNow> settings;  // all of them, but for those without a value
  // How old its oldest record is; nullopt: there is none, or nobody asked (add_ages()).
  std::optional<int64_t> oldest_ms = {};
  bool operator==(const TopicNow&) const = default;

  // null: the brokers don't know it, or tell no value.
  [[nodiscard]] const SettingNow* find(const std::string& setting) const;
};

struct ClusterNow {
  std::string id;
  std::vector<cluster::Broker> brokers;
  std::map<std::string, TopicNow> topics;  // without Kafka's own ("__…")
};

// Topics that brokers make for themselves.
[[nodiscard]] bool is_internal(std::string_view topic);

// Asks for all of it.
[[nodiscard]] Result<ClusterNow> look(cluster::Admin& admin);
// How old the oldest records of these topics are, now. kRetry: a partition has no leader that answers.
[[nodiscard]] Status add_ages(cluster::Admin& admin, const std::set<std::string>& topics, env::Clock& clock,
                              ClusterNow& now);

struct TopicWanted {
  std::string name;
  uint32_t partitions = 1;
  uint32_t replication = 1;
  std::vector<cluster::ConfigChange> settings;  // sorted; without a value: not set on the topic
};
struct ClusterWanted {
  std::string name;
  std::string id;  // "": any
  uint32_t brokers = 0;
  std::vector<std::string> zones;
  std::vector<TopicWanted> topics;  // sorted by name, all different
  std::string probe_topic;          // that fleet watch makes for itself; "": none
};
[[nodiscard]] ClusterWanted wanted_of(const Topology& fleet, Index cluster);

}  // namespace freshet::fleet
