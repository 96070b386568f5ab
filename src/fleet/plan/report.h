// A plan for people (a terminal, a page) and for programs. Pure functions to text.
#pragma once

#include <string>

#include "fleet/plan/plan.h"

namespace freshet::fleet {

// Several tables, one after the other: clusters, sizes, costs, comparison, bursts.
[[nodiscard]] std::string text_report(const Plan& plan);
// One object on one line; docs/fleet/plan.md lists its keys.
[[nodiscard]] std::string json_report(const Plan& plan);
// A page that needs nothing else: no script, no font, no picture from elsewhere.
[[nodiscard]] std::string html_report(const Plan& plan);

}  // namespace freshet::fleet
