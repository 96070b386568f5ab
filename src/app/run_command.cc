// `freshet run`: reads the configuration, starts the process's roles, and waits for a signal.

#include "app/run_command.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <thread>

#include "app/config.h"
#include "app/open_files.h"
#include "app/server.h"
#include "app/signals.h"
#include "base/assert.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

// What the command line says; it overrules the configuration.
struct RunOptions {
  std::string config, data_dir, roles, log_level;
  bool log_json = false;
  bool accept_loss = false;
};

Result<Config> config_of(const RunOptions& options) {
  Config config = default_config();
  if (!options.config.empty()) {
    FRESHET_ASSIGN(config, load_config(options.config, process_environment()));
  }
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  if (!options.roles.empty()) {
    FRESHET_ASSIGN(auto roles, parse_roles(options.roles));
    config.roles = roles;
  }
  config.accept_loss = options.accept_loss;
  FRESHET_TRY(check_roles(config));
  return config;
}

void say_where(const Config& config, const Server& server) {
  const auto url = [](const auto& listener, uint16_t port) {
    return fmt::format("http{}://{}:{}", listener.tls.cert.empty() ? "" : "s",
                       listener.listen.substr(0, listener.listen.rfind(':')), port);
  };
  if (server.ingest_port() != 0) log::info("ingest on {}", url(config.ingest, server.ingest_port()));
  if (server.admin_port() != 0) log::info("admin and console on {}", url(config.admin, server.admin_port()));
  log::info("data in {}; stop with Ctrl-C or SIGTERM", config.data_dir);
}

// What the file says now; nullopt: there is none, or it is wrong, which the log says.
std::optional<Config> read_again(const RunOptions& options) {
  if (options.config.empty()) return std::nullopt;
  auto config = config_of(options);
  if (config) return std::move(*config);
  telemetry::counter("freshet_config_reload_failures_total", "").add();
  log::error("SIGHUP: the configuration is wrong, and nothing of it was taken:\n{}", config.error().message);
  return std::nullopt;
}

// The log as command line and configuration have it.
void set_up_log(const RunOptions& options, const Config& config) {
  const std::string level = options.log_level.empty() ? std::string(name_of(config.logging.level)) : options.log_level;
  telemetry::set_up_log(level, options.log_json || config.logging.format == Config::LogFormat::kJson);
}

void reload(Server& server, const RunOptions& options) {
  const std::optional<Config> file = read_again(options);
  if (file && options.log_level.empty()) FRESHET_ASSERT(telemetry::set_log_level(name_of(file->logging.level)));
  server.reload(file);
}

// Blocks until a signal to stop comes, or until a role fails. SIGHUP reads certificates and the file again.
Status wait(Server& server, const RunOptions& options, const sigset_t& signals) {
  const timespec tick{0, 100'000'000};
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &tick);
    if (signal == SIGTERM || signal == SIGINT) return {};
    if (signal == SIGHUP) reload(server, options);
    FRESHET_TRY(server.status());
    server.tick();
  }
}

int run(const RunOptions& options) {
  set_up_log(options, Config());
  auto config = config_of(options);
  if (!config) {
    fmt::print(stderr, "{}\n", config.error().message);
    return 2;
  }
  set_up_log(options, *config);
  const sigset_t signals = block_signals({SIGTERM, SIGINT, SIGHUP});  // which are wait()'s
  if (const Status fits = fit_open_files(*config, raise_open_files(), std::thread::hardware_concurrency()); !fits) {
    log::error("{}", fits.error().message);
    return 2;
  }
  // What it makes holds people's profiles and the keys of their identifiers: for its owner alone.
  umask(S_IRWXG | S_IRWXO);
  auto server = Server::start(*config, options.config.empty());
  if (!server) {
    log::error("{}", server.error().message);
    return server.error().code == Code::kInvalid ? 2 : 1;
  }
  say_where(*config, **server);
  const Status status = wait(**server, options, signals);
  log::info("stopping: answering what is under way, making the state durable");
  (*server)->stop();
  // A role may fail while it stops, and then not everything is durable.
  const Status end = status ? (*server)->status() : status;
  server->reset();
  if (!end) {
    log::error("stopped by a failure: {}", end.error().message);
    return 1;
  }
  log::info("stopped; nothing is lost");
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run Freshet: all roles in one process, or those of --roles");
  command->footer(
      "Example:\n  freshet run --data-dir ./freshet-data\nthen\n"
      "  curl -u demo-write-key: -H 'Content-Type: application/json' \\\n"
      "    -d '{\"userId\":\"u1\",\"event\":\"Hello\"}' http://127.0.0.1:8080/v1/track");
  command->add_option("--config", options->config, "YAML file; without it: one tenant `demo`, loopback only")
      ->check(CLI::ExistingFile);
  command->add_option("--data-dir", options->data_dir,
                      "Where the log, the state and the profiles are kept (default ./freshet-data)");
  command->add_option("--roles", options->roles, "Comma-separated: ingest,action,reaction,console (default: all)");
  command->add_option("--log-level", options->log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  command->add_flag(
      "--accept-loss", options->accept_loss,
      "Start although the embedded log has lost records that were acknowledged, with those that are left; "
      "for one start");
  command->add_flag("--log-json", options->log_json, "One JSON object a line");
  command->callback([options, &exit_code] { exit_code = run(*options); });
}

}  // namespace freshet::app
