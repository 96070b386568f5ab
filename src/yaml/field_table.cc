// Values are shown as the file would have them: what a document gives as a default can be copied into a file.
#include "yaml/field_table.h"

#include <fmt/core.h>

#include "yaml/units.h"

namespace freshet::yaml {
namespace {

constexpr double kExactMax = 9007199254740992;  // above it a bound is no bound

}  // namespace

bool FieldTable::text(std::string_view key, const std::string& value, const TextRule& rule, std::string_view doc,
                      Need need) {
  return add(key, rule.fits(value) ? value : "", std::string(rule.allowed), doc, need);
}

bool FieldTable::whole(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  const std::string allowed =
      static_cast<double>(max) > kExactMax ? fmt::format("{} and up", min) : fmt::format("{} to {}", min, max);
  return add(key, value >= min && value <= max ? std::to_string(value) : "", allowed, doc, Need::kOptional);
}

bool FieldTable::number(std::string_view key, double value, double min, double max, std::string_view doc) {
  return add(key, value >= min && value <= max ? fmt::format("{}", value) : "", fmt::format("{} to {}", min, max), doc,
             Need::kOptional);
}

bool FieldTable::bytes(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  return add(key, value >= min && value <= max ? size_text(value) : "",
             fmt::format("`{}` to `{}`", size_text(min), size_text(max)), doc, Need::kOptional);
}

bool FieldTable::duration(std::string_view key, int64_t value, int64_t min, int64_t max, std::string_view doc) {
  return add(key, value >= min && value <= max ? duration_text(value) : "",
             fmt::format("`{}` to `{}`", duration_text(min), duration_text(max)), doc, Need::kOptional);
}

bool FieldTable::texts(std::string_view key, const std::vector<std::string>& value, const TextRule& rule,
                       std::string_view doc, Items items) {
  const std::string most = items.max < Items::kUnbounded ? fmt::format(", at most {}", items.max) : "";
  const std::string each = &rule == &kAnyText ? "list of text" : fmt::format("list, each {}", rule.allowed);
  return add(key, list_text(value), each + most, doc, items.need);
}

bool FieldTable::ref(std::string_view key, const Ref& value, std::string_view doc, Need need) {
  return add(key, value.name, "a name of this file", doc, need);
}

bool FieldTable::refs(std::string_view key, const std::vector<Ref>& value, std::string_view doc, Items items) {
  std::vector<std::string_view> names;
  for (const Ref& each : value) names.push_back(each.name);
  return add(key, list_text(names), "list of names of this file", doc, items.need);
}

void FieldTable::unavailable(std::string_view key, std::string_view why) {
  add(key, "", "nothing", why, Need::kOptional);
  rows_.back().available = false;
}

std::string FieldTable::one_of(const NameList& names) {
  std::string out;
  for (const std::string_view name : names) out += fmt::format("{}`{}`", out.empty() ? "" : ", ", name);
  return out;
}

std::string FieldTable::list_text(const NameList& names) {
  if (names.size() == 0) return "";
  std::string out;
  for (const std::string_view name : names) out.append(out.empty() ? "" : ", ").append(name);
  return "[" + out + "]";
}

bool FieldTable::add(std::string_view key, std::string value, std::string allowed, std::string_view doc, Need need) {
  rows_.push_back({path_ + std::string(key), std::move(value), std::move(allowed), std::string(doc), need});
  return false;
}

bool FieldTable::take(const FieldTable& inner) {
  rows_.insert(rows_.end(), inner.rows_.begin(), inner.rows_.end());
  return false;
}

std::string markdown_of(const std::vector<FieldRow>& rows, std::string_view prefix) {
  std::string out = "| Key | Default | Allowed | Meaning |\n|---|---|---|---|\n";
  for (const FieldRow& row : rows) {
    if (!row.key.starts_with(prefix)) continue;
    const std::string_view key = std::string_view(row.key).substr(prefix.size());
    if (key.find('[') != std::string_view::npos) continue;
    const std::string value = row.need == Need::kRequired ? "—" : row.value.empty() ? "none" : "`" + row.value + "`";
    out += fmt::format("| `{}` | {} | {} | {} |\n", key, row.available ? value : "—",
                       row.available ? row.allowed : "not yet available", row.doc);
  }
  return out;
}

}  // namespace freshet::yaml
