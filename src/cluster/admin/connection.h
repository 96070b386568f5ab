// The way to a living Kafka cluster, as a configuration says it, without librdkafka.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::cluster {

// librdkafka's own names, as in `log.kafka.properties` of freshet.yaml: security.protocol, sasl.mechanism,
// sasl.username, sasl.password, ssl.ca.location, …. They may have secrets: never logged, never part of an error.
using Properties = std::vector<std::pair<std::string, std::string>>;

struct Connection {
  std::string bootstrap;  // "host:9092,host:9092"
  Properties properties;
  std::string client_id = "freshet-fleet";  // as the brokers' logs and quotas show us
  env::TimeUs timeout_us = 15'000'000;      // until a broker answers, and of each question after that
};

// kInvalid: a property that librdkafka does not know, refuses, or that a Connection says otherwise (bootstrap.servers,
// client.id, group.id). The message has the name, and never the value of what could be a secret.
[[nodiscard]] Status check_properties(const Properties& properties);

// Whether a property's value may be a secret, by its name. A path of a file is none.
[[nodiscard]] bool may_be_secret(std::string_view property);

// A file of properties as Kafka's own tools and kcat take it: NAME=VALUE lines, `#` begins a comment. Names are
// librdkafka's. kInvalid: a line that is none, with its number.
[[nodiscard]] Result<Properties> parse_properties(std::string_view text);

}  // namespace freshet::cluster
