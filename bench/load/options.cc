// The command line of freshet-load.

#include "load/options.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

#include "common/body.h"
#include "http/address.h"

namespace freshet::bench {

namespace {

[[noreturn]] void wrong_usage(const std::string& message) {
  fmt::print(stderr, "freshet-load: {}\n", message);
  std::exit(2);
}

void add_options(CLI::App& app, LoadOptions& options) {
  app.add_option("--url", options.url, "http:// or https://host:port of the ingest listener")->capture_default_str();
  app.add_option("--ca", options.ca, "PEM file with the authority of an https:// address (default: the system's)");
  app.add_option("--key", options.key, "write key")->capture_default_str();
  app.add_option("--tenants", options.tenants,
                 "requests go to so many tenants in turn, whose keys are KEY-0, KEY-1, …");
  app.add_option("--path", options.path, "path of the batch endpoint")->capture_default_str();
  app.add_option("--events", options.events, "how many events (rounded up to whole batches)");
  app.add_option("--seconds", options.seconds, "how long")->check(CLI::NonNegativeNumber);
  app.add_option("--rate", options.rate, "events/s, open loop; latency counts from the time a request was due")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--on-time", options.on_time,
               "with --rate: what is due and not sent when --seconds are over is left out");
  app.add_option("--connections", options.connections, "connections")
      ->check(CLI::Range(1, 4000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--batch", options.batch, "events a request")->check(CLI::Range(1, 2500))->capture_default_str();
  app.add_option("--users", options.users, "how many users there are")
      ->check(CLI::Range(uint64_t{1}, kUsersMax))
      ->capture_default_str();
  app.add_option("--first-user", options.first_user, "number of the first user")->capture_default_str();
  app.add_option("--zipf", options.zipf, "exponent of Zipf's distribution over users; 0 is uniform")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
  app.add_option("--identify", options.identify, "share of identifies")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--merges", options.merges, "share of identifies that merge the profile of a new anonymous id")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes, "bytes an event")
      ->check(CLI::Range(1, 32768))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "same seed, same users and bodies")->capture_default_str();
  app.add_flag("--preload", options.preload, "identify every user once, in order");
  app.add_option("--give-up", options.give_up_s, "seconds without any answer before it fails")->capture_default_str();
  app.add_flag("--json", options.json, "print one JSON object");
}

}  // namespace

Status split_url(LoadOptions& options) {
  const auto url = http::parse_url(options.url);
  if (!url) return fail(Code::kInvalid, fmt::format("'{}' is not http://host:port or https://host:port", options.url));
  options.tls = url->tls;
  options.host = url->address.host;
  options.port = url->address.port;
  return {};
}

LoadOptions parse_options(int argc, char** argv) {
  LoadOptions options;
  CLI::App app{"Sends tracking events to Freshet over HTTP and says how fast they were taken.", "freshet-load"};
  add_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  // A preload is a run of its own: each user once, and nothing else.
  if (options.preload) {
    options.identify = 1;
    options.events = options.users;
    options.seconds = 0;
  }
  if (options.events == 0 && options.seconds <= 0) wrong_usage("say how much: --events N, --seconds S or --preload");
  // A user_id has nine digits.
  if (options.first_user >= kUsersMax || options.users > kUsersMax - options.first_user)
    wrong_usage("--first-user and --users go beyond 999999999");
  if (options.threads > options.connections) wrong_usage("there are fewer --connections than --threads");
  if (const Status status = split_url(options); !status) wrong_usage(status.error().message);
  return options;
}

}  // namespace freshet::bench
