// Counts stand in rows of ten minutes each, so that the three windows move on without anybody who counts them down, and
// what is older than the longest is removed as a range.
#include "console/violations.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::console {
namespace {

using GroupRow = v1::PlanViolations::Group;

constexpr int64_t kSpanUs = 600ll * 1'000'000;
constexpr int64_t kHourSpans = 6;
constexpr int64_t kDaySpans = 24 * kHourSpans;
constexpr int64_t kWeekSpans = 7 * kDaySpans;
constexpr size_t kSpanDigits = 10;
constexpr int64_t kLastSpan = 9'999'999'999;  // with so many
constexpr size_t kShownMax = 1000;
constexpr int kSamplesShown = 3;

std::string violations_prefix(std::string_view tenant) {
  std::string key = "v";
  key.append(tenant).append(1, '\0');
  return key;
}

std::string span_key(std::string_view tenant, int64_t span) {
  return violations_prefix(tenant) + fmt::format("{:0{}}", std::clamp<int64_t>(span, 0, kLastSpan), kSpanDigits);
}

// What is counted of one group, over the three windows.
struct Sum {
  uint64_t hour = 0, day = 0, week = 0;
  int64_t last_span = 0;
  int64_t first_us = 0, last_us = 0;
  std::vector<std::string> samples;  // of the latest spans
};
// By event, property, rule, type that came, and what the property is.
using SumName = std::tuple<std::string, std::string, std::string, std::string, v1::SchemaChange::Subject>;
using Sums = std::map<SumName, Sum>;

void add_row(Sums& sums, const GroupRow& row, int64_t span, int64_t now) {
  Sum& sum = sums[{row.event(), row.property(), row.rule(), row.found(), row.subject()}];
  if (span > now - kHourSpans) sum.hour += row.count();
  if (span > now - kDaySpans) sum.day += row.count();
  sum.week += row.count();
  sum.last_span = std::max(sum.last_span, span);
  if (sum.first_us == 0) sum.first_us = row.first_us();
  sum.last_us = row.last_us();
  sum.samples.insert(sum.samples.begin(), row.message_ids().begin(), row.message_ids().end());
  if (sum.samples.size() > kSamplesShown) sum.samples.resize(kSamplesShown);
}

// All rows of the week, summed.
Status sum_rows(kv::Store& store, const std::string& tenant, int64_t now, Sums& sums) {
  const size_t digits_at = violations_prefix(tenant).size();
  return store.scan(span_key(tenant, now - kWeekSpans + 1), span_key(tenant, now + kDaySpans),
                    [&](std::string_view key, std::string_view value) {
                      GroupRow row;
                      int64_t span = 0;
                      const std::string_view digits = key.substr(digits_at, kSpanDigits);
                      std::from_chars(digits.data(), digits.data() + digits.size(), span);
                      if (row.ParseFromArray(value.data(), static_cast<int>(value.size())))
                        add_row(sums, row, span, now);
                      return true;
                    });
}

// "": of an event's property, which is the usual case and not said.
std::string_view name_of_subject(v1::SchemaChange::Subject subject) {
  if (subject == v1::SchemaChange::USER_ATTRIBUTE) return "user_attribute";
  return subject == v1::SchemaChange::DEVICE_ATTRIBUTE ? "device_attribute" : "";
}

}  // namespace

Status Violations::add(const v1::DeadLetter& record, int64_t now_us, kv::WriteBatch& batch) {
  v1::PlanViolations violations;
  if (!violations.ParseFromString(record.body())) return {};
  const int64_t span = std::clamp<int64_t>(record.received_at_us() / kSpanUs, 0, kLastSpan);
  const std::string prefix = span_key(record.tenant(), span);
  for (const GroupRow& group : violations.groups()) {
    if (group.event().find('\0') != std::string::npos || group.property().find('\0') != std::string::npos) continue;
    std::string key = prefix;
    key.append(group.event()).append(1, '\0').append(group.property()).append(1, '\0').append(group.rule());
    if (!group.found().empty()) {
      key.append(1, '\0').append(group.found()).append(1, '\0');
      key.append(name_of_subject(group.subject()));
    }
    const auto [at, is_new] = pending_.try_emplace(key);
    GroupRow& row = at->second;
    if (is_new) {
      FRESHET_ASSIGN(const auto before, store_.get(key));
      if (before && !row.ParseFromString(*before)) row.Clear();
    }
    row.set_event(group.event());
    row.set_property(group.property());
    row.set_rule(group.rule());
    row.set_found(group.found());
    row.set_subject(group.subject());
    if (row.first_us() == 0) row.set_first_us(record.received_at_us());
    row.set_last_us(std::max(row.last_us(), record.received_at_us()));
    row.set_count(row.count() + group.count());
    for (const std::string& id : group.message_ids())
      if (row.message_ids_size() < kSamplesShown) row.add_message_ids(id);
    batch.put(key, row.SerializeAsString());
  }
  // The ingest node that counted it may have a clock that is ahead.
  const int64_t now = std::min(span, now_us / kSpanUs);
  batch.remove_range(violations_prefix(record.tenant()), span_key(record.tenant(), now - kWeekSpans));
  return {};
}

// What happened most within the day comes first.
Result<std::string> Violations::json(const std::string& tenant, int64_t now_us) const {
  const int64_t now = now_us / kSpanUs;
  Sums sums;
  FRESHET_TRY(sum_rows(store_, tenant, now, sums));
  std::vector<const Sums::value_type*> rows;
  for (const auto& row : sums) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.day, a->second.week) > std::pair(b->second.day, b->second.week);
  });
  if (rows.size() > kShownMax) rows.resize(kShownMax);
  std::string out;
  JsonWriter writer(out);
  writer.begin_object().key("violations").array(rows, [](JsonWriter& list, const Sums::value_type* row) {
    const auto& [name, sum] = *row;
    list.begin_object().member("event", std::get<0>(name)).member("property", std::get<1>(name));
    list.member("rule", std::get<2>(name));
    if (!std::get<3>(name).empty()) list.member("type", std::get<3>(name));
    if (const std::string_view subject = name_of_subject(std::get<4>(name)); !subject.empty())
      list.member("subject", subject);
    list.key("counts").begin_object();
    list.member("1h", sum.hour).member("24h", sum.day).member("7d", sum.week).end_object();
    list.member("last_at", model::format_time((sum.last_span + 1) * kSpanUs - 1)).key("samples").array(sum.samples);
    list.end_object();
  });
  writer.end_object();
  return out;
}

Result<Violations::OtherTypes> Violations::other_types(const std::string& tenant, int64_t now_us) const {
  Sums sums;
  FRESHET_TRY(sum_rows(store_, tenant, now_us / kSpanUs, sums));
  OtherTypes types;
  for (auto& [name, sum] : sums) {
    const auto& [event, property, rule, found, subject] = name;
    if (found.empty()) continue;
    const auto what = subject == v1::SchemaChange::SUBJECT_UNSPECIFIED ? v1::SchemaChange::EVENT_ATTRIBUTE : subject;
    if (types.size() >= kNamesMax && !types.contains({what, event, property})) break;
    types[{what, event, property}].push_back(
        {found, rule, sum.week, sum.first_us, sum.last_us, std::move(sum.samples)});
  }
  return types;
}

}  // namespace freshet::console
