// What a writer has to know of the topics that it writes into, and how those that are missing are made.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/admin/admin.h"

namespace freshet::cluster {

// Null: there is none of this name.
[[nodiscard]] const LivingTopic* topic_named(const ClusterView& view, const std::string& name);
[[nodiscard]] std::optional<std::string> value_of(const std::vector<Config>& configs, std::string_view name);

inline constexpr size_t kRecordBytesDefault = 1'048'588;  // Kafka's own
// What a topic's max.message.bytes leaves for one record, its key and headers.
[[nodiscard]] size_t record_limit(const std::vector<Config>& topic);

inline constexpr uint32_t kReplicasWanted = 3;  // of a topic of our own, unless the configuration says otherwise
// Of a topic that is made: what is `configured`, or if that is 0 `otherwise`, but no more than there are brokers.
[[nodiscard]] uint32_t replicas_of(uint32_t configured, uint32_t otherwise, size_t brokers);
// False: another process was first. `who` makes it, for the log.
[[nodiscard]] Result<bool> create_if_missing(Admin& admin, const NewTopic& topic, std::string_view who);
// kRetry: whoever asks a broker for a topic that was made just now may be told that there is none.
[[nodiscard]] tl::unexpected<Error> not_known_yet(const std::string& topic);

// A topic of one partition for what could not be written where it belongs. Brokers delete after a week by themselves,
// and nothing else has these records: so they are kept until somebody has looked at them and deletes them. One that is
// there keeps what was set on it.
[[nodiscard]] Status make_letters(Admin& admin, const ClusterView& view, const std::string& topic, uint32_t replicas,
                                  std::string_view who);

}  // namespace freshet::cluster
