// A lint report as lines and as JSON. The lines begin with file:line:column, as compilers' do, so that editors jump
// there.
#include "fleet/lint/report.h"

#include <fmt/core.h>

#include <iterator>
#include <map>

#include "base/assert.h"
#include "base/json_writer.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

void write_finding(JsonWriter& json, const Finding& finding, const Topology& fleet) {
  FRESHET_ASSERT(finding.rule != nullptr);
  json.begin_object()
      .member("rule", finding.rule->id)
      .member("severity", name_of(finding.rule->grade))
      .member("file", fleet.file)
      .member("line", finding.at.line)
      .member("column", finding.at.column)
      .member("subject", finding.subject)
      .member("why", finding.rule->why)
      .member("evidence", finding.evidence)
      .member("mend", finding.mend);
  if (!finding.because.empty()) json.member("because", finding.because);
  json.key("changes").array(finding.changes, [&](JsonWriter& list, const Change& change) {
    list.begin_object().member("subject", subject_of(fleet, change.kind, change.index));
    list.member("key", change.key).member("value", change.value).end_object();
  });
  json.end_object();
}

// A line for each finding.
void write_findings(JsonWriter& json, const std::vector<Finding>& findings, const Topology& fleet) {
  json.begin_array();
  for (size_t i = 0; i < findings.size(); ++i) write_finding(i == 0 ? json : json.space("\n "), findings[i], fleet);
  json.end_array();
}

}  // namespace

std::string text_of(const LintReport& report, const Topology& fleet, size_t per_rule) {
  std::string out;
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
  return out;
}

std::string json_of(const LintReport& report, const Topology& fleet) {
  const size_t errors = report.count(Grade::kError);
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object()
        .member("ok", errors == 0)
        .member("file", fleet.file)
        .member("errors", errors)
        .member("warnings", report.count(Grade::kWarning))
        .member("infos", report.count(Grade::kInfo));
    write_findings(json.space("\n").key("findings"), report.findings, fleet);
    write_findings(json.space("\n").key("accepted"), report.accepted, fleet);
    json.end_object();
  }
  return out += '\n';
}

std::string rules_markdown() {
  std::string out = "| rule | | found | why it matters |\n|---|---|---|---|\n";
  for (const Rule& rule : rules())
    out += fmt::format("| `{}` | {} | {} | {} |\n", rule.id, name_of(rule.grade), rule.title, rule.why);
  return out;
}

}  // namespace freshet::fleet
