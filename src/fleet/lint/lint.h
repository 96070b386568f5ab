// What is unwise in a fleet: rules over a topology, each finding with its figures and the change that mends it. Pure:
// the same topology, the same findings in the same order. docs/fleet/lint.md lists the rules.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/change.h"
#include "fleet/rates.h"
#include "fleet/topology.h"

namespace freshet::fleet {

// How grave a finding is. Errors make the command fail, so a build can refuse the file.
enum class Grade : uint8_t {
  kError,    // will lose data or stop, or breaks what the fleet is divided for
  kWarning,  // costs more, or hurts under load
  kInfo,
};
[[nodiscard]] constexpr auto names_of(Grade) {
  using enum Grade;
  return std::to_array<Name<Grade>>({{kError, "error"}, {kWarning, "warning"}, {kInfo, "info"}});
}

struct Rule;

// One thing that is unwise. Its texts are made for one line each; none of them is empty.
struct Finding {
  const Rule* rule = nullptr;
  yaml::Place at;
  std::string subject;          // "topic main/orders"
  std::string evidence;         // what is, with figures
  std::string mend;             // what to do
  std::vector<Change> changes;  // the same, if keys of the file are all that it takes; made, the finding is gone
  std::string because = {};     // why it is accepted; "": it is not
};

// Where a mirrored topic has its messages from.
struct Origin {
  Index topic = kNone;
  Index mirror = kNone;
};

// What rules look at, computed once for all of them.
// Keeps a reference to the topology, which must outlive it and not change.
struct Facts {
  explicit Facts(const Topology& topology);

  const Topology& fleet;
  Rates rates;
  std::vector<std::vector<Index>> topics_of;     // of each cluster
  std::vector<std::vector<Index>> producers_of;  // of each topic
  std::vector<std::vector<Index>> consumers_of;  // of each topic
  std::vector<std::vector<Origin>> sources_of;   // of each topic; in the order of mirrors
};

// A rule is an entry of the table in lint.cc and a function in one of the files of rules.h. Its id is part of the
// public surface: `accepted` in fleet.yaml and alert suppressions name it.
struct Rule {
  std::string_view id;
  Grade grade;
  std::string_view title;  // what is found, in one line
  std::string_view why;    // what comes of it
  // Leaves `rule` to the caller.
  std::vector<Finding> (*check)(const Facts&);
};

// In the order of docs/fleet/lint.md.
[[nodiscard]] std::span<const Rule> rules();
[[nodiscard]] const Rule* find_rule(std::string_view id);  // null: there is none

// What lint() found. Its findings point at rules, which live as long as the process.
struct LintReport {
  std::vector<Finding> findings;  // by place, then in the order of the rules
  std::vector<Finding> accepted;  // what the fleet's `accepted` says is wanted
  [[nodiscard]] size_t count(Grade grade) const;
};

// Runs every rule. Grows with rules times (topics + mirrors + consumers): 20,000 topics take some 10 ms.
[[nodiscard]] LintReport lint(const Topology& fleet);

}  // namespace freshet::fleet
