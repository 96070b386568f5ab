// `freshet fleet diff`: what lives against what the file says.

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "app/fleet_command.h"
#include "app/fleet_live.h"
#include "app/json_output.h"
#include "cluster/admin/admin.h"
#include "fleet/live/diff.h"

namespace freshet::app {
namespace {

struct DiffOptions {
  std::string file;
  std::string cluster;
  ReachOptions reach;
  bool strict = false;
  bool json = false;
};

struct ClusterDiff {
  std::string name;
  std::string id;
  std::string error;  // "": it was asked
  std::vector<fleet::Difference> differences;
  bool same = false;
};

Status add_users(const fleet::Topology& topology, const Reachable& one, std::vector<fleet::Difference>& out) {
  const auto users = fleet::users_wanted(topology, one.cluster);
  if (users.empty()) return {};
  FRESHET_ASSIGN(const auto access, open_access(topology, one));
  FRESHET_ASSIGN(const fleet::AccessNow now, access->look());
  std::ranges::move(fleet::compare(users, now), std::back_inserter(out));
  return {};
}

// Brokers are asked one by one, since each knows its own file only.
Status add_brokers(const fleet::Topology& topology, const Reachable& one, std::vector<fleet::Difference>& out) {
  FRESHET_ASSIGN(const auto brokers, open_brokers(topology, one));
  const auto now = brokers->look();
  const fleet::Cluster& cluster = topology.clusters[one.cluster];
  // Whoever may not ask for them loses notes only, where the file says nothing of brokers.
  if (!now && now.error().code == Code::kInvalid && cluster.settings.empty()) return {};
  if (!now) return tl::unexpected(now.error());
  std::ranges::move(fleet::differences_of(fleet::compare(fleet::brokers_wanted(cluster), *now)),
                    std::back_inserter(out));
  return {};
}

// A cluster that does not answer is a line of the answer, not its end: the others are compared all the same.
ClusterDiff diff_of(const fleet::Topology& topology, const Reachable& one, bool strict) {
  ClusterDiff out;
  const fleet::ClusterWanted wanted = fleet::wanted_of(topology, one.cluster);
  out.name = wanted.name;
  const auto admin = cluster::connect(one.connection);
  const auto now = admin ? fleet::look(**admin) : tl::unexpected(admin.error());
  if (!now) {
    out.error = now.error().message;
    return out;
  }
  out.id = now->id;
  out.differences = fleet::compare(wanted, *now);
  // Of another cluster than the file means, that it is another one says all of its brokers.
  const bool is_other = std::ranges::any_of(
      out.differences, [](const auto& each) { return each.kind == fleet::Difference::Kind::kClusterId; });
  const Status brokers = is_other ? Status{} : add_brokers(topology, one, out.differences);
  if (!brokers) out.error = brokers.error().message;
  if (const Status users = add_users(topology, one, out.differences); !users) out.error = users.error().message;
  out.same = out.error.empty() &&
             std::ranges::none_of(out.differences, [&](const auto& each) { return counts(each.kind, strict); });
  return out;
}

void print_diff_json(const std::vector<ClusterDiff>& all, bool same) {
  print_json([&](JsonWriter& json) {
    json.begin_object().member("ok", same).key("clusters");
    json.array(all, [](JsonWriter& out, const ClusterDiff& one) {
      out.begin_object().member("cluster", one.name).member("id", one.id).member("same", one.same);
      if (!one.error.empty()) out.member("error", one.error);
      out.key("differences").array(one.differences, [](JsonWriter& each, const fleet::Difference& difference) {
        each.begin_object()
            .member("kind", name_of(difference.kind))
            .member("topic", difference.topic)
            .member("user", difference.user)
            .member("setting", difference.setting)
            .member("wanted", difference.wanted)
            .member("living", difference.living)
            .member("counts", !is_extra(difference.kind))
            .end_object();
      });
      out.end_object();
    });
    json.end_object();
  });
}

void print_diff_text(const std::vector<ClusterDiff>& all) {
  for (const ClusterDiff& one : all) {
    if (!one.error.empty()) {
      fmt::print(stderr, "cluster {}: {}\n", one.name, one.error);
      if (one.id.empty()) continue;
    }
    fmt::print("cluster {} ({}): {}\n", one.name, one.id, one.same ? "same" : "differs");
    for (const fleet::Difference& difference : one.differences)
      fmt::print("  {}{}\n", is_extra(difference.kind) ? "note: " : "", text_of(difference));
  }
}

int diff(const DiffOptions& options) {
  const auto topology = load_fleet(options.file, options.json);
  if (!topology) return 2;
  const auto clusters = reachable(*topology, options.cluster, options.reach);
  if (!clusters) return report_fleet_error("diff", clusters.error(), options.json);
  std::vector<ClusterDiff> all;
  for (const Reachable& one : *clusters) all.push_back(diff_of(*topology, one, options.strict));
  const bool same = std::ranges::all_of(all, &ClusterDiff::same);
  if (options.json) {
    print_diff_json(all, same);
  } else {
    print_diff_text(all);
  }
  return same ? 0 : 1;
}

}  // namespace

void add_fleet_diff_command(CLI::App& fleet, int& exit_code) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = fleet.add_subcommand("diff", "What lives against what the file says; changes nothing");
  command->footer(
      "Exit status: 0 the same, 1 differs or a cluster did not answer, 2 wrong usage or file.\nExample:\n"
      "  freshet fleet diff fleet.yaml --cluster orders");
  command->add_option("FILE", options->file, "The fleet (YAML)")->required();
  command->add_option("--cluster", options->cluster, "Only this one");
  add_reach_options(*command, options->reach);
  command->add_flag("--strict", options->strict,
                    "Topics and settings that the file does not have count as differences");
  command->add_flag("--json", options->json, "One JSON object on standard output");
  command->callback([options, &exit_code] { exit_code = diff(*options); });
}

}  // namespace freshet::app
