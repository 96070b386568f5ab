// The way from one cluster to a fleet as a runbook: Markdown with a box for each step, its exact commands, and the way
// back from it. Pure.
//
// Topics move one after another, the smallest first. Of each: it is mirrored into its new home, its readers move one by
// one, then whoever writes it; a mirror in the other direction keeps the old cluster whole until nobody wants to go
// back.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "fleet/runbook/steps.h"
#include "fleet/topology.h"

namespace freshet::fleet {

struct Migration {
  std::string text;                     // of the runbook
  std::vector<std::string> unresolved;  // what the new file does not answer: also the first thing in the text
  std::vector<RunbookStep> steps;       // the same as the text, for follow.h
  std::vector<RunbookFile> files;       // of the mirrors
};

// From this cluster of `old` to the clusters of `fleet`. kInvalid: there is nothing to move.
[[nodiscard]] Result<Migration> plan_migration(const Topology& old, Index cluster, const Topology& fleet);

}  // namespace freshet::fleet
