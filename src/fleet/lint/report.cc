// A lint report as lines and as JSON. The lines begin with file:line:column, as compilers' do, so that editors jump
// there.
#include "fleet/lint/report.h"

#include <fmt/format.h>

#include <iterator>
#include <map>

#include "base/assert.h"
#include "fleet/text.h"
#include "model/json.h"

namespace freshet::fleet {
namespace {

std::string json_text(std::string_view text) {
  std::string out;
  model::append_json_string(out, text);
  return out;
}

std::string json_of(const Finding& finding, const Topology& fleet) {
  FRESHET_ASSERT(finding.rule != nullptr);
  std::string changes;
  for (const Change& change : finding.changes) {
    changes += fmt::format("{}{{\"subject\":{},\"key\":{},\"value\":{}}}", changes.empty() ? "" : ",",
                           json_text(subject_of(fleet, change.kind, change.index)), json_text(change.key),
                           json_text(change.value));
  }
  return fmt::format(
      "{{\"rule\":{},\"severity\":{},\"file\":{},\"line\":{},\"column\":{},\"subject\":{},\"why\":{},\"evidence\":{},"
      "\"mend\":{},"
      "\"changes\":[{}]}}",
      json_text(finding.rule->id), json_text(name_of(finding.rule->grade)), json_text(fleet.file), finding.at.line,
      finding.at.column, json_text(finding.subject), json_text(finding.rule->why), json_text(finding.evidence),
      json_text(finding.mend), changes);
}

std::string list_json(const std::vector<Finding>& findings, const Topology& fleet) {
  std::string out;
  for (const Finding& finding : findings) {
    if (!out.empty()) out += ",\n ";
    out += json_of(finding, fleet);
  }
  return out;
}

}  // namespace

std::string text_of(const LintReport& report, const Topology& fleet, size_t per_rule) {
  fmt::memory_buffer out;
  const auto to = std::back_inserter(out);
  std::map<const Rule*, size_t> shown;
  for (const Finding& finding : report.findings) {
    // A fleet that breaks a rule breaks it for each of its topics: a thousand lines of one rule would hide the others.
    FRESHET_ASSERT(finding.rule != nullptr);
    if (shown[finding.rule]++ >= per_rule) continue;
    fmt::format_to(to, "{}:{}:{}: {}: {}: {} [{}]\n  why: {}\n  mend: {}\n", fleet.file, finding.at.line,
                   finding.at.column, name_of(finding.rule->grade), finding.subject, finding.evidence, finding.rule->id,
                   finding.rule->why, finding.mend);
  }
  for (const Rule& rule : rules()) {
    const auto count = shown.find(&rule);
    if (count != shown.end() && count->second > per_rule)
      fmt::format_to(to, "{}: {}: {} more [{}]\n", fleet.file, name_of(rule.grade), count->second - per_rule, rule.id);
  }
  fmt::format_to(to, "{}: {}, {}, {} infos", fleet.file, plural(report.count(Grade::kError), "error"),
                 plural(report.count(Grade::kWarning), "warning"), report.count(Grade::kInfo));
  if (!report.accepted.empty()) fmt::format_to(to, ", {} accepted", report.accepted.size());
  fmt::format_to(to, " ({}, {})\n", plural(fleet.clusters.size(), "cluster"), plural(fleet.topics.size(), "topic"));
  return fmt::to_string(out);
}

std::string json_of(const LintReport& report, const Topology& fleet) {
  const size_t errors = report.count(Grade::kError);
  return fmt::format(
      "{{\"ok\":{},\"file\":{},\"errors\":{},\"warnings\":{},\"infos\":{},\n\"findings\":[{}],\n\"accepted\":[{}]}}\n",
      errors == 0, json_text(fleet.file), errors, report.count(Grade::kWarning), report.count(Grade::kInfo),
      list_json(report.findings, fleet), list_json(report.accepted, fleet));
}

std::string rules_markdown() {
  std::string out = "| rule | | found | why it matters |\n|---|---|---|---|\n";
  for (const Rule& rule : rules())
    out += fmt::format("| `{}` | {} | {} | {} |\n", rule.id, name_of(rule.grade), rule.title, rule.why);
  return out;
}

}  // namespace freshet::fleet
