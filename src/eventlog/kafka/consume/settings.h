// How librdkafka reads for a member of a group: committed records only, offsets by hand, errors instead of resets.
#pragma once

#include <string>

#include "eventlog/kafka/client.h"

namespace freshet::eventlog::kafka {

// `instance`: the static member's name, empty for none. `partitions`: how many share what may be read ahead.
[[nodiscard]] Client::Settings settings_of_reader(const KafkaOptions& options, const std::string& group,
                                                  const std::string& instance, size_t partitions);

}  // namespace freshet::eventlog::kafka
