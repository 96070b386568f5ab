// `freshet fleet restart`: a rolling restart or upgrade, printed as steps, or followed by a command for each broker.

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>

#include "app/broker_command.h"
#include "app/child.h"
#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/journal_file.h"
#include "app/journal_lock.h"
#include "app/json_output.h"
#include "app/signals.h"
#include "fleet/restart/kafka_port.h"
#include "fleet/restart/report.h"

namespace freshet::app {
namespace {

namespace rolling = fleet::restart;

struct RestartCommand {
  std::string file, cluster, journal, command;
  ReachOptions reach;
  std::vector<int32_t> brokers;  // []: all
  rolling::Upgrade upgrade;
  uint32_t ready_s = 600, back_s = 1800, settle_s = 0;
  bool follow = false, resume = false, status = false, allow_outage = false, yes = false, json = false;
};

void tell_of_restart(const std::string& line) { fmt::print(stderr, "freshet fleet restart: {}\n", line); }

int restart_wrong(const Error& error, const RestartCommand& command) {
  return report_fleet_error("restart", error, command.json);
}

// Only the command line and the file are wrong usage; a cluster that is refused is a failure.
int restart_failed(const Error& error, const RestartCommand& command) {
  (void)restart_wrong(error, command);
  return 1;
}

int show_restarts(const rolling::Journal& journal, const RestartCommand& command) {
  if (command.json) {
    print_json([&](JsonWriter& out) {
      out.begin_object().member("ok", true).member("journal_file", command.journal).key("journal");
      rolling::write_journal(out, journal);
      out.end_object();
    });
  } else {
    fmt::print("{}: {}\n", command.journal, rolling::text_of_journal(journal));
  }
  return 0;
}

rolling::FollowOptions options_of(const RestartCommand& command) {
  rolling::FollowOptions options;
  options.ready_max_us = static_cast<env::TimeUs>(command.ready_s) * 1'000'000;
  options.back_max_us = static_cast<env::TimeUs>(command.back_s) * 1'000'000;
  options.settle_us = static_cast<env::TimeUs>(command.settle_s) * 1'000'000;
  options.may_stop_writes = command.allow_outage;
  options.save = [path = command.journal](const rolling::Journal& now) { return write_journal_file(path, now); };
  options.tell = tell_of_restart;
  options.stops = stop_was_asked;
  return options;
}

// Ctrl-C is looked at between brokers only: a broker that is away has to come back first.
int followed(const RestartCommand& command, rolling::KafkaPort& port, rolling::Journal journal) {
  rolling::Follower follower(port, env::real_clock(), std::move(journal), options_of(command));
  ask_at_signals();
  const Status ran = follower.run();
  if (ran) return show_restarts(follower.journal(), command);
  if (!command.json) tell_of_restart(fmt::format("what is left is in {}; --resume goes on", command.journal));
  return restart_failed(ran.error(), command);
}

bool is_wanted(const RestartCommand& command) {
  if (command.yes) return true;
  if (command.json || isatty(STDIN_FILENO) != 1) {
    tell_of_restart("nobody can be asked here: --yes says that it shall be done");
    return false;
  }
  return is_agreed("Do it?");
}

// Brokers that are asked for and are not up are no mistake of the cluster's, but of whoever asks.
Status check_brokers(const RestartCommand& command, const rolling::State& state) {
  for (const int32_t id : command.brokers) {
    if (state.find(id) == nullptr)
      return fail(Code::kInvalid, fmt::format("--brokers: no broker {} is up in cluster {}", id, command.cluster));
  }
  return {};
}

int print_or_follow(const RestartCommand& command, rolling::KafkaPort& port) {
  const auto state = port.look();
  if (!state) return restart_failed(state.error(), command);
  if (const Status right = check_brokers(command, *state); !right) return restart_wrong(right.error(), command);
  const std::vector<rolling::Broker> order = rolling::order_of(*state, command.brokers);
  if (!command.json) {
    fmt::print("{}", rolling::text_of_plan(*state, order, command.upgrade));
    std::fflush(stdout);
  } else if (!command.follow) {
    print_json([&](JsonWriter& out) {
      out.begin_object().member("ok", true).key("plan");
      rolling::write_plan(out, *state, order);
      out.end_object();
    });
  }
  if (!command.follow) return 0;
  if (!is_wanted(command)) return 1;
  rolling::Journal journal;
  journal.cluster_id = state->cluster_id;
  for (const rolling::Broker& broker : order) journal.brokers.push_back({broker, rolling::Stage::kWaiting});
  return followed(command, port, std::move(journal));
}

int work_on(const RestartCommand& command, const cluster::Connection& reach, const std::string& wanted_id) {
  const auto lock = JournalLock::take(command.journal, "wait until it has ended");
  if (!lock) return restart_failed(lock.error(), command);
  const auto known = read_journal_file(command.journal, &rolling::journal_from_json);
  if (!known) return restart_failed(known.error(), command);
  const bool is_open = *known && (*known)->outcome != rolling::Outcome::kDone;
  if (command.status)
    return *known ? show_restarts(**known, command)
                  : restart_failed({Code::kNotFound, command.journal + " is not there"}, command);
  if (command.resume && !is_open) {
    tell_of_restart("there is nothing to go on with: " + command.journal + (*known ? " is finished" : " is not there"));
    return 0;
  }
  if (command.follow && is_open && !command.resume)
    return restart_failed(
        {Code::kConflict, fmt::format("{} is not finished ({}): --resume goes on with it; or delete it",
                                      command.journal, rolling::text_of_journal(**known))},
        command);
  auto client = open_protocol(reach, command.cluster, wanted_id);
  if (!client) return restart_failed(client.error(), command);
  Child child;
  rolling::KafkaPort port(*std::move(client),
                          {[&](const rolling::Broker& broker) -> Status {
                             FRESHET_ASSIGN(const auto text, command_for(command.command, {broker.id, broker.host,
                                                                                           broker.port, broker.rack}));
                             return child.begin(text);
                           },
                           [&] { return child.ended(); }});
  if (!command.resume) return print_or_follow(command, port);
  tell_of_restart("going on: " + rolling::text_of_journal(**known));
  return is_wanted(command) ? followed(command, port, **known) : 1;
}

// From the command line to one cluster of the file; what is wrong with either is told before anything is asked.
int restart(RestartCommand& command) {
  const auto topology = load_fleet(command.file, command.json);
  if (!topology) return 2;
  const auto clusters = reachable(*topology, command.cluster, command.reach);
  if (!clusters) return restart_wrong(clusters.error(), command);
  if (clusters->size() > 1)
    return restart_wrong({Code::kInvalid, "the file has several clusters: say which by --cluster"}, command);
  const fleet::Cluster& cluster = topology->clusters[clusters->front().cluster];
  command.cluster = cluster.name;
  command.follow = command.follow || command.resume;
  if (command.follow && command.command.empty() && !command.status)
    return restart_wrong({Code::kInvalid, "--follow needs --command, as 'ssh {host} sudo systemctl restart kafka'"},
                         command);
  command.upgrade.from = cluster.kafka_version;
  if (const std::string fault = rolling::upgrade_fault(command.upgrade); !fault.empty())
    return restart_wrong({Code::kInvalid, "--upgrade-to: " + fault}, command);
  if (command.journal.empty())
    command.journal =
        (std::filesystem::path(command.file).parent_path() / ("restart-" + cluster.name + ".journal")).string();
  return work_on(command, clusters->front().connection, cluster.connect.cluster_id);
}

void add_following(CLI::App& sub, RestartCommand& command) {
  CLI::Option* const follow = sub.add_flag("--follow", command.follow, "Do it: run the command for each broker");
  sub.add_option("--command", command.command,
                 "What restarts one broker, by the shell; {broker}, {host}, {port} and {rack} in it are the broker's");
  CLI::Option* const resume = sub.add_flag("--resume", command.resume, "Go on with what the journal has");
  resume->excludes(follow);
  sub.add_flag("--status", command.status, "What the journal says")->excludes(follow)->excludes(resume);
  sub.add_flag("--allow-outage", command.allow_outage,
               "Also restart brokers without which partitions can't be written or read");
  sub.add_option("--ready-timeout", command.ready_s,
                 "Seconds that the cluster may take to be in sync before a broker goes")
      ->check(CLI::Range(1u, 86'400u))
      ->capture_default_str();
  sub.add_option("--back-timeout", command.back_s, "Seconds that a broker may take to be back in sync")
      ->check(CLI::Range(1u, 86'400u))
      ->capture_default_str();
  sub.add_option("--settle", command.settle_s, "Seconds between two brokers")
      ->check(CLI::Range(0u, 86'400u))
      ->capture_default_str();
}

}  // namespace

void add_fleet_restart_command(CLI::App& fleet, int& exit_code) {
  auto command = std::make_shared<RestartCommand>();
  CLI::App* sub = fleet.add_subcommand(
      "restart",
      "A rolling restart or upgrade that waits for replicas to be in sync between brokers; prints it by default");
  sub->footer(
      "No broker is taken away while a replica is not in sync, or while it is needed for writes. Killed at any moment "
      "it\n"
      "goes on by --resume. Exit status: 0 printed or done, 1 refused or failed, 2 wrong usage or file.\n"
      "Examples:\n"
      "  freshet fleet restart fleet.yaml --cluster orders\n"
      "  freshet fleet restart fleet.yaml --cluster orders --follow --command 'ssh {host} sudo systemctl restart "
      "kafka'\n"
      "  freshet fleet restart fleet.yaml --cluster orders --upgrade-to 4.1.0");
  sub->add_option("FILE", command->file, "The fleet (YAML)")->required();
  sub->add_option("--cluster", command->cluster, "Which cluster of it; may be left out if there is only one");
  sub->add_option("--brokers", command->brokers, "Only these, as 1,2")->delimiter(',');
  sub->add_option("--upgrade-to", command->upgrade.to, "The steps of an upgrade to this version of Kafka, as 4.1.0");
  add_following(*sub, *command);
  add_reach_options(*sub, command->reach);
  sub->add_option("--journal", command->journal, "Default: restart-CLUSTER.journal beside FILE");
  sub->add_flag("--yes", command->yes, "Don't ask");
  sub->add_flag("--json", command->json, "One JSON object on standard output");
  sub->callback([command, &exit_code] { exit_code = restart(*command); });
}

}  // namespace freshet::app
