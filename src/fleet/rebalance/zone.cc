#include "fleet/rebalance/zone.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace freshet::fleet::rebalance {
namespace {

constexpr int64_t kOffsetMaxS = 14 * 3600;

std::optional<int32_t> fixed_offset(std::string_view name) {
  if (name == "UTC" || name == "Z") return 0;
  if (name.empty() || (name[0] != '+' && name[0] != '-')) return std::nullopt;
  const auto ahead_s = clock_seconds(name.substr(1));
  if (!ahead_s || *ahead_s > kOffsetMaxS) return std::nullopt;
  return static_cast<int32_t>(name[0] == '-' ? -*ahead_s : *ahead_s);
}

// What can't lead out of the folder of the database, and is none of the names that Abseil takes for something else.
bool is_zone_name(std::string_view name) {
  const auto is_plain = [](char c) { return is_name_char(c) || c == '-' || c == '+' || c == '/'; };
  return !name.empty() && name.front() != '/' && name != "localtime" && std::all_of(name.begin(), name.end(), is_plain);
}

}  // namespace

std::optional<int64_t> clock_seconds(std::string_view text) {
  const auto is_digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !is_digit(0) || !is_digit(1) || !is_digit(3) || !is_digit(4))
    return std::nullopt;
  const int64_t minutes = ((text[0] - '0') * 10 + text[1] - '0') * 60 + (text[3] - '0') * 10 + text[4] - '0';
  if (minutes > 24 * 60 || text[3] > '5') return std::nullopt;
  return minutes * 60;
}

Result<Zone> Zone::named(const std::string& name) {
  if (const auto offset_s = fixed_offset(name)) return fixed(*offset_s);
  absl::TimeZone zone;
  if (is_zone_name(name) && absl::LoadTimeZone(name, &zone)) return Zone(zone);
  return fail(Code::kInvalid,
              fmt::format("there is no time zone \"{}\" here: it must be UTC, an offset as +05:30, or a name as "
                          "Europe/Berlin (Debian's package tzdata)",
                          name));
}

int32_t Zone::offset_at(int64_t utc_s) const { return zone_.At(absl::FromUnixSeconds(utc_s)).offset; }

int64_t Zone::utc_of(int64_t local_s) const {
  return absl::ToUnixSeconds(zone_.At(absl::CivilSecond(1970, 1, 1) + local_s).pre);
}

}  // namespace freshet::fleet::rebalance
