// The log that a configuration names, and its topics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "env/clock.h"
#include "eventlog/event_log.h"
#include "eventlog/kafka/inspection.h"

namespace freshet::app {

// The directory of the embedded log.
[[nodiscard]] std::string log_directory(const Config& config);
// What tells a log from the one that the installation had before it went to another number of partitions.
[[nodiscard]] std::string log_name(const Config& config);
// `name` tells this process from others at the brokers; no other process that runs may have it.
[[nodiscard]] Result<std::unique_ptr<eventlog::EventLog>> open_log(const Config& config, const std::string& name,
                                                                   env::Clock& clock);
// How the log on Kafka is opened.
[[nodiscard]] eventlog::KafkaOptions kafka_options(const Config& config, const std::string& name);
// All topics, with the partitions and the retention that each of them needs.
[[nodiscard]] std::vector<eventlog::WantedTopic> topics_of(const Config& config);
// Makes the topics that are missing and checks the others.
[[nodiscard]] Status create_topics(eventlog::EventLog& log, const Config& config);
// Appends and waits until all of it is durable. It is not for threads that take requests.
[[nodiscard]] Status append(eventlog::EventLog& log, std::vector<eventlog::Produce> batches);
// Reads what the log has from `from` on at this moment, a fetch at a time and never an empty one,
// until `visit` says that it is enough (false) or fails. It returns the offset after the last
// record that was visited, or after the end of the log.
using VisitFetched = std::function<Result<bool>(const eventlog::Fetched&)>;
[[nodiscard]] Result<eventlog::Offset> read_to_end(eventlog::EventLog& log, eventlog::TopicPartition of,
                                                   eventlog::Offset from, const VisitFetched& visit);

}  // namespace freshet::app
