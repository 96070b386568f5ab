// What a writer has to know of the topics that it writes into.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/admin/values.h"

namespace freshet::cluster {

// Null: there is none of this name.
[[nodiscard]] const LivingTopic* topic_named(const ClusterView& view, const std::string& name);
[[nodiscard]] std::optional<std::string> value_of(const std::vector<Config>& configs, std::string_view name);

inline constexpr size_t kRecordBytesDefault = 1'048'588;  // Kafka's own
// What is left of max.message.bytes ("": Kafka's own) for one record, its key and headers.
[[nodiscard]] size_t record_limit(std::string_view max_message_bytes);

}  // namespace freshet::cluster
