// `freshet fleet runbook …`: steps for people, with the exact commands, made of the file; and followed, if asked to.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/journal_file.h"
#include "app/journal_lock.h"
#include "app/json_output.h"
#include "app/runbook_hands.h"
#include "app/signals.h"
#include "base/hash.h"
#include "env/clock.h"
#include "env/file.h"
#include "fleet/runbook/follow.h"
#include "fleet/runbook/migrate.h"

namespace freshet::app {
namespace {

struct MigrateOptions {
  std::string file;
  std::string from;     // the old file
  std::string cluster;  // of it; "": its only one
  std::string journal, people;
  bool follow = false, resume = false, back = false, status = false, yes = false;
  bool json = false;
};

int runbook_failed(const Error& error, const MigrateOptions& options, int status = 1) {
  (void)report_fleet_error("runbook migrate", error, options.json);
  return status;
}

int show_runbook(const fleet::RunbookJournal& journal, size_t steps, const MigrateOptions& options) {
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", true).member("journal_file", options.journal).key("journal").begin_object();
      json.member("outcome", name_of(journal.outcome)).member("steps_done", journal.done).member("steps", steps);
      json.end_object().end_object();
    });
  } else {
    fmt::print("{}: {}, {} of {} steps done\n", options.journal, name_of(journal.outcome), journal.done, steps);
  }
  return 0;
}

// One that somebody has changed is theirs.
Status write_runbook_file(const std::string& path, const std::string& text) {
  const auto there = env::read_file(path);
  if (there == text) return {};
  if (there) return fail(Code::kConflict, path + " is there and says something else: move it away, or put it back");
  std::ofstream out(path, std::ios::binary);
  if (!(out << text).flush()) return fail(Code::kFatal, path + ": can't be written");
  return {};
}

int carry_out_runbook(const MigrateOptions& options, const fleet::Migration& runbook, const std::string& folder,
                      fleet::RunbookJournal journal) {
  for (const fleet::RunbookFile& file : runbook.files)
    if (const Status written = write_runbook_file(folder + "/" + file.name, file.text); !written)
      return runbook_failed(written.error(), options);
  ShellHands hands({folder, options.people, options.yes});
  fleet::RunbookOptions following;
  following.save = [&](const fleet::RunbookJournal& now) { return write_journal_file(options.journal, now); };
  following.stops = stop_was_asked;
  ask_at_signals();
  fleet::RunbookFollower follower(runbook.steps, hands, env::real_clock(), std::move(journal), following);
  const Status ran = options.back ? follower.back() : follower.run();
  if (!ran) return runbook_failed(ran.error(), options);
  return show_runbook(follower.journal(), runbook.steps.size(), options);
}

// What has been begun by another text would go on at another step.
int follow_runbook(MigrateOptions& options, const fleet::Migration& runbook) {
  // Commands name files as the runbook does, from here.
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  if (error) return runbook_failed({Code::kInvalid, "the working directory is gone: " + error.message()}, options);
  if (options.journal.empty()) options.journal = folder + "/runbook-migrate.journal";
  const auto lock = JournalLock::take(options.journal, "wait until it has ended");
  if (!lock) return runbook_failed(lock.error(), options);
  const auto known = read_journal_file(options.journal, &fleet::runbook_journal_from_json);
  if (!known) return runbook_failed(known.error(), options);
  if (options.status)
    return *known ? show_runbook(**known, runbook.steps.size(), options)
                  : runbook_failed({Code::kNotFound, options.journal + " is not there"}, options);
  const std::string text = hash128(runbook.text).hex();
  const bool goes_on = options.resume || options.back;
  if (goes_on && !*known) return runbook_failed({Code::kNotFound, options.journal + " is not there"}, options);
  if (goes_on && (*known)->runbook != text)
    return runbook_failed(
        {Code::kConflict, fmt::format("{} is of another runbook: the files have changed since. Put them back, or go on "
                                      "by hand from step {} of what it printed",
                                      options.journal, (*known)->done + 1)},
        options);
  if (!goes_on && *known && (*known)->outcome != fleet::RunbookOutcome::kDone)
    return runbook_failed({Code::kConflict, options.journal + " is not finished: --resume goes on with it, --back "
                                                              "takes it back; or delete it"},
                          options);
  return carry_out_runbook(options, runbook, folder,
                           goes_on ? **known : fleet::RunbookJournal{text, fleet::RunbookOutcome::kRunning, 0});
}

// A runbook that leaves something open is printed all the same: what is open stands first in it.
int migrate(MigrateOptions& options) {
  const auto fleet = load_fleet(options.file, options.json);
  const auto old = load_fleet(options.from, options.json);
  if (!fleet || !old) return 2;
  const fleet::Index cluster =
      options.cluster.empty() && old->clusters.size() == 1 ? 0 : old->find_cluster(options.cluster);
  if (cluster == fleet::kNone)
    return report_fleet_error(
        "runbook migrate",
        {Code::kInvalid, options.cluster.empty() ? options.from + " has several clusters: say which by --cluster"
                                                 : "there is no cluster " + options.cluster + " in " + options.from},
        options.json);
  const auto runbook = fleet::plan_migration(*old, cluster, *fleet);
  if (!runbook) return report_fleet_error("runbook migrate", runbook.error(), options.json);
  const bool follows = options.follow || options.resume || options.back || options.status;
  if (follows && !runbook->unresolved.empty())
    return runbook_failed(
        {Code::kConflict, "the files leave something open, so it is not followed: " + runbook->unresolved.front()},
        options);
  if (follows) return follow_runbook(options, *runbook);
  if (options.json) {
    print_json([&](JsonWriter& json) {
      json.begin_object().member("ok", runbook->unresolved.empty()).key("unresolved").array(runbook->unresolved);
      json.member("runbook", runbook->text).end_object();
    });
  } else {
    fmt::print("{}", runbook->text);
    for (const std::string& one : runbook->unresolved) fmt::print(stderr, "not answered: {}\n", one);
  }
  return runbook->unresolved.empty() ? 0 : 1;
}

}  // namespace

void add_fleet_runbook_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* runbook = fleet.add_subcommand("runbook", "Steps for people, as Markdown, with the exact commands");
  runbook->require_subcommand(1);
  CLI::App* command =
      runbook->add_subcommand("migrate", "From one cluster to a fleet, topic by topic, with the way back at each step");
  command->footer(
      "Exit status: 0 printed, followed or stopped; 1 something is open or failed; 2 wrong usage or file.\nExamples:\n"
      "  freshet fleet runbook migrate fleet.yaml --from monolith.yaml > migrate.md\n"
      "  freshet fleet runbook migrate fleet.yaml --from monolith.yaml --follow");
  command->add_option("FILE", options->file, "The fleet as it shall be (YAML)")->required();
  command->add_option("--from", options->from, "The file that has the cluster as it is")->required();
  command->add_option("--cluster", options->cluster, "Which cluster of that; may be left out if there is only one");
  CLI::Option* const follow =
      command->add_flag("--follow", options->follow, "Do it, step by step: its commands are run, its mirrors started");
  CLI::Option* const resume = command->add_flag("--resume", options->resume, "Go on with what the journal has");
  CLI::Option* const back = command->add_flag("--back", options->back, "Take back what was done, step by step");
  CLI::Option* const status = command->add_flag("--status", options->status, "How far the journal is");
  follow->excludes(resume)->excludes(back)->excludes(status);
  resume->excludes(back)->excludes(status);
  back->excludes(status);
  command->add_option("--people", options->people,
                      "A command for what people do; FRESHET_STEP says it. Default: who sits at the terminal is asked");
  command->add_option("--journal", options->journal, "Default: runbook-migrate.journal in this folder");
  command->add_flag("--yes", options->yes, "Commands that would ask are told yes");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = migrate(*options); });
}

}  // namespace freshet::app
