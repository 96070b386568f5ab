// Figures as people read them: three digits are as much as a model of a cluster can know, and what is infinite is said
// in words.
#include "fleet/plan/figures.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace freshet::fleet {
namespace {

// Shows three digits of a value, or all of a whole one.
std::string digits(double value) {
  const double size = std::abs(value);
  return size >= 99.95 || value == std::round(value) ? fmt::format("{:.0f}", value)
         : size >= 9.995                             ? fmt::format("{:.1f}", value)
                                                     : fmt::format("{:.2f}", value);
}

std::string loss_text(const Loss& loss) {
  if (!loss.zone.empty()) return "zone " + loss.zone;
  return "broker " + std::to_string(loss.broker) + " of " + (loss.cluster.empty() ? "every cluster" : loss.cluster);
}

}  // namespace

std::string amount(double value) {
  constexpr std::string_view kUnits[] = {"", " k", " M", " G", " T", " P"};
  size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  return digits(value) + std::string(kUnits[unit]);
}

std::string money(double usd) {
  std::string plain = fmt::format("{:.0f}", usd);
  // A comma after every third digit from the right; the sign of a negative amount is no digit.
  for (size_t at = plain.size(); at > 3 + (usd < 0 ? 1 : 0);) {
    at -= 3;
    plain.insert(at, ",");
  }
  return plain;
}

std::string percent(double part) {
  if (!std::isfinite(part)) return "none left";
  // What is there is not nothing, and what is left is not all.
  if (part > 0 && part < 0.005) return "under 1 %";
  if (part >= 0.995 && part < 1) return "over 99 %";
  return fmt::format("{:.0f} %", part * 100);
}

std::string minutes(double value) {
  if (value <= 0) return "at once";
  if (value < 1) return fmt::format("{:.0f} s", value * 60);
  const auto whole = static_cast<long>(std::lround(value));
  if (whole < 60) return fmt::format("{} min", whole);
  return whole % 60 == 0 ? fmt::format("{} h", whole / 60) : fmt::format("{} h {} min", whole / 60, whole % 60);
}

std::string minutes(const std::optional<double>& value) { return value ? minutes(*value) : "not within a day"; }

std::string machines(const Size& size) { return fmt::format("{} {}", size.brokers, size.instance); }

std::string volumes(const Size& size) {
  return fmt::format("{} x {:.0f} GiB, {:.0f} MiB/s", size.volumes, size.volume_gib, size.throughput_mib_per_s);
}

std::string held(const ClusterPlan& plan) {
  if (!plan.holds_months) return "not today";
  // look_ahead() goes by steps of three months, so what it found is a lower bound.
  if (*plan.holds_months >= kMonthsLookedAhead) return "3 years+";
  return *plan.holds_months < kMonthsStep ? "<3 months" : fmt::format("{} months", *plan.holds_months);
}

std::string tightest(const ClusterPlan& plan) {
  std::string out(name_of(plan.tightness.resource));
  if (plan.tightness.scenario != Scenario::Kind::kWhole) out += ", " + std::string(name_of(plan.tightness.scenario));
  return out;
}

std::string used_of_limit(const ClusterPlan& plan) {
  const auto& [use, limit] = std::pair(percent(plan.tightness.use), percent(plan.tightness.limit));
  // Which of the two is more must be seen: one holds, the other does not.
  const bool look_alike = use == limit && plan.tightness.use != plan.tightness.limit;
  return (look_alike ? fmt::format("{:.2f} %", plan.tightness.use * 100) : use) + ", limit " + limit;
}

PerResource most_used(const ClusterPlan& plan) {
  PerResource out{};
  for (const ScenarioUse& each : plan.uses) {
    for (size_t i = 0; i < kResources; ++i) out[i] = std::max(out[i], each.use[i]);
  }
  return out;
}

std::string assumptions(const PlanOptions& options) {
  std::string out = options.months == 0 ? "today's rates" : fmt::format("{} months of growth", options.months);
  for (const RateChange& change : options.rates) out += fmt::format(", {} x {}", change.topic, change.factor);
  for (const Loss& loss : options.losses) out += ", without " + loss_text(loss);
  return out;
}

}  // namespace freshet::fleet
