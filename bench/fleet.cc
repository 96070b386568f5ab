// freshet-bench-fleet: the processor time to read, to lint and to plan a large fleet.yaml, the plan
// with its page. The fastest of several rounds counts, since everything else on the machine only
// makes a round slower. It prints one JSON object. With --write FILE it writes that fleet to a file
// instead, for other programs.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <limits>
#include <string>

#include "common/cpu_time.h"
#include "fleet/lint/lint.h"
#include "fleet/plan/report.h"
#include "fleet/topology_yaml.h"
#include "testing/many_clusters.h"

namespace freshet::bench {
namespace {

struct Options {
  uint32_t clusters = 200;
  uint32_t topics = 20'000;
  int rounds = 5;
  std::string write;
};

int run(const Options& options) {
  // Of ten clusters, one has its own half of the topics alone.
  const uint32_t each = options.topics * 20 / (options.clusters * 19);
  const std::string text = fleet::test_fleet(options.clusters, each);
  if (!options.write.empty()) return std::ofstream(options.write) << text ? 0 : 1;
  int64_t read_ns = std::numeric_limits<int64_t>::max();
  int64_t lint_ns = read_ns;
  int64_t plan_ns = read_ns;
  size_t topics = 0;
  size_t errors = 0;
  size_t page_bytes = 0;
  for (int round = 0; round < options.rounds; ++round) {
    yaml::Problems problems("fleet.yaml");
    const int64_t begin = thread_cpu_ns();
    const auto topology = fleet::parse_topology(text, problems);
    const int64_t read = thread_cpu_ns();
    if (!topology) return fmt::print(stderr, "{}\n", problems.text()), 1;
    const fleet::LintReport report = fleet::lint(*topology);
    const int64_t linted = thread_cpu_ns();
    const auto plan = fleet::plan_fleet(*topology, nullptr, {}, fleet::default_prices());
    if (!plan) return fmt::print(stderr, "{}\n", plan.error().message), 1;
    page_bytes = fleet::html_report(*plan).size();
    const int64_t end = thread_cpu_ns();
    read_ns = std::min(read_ns, read - begin);
    lint_ns = std::min(lint_ns, linted - read);
    plan_ns = std::min(plan_ns, end - linted);
    topics = topology->topics.size();
    errors = report.count(fleet::Grade::kError);
  }
  const auto ms = [](int64_t ns) { return static_cast<double>(ns) / 1e6; };
  fmt::print(
      "{{\"clusters\":{},\"topics\":{},\"bytes\":{},\"errors\":{},\"page_bytes\":{},\"read_cpu_ms\":{:.1f},"
      "\"lint_cpu_ms\":{:.1f},\"plan_cpu_ms\":{:.1f}}}\n",
      options.clusters, topics, text.size(), errors, page_bytes, ms(read_ns), ms(lint_ns), ms(plan_ns));
  return 0;
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  CLI::App app("Processor time to read, lint and plan a large fleet");
  freshet::bench::Options options;
  app.add_option("--clusters", options.clusters, "Clusters")->check(CLI::Range(10, 2000));
  app.add_option("--topics", options.topics, "Topics, about, with those of mirrors")->check(CLI::Range(1000, 500'000));
  app.add_option("--rounds", options.rounds, "Rounds; the fastest counts")->check(CLI::Range(1, 1000));
  app.add_option("--write", options.write, "Write the fleet to this file and measure nothing");
  CLI11_PARSE(app, argc, argv);
  return freshet::bench::run(options);
}
