// RFC 8536: a header, a block with times of 32 bits for readers of long ago, a second header and block with 64 bits,
// and a footer with a rule in POSIX's form for all years after the last change that is listed. Files of the system are
// trusted to be right, not to be whole: every length is checked.
#include "fleet/rebalance/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <optional>

namespace freshet::fleet::rebalance {
namespace {

constexpr const char* kDatabase = "/usr/share/zoneinfo/";
constexpr size_t kHeaderBytes = 44;

// Numbers of a file, the most significant byte first.
int64_t number_at(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = (static_cast<unsigned char>(bytes[at]) & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<int64_t>(value);
}

// How many of each a block has, in the order in which the header says it.
struct Header {
  size_t utc_marks = 0, standard_marks = 0, leaps = 0, changes = 0, types = 0, letters = 0;
  [[nodiscard]] size_t body_bytes(size_t time_bytes) const {
    return changes * (time_bytes + 1) + types * 6 + letters + leaps * (time_bytes + 4) + standard_marks + utc_marks;
  }
};

std::optional<Header> header_at(std::string_view bytes, size_t at) {
  if (bytes.size() < at + kHeaderBytes || bytes.substr(at, 4) != "TZif") return std::nullopt;
  size_t counts[6];
  for (size_t i = 0; i < 6; ++i) {
    const int64_t count = number_at(bytes, at + 20 + 4 * i, 4);
    if (count < 0 || count > 1'000'000) return std::nullopt;
    counts[i] = static_cast<size_t>(count);
  }
  return Header{counts[0], counts[1], counts[2], counts[3], counts[4], counts[5]};
}

// Takes what it reads off the front of a POSIX rule, "CET-1CEST,M3.5.0,M10.5.0/3".
class RuleText {
 public:
  explicit RuleText(std::string_view text) : text_(text) {}
  [[nodiscard]] bool is_at_end() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool take_name() {
    if (take('<')) {
      const size_t end = text_.find('>');
      if (end == std::string_view::npos) return false;
      text_.remove_prefix(end + 1);
      return true;
    }
    const size_t end = std::min(text_.find_first_of("+-0123456789,"), text_.size());
    text_.remove_prefix(end);
    return end >= 3;
  }
  bool take_number(int32_t& out) {
    size_t digits = 0;
    out = 0;
    for (; digits < text_.size() && digits < 4 && text_[digits] >= '0' && text_[digits] <= '9'; ++digits)
      out = out * 10 + (text_[digits] - '0');
    text_.remove_prefix(digits);
    return digits > 0;
  }
  // "-1", "5:30", "+2:00:00", in seconds.
  bool take_time(int32_t& out) {
    const bool is_negative = take('-');
    if (!is_negative) take('+');
    int32_t hours = 0, minutes = 0, seconds = 0;
    if (!take_number(hours) || hours > 167) return false;
    if (take(':') && (!take_number(minutes) || minutes > 59)) return false;
    if (take(':') && (!take_number(seconds) || seconds > 59)) return false;
    out = (hours * 60 + minutes) * 60 + seconds;
    if (is_negative) out = -out;
    return true;
  }

 private:
  std::string_view text_;
};

bool take_change(RuleText& text, int32_t& month, int32_t& week, int32_t& weekday, int32_t& at_s) {
  if (!text.take(',') || !text.take('M') || !text.take_number(month) || !text.take('.') || !text.take_number(week) ||
      !text.take('.') || !text.take_number(weekday))
    return false;
  if (text.take('/') && !text.take_time(at_s)) return false;
  return month >= 1 && month <= 12 && week >= 1 && week <= 5 && weekday <= 6;
}

// Midnight of that day, in seconds since 1970 as if local time were UTC.
int64_t seconds_of_day(int year, int32_t month, int32_t week, int32_t weekday) {
  using namespace std::chrono;
  const auto m = std::chrono::year(year) / std::chrono::month(static_cast<unsigned>(month));
  const std::chrono::weekday w(static_cast<unsigned>(weekday));
  const sys_days day = week == 5 ? sys_days(m / w[last]) : sys_days(m / w[static_cast<unsigned>(week)]);
  return int64_t{day.time_since_epoch().count()} * 86400;
}

int year_of(int64_t utc_s) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(utc_s)));
  return static_cast<int>(std::chrono::year_month_day(days).year());
}

// "+05:30", in seconds.
std::optional<int32_t> fixed_offset(std::string_view name) {
  if (name == "UTC" || name == "Z") return 0;
  if (name.size() != 6 || (name[0] != '+' && name[0] != '-') || name[3] != ':') return std::nullopt;
  RuleText text(name);
  int32_t offset_s = 0;
  if (!text.take_time(offset_s) || !text.is_at_end() || std::abs(offset_s) > 14 * 3600) return std::nullopt;
  return offset_s;
}

// What can't lead out of the folder of the database.
bool is_zone_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  return !name.empty() && name.front() != '/' && std::all_of(name.begin(), name.end(), is_plain);
}

}  // namespace

Zone Zone::fixed(int32_t offset_s) {
  Zone zone;
  zone.first_offset_s_ = zone.standard_s_ = offset_s;
  return zone;
}

Result<Zone> Zone::named(const std::string& name) {
  if (const auto offset_s = fixed_offset(name)) return fixed(*offset_s);
  std::ifstream file;
  if (is_zone_name(name)) file.open(kDatabase + name, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  auto zone = parse(bytes);
  if (!zone)
    return fail(Code::kInvalid,
                fmt::format("there is no time zone \"{}\" in {}: it must be UTC, an offset as +05:30, or a name as "
                            "Europe/Berlin (Debian's package tzdata)",
                            name, kDatabase));
  return zone;
}

// The second half of the file has times of 64 bits; the first one is for readers of long ago.
Result<Zone> Zone::parse(std::string_view bytes) {
  const Error damaged{Code::kCorrupt, "it is no file of a time zone (TZif, version 2 or later)"};
  const auto old = header_at(bytes, 0);
  if (!old || bytes[4] < '2') return tl::unexpected(damaged);
  const size_t second = kHeaderBytes + old->body_bytes(4);
  const auto header = header_at(bytes, second);
  if (!header || header->types == 0) return tl::unexpected(damaged);
  const size_t body = second + kHeaderBytes, footer = body + header->body_bytes(8);
  if (bytes.size() < footer + 2 || bytes[footer] != '\n') return tl::unexpected(damaged);
  const size_t kinds = body + header->changes * 8, types = kinds + header->changes;
  const auto offset_of = [&](size_t type) { return static_cast<int32_t>(number_at(bytes, types + 6 * type, 4)); };
  Zone zone;
  zone.first_offset_s_ = offset_of(0);
  for (size_t i = 0; i < header->changes; ++i) {
    const auto type = static_cast<unsigned char>(bytes[kinds + i]);
    const int64_t at_s = number_at(bytes, body + 8 * i, 8);
    if (type >= header->types || (i > 0 && at_s <= zone.changes_s_.back())) return tl::unexpected(damaged);
    zone.changes_s_.push_back(at_s);
    zone.offsets_s_.push_back(offset_of(type));
  }
  zone.standard_s_ = zone.offsets_s_.empty() ? zone.first_offset_s_ : zone.offsets_s_.back();
  const size_t end = bytes.find('\n', footer + 1);
  if (end == std::string_view::npos) return tl::unexpected(damaged);
  FRESHET_TRY(zone.parse_rule(bytes.substr(footer + 1, end - footer - 1)));
  return zone;
}

Status Zone::parse_rule(std::string_view rule) {
  if (rule.empty()) return {};
  RuleText text(rule);
  const auto wrong = [&] { return fail(Code::kCorrupt, "a rule of a time zone that is not understood"); };
  // POSIX counts westwards.
  int32_t west_s = 0;
  if (!text.take_name() || !text.take_time(west_s)) return wrong();
  standard_s_ = -west_s;
  if (text.is_at_end()) return {};
  if (!text.take_name()) return wrong();
  summer_s_ = standard_s_ + 3600;
  if (text.take_time(west_s)) summer_s_ = -west_s;
  has_summer_ = take_change(text, to_summer_.month, to_summer_.week, to_summer_.weekday, to_summer_.at_s) &&
                take_change(text, to_standard_.month, to_standard_.week, to_standard_.weekday, to_standard_.at_s);
  return has_summer_ && text.is_at_end() ? Status{} : wrong();
}

int32_t Zone::offset_by_rule(int64_t utc_s) const {
  if (!has_summer_) return standard_s_;
  const auto at = [&](const Change& change, int32_t offset_before_s) {
    return seconds_of_day(year_of(utc_s + standard_s_), change.month, change.week, change.weekday) + change.at_s -
           offset_before_s;
  };
  const int64_t summer_s = at(to_summer_, standard_s_), standard_s = at(to_standard_, summer_s_);
  // South of the equator summer goes over the end of the year.
  const bool is_summer =
      summer_s < standard_s ? utc_s >= summer_s && utc_s < standard_s : utc_s >= summer_s || utc_s < standard_s;
  return is_summer ? summer_s_ : standard_s_;
}

int32_t Zone::offset_at(int64_t utc_s) const {
  const auto next = std::upper_bound(changes_s_.begin(), changes_s_.end(), utc_s);
  if (next == changes_s_.end()) return offset_by_rule(utc_s);
  if (next == changes_s_.begin()) return first_offset_s_;
  return offsets_s_[static_cast<size_t>(next - changes_s_.begin()) - 1];
}

// By the offset before a change that is near, unless that leads behind it.
int64_t Zone::utc_of(int64_t local_s) const {
  constexpr int64_t kNearS = 86400;
  const int64_t before = local_s - offset_at(local_s - kNearS), after = local_s - offset_at(local_s + kNearS);
  return offset_at(before) == local_s - before ? before : offset_at(after) == local_s - after ? after : before;
}

}  // namespace freshet::fleet::rebalance
