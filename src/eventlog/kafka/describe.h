// The settings that brokers describe: of a topic, or of a broker. Private to the module.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/kafka/client.h"

namespace freshet::eventlog::kafka {

using Settings = std::vector<std::pair<std::string, std::string>>;  // name, value

[[nodiscard]] std::optional<std::string> find_setting(const Settings& settings, const std::string& name);

// Waits for the answer to a question or an order, KafkaOptions::call_timeout_us at most (kRetry).
[[nodiscard]] Result<Event> answer_to(const KafkaOptions& options, Queue queue, const std::string& question);

// `name`: of a topic, or a broker's number.
[[nodiscard]] Result<Settings> describe(Client& client, const KafkaOptions& options, rd_kafka_ResourceType_t type,
                                        const std::string& name);

}  // namespace freshet::eventlog::kafka
