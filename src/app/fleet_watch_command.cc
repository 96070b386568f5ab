// `freshet fleet watch`: looks at all living clusters of a fleet again and again, and shows what is wrong first: on the
// terminal, as JSON, and as metrics for Prometheus.

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "app/broker_machines.h"
#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "app/open_files.h"
#include "app/signals.h"
#include "env/clock.h"
#include "fleet/watch/gauges.h"
#include "fleet/watch/live_source.h"
#include "fleet/watch/watcher.h"
#include "http/response.h"
#include "http/server.h"
#include "telemetry/metrics.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

struct WatchCommand {
  std::string file, cluster;
  ReachOptions reach;
  std::string interval = "10s", window = "5m", timeout = "5s";
  std::string listen, machines;
  uint64_t looks = 0;  // 0: without end
  bool once = false;
  bool json = false;
};

// The durations of the command, read.
struct WatchTimes {
  env::TimeUs interval_us = 0;
  env::TimeUs window_us = 0;
  env::TimeUs timeout_us = 0;
};

Result<env::TimeUs> duration_of(const char* option, const std::string& text, int64_t min_us, int64_t max_us) {
  yaml::Problems problems("");
  yaml::Node node;
  node.kind = yaml::Node::Kind::kScalar;
  node.text = text;
  env::TimeUs out = 0;
  if (yaml::read_duration_us(node, option, min_us, max_us, problems, out)) return out;
  return fail(Code::kInvalid, fmt::format("{}: \"{}\" must be a duration from {} s to {} s, as in 500ms, 10s or 5m",
                                          option, text, static_cast<double>(min_us) / 1e6, max_us / 1'000'000));
}

Result<WatchTimes> times_of(const WatchCommand& command) {
  constexpr env::TimeUs kSecondUs = 1'000'000;
  WatchTimes out;
  FRESHET_ASSIGN(out.interval_us, duration_of("--interval", command.interval, kSecondUs / 10, 3600 * kSecondUs));
  FRESHET_ASSIGN(out.window_us, duration_of("--window", command.window, kSecondUs, 86'400 * kSecondUs));
  FRESHET_ASSIGN(out.timeout_us, duration_of("--timeout", command.timeout, kSecondUs / 10, 300 * kSecondUs));
  return out;
}

http::Response answer_scrape(const http::Request& request, const fleet::Watcher& watcher) {
  if (request.method != "GET" && request.method != "HEAD")
    return http::error_response(405, "method_not_allowed", "only GET and HEAD");
  http::Response response;
  if (request.path == "/healthz") {
    response.body = R"({"status":"ok"})";
  } else if (request.path == "/v1/fleet") {
    response.body = fleet::watch_json(watcher.watched());
  } else if (request.path == "/metrics") {
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = telemetry::render_prometheus() + telemetry::render_gauges(fleet::watch_gauges(watcher.watched()));
  } else {
    return http::error_response(404, "not_found", "there are /v1/fleet, /metrics and /healthz");
  }
  return response;
}

using Listener = std::unique_ptr<http::Server>;

// Null: nobody asked for one.
Result<Listener> serve(const WatchCommand& command, const fleet::Watcher& watcher) {
  if (command.listen.empty()) return Listener();
  http::ServerOptions options;
  options.listen = command.listen;
  options.name = "watch";
  options.connections_max = 64;
  options.body_bytes_max = 1024;
  FRESHET_ASSIGN(Listener server,
                 http::Server::start(options, [&watcher](http::Request request, http::Respond respond) {
                   respond(answer_scrape(request, watcher));
                 }));
  fmt::print(stderr, "metrics on http://{}:{}/metrics\n", command.listen.substr(0, command.listen.rfind(':')),
             server->port());
  return server;
}

// So many lines fit on the terminal; 0: it is none.
size_t terminal_lines() {
  winsize size{};
  if (isatty(STDOUT_FILENO) != 1 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return 0;
  return std::max<size_t>(size.ws_row, 10) - 1;
}

// kFatal: nobody reads it any more.
Status show(const WatchCommand& command, const fleet::Watched& watched) {
  const size_t lines = terminal_lines();
  std::string out = command.json ? fleet::watch_json(watched) + "\n" : fleet::watch_text(watched, lines);
  constexpr const char* kClearScreen = "\x1b[H\x1b[2J\x1b[3J";
  if (!command.json && command.looks != 1) out = lines > 0 ? kClearScreen + out : out + "\n";
  const bool written = std::fwrite(out.data(), 1, out.size(), stdout) == out.size();
  if (!written || std::fflush(stdout) != 0) return fail(Code::kFatal, "standard output can't be written");
  return {};
}

// Whether a signal to stop came within this time.
bool stopped_within(const sigset_t& signals, env::TimeUs duration_us) {
  const timespec tick{duration_us / 1'000'000, duration_us % 1'000'000 * 1000};
  return sigtimedwait(&signals, nullptr, &tick) > 0;
}

// A cluster that can't be seen, or something critical: so that a pipeline can stop at it.
bool all_well(const fleet::Watched& watched) {
  return std::ranges::all_of(watched.clusters, [](const auto& standing) {
    return standing->looked && !standing->away &&
           std::ranges::none_of(standing->concerns, [](const fleet::Concern& concern) {
             return concern.severity == fleet::Severity::kCritical;
           });
  });
}

// Shows every look of all clusters when the last of them is done, and at the latest an interval after the one before:
// of one that is slow there is what is known. The last of a given number waits longer, because it is all that there is.
int show_looks(const WatchCommand& command, const WatchTimes& times, const fleet::Watcher& watcher,
               const sigset_t& signals) {
  constexpr env::TimeUs kSliceUs = 50'000;
  env::Clock& clock = env::real_clock();
  env::TimeUs tick_us = clock.monotonic_us();
  for (uint64_t n = 1;; ++n) {
    const bool last = n == command.looks;
    const env::TimeUs until_us = tick_us + (last ? times.interval_us + 8 * times.timeout_us : times.interval_us);
    while (!watcher.wait_for_looks(n, kSliceUs) && clock.monotonic_us() < until_us)
      if (stopped_within(signals, 0)) return 0;
    const fleet::Watched watched = watcher.watched();
    if (const Status shown = show(command, watched); !shown) return report_fleet_error("watch", shown.error(), false);
    if (last) return all_well(watched) ? 0 : 1;
    tick_us += times.interval_us;
    const env::TimeUs pause_us = tick_us - clock.monotonic_us();
    if (stopped_within(signals, std::max<env::TimeUs>(pause_us, 0))) return 0;
  }
}

int watch(WatchCommand command) {
  if (command.once) command.looks = 1;
  const auto topology = load_fleet(command.file, command.json);
  if (!topology) return 2;
  const auto times = times_of(command);
  if (!times) return report_fleet_error("watch", times.error(), command.json);
  const auto reached = reachable(*topology, command.cluster, command.reach);
  if (!reached) return report_fleet_error("watch", reached.error(), command.json);
  const sigset_t signals = block_signals({SIGTERM, SIGINT});  // which are show_looks()'s
  static_cast<void>(raise_open_files());
  std::vector<fleet::Index> clusters;
  for (const Reachable& one : *reached) clusters.push_back(one.cluster);
  const auto open = [&](fleet::Index cluster) {
    const auto way = std::ranges::find(*reached, cluster, &Reachable::cluster);
    const fleet::Cluster& its = topology->clusters[cluster];
    fleet::LiveSourceOptions options{way->connection, its.connect.cluster_id, its.watch.probe};
    options.connection.timeout_us = times->timeout_us;
    auto source = fleet::open_live_source(options, env::real_clock());
    if (!source || command.machines.empty()) return source;
    return Result<std::unique_ptr<fleet::LookSource>>(
        with_machines(std::move(*source), command.machines, times->timeout_us, env::real_clock()));
  };
  const fleet::WatcherOptions options{.interval_us = times->interval_us, .memory = {.window_us = times->window_us}};
  fleet::Watcher watcher(*topology, clusters, options, open, env::real_clock());
  auto server = serve(command, watcher);
  if (!server) return report_fleet_error("watch", server.error(), command.json);
  const int status = show_looks(command, *times, watcher, signals);
  if (*server != nullptr) (*server)->stop(100);
  return status;
}

}  // namespace

void add_fleet_watch_command(CLI::App& fleet, int& exit_code) {
  auto command = std::make_shared<WatchCommand>();
  CLI::App* sub = fleet.add_subcommand(
      "watch", "Living clusters, all at once: what is wrong, lag in messages and time, disks, hottest topics");
  sub->footer(
      "Exit status of --once and --looks: 1 if a cluster can't be looked at, or something is critical.\nExamples:\n"
      "  freshet fleet watch fleet.yaml\n"
      "  freshet fleet watch fleet.yaml --cluster orders --once --json\n"
      "  freshet fleet watch fleet.yaml --listen 0.0.0.0:9308 > /dev/null");
  sub->add_option("FILE", command->file, "The fleet (YAML)")->required();
  sub->add_option("--cluster", command->cluster, "This one only");
  add_reach_options(*sub, command->reach);
  sub->add_flag("--once", command->once, "Look once; verdicts of groups need more than that");
  sub->add_option("--looks", command->looks, "Look so often, then end; 0: until a signal")->capture_default_str();
  sub->add_flag("--json", command->json, "One JSON document for each look, each on a line");
  sub->add_option("--interval", command->interval, "Time between looks")->capture_default_str();
  sub->add_option("--window", command->window, "Verdicts and rates are of about so long")->capture_default_str();
  sub->add_option("--timeout", command->timeout, "Of each question to a broker")->capture_default_str();
  sub->add_option(
      "--machines", command->machines,
      "What brings /proc/stat of a broker's machine, by the shell, as 'ssh {host} cat /proc/stat': how busy "
      "each is; {broker}, {host} and {port} are the broker's");
  sub->add_option("--listen", command->listen,
                  "Serve /v1/fleet (the look as JSON), /metrics and /healthz at HOST:PORT");
  sub->callback([command, &exit_code] { exit_code = watch(*command); });
}

}  // namespace freshet::app
