#include "app/run_alone.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/signals.h"
#include "http/server.h"
#include "telemetry/log.h"
#include "telemetry/open_metrics.h"

namespace freshet::app {
namespace {

// Whoever supervises the process asks for the one, whoever watches it for the other.
void answer_metrics(const http::Request& request, const http::Respond& respond) {
  http::Response response;
  response.content_type = "text/plain";
  if (request.path == "/metrics") {
    telemetry::Exposition exposed = telemetry::expose_metrics(request.header("accept"));
    response.content_type = std::move(exposed.content_type);
    response.body = std::move(exposed.body);
  } else if (request.path == "/healthz") {
    response.body = "ok\n";
  } else {
    response.status = 404;
    response.body = "there are /metrics and /healthz\n";
  }
  respond(std::move(response));
}

// Signals are looked for between two steps, so that one which came is never in the middle of a transaction.
Status step_until_signal(const std::function<Result<std::function<Status()>>()>& open, const sigset_t& signals) {
  FRESHET_ASSIGN(const auto step, open());
  const timespec now{0, 0};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &now);
    if (signal == SIGTERM || signal == SIGINT) return {};
    FRESHET_TRY(step());
  }
}

}  // namespace

void add_alone_options(CLI::App& command, AloneOptions& options) {
  command.add_option("--listen", options.listen, "HOST:PORT for /metrics and /healthz; without it: none");
  command.add_option("--log-level", options.log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  command.add_flag("--log-json", options.log_json, "One JSON object a line");
}

int run_alone(const char* name, const AloneOptions& options,
              const std::function<Result<std::function<Status()>>()>& open) {
  const sigset_t signals = block_signals({SIGTERM, SIGINT});
  std::unique_ptr<http::Server> server;
  if (!options.listen.empty()) {
    http::ServerOptions serving;
    serving.listen = options.listen;
    serving.name = name;
    auto started = http::Server::start(serving, answer_metrics);
    if (!started) {
      fmt::print(stderr, "freshet {}: {}\n", name, started.error().message);
      return 2;
    }
    server = std::move(*started);
    log::info("metrics on port {}", server->port());
  }
  const Status done = step_until_signal(open, signals);
  if (server != nullptr) server->stop(1'000);
  if (done) {
    log::info("stopped; what is committed is whole");
    return 0;
  }
  log::error("stopped by a failure: {}", done.error().message);
  return done.error().code == Code::kInvalid ? 2 : 1;
}

}  // namespace freshet::app
