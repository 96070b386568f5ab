// How the log on Kafka is opened (kafka_log.h), without librdkafka and without the log.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "env/clock.h"

namespace freshet::eventlog {

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

struct KafkaOptions {
  std::string brokers;  // "host:9092,host:9092"
  std::string topic_prefix;
  KafkaProperties properties;  // librdkafka's own, for every client; they may have secrets: never logged
  // Names this process to the brokers: transactional ids and places in groups are made of it. No two processes that run
  // have the same; a restarted one has the same again, and so gets its partitions back at once.
  std::string client_id = "freshet";
  bool static_membership = true;               // false: a member that leaves gives its partitions up at once
  size_t queue_bytes_max = 64u << 20;          // appends under way; more is answered kRetry
  size_t fetch_bytes_max = 64u << 20;          // read ahead, for each consumer
  env::TimeUs open_timeout_us = 15'000'000;    // until a broker answers
  env::TimeUs settle_timeout_us = 60'000'000;  // until those that answer have made a topic: elections after a restart
  env::TimeUs call_timeout_us = 5'000'000;     // of a question to a broker
  env::TimeUs session_timeout_us = 6'000'000;  // how long a silent member keeps its partitions
  env::TimeUs silence_us = 2'500'000;  // how long a silent owner of slots keeps them: its standby takes over then
  env::TimeUs delivery_timeout_us = 30'000'000;
  // A transaction of a member that died is aborted by the brokers after this, if nobody does it before.
  env::TimeUs transaction_timeout_us = 15'000'000;
  env::TimeUs outage_max_us = 600'000'000;
};

// kInvalid: a property that librdkafka does not know or refuses, or that is Freshet's to decide.
[[nodiscard]] Status check_kafka_properties(const KafkaProperties& properties);

}  // namespace freshet::eventlog
