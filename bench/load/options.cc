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
  app.add_option("--url", options.url, "The ingest listener, http:// or https://host:port")->capture_default_str();
  app.add_option("--ca", options.ca, "PEM file with the authority of an https:// address (default: the system's)");
  app.add_option("--key", options.key, "A write key of the tenant")->capture_default_str();
  app.add_option("--tenants", options.tenants,
                 "Requests go to so many tenants in turn, whose keys are KEY-0, KEY-1, …");
  app.add_option("--path", options.path, "Where batches are sent to")->capture_default_str();
  app.add_option("--events", options.events, "How many events to send, rounded up to whole batches");
  app.add_option("--seconds", options.seconds, "How long to send")->check(CLI::NonNegativeNumber);
  app.add_option(
         "--rate", options.rate,
         "Events a second, open loop: latency counts from when a request was due. Without it: as fast as answers come")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--on-time", options.on_time,
               "With --rate: what is due and not sent when --seconds are over is left out");
  app.add_option("--connections", options.connections, "Connections, each with one request under way")
      ->check(CLI::Range(1, 4000))
      ->capture_default_str();
  app.add_option("--threads", options.threads, "Threads that share the connections")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  app.add_option("--batch", options.batch, "Events in a request")->check(CLI::Range(1, 2500))->capture_default_str();
  app.add_option("--users", options.users, "How many users there are")
      ->check(CLI::Range(uint64_t{1}, kUsersMax))
      ->capture_default_str();
  app.add_option("--first-user", options.first_user, "The number of the first user")->capture_default_str();
  app.add_option("--zipf", options.zipf, "Exponent of Zipf's distribution over users; 0 is uniform")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
  app.add_option("--identify", options.identify, "Share of identifies among the events")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  app.add_option("--merges", options.merges, "Share of identifies that merge the profile of a new anonymous id")
      ->check(CLI::Range(0.0, 0.5))
      ->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes, "Bytes of an event")
      ->check(CLI::Range(1, 32768))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "The same seed makes the same users and bodies")->capture_default_str();
  app.add_flag("--preload", options.preload, "Identify every user once, in order, and send nothing else");
  app.add_option("--give-up", options.give_up_s, "Seconds without any answer before it fails")->capture_default_str();
  app.add_flag("--json", options.json, "One JSON object on standard output");
  app.footer(
      "Example:\n  freshet-load --events 1000000\n  freshet-load --rate 20000 --seconds 60 --connections 64 --json\n"
      "Exit status: 0 all was taken, 1 some was not, 2 wrong usage.");
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
