#include "app/doctor/report.h"

#include <fmt/core.h>

#include "app/json_output.h"

namespace freshet::app {

std::string doctor_text(const std::vector<Finding>& findings) {
  std::string out;
  size_t counts[3] = {};
  for (const Finding& finding : findings) {
    ++counts[static_cast<size_t>(finding.health)];
    out += fmt::format("{:<4}  {:<13}  {}\n", name_of(finding.health), finding.check, printable(finding.found));
    if (!finding.advice.empty()) out += fmt::format("{:21}→ {}\n", "", printable(finding.advice));
  }
  return out + fmt::format("{} ok, {} to be looked at, {} failed\n", counts[0], counts[1], counts[2]);
}

std::string doctor_json(const std::vector<Finding>& findings) {
  return json_text([&](JsonWriter& json) {
    json.begin_object().member("health", name_of(health_of(findings)));
    json.key("findings").array(findings, [](JsonWriter& list, const Finding& finding) {
      list.begin_object().member("check", finding.check).member("health", name_of(finding.health));
      list.member("found", printable(finding.found)).member("advice", printable(finding.advice)).end_object();
    });
    json.end_object();
  });
}

}  // namespace freshet::app
