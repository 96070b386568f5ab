// Properties over fleets that are wrong in all kinds of ways.
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "fleet/lint/report.h"
#include "fleet/topology_yaml.h"
#include "testing/dice.h"

namespace freshet::fleet {
namespace {

// A fleet that can be read; sane it is not.
std::string random_fleet(Dice& dice) {
  const std::vector<std::string> instances = {"c6g.large", "c6g.2xlarge", "m6g.8xlarge"};
  const std::vector<std::string> codecs = {"none", "gzip", "snappy", "lz4", "zstd"};
  const std::vector<std::string> zones = {"[a]", "[a, b]", "[a, b, c]"};
  const std::vector<std::string> times = {"0", "1h", "12h", "7d", "90d"};
  const std::vector<std::string> sizes = {"1KiB", "16KiB", "64KiB", "1MiB", "2MiB"};
  std::string text = "fleet: f\nregions: [{name: r, zones: [a, b, c]}]\nclusters:\n";
  for (const char* name : {"x", "y", "z"}) {
    text += fmt::format(
        "- {{name: {}, kind: {}, brokers: {}, zones: {}, controllers: {}, instance: {}, volumes: {{size: {}GiB}}}}\n",
        name, dice.one_in(3) ? "fronting" : "backend", 1 + dice.roll(9), dice.pick(zones), dice.roll(6),
        dice.pick(instances), 1 + dice.roll(4000));
  }
  const std::vector<std::string> clusters = {"x", "y", "z"};
  text += "topics:\n";
  for (const std::string& cluster : clusters) {
    for (int i = 0; i < 3; ++i) {
      text += fmt::format(
          "- {{name: t{}, cluster: {}, partitions: {}, replication: {}, min_isr: {}, retention: {}, compression: {}, "
          "messages_per_second: {}, message_bytes: {}, message_bytes_max: {}, peak_factor: {}}}\n",
          i, cluster, 1 + dice.roll(dice.one_in(4) ? 3000 : 30), 1 + dice.roll(5), 1 + dice.roll(4), dice.pick(times),
          dice.pick(codecs), dice.roll(dice.one_in(3) ? 500'000 : 2000), 50 + dice.roll(3000), dice.pick(sizes),
          1 + dice.roll(4));
    }
  }
  text += "services:\n";
  for (int i = 0; i < 3; ++i) {
    text += fmt::format(
        "- {{name: s{}, instances: {}, produces: [{{cluster: {}, topics: [t0, t1], linger: {}ms, batch: {}, acks: "
        "{}}}], ",
        i, 1 + dice.roll(60), dice.pick(clusters), dice.roll(30), dice.pick(sizes), dice.one_in(2) ? "all" : "leader");
    text += fmt::format("consumes: [{{cluster: {}, topics: [t{}], messages_per_second_each: {}}}]}}\n",
                        dice.pick(clusters), dice.roll(3), dice.roll(dice.one_in(3) ? 20 : 50'000));
  }
  text += fmt::format("mirrors: [{{from: x, to: y, topics: [t{}], tasks: {}}}, {{from: y, to: z, topics: [\"*\"]}}]\n",
                      dice.roll(3), 1 + dice.roll(40));
  return text;
}

bool finds(const Topology& fleet, const Finding& wanted) {
  for (const Finding& finding : lint(fleet).findings) {
    if (finding.rule == wanted.rule && finding.subject == wanted.subject) return true;
  }
  return false;
}

RC_GTEST_PROP(Mend, WhatAFindingProposesRemovesIt, ()) {
  Dice dice(*rc::gen::arbitrary<uint64_t>());
  const std::string text = random_fleet(dice);
  yaml::Problems problems("f");
  const auto fleet = parse_topology(text, problems);
  if (!fleet) RC_FAIL(problems.text() + "\n" + text);
  for (const Finding& finding : lint(*fleet).findings) {
    if (finding.changes.empty()) continue;
    Topology mended = *fleet;
    for (const Change& change : finding.changes) {
      const Status done = apply(change, mended);
      if (!done) RC_FAIL(done.error().message);
    }
    if (finds(mended, finding)) {
      RC_FAIL(fmt::format("{} {}: {}; mend: {}\n{}", finding.rule->id, finding.subject, finding.evidence, finding.mend,
                          text));
    }
  }
}

RC_GTEST_PROP(Mend, TheSameFleetHasTheSameReport, ()) {
  Dice dice(*rc::gen::arbitrary<uint64_t>());
  yaml::Problems problems("f");
  const auto fleet = parse_topology(random_fleet(dice), problems);
  RC_ASSERT(fleet.has_value());
  const LintReport report = lint(*fleet);
  RC_ASSERT(json_of(report, *fleet) == json_of(lint(*fleet), *fleet));
  RC_ASSERT(!report.findings.empty());
}

}  // namespace
}  // namespace freshet::fleet
