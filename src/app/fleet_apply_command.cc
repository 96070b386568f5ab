// `freshet fleet apply`: shows what it would do, asks, and does it. All clusters are looked at before the first one is
// changed.

#include <fmt/core.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "cluster/admin/admin.h"
#include "fleet/live/carry_out.h"
#include "fleet/text.h"

namespace freshet::app {
namespace {

struct ApplyOptions {
  std::string file;
  std::string cluster;
  ReachOptions reach;
  fleet::ChangeOptions how;
  bool yes = false;
  bool dry_run = false;
  bool json = false;
};

// One cluster of a run.
struct ClusterRun {
  std::string name;
  fleet::ClusterNow now;
  std::unique_ptr<cluster::Admin> admin;
  fleet::Changes changes;
  std::unique_ptr<fleet::Access> access;  // of a cluster with users
  std::vector<fleet::Grant> grants;       // taken behind the steps
  std::unique_ptr<fleet::Brokers> brokers;
  fleet::BrokerChanges settings;    // of brokers, taken first
  size_t set = 0;                   // of them
  size_t done = 0;                  // of the steps
  size_t given = 0;                 // of the grants
  std::vector<std::string> errors;  // the last one ended it
};

// What its users lack, after the topics. Without an authorizer brokers keep no ACL: that is told, and left.
Status prepare_users(const fleet::Topology& topology, const Reachable& one, ClusterRun& out) {
  const auto users = fleet::users_wanted(topology, one.cluster);
  if (users.empty()) return {};
  FRESHET_ASSIGN(out.access, open_access(topology, one));
  FRESHET_ASSIGN(const fleet::AccessNow now, out.access->look());
  out.grants = fleet::grants_of(users, now);
  if (!now.has_authorizer) {
    std::erase_if(out.grants, [](const fleet::Grant& grant) { return grant.kind == fleet::Grant::Kind::kAcls; });
    out.changes.left.emplace_back(
        "users: the brokers have no authorizer, so they keep no ACL: restart them with what "
        "`fleet render` writes");
  }
  for (const auto& [user, acl] : fleet::extra_acls(users, now))
    out.changes.left.push_back("user " + user + ": may " + text_of(acl) +
                               ", which the file does not say: apply takes " + "nothing away");
  for (const fleet::Grant& grant : out.grants) {
    if (const Status would = out.access->give(grant, true); !would) out.errors.push_back(would.error().message);
  }
  return {};
}

// What the file says of brokers, as far as it can be changed while they run; none is asked where it says nothing.
Status prepare_brokers(const fleet::Topology& topology, const Reachable& one, ClusterRun& out) {
  const fleet::Cluster& cluster = topology.clusters[one.cluster];
  if (cluster.settings.empty()) return {};
  FRESHET_ASSIGN(out.brokers, open_brokers(topology, one));
  FRESHET_ASSIGN(const fleet::BrokersNow now, out.brokers->look());
  out.settings = fleet::plan_broker_changes(fleet::brokers_wanted(cluster), now);
  std::ranges::copy(out.settings.left, std::back_inserter(out.changes.left));
  for (const fleet::BrokerChange& change : out.settings.steps) {
    if (const Status would = out.brokers->change(change, true); !would) out.errors.push_back(would.error().message);
  }
  return {};
}

ClusterRun prepare(const fleet::Topology& topology, const Reachable& one, const ApplyOptions& options) {
  ClusterRun out;
  const fleet::ClusterWanted wanted = fleet::wanted_of(topology, one.cluster);
  out.name = wanted.name;
  auto admin = cluster::connect(one.connection);
  if (!admin) {
    out.errors.push_back(admin.error().message);
    return out;
  }
  out.admin = *std::move(admin);
  auto changes = fleet::plan_on(*out.admin, wanted, options.how, env::real_clock(), out.now);
  if (!changes) {
    out.errors.push_back(changes.error().message);
    return out;
  }
  out.changes = *std::move(changes);
  out.errors = fleet::refusals(*out.admin, out.changes.steps);
  if (const Status brokers = prepare_brokers(topology, one, out); !brokers)
    out.errors.push_back(brokers.error().message);
  if (const Status users = prepare_users(topology, one, out); !users) out.errors.push_back(users.error().message);
  return out;
}

size_t steps_of(const ClusterRun& run) {
  return run.settings.steps.size() + run.changes.steps.size() + run.grants.size();
}

void show(const ClusterRun& run) {
  fmt::print("cluster {} ({}):\n", run.name, run.now.id.empty() ? "?" : run.now.id);
  for (const fleet::BrokerChange& change : run.settings.steps) {
    fmt::print("  {}\n", text_of(change));
    for (const std::string& loss : change.losses) fmt::print("    loss: {}\n", loss);
  }
  for (const fleet::Step& step : run.changes.steps) {
    fmt::print("  {}\n", text_of(step));
    for (const std::string& loss : step.losses) fmt::print("    loss: {}\n", loss);
  }
  for (const fleet::Grant& grant : run.grants) fmt::print("  {}\n", text_of(grant));
  for (const std::string& left : run.changes.left) fmt::print("  left: {}\n", left);
  if (steps_of(run) == 0 && run.errors.empty()) fmt::print("  nothing to do\n");
  for (const std::string& error : run.errors) fmt::print("  error: {}\n", error);
}

void print_step(JsonWriter& json, const fleet::Step& step, bool done) {
  json.begin_object().member("kind", name_of(step.kind)).member("topic", step.topic).member("done", done);
  if (step.partitions > 0) json.member("partitions", step.partitions);
  if (step.replication > 0) json.member("replication", step.replication);
  json.key("settings").begin_object();
  for (const cluster::ConfigChange& setting : step.settings) json.member(setting.name, setting.value);
  json.end_object().key("losses").array(step.losses).end_object();
}

// As a step of a topic, but for whom it is.
void print_broker_change(JsonWriter& json, const fleet::BrokerChange& change, bool done) {
  json.begin_object().member("kind", "broker_setting").member("done", done).key("broker");
  change.broker ? json.value(*change.broker) : json.null();
  json.key("settings").begin_object().member(change.setting, change.value).end_object();
  json.key("losses").array(change.losses).end_object();
}

void print_grant(JsonWriter& json, const fleet::Grant& grant, bool done) {
  json.begin_object().member("kind", name_of(grant.kind)).member("user", grant.user.name).member("done", done);
  json.member("wanted", grant.wanted).member("living", grant.living).end_object();
}

void print_runs_json(const std::vector<ClusterRun>& runs, bool ok, bool dry_run) {
  print_json([&](JsonWriter& json) {
    json.begin_object().member("ok", ok).member("dry_run", dry_run).key("clusters");
    json.array(runs, [](JsonWriter& out, const ClusterRun& run) {
      out.begin_object().member("cluster", run.name).member("id", run.now.id).key("steps").begin_array();
      for (size_t i = 0; i < run.settings.steps.size(); ++i)
        print_broker_change(out, run.settings.steps[i], i < run.set);
      for (size_t i = 0; i < run.changes.steps.size(); ++i) print_step(out, run.changes.steps[i], i < run.done);
      for (size_t i = 0; i < run.grants.size(); ++i) print_grant(out, run.grants[i], i < run.given);
      out.end_array().key("left").array(run.changes.left).key("errors").array(run.errors).end_object();
    });
    json.end_object();
  });
}

Status take_all(ClusterRun& run, bool json) {
  for (const fleet::BrokerChange& change : run.settings.steps) {
    FRESHET_TRY(fleet::change_and_see(*run.brokers, change, env::real_clock()));
    ++run.set;
    if (!json) fmt::print("cluster {}: done: {}\n", run.name, text_of(change));
  }
  FRESHET_TRY(fleet::carry_out(*run.admin, run.changes.steps, env::real_clock(), [&](const fleet::Step& step) {
    ++run.done;
    if (!json) fmt::print("cluster {}: done: {}\n", run.name, text_of(step));
  }));
  for (const fleet::Grant& grant : run.grants) {
    FRESHET_TRY(run.access->give(grant, false));
    ++run.given;
    if (!json) fmt::print("cluster {}: done: {}\n", run.name, text_of(grant));
  }
  return {};
}

void take_steps(ClusterRun& run, bool json) {
  const Status done = take_all(run, json);
  if (done) return;
  run.errors.push_back(fmt::format("{} of {} steps were taken; run it again for the rest: {}",
                                   run.set + run.done + run.given, steps_of(run), done.error().message));
  if (!json) fmt::print(stderr, "cluster {}: {}\n", run.name, run.errors.back());
}

int apply(const ApplyOptions& options) {
  const auto topology = load_fleet(options.file, options.json);
  if (!topology) return 2;
  const auto clusters = reachable(*topology, options.cluster, options.reach);
  if (!clusters) return report_fleet_error("apply", clusters.error(), options.json);
  if (!options.yes && !options.dry_run && (options.json || isatty(STDIN_FILENO) == 0))
    return report_fleet_error("apply", {Code::kInvalid, "nobody can be asked here: give --yes, or --dry-run to look"},
                              options.json);
  std::vector<ClusterRun> runs;
  for (const Reachable& one : *clusters) runs.push_back(prepare(*topology, one, options));
  size_t steps = 0;
  bool ok = true;
  for (const ClusterRun& run : runs) {
    if (!options.json) show(run);
    steps += steps_of(run);
    ok = ok && run.errors.empty();
  }
  // What brokers would refuse of one step says that the file is not ready: then nothing is done anywhere.
  if (!ok && !options.json) fmt::print("Nothing was changed.\n");
  if (ok && steps > 0 && !options.dry_run && !options.yes &&
      !is_agreed(fmt::format("Take {}?", fleet::plural(steps, "step"))))
    return 1;
  if (ok && !options.dry_run) {
    for (ClusterRun& run : runs) {
      take_steps(run, options.json);
      ok = ok && run.errors.empty();
      if (!ok) break;
    }
  }
  if (options.json) print_runs_json(runs, ok, options.dry_run);
  return ok ? 0 : 1;
}

}  // namespace

void add_fleet_apply_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<ApplyOptions>();
  CLI::App* command = fleet.add_subcommand(
      "apply", "Make topics and settings as the file says; never deletes a topic or takes partitions away");
  command->footer(
      "Exit status: 0 done, 1 failed or not wanted, 2 wrong usage or file.\nExamples:\n"
      "  freshet fleet apply fleet.yaml --dry-run\n  freshet fleet apply fleet.yaml --cluster orders --yes");
  command->add_option("FILE", options->file, "The fleet (YAML)")->required();
  command->add_option("--cluster", options->cluster, "Only this one");
  add_reach_options(*command, options->reach);
  command->add_flag("--yes", options->yes, "Don't ask");
  command->add_flag("--dry-run", options->dry_run, "Show it, have the brokers check it, and change nothing");
  command->add_flag("--at-once", options->how.at_once, "Lower retention in one step, not by half in each run");
  command->add_flag("--json", options->json, "One JSON object on standard output; needs --yes or --dry-run");
  command->callback([options, &exit_code] { exit_code = apply(*options); });
}

}  // namespace freshet::app
