// freshet-bench-floor: the least that any program like Freshet must do per event, as one straight loop on one thread
// and the same libraries. What the pipeline costs beyond this is what its identity, protocols and threads cost.
//
// Per event: parse the JSON of a tracking batch, look the user up in a table, update attributes, counters and times.
// The parts of floor/parts.h come on top, all of them or those that are asked for. Not done: HTTP, identity beyond a
// look-up, several partitions, profiles to read, message ids and states of earlier days.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <vector>

#include "common/body.h"
#include "common/cpu_time.h"
#include "common/zipf.h"
#include "env/clock.h"
#include "floor/loop.h"
#include "kv/store.h"

namespace freshet::bench {

namespace {

// The command line.
struct FloorOptions {
  uint64_t events = 3'000'000;
  uint64_t users = 1'000'000;
  double zipf = 0.99;
  double identify = 0.2;
  size_t batch = 100;   // events of one request
  size_t group = 1000;  // events of one durable append
  size_t event_bytes = 500;
  double flush_s = 3;  // between two flushes of the changed entities
  Parts parts;
  std::string dir;
  bool json = false;
};

FloorOptions parse_options(int argc, char** argv) {
  FloorOptions options;
  const auto names = all_names<Part>();
  std::vector<std::string> parts(names.begin(), names.end());
  CLI::App app{"The least that any such program must do per event on this machine.", "freshet-bench-floor"};
  app.add_option("--events", options.events)->capture_default_str();
  app.add_option("--users", options.users)->check(CLI::Range(uint64_t{1}, kUsersMax))->capture_default_str();
  app.add_option("--zipf", options.zipf)->capture_default_str();
  app.add_option("--identify", options.identify)->capture_default_str();
  app.add_option("--batch", options.batch, "events of one request")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--group", options.group, "events of one durable append")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--event-bytes", options.event_bytes)->capture_default_str();
  app.add_option("--flush-s", options.flush_s, "seconds between two flushes of what changed")->capture_default_str();
  app.add_option("--dir", options.dir, "where its files go; must be empty or missing")->required();
  app.add_option("--parts", parts, "only these of all parts, separated by commas; none: only what every event needs")
      ->delimiter(',')
      ->check(CLI::IsMember(std::vector<std::string>(parts)) | CLI::IsMember({"none"}));
  app.add_flag("--json", options.json);
  try {
    app.parse(argc, argv);
    for (const std::string& name : parts)
      if (const auto part = parse_name<Part>(name)) options.parts.add(*part);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error) == 0 ? 0 : 2);
  }
  return options;
}

// Several bodies, so that the processor does not learn the one by heart.
Result<std::vector<Body>> make_bodies(const FloorOptions& options) {
  constexpr size_t kBodies = 16;
  std::vector<Body> bodies;
  for (size_t i = 0; i < kBodies; ++i) {
    auto body = Body::make({.batch = options.batch,
                            .event_bytes = options.event_bytes,
                            .identify_share = options.identify,
                            .seed = i + 1});
    if (!body) return tl::unexpected<Error>(body.error());
    bodies.push_back(std::move(*body));
  }
  return bodies;
}

// Sums over the whole run.
struct Measured {
  int64_t cpu_ns = 0;
  env::TimeUs wall_us = 0;
};

void fill(Body& body, const Zipf& zipf, Numbers& numbers, uint64_t first, env::TimeUs now_us) {
  for (size_t i = 0; i < body.items(); ++i) {
    body.set_user(i, zipf.sample(numbers));
    body.set_message_id(i, "000000000000", first + i);
  }
  body.set_time(now_us);
}

// Measures all of the process, RocksDB's threads too, but not the making of the bodies: a sender
// does that.
Result<Measured> run_loop(const FloorOptions& options, Loop& loop, std::vector<Body>& bodies) {
  env::Clock& clock = env::real_clock();
  Numbers numbers(1);
  const Zipf zipf(options.users, options.zipf);
  Measured sum{-process_cpu_ns(), -clock.monotonic_us()};
  env::TimeUs flushed_us = clock.monotonic_us();
  size_t waiting = 0;
  for (uint64_t sent = 0; sent < options.events; sent += options.batch) {
    Body& body = bodies[sent / options.batch % bodies.size()];
    const int64_t fill_cpu_ns = thread_cpu_ns();
    const env::TimeUs fill_us = clock.monotonic_us();
    fill(body, zipf, numbers, sent, clock.now_us());
    const env::TimeUs start_us = clock.monotonic_us();
    sum.cpu_ns -= thread_cpu_ns() - fill_cpu_ns;
    sum.wall_us -= start_us - fill_us;
    FRESHET_TRY(loop.take(body.text(), clock.now_us()));
    waiting += options.batch;
    if (waiting >= options.group) {
      FRESHET_TRY(loop.append());
      waiting = 0;
    }
    // As the product does: changed entities are written every few seconds, without a log.
    if (static_cast<double>(start_us - flushed_us) >= options.flush_s * 1e6) {
      FRESHET_TRY(loop.write_behind());
      flushed_us = start_us;
    }
  }
  sum.cpu_ns += process_cpu_ns();
  sum.wall_us += clock.monotonic_us();
  return sum;
}

// Set up as the product's: small rows that are looked up, and large values that are read in order.
Result<std::unique_ptr<kv::Store>> open_store(const FloorOptions& options, const char* name, bool is_log) {
  kv::Options store;
  store.memory = kv::make_memory_budget((is_log ? 96u : 512u) << 20);
  store.path = options.dir + "/" + name;
  store.large_values = store.log_like = is_log;
  store.point_reads = !is_log;
  if (is_log) store.bloom_bits = 0;
  return kv::open_rocks(store);
}

Status run_floor(const FloorOptions& options) {
  if (std::filesystem::exists(options.dir) && !std::filesystem::is_empty(options.dir)) {
    return fail(Code::kInvalid, fmt::format("--dir {}: not empty", options.dir));
  }
  std::filesystem::create_directories(options.dir);
  FRESHET_ASSIGN(const auto log, open_store(options, "log", true));
  FRESHET_ASSIGN(const auto state, open_store(options, "state", false));
  FRESHET_ASSIGN(const auto seen, open_store(options, "seen", false));
  FRESHET_ASSIGN(auto bodies, make_bodies(options));
  Loop loop(options.parts, {*log, *state, *seen});
  loop.add_users(options.users);
  const auto measured = run_loop(options, loop, bodies);
  if (!measured) return tl::unexpected<Error>(measured.error());
  const auto events = static_cast<double>(loop.applied());
  const double events_per_s = events / static_cast<double>(measured->wall_us) * 1e6;
  const double cpu_us = static_cast<double>(measured->cpu_ns) / 1e3 / events;
  if (options.json) {
    fmt::print(R"({{"events":{},"events_per_s":{:.0f},"cpu_us_per_event":{:.3f},"entities_written":{}}})"
               "\n",
               loop.applied(), events_per_s, cpu_us, loop.written());
  } else {
    fmt::print("{} events, {:.0f} events/s, {:.2f} µs CPU an event, {} entities written\n", loop.applied(),
               events_per_s, cpu_us, loop.written());
  }
  return {};
}

}  // namespace

}  // namespace freshet::bench

int main(int argc, char** argv) {
  const auto options = freshet::bench::parse_options(argc, argv);
  if (const auto status = freshet::bench::run_floor(options); !status) {
    fmt::print(stderr, "freshet-bench-floor: {}\n", status.error().message);
    return status.error().code == freshet::Code::kInvalid ? 2 : 1;
  }
  return 0;
}
