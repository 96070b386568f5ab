// A rolling restart in words: the plan, broker by broker, and how far one is.
#pragma once

#include <string>
#include <vector>

#include "base/json_writer.h"
#include "fleet/restart/journal.h"
#include "fleet/restart/state.h"

namespace freshet::fleet::restart {

struct Upgrade {
  std::string from;  // as the file has it: "3.9.1"
  std::string to;    // "": it is a restart only
};

// What stands in the way of going from one version of Kafka to the other in a rolling way; "": nothing does.
[[nodiscard]] std::string upgrade_fault(const Upgrade& upgrade);

// The steps as a person follows them.
[[nodiscard]] std::string text_of_plan(const State& state, const std::vector<Broker>& order, const Upgrade& upgrade);
void write_plan(JsonWriter& json, const State& state, const std::vector<Broker>& order);

[[nodiscard]] std::string text_of_journal(const Journal& journal);
void write_journal(JsonWriter& json, const Journal& journal);

}  // namespace freshet::fleet::restart
