// Alertmanager: who is told of what, and what silences what.
//
//   alertmanager/alertmanager.yml
//   alertmanager/routes.txt        for each owner and severity: "RECEIVERS severity=… owner=… …", which `amtool config
//                                  routes test` must agree with
//
// Secrets are read from files: /etc/alertmanager/secrets/slack-url, …/pagerduty-NAME.key.
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

void render_alertmanager(const Topology& topology, const Source& source, Rendering& out);

inline constexpr std::string_view kNobody = "nobody";  // the receiver of what has no route

// The receivers that must get an alert of this owner and severity, in the order of the topology's routes; never empty.
[[nodiscard]] std::vector<std::string> receivers_of(const Topology& topology, Severity severity,
                                                    std::string_view owner);

}  // namespace freshet::fleet
