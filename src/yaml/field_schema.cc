// The schema is written as text in the order of the description, so that the published file changes where a key does.
#include "yaml/field_schema.h"

#include <fmt/format.h>

#include "model/json.h"
#include "yaml/units.h"

namespace freshet::yaml {
namespace {

// As yaml/reader.h reads them.
constexpr std::string_view kSize = R"("pattern":"^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?$")";
constexpr std::string_view kDuration = R"("pattern":"^([0-9]+(\\.[0-9]+)? ?(us|ms|s|m|h|d)|0)$")";
constexpr std::string_view kVariable = R"("type":"string","pattern":"\\$\\{[A-Za-z0-9_]+\\}")";

std::string json_text(std::string_view text) {
  std::string out;
  model::append_json_string(out, text);
  return out;
}

std::string json_list(const NameList& names) {
  std::string out;
  for (const std::string_view name : names) out += (out.empty() ? "" : ",") + json_text(name);
  return "[" + out + "]";
}

// Unquoted, a text may look like a number or a boolean, to which a pattern does not apply.
std::string members_of(const TextRule& rule) {
  const bool number = rule.fits("1") || rule.fits("1.5");
  const std::string type =
      fmt::format(R"("type":["string"{}{}])", number ? R"(,"number")" : "", rule.fits("true") ? R"(,"boolean")" : "");
  if (rule.pattern.empty()) return type + ",\"minLength\":1";
  return fmt::format("{},\"pattern\":{}", type, json_text(rule.pattern));
}

}  // namespace

std::string SchemaWriter::scalar(const std::string& members) const {
  if (variables_ == Variables::kNone) return members;
  return fmt::format("\"anyOf\":[{{{}}},{{{}}}]", members, kVariable);
}

bool SchemaWriter::text(std::string_view key, const std::string& value, const TextRule& rule, std::string_view doc,
                        Need need) {
  return add(key, scalar(members_of(rule)), doc, rule.fits(value) ? json_text(value) : "", need);
}

bool SchemaWriter::whole(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  return add(key, scalar(fmt::format(R"("type":"integer","minimum":{},"maximum":{})", min, max)), doc,
             value >= min && value <= max ? std::to_string(value) : "", Need::kOptional);
}

bool SchemaWriter::number(std::string_view key, double value, double min, double max, std::string_view doc) {
  return add(key, scalar(fmt::format(R"("type":"number","minimum":{},"maximum":{})", min, max)), doc,
             value >= min && value <= max ? fmt::format("{}", value) : "", Need::kOptional);
}

bool SchemaWriter::bytes(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  const std::string members =
      fmt::format(R"("type":["string","integer"],{},"minimum":{},"maximum":{})", kSize, min, max);
  return add(key, scalar(members), doc, value >= min && value <= max ? json_text(size_text(value)) : "",
             Need::kOptional);
}

bool SchemaWriter::duration(std::string_view key, int64_t value, int64_t min, int64_t max, std::string_view doc) {
  const std::string members = min > 0 ? fmt::format(R"("type":"string",{})", kDuration)
                                      : fmt::format(R"("type":["string","integer"],{},"maximum":0)", kDuration);
  return add(key, scalar(members), doc, value >= min && value <= max ? json_text(duration_text(value)) : "",
             Need::kOptional);
}

bool SchemaWriter::one_of(std::string_view key, const NameList& names, std::string_view value, std::string_view doc) {
  return add(key, scalar("\"enum\":" + json_list(names)), doc, json_text(value), Need::kOptional);
}

bool SchemaWriter::some_of(std::string_view key, const NameList& names, std::string_view doc, Items items) {
  return add(key, array_of(scalar("\"enum\":" + json_list(names)), items, R"("uniqueItems":true,)"), doc, "",
             items.need);
}

bool SchemaWriter::texts(std::string_view key, const std::vector<std::string>&, const TextRule& rule,
                         std::string_view doc, Items items) {
  return add(key, array_of(scalar(members_of(rule)), items, R"("uniqueItems":true,)"), doc, "", items.need);
}

bool SchemaWriter::ref(std::string_view key, const Ref&, std::string_view doc, Need need) {
  return add(key, scalar(members_of(kAnyText)), doc, "", need);
}

bool SchemaWriter::refs(std::string_view key, const std::vector<Ref>&, std::string_view doc, Items items) {
  return texts(key, {}, kAnyText, doc, items);
}

void SchemaWriter::exactly_one_of(const NameList& keys) {
  for (const std::string_view key : keys)
    one_of_ += fmt::format("{}{{\"required\":[{}]}}", one_of_.empty() ? "" : ",", json_text(key));
}

void SchemaWriter::unavailable(std::string_view key, std::string_view why) {
  add(key, "\"not\":{}", why, "", Need::kOptional);
}

std::string SchemaWriter::array_of(const std::string& item, Items items, std::string_view more) const {
  return fmt::format("\"type\":\"array\",{}{}{}\"items\":{{{}}}", more,
                     items.min > 0 ? fmt::format("\"minItems\":{},", items.min) : "",
                     items.max < Items::kUnbounded ? fmt::format("\"maxItems\":{},", items.max) : "", item);
}

bool SchemaWriter::add(std::string_view key, const std::string& members, std::string_view doc, const std::string& value,
                       Need need) {
  last_ = fmt::format("{}{}{}", doc.empty() ? "" : "\"description\":" + json_text(plain_text(doc)) + ",", members,
                      value.empty() || need == Need::kRequired ? "" : ",\"default\":" + value);
  properties_ += fmt::format("{}{}:{{{}}}", properties_.empty() ? "" : ",\n", json_text(key), last_);
  if (need == Need::kRequired) required_ += (required_.empty() ? "" : ",") + json_text(key);
  return false;
}

std::string SchemaWriter::body() const {
  return fmt::format("\"type\":\"object\",\"additionalProperties\":false,{}\"required\":[{}],\"properties\":{{\n{}\n}}",
                     one_of_.empty() ? "" : fmt::format("\"oneOf\":[{}],", one_of_), required_, properties_);
}

std::string schema_file(std::string_view title, const SchemaWriter& root) {
  return fmt::format("{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":{},\n{}}}\n",
                     json_text(title), root.body());
}

}  // namespace freshet::yaml
