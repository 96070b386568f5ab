// The log that a configuration names, and its topics.
#pragma once

#include <memory>
#include <string>

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

}  // namespace freshet::app
