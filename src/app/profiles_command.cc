#include "app/profiles_command.h"

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "app/config.h"
#include "app/installation.h"
#include "app/json_output.h"
#include "app/log.h"
#include "app/profile_restore.h"
#include "app/profiles.h"
#include "app/progress_bar.h"
#include "app/reaction_places.h"
#include "app/rebuild.h"
#include "app/secrets.h"
#include "cluster/stream/open.h"
#include "sinks/topic/topic.h"
#include "telemetry/log.h"

namespace freshet::app {
namespace {

constexpr uint64_t kRestoreMemoryBytes = 64u << 20;
constexpr uint64_t kRestorePendingBytes = 64u << 20;

struct ProfilesOptions {
  std::string config, data_dir, tenant, sink;
  std::string brokers, topic;  // where the sink is not in the file
  bool json = false;
};

// One that was put by the API is not in the file.
Result<model::Sink> sink_of(const ProfilesOptions& options, const TenantList& tenants) {
  for (const auto& tenant : tenants)
    for (const model::Sink& sink : tenant->sinks)
      if (tenant->name == options.tenant && sink.name == options.sink && sink.kind == model::SinkKind::kTopic)
        return sink;
  if (options.brokers.empty() || options.topic.empty())
    return fail(Code::kInvalid, fmt::format("{}: tenant {} has no sink {} of kind topic: if the API has put it, say "
                                            "--brokers and --topic, too",
                                            options.config, options.tenant, options.sink));
  model::Sink sink;
  sink.name = options.sink;
  sink.brokers = options.brokers;
  sink.topic = options.topic;
  return sink;
}

Result<ProfilesRestored> restore_with(const ProfilesOptions& options) {
  env::Clock& clock = env::real_clock();
  FRESHET_ASSIGN(auto config, load_config(options.config, process_environment()));
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  if (profiles_kind(config) == Config::Profiles::Kind::kState)
    return fail(Code::kInvalid, "profiles are read from action's state here, so there is no store to restore");
  TenantList tenants;
  for (const model::Tenant& tenant : config.tenants) tenants.push_back(std::make_shared<model::Tenant>(tenant));
  FRESHET_ASSIGN(const model::Sink sink, sink_of(options, tenants));
  FRESHET_ASSIGN(const auto connection, sinks::state_connection(sink, &secret_of));
  FRESHET_ASSIGN(const auto installation, Installation::open(config.data_dir, env::real_random()));
  FRESHET_ASSIGN(const auto log, open_log(config, installation->name() + "-restore", clock));
  FRESHET_TRY(create_topics(*log, config));
  FRESHET_ASSIGN(const auto admin, cluster::connect(connection, clock));
  FRESHET_ASSIGN(const auto reader, cluster::open_reader(connection, {.name = sink.topic}));
  FRESHET_ASSIGN(const auto store, open_profiles(config, tenants, kRestoreMemoryBytes, kRestorePendingBytes, clock));
  ProgressBar bar(clock, is_terminal());
  return restore_profiles({options.tenant, options.sink, sink.topic, *admin, *reader, *log, *store, clock,
                           [&](uint64_t done, uint64_t total) { bar.show("reading the state topic", done, total); }});
}

int restore_profiles_command(const ProfilesOptions& options) {
  const auto restored = restore_with(options);
  if (!restored) return print_failure("freshet profiles restore: ", restored.error(), options.json);
  const bool whole = restored->set_aside == 0 && restored->foreign == 0 && restored->refused == 0;
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", whole).member("states", restored->states).member("changes", restored->changes);
      json.member("set_aside", restored->set_aside).member("foreign", restored->foreign);
      json.member("refused", restored->refused).end_object();
    });
  } else {
    fmt::print("{} states of the topic and {} changes behind them are in the store\n", restored->states,
               restored->changes);
  }
  if (whole) return 0;
  if (!options.json)
    fmt::print(stderr, "not restored: {} that the topic had set aside, {} that the store refused; {} foreign records\n",
               restored->set_aside, restored->refused, restored->foreign);
  return 1;
}

struct ProfilesAsked {
  uint32_t partitions = 0;
  uint32_t moved = 0;       // places of reaction that lay before what `changes` still has
  bool at_start = false;    // a store on this disk: it is made anew when reaction starts
  bool leaves_old = false;  // the store is not emptied: what is no profile any more stays in it
};

Result<ProfilesAsked> rebuild_with(const ProfilesOptions& options) {
  env::Clock& clock = env::real_clock();
  FRESHET_ASSIGN(auto config, load_config(options.config, process_environment()));
  if (!options.data_dir.empty()) config.data_dir = options.data_dir;
  const auto kind = profiles_kind(config);
  if (kind == Config::Profiles::Kind::kState)
    return fail(Code::kInvalid, "profiles are read from action's state here, so there is no store to rebuild");
  ProfilesAsked asked{.partitions = config.log.partitions,
                      .at_start = kind != Config::Profiles::Kind::kMongodb,
                      .leaves_old = kind != Config::Profiles::Kind::kEmbedded};
  // What lies on this disk must be nobody else's meanwhile; a topic and MongoDB can be asked from anywhere.
  std::unique_ptr<Installation> installation;
  if (asked.at_start || config.log.kind == Config::LogKind::kEmbedded) {
    FRESHET_ASSIGN(installation, Installation::open(config.data_dir, env::real_random()));
  }
  FRESHET_ASSIGN(const auto log, open_log(config, "profiles-rebuild", clock));
  FRESHET_TRY(create_topics(*log, config));
  // Asked before places are moved: broken off in between, reaction still can't start and it is asked once more.
  if (asked.at_start) {
    FRESHET_TRY(mark_rebuild(config.data_dir, RebuildReason::kDamaged));
  } else {
    FRESHET_TRY(ask_for_profiles(*log, config.log.partitions, clock.now_us()));
  }
  FRESHET_ASSIGN(asked.moved, move_places_up(*log, clock));
  return asked;
}

int rebuild_profiles_command(const ProfilesOptions& options) {
  const auto asked = rebuild_with(options);
  if (!asked) return print_failure("freshet profiles rebuild: ", asked.error(), options.json);
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", true).member("partitions", asked->partitions);
      json.member("places_moved", asked->moved).member("at_start", asked->at_start).end_object();
    });
    return 0;
  }
  fmt::print("{}: start reaction\n",
             asked->at_start ? "the profile store is made anew at the next start"
                             : fmt::format("action is asked for every profile of {} partitions", asked->partitions));
  if (asked->moved > 0)
    fmt::print("reaction goes on at the oldest change that is kept, in {} partitions\n", asked->moved);
  if (asked->leaves_old)
    fmt::print(
        "profiles that were merged or erased meanwhile are not taken out of MongoDB by this: drop the databases "
        "freshet_TENANT before reaction starts, if there may be such\n");
  return 0;
}

void add_common_options(CLI::App& command, ProfilesOptions& options) {
  command.add_option("--config", options.config, "The configuration (YAML) that reaction has")
      ->required()
      ->check(CLI::ExistingFile);
  command.add_option("--data-dir", options.data_dir, "Instead of the configuration's");
  command.add_flag("--json", options.json, "One JSON object on standard output");
}

void add_rebuild(CLI::App& profiles, int& exit_code, const std::shared_ptr<ProfilesOptions>& options) {
  CLI::App* command = profiles.add_subcommand(
      "rebuild", "All profiles of all tenants from action's state, while no reaction runs: a lost store, lost changes");
  command->footer(
      "Example:\n  freshet profiles rebuild --config freshet.yaml\n"
      "Action says every profile whole again, reaction writes them once it is started. Where reaction was away for "
      "longer\nthan `changes` is kept, it goes on behind what is gone.");
  add_common_options(*command, *options);
  command->callback([options, &exit_code] {
    telemetry::set_up_log("warn", /*json=*/false);
    exit_code = rebuild_profiles_command(*options);
  });
}

}  // namespace

void add_profiles_command(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ProfilesOptions>();
  CLI::App* profiles = app.add_subcommand(
      "profiles", "The profile store: rebuild it from action's state, or restore it from a state topic");
  profiles->require_subcommand(1);
  CLI::App* command = profiles->add_subcommand(
      "restore", "All profiles of a tenant from the topic of its sink of kind topic, while no reaction runs");
  command->footer(
      "Example:\n  freshet profiles restore --config freshet.yaml --tenant acme --sink people\n"
      "It may be broken off and begun again. Exit status 1 if a profile could not be restored.");
  add_common_options(*command, *options);
  command->add_option("--tenant", options->tenant, "Whose profiles")->required();
  command->add_option("--sink", options->sink, "The name of the sink")->required();
  command->add_option("--brokers", options->brokers, "Of the topic, if the sink is not in the configuration");
  command->add_option("--topic", options->topic, "The topic, if the sink is not in the configuration");
  command->callback([options, &exit_code] {
    telemetry::set_up_log("warn", /*json=*/false);
    exit_code = restore_profiles_command(*options);
  });
  add_rebuild(*profiles, exit_code, options);
}

}  // namespace freshet::app
