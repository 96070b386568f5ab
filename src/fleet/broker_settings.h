// What a cluster of the file is in the words of Kafka's brokers: Strimzi's `config` and Ansible's properties take it
// from here, so that they agree.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "fleet/topology.h"

namespace freshet::fleet {

// By name: what every cluster gets, so that it loses nothing, and the free settings of the file, which go before it.
[[nodiscard]] std::map<std::string, std::string> broker_settings_of(const Cluster& cluster);

// By name: replicas and min ISR of the topics that Kafka makes for itself. By default it wants more of each than a
// small cluster can hold, and would never make them there. The file's settings go before these, too.
[[nodiscard]] std::map<std::string, std::string> own_topics_of(const Cluster& cluster);

// Of Kafka's own topics, and of those that are made without saying how many.
[[nodiscard]] uint32_t default_replication(const Cluster& cluster);

// Whether such a value stands without quotes in YAML: a number, true or false.
[[nodiscard]] bool is_plain_value(std::string_view value);

// Why this can't stand in the `settings` of a cluster on this platform; "": it can. What targets write for each broker,
// and what has a key of its own, is not free.
[[nodiscard]] std::string why_not_a_broker_setting(std::string_view name, Platform platform);

}  // namespace freshet::fleet
