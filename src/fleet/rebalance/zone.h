// Local time of a place, for windows of maintenance: how far its clocks are ahead of UTC at a moment. Read from the
// system's time zones (TZif, RFC 8536), as the standard library at hand has none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace freshet::fleet::rebalance {

class Zone {
 public:
  // Clocks that never change.
  [[nodiscard]] static Zone fixed(int32_t offset_s);
  // "UTC", "+05:30", "-03:00", or a name of the IANA database as the system has it, "Europe/Berlin". kInvalid: it is
  // none of them, or the system has no such zone.
  [[nodiscard]] static Result<Zone> named(const std::string& name);
  // A file of the IANA database. kCorrupt: it is none.
  [[nodiscard]] static Result<Zone> parse(std::string_view tzif);

  // In seconds; east of Greenwich it is above 0.
  [[nodiscard]] int32_t offset_at(int64_t utc_s) const;
  // When clocks there show this, in seconds since 1970 as if they were UTC. What is shown twice is the first time;
  // what is never shown is as much later.
  [[nodiscard]] int64_t utc_of(int64_t local_s) const;

 private:
  // A rule for the years after the last change that the file lists: the n-th weekday of a month (5: the last).
  struct Change {
    int32_t month = 1, week = 1, weekday = 0;  // 0: Sunday
    int32_t at_s = 7200;                       // of the local time before it
  };
  [[nodiscard]] Status parse_rule(std::string_view text);
  [[nodiscard]] int32_t offset_by_rule(int64_t utc_s) const;

  std::vector<int64_t> changes_s_;  // rising
  std::vector<int32_t> offsets_s_;  // from each change on
  int32_t first_offset_s_ = 0;      // before the first
  int32_t standard_s_ = 0, summer_s_ = 0;
  bool has_summer_ = false;
  Change to_summer_, to_standard_;
};

}  // namespace freshet::fleet::rebalance
