// When moves may begin: windows of maintenance, each some days of the week from an hour to another one of some place.
// Pure but for the zones, which are read once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fleet/rebalance/zone.h"

namespace freshet::fleet::rebalance {

// Whether it has the form of one: "sat,sun 01:00-05:00", "mon-fri 22:00-04:00 Europe/Berlin",
// "daily 02:00-04:00 +05:30".
[[nodiscard]] bool is_window_text(std::string_view text);
inline constexpr const char* kWindowForm =
    "days, hours and a time zone (default: UTC), as \"sat,sun 01:00-05:00 Europe/Berlin\", \"mon-fri 22:00-04:00 "
    "+05:30\" "
    "or \"daily 02:00-04:00\"";

// In seconds since 1970.
struct Span {
  int64_t begin_s = 0, end_s = 0;
  bool operator==(const Span&) const = default;
};

class Windows {
 public:
  // Without any it is never closed.
  Windows() = default;
  // kInvalid: which one is wrong, and what is right; or a zone that this system does not have.
  [[nodiscard]] static Result<Windows> parse(const std::vector<std::string>& texts);

  [[nodiscard]] bool empty() const { return windows_.empty(); }
  // The time that is open at this moment, or else the next one; windows that touch are one. nullopt: there is none.
  // What is open for more than a week ends a week later.
  [[nodiscard]] std::optional<Span> next(int64_t from_s) const;
  // The first moment from then on at which something so long can begin and end within one. nullopt: none is so long.
  [[nodiscard]] std::optional<int64_t> next_fit(int64_t from_s, double duration_s) const;
  // Of the week that begins then; 0: there is none.
  [[nodiscard]] double longest_s(int64_t from_s) const;

 private:
  struct Window {
    uint8_t days = 0;                // bit 0: Monday
    int64_t begin_s = 0, end_s = 0;  // of the local day; an end that is not after the begin is of the next day
    Zone zone;
  };
  // Of about a week and a half from then on, in order and apart.
  [[nodiscard]] std::vector<Span> spans(int64_t from_s) const;

  std::vector<Window> windows_;
};

// When each of these would begin and end, one after another, each within a window: how long it takes, after so long a
// wait. kConflict: one fits into none, which, and how long the longest is.
struct Errand {
  double waits_s = 0, duration_s = 0;
};
[[nodiscard]] Result<std::vector<Span>> schedule_of(const std::vector<Errand>& errands, const Windows& windows,
                                                    int64_t now_s);

// "Sat 2026-11-28 01:00 UTC"
[[nodiscard]] std::string moment_text(int64_t utc_s);
// "2026-11-28T01:00:00Z", for machines.
[[nodiscard]] std::string moment_iso(int64_t utc_s);

}  // namespace freshet::fleet::rebalance
