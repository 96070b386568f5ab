// `freshet mirror`: runs until a signal comes, and shows its metrics.
#include "app/mirror_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "app/json_output.h"
#include "app/problems.h"
#include "app/run_alone.h"
#include "app/small_file.h"
#include "mirror/offsets.h"
#include "mirror/process.h"
#include "mirror/verify/verify.h"
#include "model/time.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

struct MirrorOptions {
  std::string config, instance;
  AloneOptions alone;
};

// nullopt: what is wrong was printed.
std::optional<mirror::Config> mirror_config(const std::string& file, bool json) {
  yaml::Problems problems(file);
  auto config = mirror::load_config(file, process_environment(), problems);
  if (!config) print_problems(problems, json);
  return config;
}

int run_mirror(const MirrorOptions& options) {
  telemetry::set_up_log(options.alone.log_level, options.alone.log_json);
  auto config = mirror_config(options.config, false);
  if (!config) return 2;
  if (!options.instance.empty()) mirror::set_instance(*config, options.instance);
  return run_alone("mirror", options.alone, [&]() -> Result<std::function<Status()>> {
    FRESHET_ASSIGN(auto opened, mirror::Process::open(*config, env::real_clock()));
    log::info("mirror {}: {} to {}; stop with Ctrl-C or SIGTERM", config->name, config->source.name,
              config->target.name);
    const std::shared_ptr<mirror::Process> process = std::move(opened);
    return std::function<Status()>([process] { return process->step(); });
  });
}

struct LookOptions {
  std::string config, group;
  std::vector<std::string> topics;
  std::string from, state;
  bool json = false;
  bool apply = false;
};

int failed_look(const Error& error, bool json) { return print_failure("freshet mirror: ", error, json); }

// What the look before has left there; nothing, if there was none.
Result<mirror::VerifiedSoFar> read_so_far(const std::string& path, const std::string& name) {
  const auto refused = [&](const std::string& why) {
    return fail(Code::kInvalid, path + ": " + why + ": remove it, and all is compared anew");
  };
  auto file = read_small_file(path);
  if (!file) return refused(file.error().message);
  if (!*file) return mirror::VerifiedSoFar{name, 0, {}};
  auto so_far = mirror::decode_verified((*file)->text);
  if (!so_far) return refused(so_far.error().message);
  if (so_far->mirror != name) return refused("it is of mirror " + so_far->mirror);
  return so_far;
}

int verify_mirror(const LookOptions& options) {
  const auto config = mirror_config(options.config, options.json);
  if (!config) return 2;
  mirror::VerifyOptions wanted;
  mirror::VerifiedSoFar so_far;
  if (!options.state.empty()) {
    auto read = read_so_far(options.state, config->name);
    if (!read) return failed_look(read.error(), options.json);
    so_far = *std::move(read);
    wanted.so_far = &so_far;
  }
  wanted.topics = options.topics;
  if (!options.from.empty()) {
    const auto from = model::parse_time(options.from);
    if (!from) return failed_look({Code::kInvalid, "--from must be a time like 2026-11-29T12:00:00Z"}, options.json);
    wanted.from_ms = *from / 1000;
  }
  const auto sides = mirror::open_sides(*config, env::real_clock());
  if (!sides) return failed_look(sides.error(), options.json);
  const auto verdict = mirror::verify(*config, **sides, wanted);
  if (!verdict) return failed_look(verdict.error(), options.json);
  if (!options.state.empty()) {
    const Status written = write_small_file(options.state, encode(verdict->so_far) + "\n");
    if (!written) return failed_look(written.error(), options.json);
  }
  fmt::print("{}", options.json ? mirror::verdict_json(*verdict) + "\n" : mirror::verdict_text(*verdict));
  return verdict->same() ? 0 : 1;
}

int move_offsets(const LookOptions& options) {
  const auto config = mirror_config(options.config, options.json);
  if (!config) return 2;
  if (options.group.empty() && config->groups.empty())
    return failed_look({Code::kInvalid, "name a group: `groups` in the file, or --group"}, options.json);
  const auto sides = mirror::open_sides(*config, env::real_clock());
  if (!sides) return failed_look(sides.error(), options.json);
  auto moves = mirror::plan_moves(*config, **sides, options.group, mirror::VerifyOptions{}.silence_us);
  if (!moves) return failed_look(moves.error(), options.json);
  if (options.apply) {
    if (const Status moved = mirror::move_groups(*config, *moves); !moved)
      return failed_look(moved.error(), options.json);
  }
  fmt::print("{}", options.json ? mirror::moves_json(*moves) + "\n" : mirror::moves_text(*moves));
  return 0;
}

void add_looks(CLI::App& mirror, int& exit_code) {
  auto options = std::make_shared<LookOptions>();
  CLI::App* verify = mirror.add_subcommand("verify", "Compare both sides: whether consumers may switch");
  verify->footer(
      "Exit status: 1 if the target differs.\nExample:\n  freshet mirror verify --config mirror.yaml --json");
  verify->add_option("--topic", options->topics, "Of the source; may be repeated; without it: all")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verify->add_option("--from", options->from, "Only records from this time on, as 2026-11-29T12:00:00Z");
  verify->add_option("--state", options->state,
                     "A file that says how far both sides were compared: goes on there, and says so again");
  CLI::App* offsets = mirror.add_subcommand("offsets", "Where consumer groups go on in the target");
  offsets->footer("Example:\n  freshet mirror offsets --config mirror.yaml --group billing --apply");
  offsets->add_option("--group", options->group, "Of the source; without it: those that the file names");
  offsets->add_flag("--apply", options->apply, "Commit them there, for groups that have not read in the target");
  for (CLI::App* command : {verify, offsets}) {
    command->add_option("--config", options->config, "The mirror (YAML)")->check(CLI::ExistingFile)->required();
    command->add_flag("--json", options->json, "One JSON object on standard output");
  }
  verify->callback([options, &exit_code] { exit_code = verify_mirror(*options); });
  offsets->callback([options, &exit_code] { exit_code = move_offsets(*options); });
}

}  // namespace

void add_mirror_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<MirrorOptions>();
  CLI::App* command = app.add_subcommand("mirror", "Copy topics from a Kafka cluster into another, exactly once");
  command->footer("Example:\n  freshet mirror --config mirror.yaml --listen 127.0.0.1:8090");
  command->require_subcommand(0, 1);
  add_looks(*command, exit_code);
  CLI::Option* config = command->add_option("--config", options->config, "The mirror (YAML)")->check(CLI::ExistingFile);
  command->add_option("--instance", options->instance,
                      "Of this process, instead of the file's; no two that run have the same");
  add_alone_options(*command, options->alone);
  command->callback([options, command, config, &exit_code] {
    if (!command->get_subcommands().empty()) return;
    if (config->count() == 0) throw CLI::RequiredError("--config");
    exit_code = run_mirror(*options);
  });
}

}  // namespace freshet::app
