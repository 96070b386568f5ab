// The schema is written in the order of the description, so that the published file changes where a key does.
#include "yaml/field_schema.h"

#include <fmt/core.h>

#include "base/assert.h"
#include "yaml/units.h"

namespace freshet::yaml {
namespace {

// These patterns are what yaml/reader.h reads.
constexpr std::string_view kSizePattern = "^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?$";
constexpr std::string_view kDurationPattern = "^([0-9]+(\\.[0-9]+)? ?(us|ms|s|m|h|d)|0)$";
constexpr std::string_view kVariablePattern = "\\$\\{[A-Za-z0-9_]+\\}";

// Unquoted, a text may look like a number or a boolean, to which a pattern does not apply.
void write_text(JsonWriter& json, const TextRule& rule) {
  json.key("type").begin_array().value("string");
  if (rule.fits("1") || rule.fits("1.5")) json.value("number");
  if (rule.fits("true")) json.value("boolean");
  json.end_array();
  if (rule.pattern.empty()) {
    json.member("minLength", 1);
  } else {
    json.member("pattern", rule.pattern);
  }
}

}  // namespace

template <class Write>
void SchemaWriter::scalar(const Write& write) {
  if (variables_ == Variables::kNone) return write();
  properties_.key("anyOf").begin_array().begin_object();
  write();
  properties_.end_object().begin_object().member("type", "string").member("pattern", kVariablePattern);
  properties_.end_object().end_array();
}

void SchemaWriter::begin(std::string_view key, std::string_view doc, Need need) {
  FRESHET_ASSERT(!key.empty());
  if (need == Need::kRequired) required_.emplace_back(key);
  properties_.space("\n").key(key);
  last_ = text_.size();
  properties_.begin_object();
  if (!doc.empty()) properties_.member("description", plain_text(doc));
}

bool SchemaWriter::end_property() {
  properties_.end_object();
  return false;
}

void SchemaWriter::begin_items(Items items) {
  properties_.member("type", "array");
  if (items.min > 0) properties_.member("minItems", items.min);
  if (items.max < Items::kUnbounded) properties_.member("maxItems", items.max);
  properties_.key("items").begin_object();
}

bool SchemaWriter::text(std::string_view key, const std::string& value, const TextRule& rule, std::string_view doc,
                        Need need) {
  begin(key, doc, need);
  scalar([&] { write_text(properties_, rule); });
  if (need == Need::kOptional && rule.fits(value)) properties_.member("default", value);
  return end_property();
}

bool SchemaWriter::whole(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  begin(key, doc, Need::kOptional);
  scalar([&] { properties_.member("type", "integer").member("minimum", min).member("maximum", max); });
  if (value >= min && value <= max) properties_.member("default", value);
  return end_property();
}

bool SchemaWriter::number(std::string_view key, double value, double min, double max, std::string_view doc) {
  begin(key, doc, Need::kOptional);
  scalar([&] {
    properties_.member("type", "number").key("minimum").raw(fmt::format("{}", min));
    properties_.key("maximum").raw(fmt::format("{}", max));
  });
  if (value >= min && value <= max) properties_.key("default").raw(fmt::format("{}", value));
  return end_property();
}

bool SchemaWriter::bytes(std::string_view key, uint64_t value, uint64_t min, uint64_t max, std::string_view doc) {
  begin(key, doc, Need::kOptional);
  scalar([&] {
    properties_.key("type").raw(R"(["string","integer"])").member("pattern", kSizePattern);
    properties_.member("minimum", min).member("maximum", max);
  });
  if (value >= min && value <= max) properties_.member("default", size_text(value));
  return end_property();
}

bool SchemaWriter::duration(std::string_view key, int64_t value, int64_t min, int64_t max, std::string_view doc) {
  begin(key, doc, Need::kOptional);
  scalar([&] {
    if (min > 0) {
      properties_.member("type", "string").member("pattern", kDurationPattern);
    } else {
      // The only duration without a unit is 0.
      properties_.key("type").raw(R"(["string","integer"])").member("pattern", kDurationPattern).member("maximum", 0);
    }
  });
  if (value >= min && value <= max) properties_.member("default", duration_text(value));
  return end_property();
}

bool SchemaWriter::one_of(std::string_view key, const NameList& names, std::string_view value, std::string_view doc) {
  begin(key, doc, Need::kOptional);
  scalar([&] { properties_.key("enum").array(names); });
  properties_.member("default", value);
  return end_property();
}

bool SchemaWriter::some_of(std::string_view key, const NameList& names, std::string_view doc, Items items) {
  begin(key, doc, items.need);
  properties_.member("uniqueItems", true);
  begin_items(items);
  scalar([&] { properties_.key("enum").array(names); });
  properties_.end_object();
  return end_property();
}

bool SchemaWriter::texts(std::string_view key, const std::vector<std::string>&, const TextRule& rule,
                         std::string_view doc, Items items) {
  begin(key, doc, items.need);
  properties_.member("uniqueItems", true);
  begin_items(items);
  scalar([&] { write_text(properties_, rule); });
  properties_.end_object();
  return end_property();
}

bool SchemaWriter::ref(std::string_view key, const Ref&, std::string_view doc, Need need) {
  return text(key, "", kAnyText, doc, need);
}

bool SchemaWriter::refs(std::string_view key, const std::vector<Ref>&, std::string_view doc, Items items) {
  return texts(key, {}, kAnyText, doc, items);
}

void SchemaWriter::exactly_one_of(const NameList& keys) { one_of_.assign(keys.begin(), keys.end()); }

void SchemaWriter::unavailable(std::string_view key, std::string_view why) {
  begin(key, why, Need::kOptional);
  properties_.key("not").begin_object().end_object();
  end_property();
}

void SchemaWriter::end(JsonWriter& json) {
  properties_.space("\n").end_object();
  json.member("type", "object").member("additionalProperties", false);
  if (!one_of_.empty()) {
    json.key("oneOf").array(one_of_, [](JsonWriter& list, const std::string& key) {
      list.begin_object().key("required").begin_array().value(key).end_array().end_object();
    });
  }
  json.key("required").array(required_).key("properties").raw(text_);
}

std::string schema_file(std::string_view title, SchemaWriter& root) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("$schema", "https://json-schema.org/draft/2020-12/schema").member("title", title);
  json.space("\n");
  root.end(json);
  json.end_object();
  return out + "\n";
}

}  // namespace freshet::yaml
