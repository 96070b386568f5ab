// The settings that brokers describe: of a topic, or of a broker. Private to the module.
#pragma once

#include <map>
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

// Sets the offset of each partition in the list to its high watermark, to which readers of committed records do not
// come while a transaction is open.
[[nodiscard]] Status list_ends(Client& client, const KafkaOptions& options, rd_kafka_topic_partition_list_t* list);

// What the brokers allow whoever asks on each of these topics that is there and may be described: letters of R (read),
// W (write), D (delete records). Without an authorizer that is everything.
[[nodiscard]] Result<std::map<std::string, std::string>> allowed_on(Client& client, const KafkaOptions& options,
                                                                    const std::vector<std::string>& topics);
// The same in a group, which need not be there: letters of R (read), S (see: describe); "" if it may not be described.
[[nodiscard]] Result<std::string> allowed_in(Client& client, const KafkaOptions& options, const std::string& group);

}  // namespace freshet::eventlog::kafka
