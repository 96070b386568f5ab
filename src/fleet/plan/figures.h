// Figures as people read them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "fleet/plan/plan.h"

namespace freshet::fleet {

// Rounded: none of these texts is read back by a program. The JSON has the figures themselves.
[[nodiscard]] std::string amount(double value);                         // "12", "1.25 k", "1.02 M": three digits
[[nodiscard]] std::string money(double usd);                            // "12,345"
[[nodiscard]] std::string percent(double part);                         // "71 %", "under 1 %"; "none left" if infinite
[[nodiscard]] std::string minutes(double value);                        // "40 s", "12 min", "2 h 5 min"
[[nodiscard]] std::string minutes(const std::optional<double>& value);  // "not within a day"
[[nodiscard]] std::string machines(const Size& size);                   // "6 c6g.large"
[[nodiscard]] std::string volumes(const Size& size);                    // "2 x 1 TiB, 250 MiB/s"
[[nodiscard]] std::string held(const ClusterPlan& plan);                // "3 years", "12 months", "not today"
// "disk, a zone away"
[[nodiscard]] std::string tightest(const ClusterPlan& plan);
// "48 % of 60 %": what is in use there, and what may be.
[[nodiscard]] std::string used_of_limit(const ClusterPlan& plan);
// The use of it where it is most.
[[nodiscard]] PerResource most_used(const ClusterPlan& plan);
// "6 months of growth", "orders x 2", "without zone a": what the figures stand for.
[[nodiscard]] std::string assumptions(const PlanOptions& options);

}  // namespace freshet::fleet
