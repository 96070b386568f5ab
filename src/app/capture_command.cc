// `freshet capture`: runs until a signal comes, and shows its metrics.
#include "app/capture_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "app/config.h"
#include "app/json_output.h"
#include "app/problems.h"
#include "app/run_alone.h"
#include "capture/process.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

struct CaptureOptions {
  std::string config;
  AloneOptions alone;
  bool snapshot = false;
  bool json = false;
};

// nullopt: what is wrong was printed.
std::optional<capture::Config> capture_config(const std::string& file, bool json) {
  yaml::Problems problems(file);
  auto config = capture::load_config(file, process_environment(), problems);
  if (!config) print_problems(problems, json);
  return config;
}

// The process is shared with the step only because a function must be copyable.
int run_capture(const CaptureOptions& options) {
  telemetry::set_up_log(options.alone.log_level, options.alone.log_json);
  const auto config = capture_config(options.config, false);
  if (!config) return 2;
  return run_alone("capture", options.alone, [&]() -> Result<std::function<Status()>> {
    FRESHET_ASSIGN(auto opened, capture::Process::open(*config, options.snapshot, env::real_clock()));
    log::info("capture {}: database {} to {}; stop with Ctrl-C or SIGTERM", config->name, config->source.database,
              config->topic);
    const std::shared_ptr<capture::Process> process = std::move(opened);
    return std::function<Status()>([process] { return process->step(); });
  });
}

// For people; --json has the position as it is stored.
void print_position(const std::optional<capture::Position>& position) {
  if (!position) {
    fmt::print("it has never begun\n");
    return;
  }
  fmt::print("position     {}\ncollections ", position->at);
  for (const std::string& name : position->known) fmt::print(" {}", name);
  fmt::print("\n");
  for (const capture::Todo& todo : position->todo)
    fmt::print("to do        {}{} of {}{}\n", todo.sweep ? "sweep" : "", todo.snapshot ? " snapshot" : "",
               todo.collection, todo.after.empty() ? "" : ", done up to " + todo.after);
  if (position->todo.empty()) fmt::print("to do        nothing: it follows changes\n");
}

int show_capture(const CaptureOptions& options) {
  const auto config = capture_config(options.config, options.json);
  if (!config) return 2;
  const auto position = capture::look_at(*config, env::real_clock());
  if (!position) return print_failure("freshet capture status: ", position.error(), options.json);
  if (!options.json) {
    print_position(*position);
    return 0;
  }
  print_json([&](JsonWriter& json) {
    json.begin_object().member("ok", true).member("began", position->has_value());
    json.member("following", position->has_value() && (*position)->todo.empty()).key("position");
    if (*position) json.raw(capture::encode(**position));
    if (!*position) json.null();
    json.end_object();
  });
  return 0;
}

}  // namespace

void add_capture_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CaptureOptions>();
  CLI::App* command = app.add_subcommand("capture", "Write what changes in MongoDB into Kafka topics, exactly once");
  command->footer("Example:\n  freshet capture --config capture.yaml --listen 127.0.0.1:8090");
  command->require_subcommand(0, 1);
  CLI::App* status = command->add_subcommand("status", "How far it has come, whether or not it runs");
  status->footer("Example:\n  freshet capture status --config capture.yaml --json");
  status->add_option("--config", options->config, "The capture (YAML)")->check(CLI::ExistingFile)->required();
  status->add_flag("--json", options->json, "One JSON object on standard output");
  status->callback([options, &exit_code] { exit_code = show_capture(*options); });
  CLI::Option* config =
      command->add_option("--config", options->config, "The capture (YAML)")->check(CLI::ExistingFile);
  command->add_flag("--snapshot", options->snapshot,
                    "Begin anew: read all documents, and tell which are gone; for one start only");
  add_alone_options(*command, options->alone);
  command->callback([options, command, config, &exit_code] {
    if (!command->get_subcommands().empty()) return;
    if (config->count() == 0) throw CLI::RequiredError("--config");
    exit_code = run_capture(*options);
  });
}

}  // namespace freshet::app
