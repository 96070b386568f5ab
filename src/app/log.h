// The log that a configuration names, and its topics.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/config.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::app {

// Where the embedded log is.
[[nodiscard]] std::string log_directory(const Config& config);
// `name` tells this process from others at the brokers: one that runs has it alone.
[[nodiscard]] Result<std::unique_ptr<eventlog::EventLog>> open_log(const Config& config, const std::string& name,
                                                                   env::Clock& clock);
// Makes the topics that are missing, checks the others.
[[nodiscard]] Status create_topics(eventlog::EventLog& log, uint32_t partitions);
// Waits until all is durable. Not for the threads that take requests.
[[nodiscard]] Status append(eventlog::EventLog& log, std::vector<eventlog::Produce> batches);
// What the log has from `from` on at this moment, a fetch at a time and never an empty one, until `visit` says that it
// is enough (false) or fails. The offset after the last record that was visited, or after the end of the log.
using VisitFetched = std::function<Result<bool>(const eventlog::Fetched&)>;
[[nodiscard]] Result<eventlog::Offset> read_to_end(eventlog::EventLog& log, eventlog::TopicPartition of,
                                                   eventlog::Offset from, const VisitFetched& visit);

}  // namespace freshet::app
