// Routes, receivers and inhibitions. One thing that breaks sets off many alerts; whoever is woken should get one
// message that says what to do. So alerts are grouped by cluster and concern, what is critical silences the warnings
// of its concern, and a cluster that is down silences everything else of it.
#include "fleet/render/alertmanager.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/assert.h"
#include "base/text.h"
#include "fleet/render/alerts.h"
#include "fleet/render/names.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

using yaml::list;
using yaml::map;

// Secrets are named by file, never by value: what is rendered goes into version control.
constexpr std::string_view kSecrets = "/etc/alertmanager/secrets/";

std::string receiver_name(const AlertRoute& route) {
  return object_name((route.kind == AlertRoute::Kind::kSlack ? "slack-" : "pagerduty-") + route.target);
}

std::string quoted(std::string_view value) { return "\"" + escaped_label(value) + "\""; }

std::string matcher(std::string_view label, std::string_view value) { return std::string(label) + "=" + quoted(value); }

// What PagerDuty is told: it wakes people for what is critical, not for warnings. A service that gets both is told by
// the alert, whose group has one severity, as its route matched it.
std::string event_severity(const Topology& topology, const std::string& receiver) {
  std::set<Severity> severities;
  for (const AlertRoute& route : topology.alert_routes) {
    if (receiver_name(route) == receiver) severities.insert(route.severity);
  }
  FRESHET_ASSERT(!severities.empty());
  if (severities.size() > 1) return "{{ if eq .CommonLabels.severity \"critical\" }}critical{{ else }}warning{{ end }}";
  return severities.contains(Severity::kCritical) ? "critical" : "warning";
}

// As text in a template of Go: what would open an action is written by one.
std::string template_text(std::string_view value) {
  std::string out;
  for (size_t i = 0; i < value.size(); ++i) {
    const bool opens = value.substr(i).starts_with("{{");
    out += opens ? "{{ \"{{\" }}" : std::string(1, value[i]);
    i += opens ? 1 : 0;
  }
  return out;
}

yaml::Node receiver_of(const Topology& topology, const AlertRoute& route) {
  const std::string name = receiver_name(route);
  const std::string title = "{{ .CommonLabels.cluster }}: {{ .CommonLabels.alertname }}";
  const std::string lines =
      "{{ range .Alerts }}{{ .Annotations.summary }}. {{ .Annotations.action }} ({{ .Annotations.runbook }})\n{{ end "
      "}}";
  if (route.kind == AlertRoute::Kind::kSlack) {
    return map("name", name, "slack_configs",
               list(map("channel", template_text(route.target), "api_url_file", std::string(kSecrets) + "slack-url",
                        "send_resolved", true, "title", title, "text", lines)));
  }
  return map("name", name, "pagerduty_configs",
             list(map("routing_key_file", std::string(kSecrets) + name + ".key", "send_resolved", true, "severity",
                      event_severity(topology, name), "description",
                      title + ": {{ (index .Alerts 0).Annotations.summary }}")));
}

yaml::Node receivers(const Topology& topology) {
  yaml::Node out = list(map("name", kNobody));
  std::set<std::string> seen;
  for (const AlertRoute& route : topology.alert_routes) {
    if (seen.insert(receiver_name(route)).second) out.items.push_back(receiver_of(topology, route));
  }
  return out;
}

// A route that gives its receiver nothing more than another one does: the same again, or a team's part of everything. A
// receiver of both would be told twice, PagerDuty as of two incidents.
bool is_repeated(const Topology& topology, const AlertRoute& route) {
  return std::ranges::any_of(topology.alert_routes, [&](const AlertRoute& other) {
    const bool is_same_receiver = other.kind == route.kind && other.target == route.target;
    if (&other == &route || other.severity != route.severity || !is_same_receiver) return false;
    if (other.owner == route.owner) return &other < &route;
    return other.owner.empty();
  });
}

// All routes that match get an alert. What is critical is told at once and again after an hour, a warning once in a
// half day.
yaml::Node route_of(const AlertRoute& route) {
  const bool critical = route.severity == Severity::kCritical;
  yaml::Node matchers = list(matcher("severity", name_of(route.severity)));
  if (!route.owner.empty()) matchers.items.push_back(yaml::text(matcher("owner", route.owner)));
  return map("receiver", receiver_name(route), "matchers", std::move(matchers), "continue", true, "group_wait",
             critical ? "10s" : "1m", "repeat_interval", critical ? "1h" : "12h");
}

// A critical alert of one mirror or consumer group says nothing of another one. Alerts without such a label are equal
// in it.
yaml::Node inhibitions() {
  return list(map("source_matchers", list(matcher("alertname", kClusterDown)), "target_matchers",
                  list("alertname!=" + quoted(kClusterDown)), "equal", list("cluster")),
              map("source_matchers", list(matcher("severity", name_of(Severity::kCritical))), "target_matchers",
                  list(matcher("severity", name_of(Severity::kWarn))), "equal",
                  list("cluster", "concern", "mirror", "consumergroup")));
}

// Whoever owns something, "" where a cluster has no owner.
std::set<std::string> owners_of(const Topology& topology) {
  std::set<std::string> out;
  for (const Cluster& cluster : topology.clusters) out.insert(cluster.owner);
  const auto add = [&](const std::string& owner) {
    if (!owner.empty()) out.insert(owner);
  };
  for (const Topic& topic : topology.topics) add(topic.owner);
  for (const Mirror& mirror : topology.mirrors) add(mirror.owner);
  for (const Service& service : topology.services) add(service.owner);
  return out;
}

std::string routes_file(const Topology& topology) {
  std::set<std::string> owners = owners_of(topology);
  // Owners that only a route names: a team that owns nothing yet, or a slip of the pen that amtool then shows.
  for (const AlertRoute& route : topology.alert_routes) owners.insert(route.owner);
  owners.erase("");
  if (owners.empty()) owners.insert("nobody");
  std::string out;
  for (const std::string& owner : owners) {
    for (const Severity severity : {Severity::kWarn, Severity::kCritical}) {
      out += fmt::format("{} {} {} {}\n", joined(receivers_of(topology, severity, owner), ","),
                         matcher("severity", name_of(severity)), matcher("owner", owner),
                         matcher("cluster", topology.clusters.front().name));
    }
  }
  return out;
}

void note_unrouted(const Topology& topology, Severity severity, std::vector<std::string>& notes) {
  const bool any =
      std::ranges::any_of(topology.alert_routes, [&](const AlertRoute& r) { return r.severity == severity; });
  if (!any) {
    notes.push_back(fmt::format("alerts of severity {} reach nobody: alert_routes has none of it", name_of(severity)));
    return;
  }
  std::vector<std::string> teams;
  for (const std::string& owner : owners_of(topology)) {
    if (receivers_of(topology, severity, owner).front() != kNobody) continue;
    teams.push_back(owner.empty() ? "what has no owner" : owner);
  }
  if (teams.empty()) return;
  notes.push_back(fmt::format("alerts of severity {} of {} reach nobody: alert_routes has only other owners'",
                              name_of(severity), joined(teams, ", ")));
}

}  // namespace

std::vector<std::string> receivers_of(const Topology& topology, Severity severity, std::string_view owner) {
  std::vector<std::string> out;
  for (const AlertRoute& route : topology.alert_routes) {
    if (route.severity != severity || (!route.owner.empty() && route.owner != owner)) continue;
    if (is_repeated(topology, route)) continue;
    out.push_back(receiver_name(route));
  }
  // Alertmanager needs a receiver for everything; this one tells nobody, and a note says so.
  if (out.empty()) out.emplace_back(kNobody);
  return out;
}

void render_alertmanager(const Topology& topology, const Source& source, Rendering& out) {
  yaml::Node routes = list();
  for (const AlertRoute& route : topology.alert_routes)
    if (!is_repeated(topology, route)) routes.items.push_back(route_of(route));
  const yaml::Node config = map("route",
                                map("receiver", kNobody, "group_by", list("cluster", "concern"), "group_interval", "5m",
                                    "routes", std::move(routes)),
                                "receivers", receivers(topology), "inhibit_rules", inhibitions());
  out.files.push_back({"alertmanager/alertmanager.yml", comment_header(source) + yaml::write(config)});
  out.files.push_back({"alertmanager/routes.txt", comment_header(source) + routes_file(topology)});
  for (const Severity severity : {Severity::kWarn, Severity::kCritical}) note_unrouted(topology, severity, out.notes);
}

}  // namespace freshet::fleet
