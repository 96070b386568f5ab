// Pictures are drawn as text of SVG, in the page itself: it must open from a mail or a build's artifacts, where no
// script and no second file is at hand. Numbers below are pixels.
#include "fleet/plan/charts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/assert.h"
#include "fleet/plan/figures.h"
#include "fleet/plan/svg.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

// From this part of what may be in use on, a bar has the colour of "soon".
constexpr double kNear = 0.85;

struct CostPart {
  std::string_view name;
  double Cost::* member;
};
// Bars are stacked in this order, the largest part of most fleets first.
constexpr std::array<CostPart, 8> kCostParts = {{{"brokers", &Cost::brokers},
                                                 {"volumes", &Cost::volumes},
                                                 {"controllers", &Cost::controllers},
                                                 {"traffic between zones", &Cost::cross_zone},
                                                 {"traffic between regions", &Cost::cross_region},
                                                 {"mirrors", &Cost::mirrors},
                                                 {"care of brokers", &Cost::care},
                                                 {"remote storage", &Cost::remote}}};

constexpr size_t kSplitColour = 0, kWholeColour = 4;

std::string legend_entry(size_t colour, std::string_view name) {
  return fmt::format(R"html(<span><i style="background:var(--c{})"></i>{}</span>)html", colour, escape_html(name));
}

// Finds a step of 1, 2 or 5 times a power of ten, so that four or five of them reach `most`.
double round_step(double most) {
  if (!(most > 0)) return 1;
  const double raw = most / 4;
  const double power = std::pow(10, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= raw) return factor * power;
  }
  return 10 * power;
}

}  // namespace

std::string_view grade(double part) { return part > 1 + kRoundingMax ? "over" : part > kNear ? "near" : "good"; }

std::string use_bar(double use, double limit, std::string_view title) {
  constexpr double kWidth = 84, kHeight = 12;
  Svg svg(kWidth, kHeight, title);
  svg.rect(0, 2, kWidth, 8, "track", title);
  // A use may be infinite, where nothing is left that could be used.
  FRESHET_ASSERT(use >= 0 && limit > 0);
  svg.rect(0, 2, kWidth * std::min(use, 1.0), 8, grade(use / limit), title);
  svg.line(kWidth * limit, 0, kWidth * limit, kHeight, "tick");
  return svg.done();
}

std::string legend(const std::vector<std::string>& names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) out += legend_entry(i % kColours, names[i]);
  return R"(<div class="legend">)" + out + "</div>";
}

std::string pair_legend(std::string_view split, std::string_view whole) {
  return R"(<div class="legend">)" + legend_entry(kSplitColour, split) + legend_entry(kWholeColour, whole) + "</div>";
}

std::string cost_legend() {
  std::vector<std::string> names;
  for (const CostPart& part : kCostParts) names.emplace_back(part.name);
  return legend(names);
}

std::string cost_bars(const std::vector<CostBar>& bars) {
  constexpr double kNames = 200, kBars = 820, kFigures = 80, kRow = 22;
  double most = 1;
  for (const CostBar& bar : bars) most = std::max(most, bar.cost.total());
  Svg svg(kNames + kBars + kFigures, kRow * static_cast<double>(bars.size()), "Cost a month");
  double y = 0;
  for (const CostBar& bar : bars) {
    svg.text(bar.variant ? 14 : 0, y + 14, "start", bar.variant ? "soft" : "", bar.name);
    double x = kNames;
    for (size_t i = 0; i < kCostParts.size(); ++i) {
      const double usd = bar.cost.*kCostParts[i].member;
      const double width = usd / most * kBars;
      svg.rect(x, y + 4, width, 13, fmt::format("c{}", i),
               fmt::format("{}: {} ${} a month", bar.name, kCostParts[i].name, money(usd)));
      x += width;
    }
    svg.text(x + 6, y + 14, "start", "soft", "$" + money(bar.cost.total()));
    y += kRow;
  }
  return svg.done();
}

std::string heat_map(const ClusterPlan& cluster, double limit) {
  constexpr double kCell = 26, kHeight = 16, kTop = 14;
  FRESHET_ASSERT(limit > 0);
  const double size = cluster.size.volume_gib * 1024 * 1024 * 1024;
  const auto dirs = static_cast<double>(cluster.size.volumes);
  const auto brokers = static_cast<double>(cluster.brokers.size());
  Svg svg(std::max(60.0, brokers * kCell), kTop + dirs * kHeight + 2, "Log dirs of " + cluster.name);
  for (size_t b = 0; b < cluster.brokers.size(); ++b) {
    const PlacedBroker& broker = cluster.brokers[b];
    const double x = static_cast<double>(b) * kCell;
    svg.text(x + kCell / 2, 10, "middle", "soft", std::to_string(b + 1));
    for (size_t d = 0; d < broker.dir_bytes.size(); ++d) {
      const double use = broker.dir_bytes[d] / size;
      const double y = kTop + static_cast<double>(d) * kHeight;
      const std::string title =
          fmt::format("{}, broker {} (zone {}), log dir {}: {} full, {}; {} leaders and {} replicas on the broker",
                      cluster.name, b + 1, broker.zone + 1, d + 1, percent(use), bytes_text(broker.dir_bytes[d]),
                      broker.leaders, broker.replicas);
      svg.rect(x + 1, y + 1, kCell - 2, kHeight - 2, "track", title);
      svg.rect(x + 1, y + 1, (kCell - 2) * std::min(1.0, use), kHeight - 2, grade(use / limit), title);
    }
  }
  return svg.done();
}

std::string pair_bars(const std::vector<Pair>& pairs, std::string_view split, std::string_view whole) {
  constexpr double kNames = 190, kBars = 260, kRow = 38;
  Svg svg(kNames + kBars + 60, kRow * static_cast<double>(pairs.size()), "How much stands still if one cluster does");
  double y = 0;
  for (const Pair& pair : pairs) {
    svg.text(0, y + 20, "start", "", pair.name);
    const auto bar = [&](double at, double value, std::string_view css, std::string_view name) {
      svg.rect(kNames, at, kBars, 12, "track");
      svg.rect(kNames, at, kBars * value, 12, css, fmt::format("{}: {}", name, percent(value)));
      svg.text(kNames + kBars + 8, at + 10, "start", "soft", percent(value));
    };
    bar(y + 3, pair.split, fmt::format("c{}", kSplitColour), split);
    bar(y + 17, pair.whole, fmt::format("c{}", kWholeColour), whole);
    y += kRow;
  }
  return svg.done();
}

std::string time_chart(const TimeChart& chart) {
  constexpr double kLeft = 64, kWidth = 440, kHeight = 170, kTop = 8, kBottom = 28;
  double most = 0;
  for (const Curve& series : chart.series) {
    for (const double value : series.values) most = std::max(most, value);
  }
  // The scale ends at a round value at or above the highest point; a chart of nothing but zeros has a scale of one.
  const double step = round_step(most);
  const double top = step * std::max(1.0, std::ceil(most / step));
  const double last = chart.minutes.empty() || chart.minutes.back() <= 0 ? 1 : chart.minutes.back();
  const auto x_of = [&](double minute) { return kLeft + minute / last * kWidth; };
  const auto y_of = [&](double value) { return kTop + kHeight - value / top * kHeight; };
  Svg svg(kLeft + kWidth + 16, kTop + kHeight + kBottom, chart.title);
  svg.rect(x_of(0), kTop, x_of(std::min(last, chart.outage_minutes)) - x_of(0), kHeight, "band", "the outage");
  for (double value = 0; value <= top * 1.0001; value += step) {
    svg.line(kLeft, y_of(value), kLeft + kWidth, y_of(value), "grid");
    svg.text(kLeft - 6, y_of(value) + 4, "end", "soft", chart.show(value));
  }
  const double minute_step = round_step(last);
  for (double minute = 0; minute <= last * 1.0001; minute += minute_step)
    svg.text(x_of(minute), kTop + kHeight + 16, "middle", "soft", amount(minute) + " min");
  for (size_t i = 0; i < chart.series.size(); ++i) {
    FRESHET_ASSERT(chart.series[i].values.size() <= chart.minutes.size());
    std::vector<std::pair<double, double>> points;
    for (size_t p = 0; p < chart.series[i].values.size(); ++p)
      points.emplace_back(x_of(chart.minutes[p]), y_of(chart.series[i].values[p]));
    svg.polyline(points, fmt::format("s{}", i % kColours), chart.series[i].name);
  }
  return "<h3>" + escape_html(chart.title) + "</h3>" + svg.done();
}

}  // namespace freshet::fleet
