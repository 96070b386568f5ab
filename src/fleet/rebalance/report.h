// A plan of moves as people and machines read it.
#pragma once

#include <string>

#include "base/json_writer.h"
#include "fleet/rebalance/journal.h"
#include "fleet/rebalance/windows.h"

namespace freshet::fleet::rebalance {

// `times` are those of the waves where there are windows of maintenance; else there are none.
[[nodiscard]] std::string text_of_plan(const State& state, const Plan& plan, const Limits& limits,
                                       const std::vector<Span>& times = {});
// One object; docs/fleet/rebalance.md has its keys.
void write_plan(JsonWriter& json, const State& state, const Plan& plan, const Limits& limits,
                const std::vector<Span>& times = {});
// "wave 2 of 5, paused, 3 settings to put back"
[[nodiscard]] std::string text_of_journal(const Journal& journal);
void write_journal(JsonWriter& json, const Journal& journal);

}  // namespace freshet::fleet::rebalance
