// When a session of a tenant's customer is over. The configuration and action agree on what stands where nothing is
// said: in the rules that is 0, so that their bytes say whether two processes have the same.
#pragma once

#include <cstdint>

#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

inline constexpr uint32_t kSessionGapSeconds = 30 * 60;  // the usual one

// Without an event so long, a session is over.
[[nodiscard]] inline int64_t session_gap_us(const v1::TenantRules& rules) {
  return int64_t{rules.session_gap_s() != 0 ? rules.session_gap_s() : kSessionGapSeconds} * 1'000'000;
}

}  // namespace freshet::model
