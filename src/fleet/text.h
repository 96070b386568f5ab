// Figures as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace freshet::fleet {

// The first three round to one decimal and are for people; the next two are exact and can be written into fleet.yaml.
[[nodiscard]] std::string bytes_text(double bytes);       // "12.3 MB": powers of 1000
[[nodiscard]] std::string rate_text(double bytes_per_s);  // "12.3 MB/s"
[[nodiscard]] std::string count_text(double count);       // "950", "12.3 thousand", "1.2 million"
[[nodiscard]] std::string duration_text(double seconds);  // "0.4 s", "45 s", "12 min", "3.5 h", "12 days"
// "1 broker", "3 brokers"
[[nodiscard]] std::string plural(uint64_t count, const std::string& one);

}  // namespace freshet::fleet
