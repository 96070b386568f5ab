// The tenant whose records Freshet sends to itself, to see how fresh they come out (app/canary.h). Its series are
// always shown.
#pragma once

namespace freshet::telemetry {

inline constexpr const char* kCanaryTenant = "freshet-canary";

}  // namespace freshet::telemetry
