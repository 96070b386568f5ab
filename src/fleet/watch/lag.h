// What a consumer group's place in one partition means: how many messages wait, how old the oldest of them is, when it
// will have caught up, and whether retention is faster. Pure functions of offsets and of how they went on.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/names.h"
#include "fleet/watch/history.h"

namespace freshet::fleet {

// One message more than the reader has committed may be the marker that ends a transaction, which no reader gets: in an
// idle topic it would be a lag for ever. So one counts as none; if it is a message, the next one shows it.
inline constexpr int64_t kLagAllowed = 1;

// Messages that wait, and messages that retention has deleted unread.
struct Waiting {
  int64_t lag = 0;
  int64_t lost = 0;
};
// A place above the end (a log that was cut) waits for nothing.
[[nodiscard]] Waiting waiting_of(int64_t start, int64_t end, int64_t committed);

// How a lag in seconds is known.
enum class AgeBasis : uint8_t {
  kMeasured,   // the end of the log was seen before that message came, and after it
  kEstimated,  // it came before anything was seen: from the rate since then
  kAtLeast,    // likewise, and nothing has come since
};
[[nodiscard]] constexpr auto names_of(AgeBasis) {
  using enum AgeBasis;
  return std::to_array<Name<AgeBasis>>({{kMeasured, "measured"}, {kEstimated, "estimated"}, {kAtLeast, "at_least"}});
}
struct Age {
  double seconds = 0;
  AgeBasis basis = AgeBasis::kMeasured;
};
// Of the message at offset `next`, of which the log's end is the row of `ends`. It came between two looks; where in
// between, is interpolated. 0 s: it has not come yet.
[[nodiscard]] Age age_of(const History& ends, size_t row, int64_t next);

// Until a reader that reads so fast is at the end of a log that grows so fast. nullopt: never, at these rates.
[[nodiscard]] std::optional<double> seconds_to_catch_up(int64_t lag, double read_per_s, double in_per_s);

// Until the log's start (the row of `starts`) overtakes a reader at `committed`. The start moves by whole segments, so
// its rate is taken from jump to jump. nullopt: it does not, at these rates, or fewer than two jumps were seen.
[[nodiscard]] std::optional<double> seconds_to_retention(const History& starts, size_t row, int64_t committed,
                                                         double read_per_s);

}  // namespace freshet::fleet
