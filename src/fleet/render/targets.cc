// The table of targets. A target is one function and one folder of files; a new one is one line here.
#include "fleet/render/targets.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "fleet/render/alertmanager.h"
#include "fleet/render/ansible.h"
#include "fleet/render/grafana.h"
#include "fleet/render/jmx.h"
#include "fleet/render/mirrors.h"
#include "fleet/render/prometheus.h"
#include "fleet/render/strimzi.h"
#include "fleet/render/terraform.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

constexpr std::array<Target, 8> kTargets = {{
    {"alertmanager", "who is told of which alert", render_alertmanager},
    {"ansible", "inventories for cp-ansible", render_ansible},
    {"grafana", "dashboards", render_grafana},
    {"jmx", "rules of the JMX exporter", render_jmx},
    {"mirrors", "mirrors by `freshet mirror`, in Kubernetes and on EC2", render_mirrors},
    {"prometheus", "what to scrape, rules, and proofs of the alerts", render_prometheus},
    {"strimzi", "Kubernetes resources", render_strimzi},
    {"terraform", "machines on AWS, laid out for Terragrunt", render_terraform},
}};

}  // namespace

std::span<const Target> targets() { return kTargets; }

Result<Rendering> render(const Topology& topology, const Source& source, const std::vector<std::string>& only) {
  std::vector<std::string> names;
  for (const Target& target : kTargets) names.emplace_back(target.name);
  for (const std::string& name : only) {
    if (std::ranges::find(names, name) != names.end()) continue;
    return fail(Code::kInvalid, fmt::format("there is no target \"{}\"{}; there are {}", name,
                                            yaml::did_you_mean(name, names), yaml::join_names(names)));
  }
  Rendering out;
  for (const Target& target : kTargets) {
    if (only.empty() || std::ranges::find(only, target.name) != only.end()) target.render(topology, source, out);
  }
  std::ranges::sort(out.files, {}, &File::path);
  const auto twice = std::ranges::adjacent_find(out.files, {}, &File::path);
  // Two files of one path would overwrite each other, and which one stays would depend on their order.
  FRESHET_ASSERT(twice == out.files.end());
  return out;
}

}  // namespace freshet::fleet
