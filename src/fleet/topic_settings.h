// What a topic of the file is in Kafka's own words. Whatever makes topics (Strimzi's resources, `fleet apply`) and
// whatever compares them takes it from here, so that they agree.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/admin/values.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// Sorted by name. Without a value: not to be set on the topic, so that the brokers' own counts.
[[nodiscard]] std::vector<cluster::ConfigChange> settings_of(const Topic& topic);

// Why this can't stand in a topic's `settings`; "": it can. Some have keys of their own, and throttles belong to moves.
[[nodiscard]] std::string why_not_a_setting(std::string_view name);

// Whether both mean the same to Kafka: the order of "compact,delete" does not matter, nor the case of true, nor how a
// number is written, and what is longer than a file can say is without end.
[[nodiscard]] bool same_setting(std::string_view name, std::string_view a, std::string_view b);

// What Kafka reads in a setting that is true or false: it takes both in any case. nullopt: neither.
[[nodiscard]] std::optional<bool> truth_of(std::string_view text);

// A whole number that is the same number to whoever reads YAML without quotes: 010 is eight to some.
[[nodiscard]] bool is_plain_number(std::string_view text);

}  // namespace freshet::fleet
