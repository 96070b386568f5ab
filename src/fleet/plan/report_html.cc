// The plan as one page. Sections go from the question that is asked first (does it hold?) to details. Tables repeat
// what pictures show, because pictures can't be copied and are not read aloud.
#include <fmt/core.h>

#include <algorithm>

#include "base/assert.h"
#include "fleet/plan/charts.h"
#include "fleet/plan/figures.h"
#include "fleet/plan/report.h"
#include "fleet/plan/svg.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

// A fleet of 200 clusters would make a page of megabytes that nobody scrolls through.
constexpr size_t kHeatMapsMax = 60;

std::string cell(std::string_view text, std::string_view css = "") {
  return fmt::format(R"(<td class="{}">{}</td>)", css, escape_html(text));
}

// A name that begins with '>' is of a column of figures, which stand to the right.
std::string head(std::initializer_list<std::string_view> names) {
  std::string out = "<thead><tr>";
  for (const std::string_view name : names) {
    const bool right = name.starts_with('>');
    out += fmt::format("<th{}>{}</th>", right ? R"( class="r")" : "", escape_html(right ? name.substr(1) : name));
  }
  return out + "</tr></thead>";
}

std::string section(std::string_view title, std::string_view about, const std::string& body) {
  return fmt::format("<section><h2>{}</h2><p>{}</p>{}</section>\n", escape_html(title), escape_html(about), body);
}

std::string tile(std::string_view figure, std::string_view what, std::string_view css = "") {
  return fmt::format(R"(<div class="tile"><b class="{}">{}</b><span>{}</span></div>)", css, escape_html(figure),
                     escape_html(what));
}

std::string tiles(const Plan& plan) {
  uint32_t brokers = 0;
  for (const ClusterPlan& cluster : plan.clusters) brokers += cluster.size.brokers;
  const auto holding =
      std::count_if(plan.clusters.begin(), plan.clusters.end(), [](const ClusterPlan& c) { return c.holds; });
  return R"(<div class="tiles">)" + tile(std::to_string(plan.clusters.size()), "clusters") +
         tile(std::to_string(brokers), "brokers") + tile(amount(static_cast<double>(plan.topics)), "topics") +
         tile(amount(plan.messages_per_s), "messages/s from services, on average") +
         tile(fmt::format("{} of {}", holding, plan.clusters.size()), "clusters hold their load",
              holds(plan) ? "good" : "over") +
         tile("$" + money(plan.cost.total()), "a month, as it is") +
         tile("$" + money(plan.best_cost.total()), "a month, at the cheapest sizes that hold") + "</div>\n";
}

std::string uses(const Plan& plan, const PerResource& limits) {
  std::string out = "<table><thead><tr><th>cluster</th>";
  for (size_t i = 0; i < kResources; ++i) out += fmt::format("<th>{}</th>", name_of(static_cast<Resource>(i)));
  out += "<th>tightest</th><th>holds</th></tr></thead>";
  for (const ClusterPlan& cluster : plan.clusters) {
    out += "<tr>" + cell(cluster.name);
    const PerResource most = most_used(cluster);
    for (size_t i = 0; i < kResources; ++i) {
      const std::string title = fmt::format("{} of {}: {} in use, {} may be", name_of(static_cast<Resource>(i)),
                                            cluster.name, percent(most[i]), percent(limits[i]));
      out += "<td>" + use_bar(most[i], limits[i], title) + "</td>";
    }
    out += cell(tightest(cluster), "soft") +
           cell(plan.options.losses.empty() ? held(cluster)
                : cluster.holds             ? "yes"
                                            : "no",
                cluster.holds ? "good" : "over") +
           "</tr>";
  }
  return out + "</table>";
}

std::string sizes(const Plan& plan) {
  std::string out = "<table>" + head({"cluster", "as it is", "volumes of a broker", ">$/month", "cheapest that holds",
                                      "volumes of a broker", ">$/month"});
  for (const ClusterPlan& cluster : plan.clusters) {
    out += "<tr>" + cell(cluster.name) + cell(machines(cluster.size)) + cell(volumes(cluster.size), "soft") +
           cell(money(cluster.cost.total()), "r");
    out += cluster.best ? cell(machines(*cluster.best)) + cell(volumes(*cluster.best), "soft") +
                              cell(money(cluster.best_cost.total()), "r")
                        : cell("none: split it", "over") + cell("") + cell("");
    out += "</tr>";
  }
  return out + "</table>";
}

std::string costs(const Plan& plan) {
  std::vector<CostBar> bars;
  for (const ClusterPlan& cluster : plan.clusters) {
    bars.push_back({cluster.name, cluster.cost, false});
    if (cluster.best && !(*cluster.best == cluster.size))
      bars.push_back({"at its cheapest size", cluster.best_cost, true});
  }
  return cost_legend() + cost_bars(bars);
}

std::string placement(const Plan& plan, double limit) {
  std::string out = R"(<div class="heat">)";
  const size_t shown = std::min(plan.clusters.size(), kHeatMapsMax);
  for (size_t i = 0; i < shown; ++i) {
    const ClusterPlan& cluster = plan.clusters[i];
    out += fmt::format(R"(<div><h3>{} <span class="soft">fullest {}</span></h3>{}</div>)", escape_html(cluster.name),
                       percent(cluster.dir_use_max), heat_map(cluster, limit));
  }
  out += "</div>";
  if (shown < plan.clusters.size()) out += fmt::format("<p>{} more are in the JSON.</p>", plan.clusters.size() - shown);
  return out;
}

std::string comparison(const Comparison& comparison) {
  const Variant &split = comparison.split, &whole = comparison.whole;
  const auto shown = [](const Variant& variant) {
    std::string text = plural(variant.clusters, "cluster") + ", " + plural(variant.brokers, "broker");
    if (variant.without_size > 0) text += fmt::format(", {} more than anything holds", variant.without_size);
    return text;
  };
  const std::string cost =
      cost_legend() + cost_bars({{split.name, split.cost, false}, {whole.name, whole.cost, false}});
  const std::string sizes = "<table>" + head({"", "clusters and brokers", ">$/month"}) + "<tr>" + cell(split.name) +
                            cell(shown(split)) + cell(money(split.cost.total()), "r") + "</tr><tr>" + cell(whole.name) +
                            cell(shown(whole)) + cell(money(whole.cost.total()), "r") + "</tr></table>";
  const BlastRadius &a = split.blast, &b = whole.blast;
  const std::string blast =
      pair_legend(split.name, whole.name) + pair_bars({{"services, worst cluster", a.services_worst, b.services_worst},
                                                       {"services, mean", a.services_mean, b.services_mean},
                                                       {"… or fed by it, worst", a.fed_worst, b.fed_worst},
                                                       {"traffic, worst cluster", a.traffic_worst, b.traffic_worst},
                                                       {"traffic, mean", a.traffic_mean, b.traffic_mean}},
                                                      split.name, whole.name);
  return cost + sizes + "<h3>How much is hit when one cluster is</h3>" + blast;
}

TimeChart chart_of(const Burst& burst, std::string title, std::string (*show)(double)) {
  TimeChart chart;
  chart.title = std::move(title);
  chart.outage_minutes = burst.outage.minutes;
  chart.show = show;
  // All stages are thinned out alike (flood.cc), so the minutes of one are those of all.
  FRESHET_ASSERT(!burst.clusters.empty());
  for (const ClusterBurst::Point& point : burst.clusters.front().points) chart.minutes.push_back(point.minute);
  return chart;
}

std::string clusters_chart(const Burst& burst, std::string title, double ClusterBurst::Point::* value,
                           std::string (*show)(double)) {
  TimeChart chart = chart_of(burst, std::move(title), show);
  bool any = false;
  for (size_t i = 0; i < std::min(burst.clusters.size(), kSeriesMax); ++i) {
    const ClusterBurst& cluster = burst.clusters[i];
    // More curves than there are colours would be told apart by nobody; the table has all.
    Curve& series = chart.series.emplace_back(Curve{cluster.cluster, {}});
    for (const ClusterBurst::Point& point : cluster.points) {
      series.values.push_back(point.*value);
      any = any || point.*value > 0;
    }
  }
  return any ? "<div>" + time_chart(chart) + "</div>" : "";
}

std::string groups_chart(const Burst& burst) {
  if (burst.groups.empty()) return "";
  TimeChart chart = chart_of(burst, "Lag of consumer groups, in messages", amount);
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(burst.groups.size(), kSeriesMax); ++i) {
    const GroupBurst& group = burst.groups[i];
    names.push_back(group.group + " of " + group.cluster);
    chart.series.push_back({names.back(), group.lag});
  }
  return "<div>" + time_chart(chart) + legend(names) + "</div>";
}

std::string burst_table(const Burst& burst) {
  std::string out = "<table>" + head({"cluster", ">at peak/s", ">most/s", ">can take/s", "first full", "cpu", "latency",
                                      ">waiting", ">well after"});
  for (const ClusterBurst& cluster : burst.clusters) {
    out += "<tr>" + cell(cluster.cluster) + cell(amount(cluster.usual), "r") + cell(amount(cluster.messages_max), "r") +
           cell(amount(cluster.most), "r") + cell(name_of(cluster.bottleneck), "soft") +
           cell(percent(cluster.cpu_before) + " to " + percent(cluster.cpu_max)) +
           cell(fmt::format("x {:.1f}", cluster.latency_times)) + cell(amount(cluster.waiting_max), "r") +
           cell(minutes(cluster.recovered_minutes), cluster.recovered_minutes ? "r" : "r over") + "</tr>";
  }
  for (const GroupBurst& group : burst.groups) {
    out += "<tr>" + cell("group " + group.group + " of " + group.cluster) + cell(amount(group.usual), "r") + cell("") +
           cell(amount(group.most), "r") + cell("") + cell("") + cell("") + cell(amount(group.lag_max), "r") +
           cell(minutes(group.recovered_minutes), group.recovered_minutes ? "r" : "r over") + "</tr>";
  }
  return out + "</table>";
}

std::string burst_section(const Burst& burst) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(burst.clusters.size(), kSeriesMax); ++i) names.push_back(burst.clusters[i].cluster);
  using Point = ClusterBurst::Point;
  const std::string charts =
      legend(names) + R"(<div class="two">)" +
      clusters_chart(burst, "Its messages into each cluster, a second", &Point::messages_per_s, amount) +
      clusters_chart(burst, "CPU in use", &Point::cpu, percent) +
      clusters_chart(burst, "The fullest of CPU, network and disks", &Point::use, percent) +
      clusters_chart(burst, "How long a message waits to get in, in minutes", &Point::delay_minutes, amount) +
      groups_chart(burst) + "</div>";
  const std::string about = fmt::format(
      "It stands still for {} and then sends up to {:.1f} times the {} messages/s of its peak. {} messages wait at the "
      "restart; it has "
      "caught up after {}. The rest of the traffic is at its highest rate throughout.",
      minutes(burst.outage.minutes), burst.outage.catch_up, amount(burst.usual), amount(burst.backlog),
      minutes(burst.sent_minutes));
  return section("When " + burst.outage.service + " restarts", about, charts + burst_table(burst));
}

}  // namespace

std::string html_report(const Plan& plan) {
  const PerResource& limits = plan.limits;
  std::string out = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width\"><title>Plan of {0}</title><style>\n{1}</style></head><body><main>\n<h1>Plan of "
      "{0}</h1><p>{2}</p>\n",
      escape_html(plan.fleet), kReportCss, escape_html("For " + assumptions(plan.options)));
  out += tiles(plan);
  out += section(
      "What is in use",
      "At the highest rates, in the worst of: nothing away, one broker away, one zone away. The mark is how much may "
      "be in use; the last column how long it stays within, with steady growth.",
      uses(plan, limits));
  for (const Burst& burst : plan.bursts) out += burst_section(burst);
  if (plan.comparison)
    out += section("Split against whole", "The same work, each cluster at the cheapest size that holds it.",
                   comparison(*plan.comparison));
  out +=
      section("What it costs",
              "US dollars a month; below a cluster its cheapest size that holds, where that is another.", costs(plan));
  out += section("Sizes", "", sizes(plan));
  out += section(
      "Where replicas go",
      "Brokers side by side, their log dirs below one another, each as full as it will be: replicas spread evenly over "
      "zones, brokers and log dirs.",
      placement(plan, limits[static_cast<size_t>(Resource::kDisk)]));
  return out + "<footer>Prices: " + escape_html(plan.prices) +
         ". Made by freshet fleet plan.</footer>\n</main></body></html>\n";
}

}  // namespace freshet::fleet
