// The broker that tests run against, from FRESHET_KAFKA_BROKERS; ./dev kafka up starts one. Each test has topics,
// groups and ids of its own there.
#pragma once

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>

#include "eventlog/kafka/kafka_log.h"

namespace freshet::eventlog::kafka {

inline constexpr TopicPartition kOut{Topic::kChanges, 0};
inline constexpr env::TimeUs kPatienceUs = 40'000'000;  // with a broker that is doing other things, too

[[nodiscard]] inline std::string test_brokers() {
  const char* brokers = std::getenv("FRESHET_KAFKA_BROKERS");
  return brokers == nullptr ? "" : brokers;
}

[[nodiscard]] inline KafkaOptions test_options() {
  static std::atomic<int> count{0};
  KafkaOptions options;
  options.brokers = test_brokers();
  options.topic_prefix = "test-" + std::to_string(getpid()) + "-" + std::to_string(env::real_clock().now_us() / 1000) +
                         "-" + std::to_string(count++) + ".";
  options.client_id = "test";
  return options;
}

[[nodiscard]] inline std::unique_ptr<EventLog> open_test_log(const KafkaOptions& options) {
  return std::move(open_kafka_log(options, env::real_clock()).value());
}

}  // namespace freshet::eventlog::kafka
