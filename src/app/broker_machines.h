// Asks brokers' machines how busy they are, by a command of somebody's: `fleet watch --machines 'ssh {host} cat
// /proc/stat'`. Kafka's protocol does not tell it, and an exporter on each machine would be one more thing to run.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "env/clock.h"
#include "fleet/watch/source.h"

namespace freshet::app {

// Runs all of them, each by `sh -c` with an empty input, and returns what each wrote to its standard output; "" of
// those that were not done in time, or wrote more than 64 KiB: they are killed.
[[nodiscard]] std::vector<std::string> outputs_of(const std::vector<std::string>& commands, env::TimeUs timeout_us,
                                                  env::Clock& clock);

// The looks of `source`, in which brokers have their cpu. A machine that can't be asked is told among the doubts.
[[nodiscard]] std::unique_ptr<fleet::LookSource> with_machines(std::unique_ptr<fleet::LookSource> source,
                                                               std::string command, env::TimeUs timeout_us,
                                                               env::Clock& clock);

}  // namespace freshet::app
