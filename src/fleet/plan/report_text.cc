// The plan for a terminal: tables of what is asked first. Everything else is in the page and in the JSON.
#include <fmt/core.h>

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "fleet/plan/figures.h"
#include "fleet/plan/report.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

// Columns as wide as their widest cell; those of figures to the right.
class Table {
 public:
  explicit Table(std::vector<std::string> heads, std::string_view align) : align_(align) { add(std::move(heads)); }
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

  [[nodiscard]] std::string text() const {
    FRESHET_ASSERT(!rows_.empty() && align_.size() == rows_.front().size());
    std::vector<size_t> widths(rows_.front().size());
    for (const auto& row : rows_) {
      FRESHET_ASSERT(row.size() == widths.size());
      for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    }
    std::string out;
    for (const auto& row : rows_) {
      std::string line;
      for (size_t i = 0; i < row.size(); ++i) {
        line += align_[i] == 'r' ? fmt::format("{:>{}}", row[i], widths[i]) : fmt::format("{:<{}}", row[i], widths[i]);
        line += "  ";
      }
      out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    }
    return out;
  }

 private:
  std::string align_;
  std::vector<std::vector<std::string>> rows_;
};

std::string clusters_text(const Plan& plan) {
  const bool lost = !plan.options.losses.empty();
  Table table({"CLUSTER", "AS IT IS", "TIGHTEST", "IN USE", "HOLDS", lost ? "PARTITIONS DOWN" : "FOR"}, "llllll");
  for (const ClusterPlan& cluster : plan.clusters) {
    const Availability& left = cluster.left;
    table.add({cluster.name, machines(cluster.size), tightest(cluster), used_of_limit(cluster),
               cluster.holds ? "yes" : "NO",
               lost ? fmt::format("{} of {}", left.offline + left.read_only, left.partitions) : held(cluster)});
  }
  return table.text();
}

std::string sizes_text(const Plan& plan) {
  Table table({"CLUSTER", "AS IT IS", "VOLUMES", "$/MONTH", "CHEAPEST THAT HOLDS", "VOLUMES", "$/MONTH"}, "lllrllr");
  for (const ClusterPlan& cluster : plan.clusters) {
    const auto& best = cluster.best;
    table.add({cluster.name, machines(cluster.size), volumes(cluster.size), money(cluster.cost.total()),
               best ? machines(*best) : "none: split it", best ? volumes(*best) : "",
               best ? money(cluster.best_cost.total()) : ""});
  }
  table.add({"total", "", "", money(plan.cost.total()), "", "", money(plan.best_cost.total())});
  return table.text();
}

std::string costs_text(const Plan& plan) {
  const bool tiered = plan.cost.remote > 0;  // few fleets are
  std::vector<std::string> heads = {"$/MONTH",     "BROKERS", "VOLUMES", "CARE",
                                    "CONTROLLERS", "ZONES",   "REGIONS", "MIRRORS"};
  if (tiered) heads.emplace_back("REMOTE");
  heads.emplace_back("TOTAL");
  Table table(heads, "l" + std::string(heads.size() - 1, 'r'));
  const auto add = [&](const std::string& name, const Cost& cost) {
    std::vector<std::string> row = {name,
                                    money(cost.brokers),
                                    money(cost.volumes),
                                    money(cost.care),
                                    money(cost.controllers),
                                    money(cost.cross_zone),
                                    money(cost.cross_region),
                                    money(cost.mirrors)};
    if (tiered) row.push_back(money(cost.remote));
    row.push_back(money(cost.total()));
    table.add(row);
  };
  add("as it is", plan.cost);
  add("cheapest that holds", plan.best_cost);
  return table.text();
}

// Where one is of kind freshet: what it saves, or whether the other could do it at all.
std::string mirrors_text(const Plan& plan) {
  Table table({"MIRROR", "MESSAGES/S", "PROCESSES", "CORES", "MEMORY", "$/MONTH", "AS MIRRORMAKER 2"}, "lrrrrrl");
  for (const MirrorPlan& mirror : plan.mirrors) {
    if (mirror.kind != MirrorKind::kFreshet) continue;
    const MirrorUse& other = mirror.as_other;
    const std::string cores = fmt::format("{:.1f}", mirror.use.cores);
    table.add({mirror.name, count_text(mirror.messages_per_s), std::to_string(mirror.processes), cores,
               bytes_text(mirror.use.memory_bytes), money(mirror.use.usd_per_month),
               mirror.other_can ? fmt::format("{:.1f} cores, {}, {}", other.cores, bytes_text(other.memory_bytes),
                                              money(other.usd_per_month))
                                : "can't: it changes numbers of partitions"});
  }
  return table.text();
}

std::string comparison_text(const Comparison& comparison) {
  const Variant &split = comparison.split, &whole = comparison.whole;
  Table table({"AT THE CHEAPEST SIZES", split.name, whole.name}, "lrr");
  const auto sized = [](const Variant& variant) {
    const std::string cost = money(variant.cost.total());
    return variant.without_size == 0 ? cost : cost + fmt::format(" and {} that nothing holds", variant.without_size);
  };
  table.add({"clusters", std::to_string(split.clusters), std::to_string(whole.clusters)});
  table.add({"brokers", std::to_string(split.brokers), std::to_string(whole.brokers)});
  table.add({"$/month", sized(split), sized(whole)});
  const auto row = [&](std::string name, double BlastRadius::* part) {
    table.add({std::move(name), percent(split.blast.*part), percent(whole.blast.*part)});
  };
  row("services hit, worst cluster", &BlastRadius::services_worst);
  row("services hit, mean", &BlastRadius::services_mean);
  row("services hit or fed by it, worst", &BlastRadius::fed_worst);
  row("traffic hit, worst cluster", &BlastRadius::traffic_worst);
  row("traffic hit, mean", &BlastRadius::traffic_mean);
  return table.text();
}

std::string burst_text(const Burst& burst) {
  std::string out = fmt::format(
      "{} away for {}, then up to {:.1f} times the {} messages/s of its peak: {} messages wait; it has caught up after "
      "{}\n\n",
      burst.outage.service, minutes(burst.outage.minutes), burst.outage.catch_up, amount(burst.usual),
      amount(burst.backlog), minutes(burst.sent_minutes));
  Table table({"CLUSTER", "AT PEAK/S", "MOST/S", "CAN TAKE/S", "FIRST FULL", "CPU", "FULLEST", "LATENCY", "WAITING",
               "WELL AFTER"},
              "lrrrlllrrr");
  for (const ClusterBurst& cluster : burst.clusters) {
    table.add({cluster.cluster, amount(cluster.usual), amount(cluster.messages_max), amount(cluster.most),
               std::string(name_of(cluster.bottleneck)),
               percent(cluster.cpu_before) + " to " + percent(cluster.cpu_max),
               percent(cluster.use_before) + " to " + percent(cluster.use_max),
               fmt::format("x {:.1f}", cluster.latency_times), amount(cluster.waiting_max),
               minutes(cluster.recovered_minutes)});
  }
  out += table.text();
  if (burst.groups.empty()) return out;
  Table groups({"GROUP", "CLUSTER", "AT PEAK/S", "CAN READ/S", "LAG", "WELL AFTER"}, "llrrrr");
  for (const GroupBurst& group : burst.groups) {
    groups.add({group.group, group.cluster, amount(group.usual), amount(group.most), amount(group.lag_max),
                minutes(group.recovered_minutes)});
  }
  return out + "\n" + groups.text();
}

}  // namespace

std::string text_report(const Plan& plan) {
  std::string out =
      fmt::format("{}: {} clusters, {} topics, {} messages/s from services; {}\n\n", plan.fleet, plan.clusters.size(),
                  plan.topics, amount(plan.messages_per_s), assumptions(plan.options));
  out += clusters_text(plan) + "\n" + sizes_text(plan) + "\n" + costs_text(plan);
  if (std::ranges::any_of(plan.mirrors, [](const MirrorPlan& one) { return one.kind == MirrorKind::kFreshet; }))
    out += "\n" + mirrors_text(plan);
  if (plan.comparison) out += "\n" + comparison_text(*plan.comparison);
  for (const Burst& burst : plan.bursts) out += "\n" + burst_text(burst);
  const auto failing =
      std::count_if(plan.clusters.begin(), plan.clusters.end(), [](const auto& c) { return !c.holds; });
  if (failing > 0) out += fmt::format("\n{} of {} clusters do not hold their load\n", failing, plan.clusters.size());
  return out + "\nPrices: " + plan.prices + "\n";
}

}  // namespace freshet::fleet
