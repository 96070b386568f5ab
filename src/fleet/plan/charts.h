// The pictures of the report.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fleet/plan/plan.h"

namespace freshet::fleet {

extern const std::string_view kReportCss;

// "good", "near" (above 85 % of what may be in use) or "over".
[[nodiscard]] std::string_view grade(double part);
// A bar of what is in use, a mark where the limit is.
[[nodiscard]] std::string use_bar(double use, double limit, std::string_view title);

// Bars of what each costs, by what for.
// Lengths are to scale between the bars of one picture, not between pictures.
struct CostBar {
  std::string name;
  Cost cost;
  bool variant = false;  // of the one above
};
[[nodiscard]] std::string cost_bars(const std::vector<CostBar>& bars);
[[nodiscard]] std::string cost_legend();

// Log dirs of each broker, as full as the plan makes them.
[[nodiscard]] std::string heat_map(const ClusterPlan& cluster, double limit);

// Parts of a whole side by side.
struct Pair {
  std::string name;
  double split = 0;
  double whole = 0;
};
[[nodiscard]] std::string pair_legend(std::string_view split, std::string_view whole);
[[nodiscard]] std::string pair_bars(const std::vector<Pair>& pairs, std::string_view split, std::string_view whole);

// Lines over minutes.
// A value for each of the chart's minutes.
struct Curve {
  std::string name;
  std::vector<double> values;
};
// REQUIRES: every curve has at most as many values as there are minutes; `show` is set.
struct TimeChart {
  std::string title;
  std::vector<double> minutes;
  std::vector<Curve> series;
  double outage_minutes = 0;  // a band from 0 to there
  std::string (*show)(double) = nullptr;
};
inline constexpr size_t kColours = 7;
inline constexpr size_t kSeriesMax = kColours;
[[nodiscard]] std::string time_chart(const TimeChart& chart);
[[nodiscard]] std::string legend(const std::vector<std::string>& names);

}  // namespace freshet::fleet
