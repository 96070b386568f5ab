// `freshet fleet rebalance`: plans moves in a living cluster, proves them, asks, and runs them by a journal.

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "app/rebalance_files.h"
#include "app/signals.h"
#include "base/text.h"
#include "fleet/rebalance/kafka_port.h"
#include "fleet/rebalance/leaders.h"
#include "fleet/rebalance/report.h"
#include "fleet/watch/live_source.h"

namespace freshet::app {
namespace {

namespace moves = fleet::rebalance;

struct RebalanceCommand {
  std::string file, cluster, journal;
  ReachOptions reach;
  moves::Goal goal;
  std::string to;
  uint64_t throttle_bytes_per_s = 50'000'000, dir_bytes = 0;
  uint32_t moves_per_broker = 2, reserve_percent = 10, rate_window_s = 5, delete_slack_s = 30;
  bool leaders = false;
  bool dry_run = false, at_once = false, yes = false, json = false;
  std::vector<std::string> windows;
  std::string at_close{name_of(moves::AtClose::kFinish)};
  bool any_time = false;
  bool fixed_throttle = false;
  uint64_t throttle_min_bytes_per_s = 0;  // 0: a share of the throttle
  uint32_t lag_bound_s = 30, latency_bound_ms = 200;
  bool resume = false, pause = false, cancel = false, status = false;

  [[nodiscard]] bool has_goal() const { return leaders || moves_replicas(); }
  [[nodiscard]] bool moves_replicas() const {
    return !goal.add.empty() || !goal.drain.empty() || goal.even_brokers || goal.even_dirs || !to.empty();
  }
};

// As it would be given again; "": none is.
std::string goal_text(const RebalanceCommand& command) {
  std::vector<std::string> words;
  if (!command.goal.add.empty()) words.push_back("--add " + joined(command.goal.add, ","));
  if (!command.goal.drain.empty()) words.push_back("--drain " + joined(command.goal.drain, ","));
  if (command.goal.even_brokers) words.emplace_back("--even");
  if (command.goal.even_dirs) words.emplace_back("--even-dirs");
  if (!command.to.empty()) words.push_back("--to " + command.to);
  if (command.leaders) words.emplace_back("--leaders");
  return joined(words, " ");
}

constexpr int kDone = 0, kFailed = 1, kUsage = 2;

void tell(const std::string& line) { fmt::print(stderr, "freshet fleet rebalance: {}\n", line); }

int told(const Error& error, const RebalanceCommand& command) {
  return report_fleet_error("rebalance", error, command.json);
}

// A cluster that is refused is a failure, whoever's fault it is; only the command line and the file are wrong usage.
int told_failed(const Error& error, const RebalanceCommand& command) {
  (void)told(error, command);
  return kFailed;
}

moves::Limits limits_of(const RebalanceCommand& command) {
  moves::Limits limits;
  limits.throttle_bytes_per_s = static_cast<double>(command.throttle_bytes_per_s);
  limits.moves_per_broker = command.moves_per_broker;
  limits.reserve_share = command.reserve_percent / 100.0;
  limits.delete_slack_s = command.delete_slack_s;
  return limits;
}

moves::Bounds bounds_of(const RebalanceCommand& command) {
  moves::Bounds bounds;
  bounds.adapts = !command.fixed_throttle;
  bounds.latency_s = command.latency_bound_ms / 1000.0;
  bounds.lag_s = command.lag_bound_s;
  if (command.throttle_min_bytes_per_s > 0)
    bounds.least_share = std::min(
        1.0, static_cast<double>(command.throttle_min_bytes_per_s) / static_cast<double>(command.throttle_bytes_per_s));
  return bounds;
}

Result<std::unique_ptr<moves::KafkaPort>> open_port(const RebalanceCommand& command, const cluster::Connection& reach,
                                                    const std::string& wanted_id) {
  FRESHET_ASSIGN(auto client, open_protocol(reach, command.cluster, wanted_id));
  moves::KafkaPortOptions port;
  port.rate_window_us = static_cast<env::TimeUs>(command.rate_window_s) * 1'000'000;
  port.dir_bytes = static_cast<double>(command.dir_bytes);
  port.delete_slack_s = command.delete_slack_s;
  FRESHET_ASSIGN(auto looks, fleet::open_live_source({reach, wanted_id, ""}, env::real_clock()));
  return std::make_unique<moves::KafkaPort>(std::move(client), std::move(looks), env::real_clock(), port);
}

bool may_do(const RebalanceCommand& command, const std::string& question) {
  if (command.yes) return true;
  if (isatty(STDIN_FILENO) != 1) {
    tell("nobody can be asked here: --yes says that it shall be done");
    return false;
  }
  return is_agreed(question);
}

int shown(const moves::Journal& journal, const RebalanceCommand& command) {
  if (command.json) {
    print_json([&](JsonWriter& out) {
      out.begin_object().member("ok", true).member("journal_file", command.journal).key("journal");
      moves::write_journal(out, journal);
      out.end_object();
    });
  } else {
    fmt::print("{}: {}\n", command.journal, moves::text_of_journal(journal));
  }
  return kDone;
}

int carry_out(const RebalanceCommand& command, moves::Port& port, moves::Journal journal, bool goes_on = false) {
  if (const Status clean = write_wish(command.journal, moves::Wish::kGoOn); !clean)
    return told_failed(clean.error(), command);
  moves::ExecutorOptions options;
  auto windows = moves::Windows::parse(journal.windows);
  if (!windows) return told_failed(windows.error(), command);
  options.windows = *std::move(windows);
  options.forgot_leaving = goes_on && journal.dir_bytes > 0;
  options.save = [&](const moves::Journal& now) { return write_journal(command.journal, now); };
  options.tell = tell;
  options.wish = [&] { return stop_was_asked() ? moves::Wish::kPause : read_wish(command.journal); };
  moves::Executor executor(port, env::real_clock(), std::move(journal), std::move(options));
  ask_at_signals();
  const Status ran = command.cancel ? executor.cancel() : executor.run();
  (void)write_wish(command.journal, moves::Wish::kGoOn);
  if (!ran) {
    if (!command.json && executor.journal().is_open())
      tell(fmt::format("what is left is in {}; --resume goes on, --cancel gives it up", command.journal));
    return told_failed(ran.error(), command);
  }
  return shown(executor.journal(), command);
}

Result<moves::Target> wanted_target(const RebalanceCommand& command, const moves::State& state) {
  if (command.to.empty()) return moves::target_of(state, command.goal);
  FRESHET_ASSIGN(const auto wanted, read_assignment(command.to));
  return moves::target_from(state, wanted);
}

void show_plan(const RebalanceCommand& command, const moves::State& state, const moves::Plan& plan,
               const moves::Limits& limits, const std::vector<moves::Span>& times) {
  if (!command.json) {
    fmt::print("{}", moves::text_of_plan(state, plan, limits, times));
    std::fflush(stdout);
  } else if (command.dry_run) {
    print_json([&](JsonWriter& out) {
      out.begin_object().member("ok", true).key("plan");
      moves::write_plan(out, state, plan, limits, times);
      out.end_object();
    });
  }
}

// When each wave would run; without windows that is not said.
Result<std::vector<moves::Span>> times_of(const RebalanceCommand& command, const moves::Plan& plan) {
  FRESHET_ASSIGN(const moves::Windows windows, moves::Windows::parse(command.windows));
  if (windows.empty()) return std::vector<moves::Span>();
  std::vector<moves::Errand> errands;
  for (const moves::Wave& wave : plan.waves) errands.push_back({wave.waits_s, wave.duration_s});
  return moves::schedule_of(errands, windows, env::real_clock().now_us() / 1'000'000);
}

// Nothing is copied, so there is neither a throttle nor a journal: whoever is killed does it again.
int even_leaders(const RebalanceCommand& command, moves::Port& port, const moves::State& state) {
  const moves::LeadersPlan plan = moves::plan_leaders(state, command.goal.tolerance);
  if (!command.json) {
    fmt::print("{}", moves::text_of_leaders(plan));
    std::fflush(stdout);
  }
  const bool nothing = plan.reordered.empty() && plan.elected.empty();
  if (!command.dry_run && !nothing) {
    if (!may_do(command, "Do it?")) return kFailed;
    if (const Status moved = moves::move_leaders(port, env::real_clock(), plan, tell); !moved)
      return told_failed(moved.error(), command);
  }
  if (command.json) {
    print_json([&](JsonWriter& out) {
      out.begin_object().member("ok", true).member("done", !command.dry_run).key("plan");
      moves::write_leaders(out, plan);
      out.end_object();
    });
  }
  return kDone;
}

int plan_and_run(const RebalanceCommand& command, moves::KafkaPort& port) {
  const moves::Limits limits = limits_of(command);
  const auto id = port.cluster_id();
  if (!id) return told_failed(id.error(), command);
  const auto state = port.look();
  if (!state) return told_failed(state.error(), command);
  const auto others = port.moving();
  if (!others) return told_failed(others.error(), command);
  if (!others->empty() && !command.dry_run)
    return told_failed(
        {Code::kConflict, fmt::format("{} and {} others are moved by somebody else already: they are left alone; "
                                      "wait for them, or cancel them where they were begun",
                                      others->front().name(), others->size() - 1)},
        command);
  if (command.leaders) return even_leaders(command, port, *state);
  const auto target = wanted_target(command, *state);
  if (!target) return told(target.error(), command);
  std::vector<moves::Move> list = moves::moves_of(*state, *target);
  const auto plan = command.at_once ? moves::plan_at_once(*state, std::move(list), limits)
                                    : moves::plan_waves(*state, std::move(list), limits);
  if (!plan) return told_failed(plan.error(), command);
  const auto times = times_of(command, *plan);
  if (!times) return told_failed(times.error(), command);
  show_plan(command, *state, *plan, limits, *times);
  moves::Journal journal = moves::journal_of(*state, *plan, limits, *id);
  journal.copy_rate.bounds = bounds_of(command);
  journal.goal = goal_text(command);
  journal.dir_bytes = static_cast<double>(command.dir_bytes);
  journal.windows = command.windows;
  journal.at_close = parse_name<moves::AtClose>(command.at_close).value_or(moves::AtClose::kFinish);
  if (command.dry_run) return kDone;
  if (plan->waves.empty()) return command.json ? shown(journal, command) : kDone;
  if (!may_do(command, "Do it?")) return kFailed;
  if (const Status saved = write_journal(command.journal, journal); !saved) return told_failed(saved.error(), command);
  return carry_out(command, port, journal);
}

// For --pause, and --cancel while another process runs: that one is told, and does it between its steps.
int wish_of_running(const RebalanceCommand& command) {
  const moves::Wish wish = command.cancel ? moves::Wish::kCancel : moves::Wish::kPause;
  if (const Status written = write_wish(command.journal, wish); !written) return told_failed(written.error(), command);
  tell(command.cancel ? "the process that runs is told to cancel"
                      : "the process that runs is told to pause after its wave");
  return kDone;
}

// Something else is wanted than what was begun: to go on with that, as if it had not been said, would be the surprise.
bool wants_another(const RebalanceCommand& command, const moves::Journal& journal) {
  const std::string goal = goal_text(command);
  return !command.resume && !command.cancel && !goal.empty() && !journal.goal.empty() && goal != journal.goal;
}

int work(RebalanceCommand& command, const cluster::Connection& reach, const std::string& wanted_id) {
  const auto lock = JournalLock::take(command.journal, "--pause or --cancel tells it to");
  if (!lock && lock.error().code == Code::kConflict && (command.pause || command.cancel))
    return wish_of_running(command);
  if (!lock) return told(lock.error(), command);
  const auto known = read_journal(command.journal);
  if (!known) return told_failed(known.error(), command);
  const bool is_open = *known && (*known)->is_open();
  if (command.pause) {
    tell(is_open ? "nothing runs by this journal; --resume goes on, --cancel gives it up"
                 : "nothing runs by this journal");
    return kDone;
  }
  if (!is_open && (command.resume || command.cancel)) {
    tell("there is nothing to go on with: " + command.journal + (*known ? " is finished" : " is not there"));
    return kDone;
  }
  if (is_open && !command.dry_run && wants_another(command, **known))
    return told_failed(
        {Code::kConflict,
         fmt::format("{} is not finished: it was begun by {} ({}), and this is {}. --resume goes on "
                     "with it, --cancel gives it up; then this can be begun",
                     command.journal, (*known)->goal, moves::text_of_journal(**known), goal_text(command))},
        command);
  if (is_open && !command.dry_run && command.dir_bytes == 0)
    command.dir_bytes = static_cast<uint64_t>((*known)->dir_bytes);
  const auto port = open_port(command, reach, wanted_id);
  if (!port) return told_failed(port.error(), command);
  if (!is_open || command.dry_run) return plan_and_run(command, **port);
  tell(fmt::format("{} is not finished ({}): {} it", command.journal, moves::text_of_journal(**known),
                   command.cancel ? "cancelling" : "going on with"));
  if (!may_do(command, command.cancel ? "Cancel it?" : "Go on?")) return kFailed;
  moves::Journal journal = **known;
  if (command.any_time || !command.windows.empty()) journal.windows = command.windows;
  journal.dir_bytes = static_cast<double>(command.dir_bytes);
  return carry_out(command, **port, std::move(journal), true);
}

int rebalance(RebalanceCommand& command) {
  const auto topology = load_fleet(command.file, command.json);
  if (!topology) return kUsage;
  const auto clusters = reachable(*topology, command.cluster, command.reach);
  if (!clusters) return told(clusters.error(), command);
  const fleet::Cluster& cluster = topology->clusters[clusters->front().cluster];
  if (clusters->size() > 1)
    return told({Code::kInvalid, "the file has several clusters: say which by --cluster"}, command);
  command.cluster = cluster.name;
  if (command.journal.empty())
    command.journal =
        (std::filesystem::path(command.file).parent_path() / ("rebalance-" + cluster.name + ".journal")).string();
  if (command.status) {
    const auto known = read_journal(command.journal);
    if (!known) return told_failed(known.error(), command);
    return *known ? shown(**known, command)
                  : told_failed({Code::kNotFound, command.journal + " is not there"}, command);
  }
  if (!command.has_goal() && !command.resume && !command.pause && !command.cancel)
    return told({Code::kInvalid, "what for? --add, --drain, --even, --even-dirs, --to or --leaders say it"}, command);
  if (command.leaders && command.moves_replicas())
    return told({Code::kInvalid, "--leaders is done by itself: move the replicas first, then even the leaders"},
                command);
  if (command.at_once && !command.dry_run)
    return told({Code::kInvalid, "--at-once is to be looked at only: it goes with --dry-run"}, command);
  if (const auto right = moves::Windows::parse(command.windows); !right) return told(right.error(), command);
  if (command.windows.empty() && !command.any_time && !command.resume) command.windows = cluster.maintenance;
  return work(command, clusters->front().connection, cluster.connect.cluster_id);
}

void add_goals(CLI::App& sub, RebalanceCommand& command) {
  sub.add_option("--add", command.goal.add, "Brokers that shall take their share, as 4,5")->delimiter(',');
  sub.add_option("--drain", command.goal.drain, "Brokers that shall be empty, as 1,2")->delimiter(',');
  sub.add_flag("--even", command.goal.even_brokers, "Every broker as full as the others");
  sub.add_flag("--even-dirs", command.goal.even_dirs, "Within each broker, every log dir as full as the others");
  sub.add_flag("--leaders", command.leaders,
               "Every broker leads as much as the others; no replica moves, and no other goal goes with it");
  sub.add_option("--to", command.to, "A file of assignments, as kafka-reassign-partitions takes it");
}

void add_consideration(CLI::App& sub, RebalanceCommand& command) {
  sub.add_option("--throttle", command.throttle_bytes_per_s, "Bytes a second of each broker at most, as 50MB")
      ->transform(CLI::AsSizeValue(true))
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  sub.add_option("--throttle-min", command.throttle_min_bytes_per_s,
                 "How far it may go down while the cluster suffers; default: a tenth")
      ->transform(CLI::AsSizeValue(true));
  sub.add_option("--lag-bound", command.lag_bound_s,
                 "Seconds by which a consumer group may fall behind before the throttle is lowered")
      ->capture_default_str();
  sub.add_option("--latency-bound", command.latency_bound_ms,
                 "Milliseconds that a small request may take before the throttle is lowered")
      ->capture_default_str();
  sub.add_flag("--fixed-throttle", command.fixed_throttle, "Don't adapt the throttle to how the cluster fares");
  CLI::Option* const window =
      sub.add_option(
             "--window", command.windows,
             "When moves may begin, as \"sat,sun 01:00-05:00 Europe/Berlin\"; several are all of them; default: "
             "`maintenance` of the cluster")
          ->expected(1)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub.add_flag("--any-time", command.any_time, "Whatever the file or the journal says of windows")->excludes(window);
  sub.add_option("--at-close", command.at_close,
                 "What is under way when a window closes: finish, or take-back and begin anew in the next one")
      ->check(CLI::IsMember({"finish", "take-back"}))
      ->capture_default_str();
}

void add_limits(CLI::App& sub, RebalanceCommand& command) {
  sub.add_option("--moves", command.moves_per_broker, "Moves at once, of each broker")
      ->check(CLI::Range(1u, 100u))
      ->capture_default_str();
  sub.add_option("--reserve", command.reserve_percent, "Percent of a log dir that must stay free")
      ->check(CLI::Range(0u, 90u))
      ->capture_default_str();
  sub.add_option(
         "--dir-bytes", command.dir_bytes,
         "Size of each log dir, as 500GiB, where brokers don't tell it (before Kafka 3.3) or not all of it is Kafka's")
      ->transform(CLI::AsSizeValue(true));
  sub.add_option("--rate-window", command.rate_window_s, "Seconds for which growth is measured before planning")
      ->check(CLI::Range(1u, 3600u))
      ->capture_default_str();
  sub.add_option("--delete-slack", command.delete_slack_s,
                 "Seconds after file.delete.delay.ms at which what was moved away is surely gone from the disk")
      ->check(CLI::Range(0u, 3600u))
      ->capture_default_str();
}

}  // namespace

void add_fleet_rebalance_command(CLI::App& fleet, int& exit_code) {
  auto command = std::make_shared<RebalanceCommand>();
  CLI::App* sub = fleet.add_subcommand(
      "rebalance",
      "Move replicas in waves that are proved not to fill a disk, under a throttle that is never left behind");
  sub->footer(
      "Killed at any moment it goes on by --resume, or gives up by --cancel. Exit status: 1 if there is no safe plan.\n"
      "Examples:\n"
      "  freshet fleet rebalance fleet.yaml --cluster orders --drain 3 --dry-run\n"
      "  freshet fleet rebalance fleet.yaml --cluster orders --add 4,5 --throttle 80MB --yes\n"
      "  freshet fleet rebalance fleet.yaml --cluster orders --cancel");
  sub->add_option("FILE", command->file, "The fleet (YAML)")->required();
  sub->add_option("--cluster", command->cluster, "Which cluster of it; may be left out if there is only one");
  add_goals(*sub, *command);
  add_consideration(*sub, *command);
  add_limits(*sub, *command);
  add_reach_options(*sub, command->reach);
  sub->add_option("--journal", command->journal, "Default: rebalance-CLUSTER.journal beside FILE");
  sub->add_flag("--dry-run", command->dry_run, "Show the plan with its proof, and do nothing");
  sub->add_flag("--at-once", command->at_once, "With --dry-run: what became of it without waves");
  sub->add_flag("--yes", command->yes, "Don't ask");
  CLI::Option* const resume = sub->add_flag("--resume", command->resume, "Go on with what the journal has");
  CLI::Option* const pause = sub->add_flag("--pause", command->pause, "Have the process that runs stop after its wave");
  CLI::Option* const cancel = sub->add_flag("--cancel", command->cancel,
                                            "Stop what is under way and put every setting back; what has moved stays");
  resume->excludes(pause)->excludes(cancel);
  pause->excludes(cancel);
  sub->add_flag("--status", command->status, "What the journal says");
  sub->add_flag("--json", command->json, "One JSON object on standard output");
  sub->callback([command, &exit_code] { exit_code = rebalance(*command); });
}

}  // namespace freshet::app
