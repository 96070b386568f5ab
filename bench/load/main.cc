// freshet-load: sends tracking events over HTTP, as fast as they are taken or at a rate, and says what it saw.
#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <thread>

#include "base/assert.h"
#include "base/hash.h"
#include "common/cpu_time.h"
#include "http/tls.h"
#include "load/connection.h"

namespace freshet::bench {

namespace {

namespace asio = boost::asio;

struct Totals {  // of a whole run
  double seconds = 0;
  double cpu_us_per_event = 0;
  uint64_t events = 0;
  bool gave_up = false;
};

// The connections of one thread.
class Sender {
 public:
  Status add(const LoadRun& run, uint64_t number) {
    auto connection = Connection::make(io_, run, number);
    if (!connection) return tl::unexpected<Error>(connection.error());
    connections_.push_back(std::move(*connection));
    return {};
  }
  void start() {
    for (auto& connection : connections_) connection->start();
    thread_ = std::thread([this] {
      io_.run();
      done_ = true;
    });
  }
  [[nodiscard]] bool done() const { return done_; }
  void stop() {
    io_.stop();
    thread_.join();
  }

 private:
  asio::io_context io_{1};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread thread_;
  std::atomic<bool> done_{false};
};

Result<asio::ip::tcp::endpoint> resolve(const LoadOptions& options) {
  asio::io_context io;
  boost::system::error_code error;
  const auto found = asio::ip::tcp::resolver(io).resolve(options.host, std::to_string(options.port), error);
  if (error || found.empty()) return fail(Code::kInvalid, fmt::format("no address for host '{}'", options.host));
  return found.begin()->endpoint();
}

// Waits until all have sent what they should, or until nobody has heard an answer for too long.
void wait(std::vector<std::unique_ptr<Sender>>& senders, const LoadRun& run, Totals& totals) {
  constexpr env::TimeUs kLookUs = 20'000;
  const auto patience_us = static_cast<env::TimeUs>(run.options.give_up_s * 1e6);
  const auto all_done = [&] { return std::ranges::all_of(senders, [](const auto& sender) { return sender->done(); }); };
  while (!all_done()) {
    run.clock.sleep_us(kLookUs);
    const env::TimeUs silent_us = run.clock.monotonic_us() - run.result.last_answer_us.load();
    // A slow pace has pauses of its own.
    const auto pause_us =
        run.options.rate > 0 ? static_cast<env::TimeUs>(run.options.batch / run.options.rate * 1e6) : 0;
    if (silent_us <= patience_us + pause_us) continue;
    totals.gave_up = true;
    break;
  }
  for (auto& sender : senders) sender->stop();
}

void print_json(const LoadResult& result, const Totals& totals, double events_per_s) {
  fmt::print(R"({{"events":{},"requests":{},"seconds":{:.3f},"events_per_s":{:.0f},"cpu_us_per_event":{:.3f},)"
             R"("latency_ms":{{"p50":{:.3f},"p99":{:.3f},"p999":{:.3f}}},"retries":{},"errors":{},"gave_up":{}}})"
             "\n",
             totals.events, result.requests.load(), totals.seconds, events_per_s, totals.cpu_us_per_event,
             static_cast<double>(result.latency.quantile(0.5)) / 1e3,
             static_cast<double>(result.latency.quantile(0.99)) / 1e3,
             static_cast<double>(result.latency.quantile(0.999)) / 1e3, result.retries.load(), result.refused.load(),
             totals.gave_up);
}

void print_text(const LoadResult& result, const Totals& totals, double events_per_s) {
  fmt::print("{} events in {:.1f} s: {:.0f} events/s; load generator {:.2f} µs CPU an event\n", totals.events,
             totals.seconds, events_per_s, totals.cpu_us_per_event);
  fmt::print("request latency ms: p50 {:.1f}, p99 {:.1f}, p99.9 {:.1f}; sent again {}, refused {}\n",
             static_cast<double>(result.latency.quantile(0.5)) / 1e3,
             static_cast<double>(result.latency.quantile(0.99)) / 1e3,
             static_cast<double>(result.latency.quantile(0.999)) / 1e3, result.retries.load(), result.refused.load());
}

int report(const LoadOptions& options, const LoadResult& result, const Totals& totals) {
  const double events_per_s = totals.seconds > 0 ? static_cast<double>(totals.events) / totals.seconds : 0;
  options.json ? print_json(result, totals, events_per_s) : print_text(result, totals, events_per_s);
  if (totals.gave_up)
    fmt::print(stderr, "freshet-load: no answer from {} for {} s, gave up\n", options.url, options.give_up_s);
  if (const uint64_t refused = result.refused.load(); refused > 0) {
    const int status = result.refused_status.load();
    fmt::print(stderr, "freshet-load: {} requests were refused, one with {}\n", refused,
               status == 0 ? "something that is not HTTP/1.1 with a Content-Length" : fmt::format("status {}", status));
  }
  return totals.gave_up || result.refused.load() > 0 ? 1 : 0;
}

// Wrong usage, by the exit status of all our commands.
int wrong(const Error& error) {
  fmt::print(stderr, "freshet-load: {}\n", error.message);
  return 2;
}

int run_load(const LoadOptions& options) {
  env::Clock& clock = env::real_clock();
  auto server = resolve(options);
  if (!server) return wrong(server.error());
  auto tls = options.tls ? http::client_tls(options.ca) : Result<std::shared_ptr<asio::ssl::context>>(nullptr);
  if (!tls) return wrong(tls.error());
  LoadResult result;
  const Zipf zipf(options.users, options.zipf);
  const std::string run_id = to_hex(env::real_random().bytes(kRunIdSize / 2));
  // The bodies are made before the clock starts: they are part of the tool and not of the load.
  std::optional<Plan> plan;
  plan.emplace(options, 0);
  const LoadRun run{options, clock, *plan, result, zipf, *server, *tls, run_id};
  std::vector<std::unique_ptr<Sender>> senders;
  for (uint32_t i = 0; i < options.threads; ++i) senders.push_back(std::make_unique<Sender>());
  for (uint32_t i = 0; i < options.connections; ++i) {
    FRESHET_ASSERT(senders.size() == options.threads);
    if (const Status status = senders[i % options.threads]->add(run, i); !status) return wrong(status.error());
  }
  Totals totals;
  const int64_t cpu_ns = process_cpu_ns();
  const env::TimeUs start_us = clock.monotonic_us();
  plan.emplace(options, start_us);
  result.last_answer_us = start_us;
  for (auto& sender : senders) sender->start();
  wait(senders, run, totals);
  totals.events = result.requests.load() * options.batch;
  totals.seconds = static_cast<double>(result.last_answer_us.load() - start_us) / 1e6;
  const auto cpu_us = static_cast<double>(process_cpu_ns() - cpu_ns) / 1e3;
  totals.cpu_us_per_event = totals.events > 0 ? cpu_us / static_cast<double>(totals.events) : 0;
  return report(options, result, totals);
}

}  // namespace

}  // namespace freshet::bench

int main(int argc, char** argv) { return freshet::bench::run_load(freshet::bench::parse_options(argc, argv)); }
