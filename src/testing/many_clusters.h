// A large fleet as the text of a file, for benchmarks and tests: every tenth cluster is a fronting one, whose topics
// are mirrored to the nine that follow it.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <iterator>
#include <string>

namespace freshet::fleet {

// `clusters` of `topics_each`, half of a backend's own and half mirrored. It is without errors.
[[nodiscard]] inline std::string test_fleet(uint32_t clusters, uint32_t topics_each) {
  std::string text = "fleet: large\nregions:\n";
  const auto out = std::back_inserter(text);
  const uint32_t mirrored = topics_each / 2;
  const auto names = [](uint32_t cluster, uint32_t first, uint32_t end) {
    std::string list;
    for (uint32_t i = first; i < end; ++i) list += fmt::format("{}topic-{}-{}", list.empty() ? "" : ", ", cluster, i);
    return list;
  };
  for (int r = 0; r < 8; ++r)
    fmt::format_to(out, "  - {{name: region-{0}, zones: [region-{0}a, region-{0}b, region-{0}c]}}\n", r);
  text += "clusters:\n";
  for (uint32_t c = 0; c < clusters; ++c) {
    fmt::format_to(out,
                   "  - {{name: cluster-{}, {}, region: region-{}, brokers: 6, volumes: {{count: 2, size: 2TiB}}, "
                   "owner: team-{}}}\n",
                   c, c % 10 == 0 ? "kind: fronting" : fmt::format("service_groups: [group-{}]", c), c / 10 % 8,
                   c % 40);
  }
  text += "topics:\n";
  for (uint32_t c = 0; c < clusters; ++c) {
    for (uint32_t t = c % 10 == 0 ? 0 : mirrored; t < (c % 10 == 0 ? mirrored : topics_each); ++t) {
      fmt::format_to(out,
                     "  - name: topic-{0}-{1}\n    cluster: cluster-{0}\n    partitions: 12\n    retention: 24h\n    "
                     "compression: lz4\n"
                     "    messages_per_second: {2}\n    message_bytes: 500\n    owner: team-{3}\n",
                     c, t, 50 + t, t % 40);
    }
  }
  text += "mirrors:\n";
  for (uint32_t c = 0; c < clusters; ++c) {
    if (c % 10 != 0)
      fmt::format_to(out, "  - {{from: cluster-{}, to: cluster-{}, topics: [{}]}}\n", c / 10 * 10, c,
                     names(c / 10 * 10, 0, mirrored));
  }
  text += "services:\n";
  for (uint32_t c = 0; c < clusters; ++c) {
    const std::string own = c % 10 == 0 ? names(c, 0, mirrored) : names(c, mirrored, topics_each);
    fmt::format_to(out,
                   "  - {{name: writer-{0}, group: group-{0}, instances: 4, produces: [{{cluster: cluster-{0}, topics: "
                   "[{1}], linger: 50ms}}]}}\n",
                   c, own);
    if (c % 10 == 0) continue;
    fmt::format_to(out,
                   "  - {{name: reader-{0}, group: group-{0}, instances: 4, consumes: [{{cluster: cluster-{0}, topics: "
                   "[{1}, {2}]}}]}}\n",
                   c, own, names(c / 10 * 10, 0, mirrored));
  }
  return text + "alert_routes: [{severity: critical, pagerduty: all}]\n";
}

}  // namespace freshet::fleet
