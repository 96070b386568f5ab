// Properties of clients, as operators write them.
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace freshet::rdkafka {

// Whether the value of a property may be a secret, which no message may repeat.
[[nodiscard]] bool may_be_secret(std::string_view property);
// kInvalid: there is no such property, or it can't have this value.
[[nodiscard]] Status set_property(rd_kafka_conf_t* conf, const std::string& name, const std::string& value);
// All of them, in their order: of two with one name the later one counts.
[[nodiscard]] Status set_properties(rd_kafka_conf_t* conf, const std::vector<std::pair<std::string, std::string>>& all);

}  // namespace freshet::rdkafka
