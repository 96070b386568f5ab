// freshet-bench-shares: what it costs a request that there are many tenants, of which each has its own share of the
// processor, of the way into the log and of the stages behind. Each tenant sends in turn, while the drain looks for
// lanes to close as often as it does; the clock is played, so that a second has the requests of a second. It prints one
// JSON object: of each part the time a request takes in it, the longest one, and the part of a core that all of it is.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "common/cpu_time.h"
#include "ingest/cpu_shares.h"
#include "ingest/overflow/lanes.h"
#include "testing/clock.h"

namespace freshet::bench {
namespace {

struct Options {
  uint32_t tenants = 10'000;
  uint32_t requests_per_s = 5'000;
  uint32_t seconds = 10;
};

// `request` is done for each tenant in turn, at the pace that the options say.
std::string measure(const Options& options, env::FakeClock& clock, const std::function<void(size_t tenant)>& request) {
  const uint64_t count = uint64_t{options.requests_per_s} * options.seconds;
  int64_t all_ns = 0, longest_ns = 0;
  for (uint64_t i = 0; i < count + options.tenants; ++i) {
    clock.now += 1'000'000 / options.requests_per_s;
    const int64_t begin = thread_cpu_ns();
    request(i % options.tenants);
    const int64_t took = thread_cpu_ns() - begin;
    if (i < options.tenants) continue;  // until each of them is known
    all_ns += took;
    longest_ns = std::max(longest_ns, took);
  }
  return fmt::format(R"({{"request_ns":{:.0f},"longest_us":{:.0f},"core_percent":{:.2f}}})",
                     static_cast<double>(all_ns) / static_cast<double>(count), static_cast<double>(longest_ns) / 1e3,
                     static_cast<double>(all_ns) / options.seconds / 1e7);
}

// Each request is said to have cost so much of two cores.
std::string measure_cpu(const Options& options, const std::vector<std::string>& names, env::TimeUs cost_us) {
  env::FakeClock clock;
  ingest::CpuShares shares(2);
  return measure(options, clock, [&](size_t tenant) {
    (void)shares.judge(names[tenant], clock.now);
    shares.used(names[tenant], cost_us, clock.now);
  });
}

// One tenant's lane is open all the time, so that every request takes the lock.
std::string measure_lanes(const Options& options, const std::vector<std::string>& names) {
  env::FakeClock clock;
  ingest::LanesOptions of_lanes;
  of_lanes.clock = &clock;
  ingest::Lanes lanes(of_lanes);
  lanes.own({0});
  model::Tenant slow = model::default_tenant("slow");
  slow.rate = {1, 1};
  (void)lanes.enter(slow, ingest::LaneKind::kLive, 10);
  std::vector<model::Tenant> tenants;
  tenants.reserve(names.size());
  for (const std::string& name : names) tenants.push_back(model::default_tenant(name));
  env::TimeUs looked_us = 0;
  return measure(options, clock, [&](size_t tenant) {
    (void)lanes.enter(tenants[tenant], ingest::LaneKind::kLive, 1);
    if (clock.now - looked_us < 10'000) return;
    looked_us = clock.now;
    (void)lanes.quiet();
  });
}

// The stages behind have more to do than they can.
std::string measure_crowd(const Options& options, const std::vector<std::string>& names) {
  env::FakeClock clock;
  ingest::Crowd crowd({.clock = &clock, .tenants = names.size()});
  crowd.observe(1'000'000);
  return measure(options, clock, [&](size_t tenant) {
    if (crowd.comes(names[tenant], ingest::LaneKind::kLive, 10)) crowd.went(10);
  });
}

int run(const Options& options) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < options.tenants; ++i) names.push_back("tenant-" + std::to_string(i));
  // 0.3 of the cores is what nobody waits for.
  const env::TimeUs much_us = 2'000'000 / options.requests_per_s;
  fmt::print(R"({{"tenants":{},"requests_per_s":{},"cpu_idle":{},"cpu_busy":{},"lanes":{},"crowd":{}}})"
             "\n",
             options.tenants, options.requests_per_s, measure_cpu(options, names, much_us / 20),
             measure_cpu(options, names, much_us), measure_lanes(options, names), measure_crowd(options, names));
  return 0;
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  CLI::App app("What many tenants' shares cost a request");
  freshet::bench::Options options;
  app.add_option("--tenants", options.tenants, "Tenants that send in turn")->check(CLI::Range(1, 1'000'000));
  app.add_option("--requests", options.requests_per_s, "Requests a second")->check(CLI::Range(1, 1'000'000));
  app.add_option("--seconds", options.seconds, "For so long, by the played clock")->check(CLI::Range(1, 3600));
  CLI11_PARSE(app, argc, argv);
  return freshet::bench::run(options);
}
