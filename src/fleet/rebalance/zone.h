// Local time of a place, for windows of maintenance: how far its clocks are ahead of UTC at a moment. The zones are the
// system's (the IANA database), read by Abseil.
#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace freshet::fleet::rebalance {

// "22:00" in seconds; 24:00 is the end of a day. nullopt: it is no such time.
[[nodiscard]] std::optional<int64_t> clock_seconds(std::string_view text);

class Zone {
 public:
  // Clocks that never change.
  [[nodiscard]] static Zone fixed(int32_t offset_s) { return Zone(absl::FixedTimeZone(offset_s)); }
  // "UTC", "+05:30", "-03:00", or a name of the IANA database as the system has it, "Europe/Berlin". kInvalid: it is
  // none of them, or the system has no such zone.
  [[nodiscard]] static Result<Zone> named(const std::string& name);

  // In seconds; east of Greenwich it is above 0.
  [[nodiscard]] int32_t offset_at(int64_t utc_s) const;
  // When clocks there show this, in seconds since 1970 as if they were UTC. What is shown twice is the first time;
  // what is never shown is as much later.
  [[nodiscard]] int64_t utc_of(int64_t local_s) const;

 private:
  explicit Zone(absl::TimeZone zone) : zone_(zone) {}

  absl::TimeZone zone_;
};

}  // namespace freshet::fleet::rebalance
