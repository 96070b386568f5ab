// A lint report for people and for programs, and the rules as documentation.
#pragma once

#include <string>

#include "fleet/lint/lint.h"

namespace freshet::fleet {

// Lines "file:line:column: grade: evidence [rule]" with why and mend below, then a summary. No more than `per_rule` of
// one rule; how many more there are is said.
[[nodiscard]] std::string text_of(const LintReport& report, const Topology& fleet, size_t per_rule);

// {"ok":…,"file":…,"errors":n,"warnings":n,"infos":n,"findings":[{"rule":…,"severity":…,"file":…,"line":…,"column":…,
//   "subject":…,"why":…,"evidence":…,"mend":…,"changes":[{"subject":…,"key":…,"value":…}]}],"accepted":[…]}
// `ok` says that there are no errors.
[[nodiscard]] std::string json_of(const LintReport& report, const Topology& fleet);

// The list of all rules that docs/fleet/lint.md has.
[[nodiscard]] std::string rules_markdown();

}  // namespace freshet::fleet
