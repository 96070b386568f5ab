// Grafana dashboards: the fleet, one cluster, the mirrors; and the file that makes Grafana load them.
//
//   grafana/dashboards/*.json
//   grafana/provisioning/dashboards.yml
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

void render_grafana(const Topology& topology, const Source& source, Rendering& out);

// A panel is one graph.
struct Panel {
  std::string_view title;
  std::string_view expression;
  std::string_view legend;
  std::string_view unit;  // Grafana's name of it
  std::string_view help;
};

// A dashboard is a page of graphs. Its uid is part of its address: it never changes, or links in chats and runbooks
// break.
struct Dashboard {
  std::string_view uid;
  std::string_view title;
  std::string_view variable;   // a label to choose values of, or ""
  std::string_view values_of;  // the metric that has it
  std::vector<Panel> panels;
};

// In the order of their files; the same for every fleet.
[[nodiscard]] const std::vector<Dashboard>& dashboards();

}  // namespace freshet::fleet
