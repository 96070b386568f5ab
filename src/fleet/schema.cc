// The description of the keys (fields.h), visited to write a JSON Schema. The schema is for editors, which can't
// follow references or compare keys: what it accepts may still be refused by the parser.
#include "fleet/schema.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "base/json_writer.h"
#include "fleet/fields.h"
#include "fleet/text.h"

namespace freshet::fleet {
namespace {

// These patterns are what yaml/reader.h reads.
constexpr std::string_view kSizePattern = "^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?$";
constexpr std::string_view kDurationPattern = "^([0-9]+(\\.[0-9]+)? ?(us|ms|s|m|h|d)|0)$";

// The visitor of fleet/fields.h that writes a schema of a map.
class SchemaWriter {
 public:
  SchemaWriter() { properties_.begin_object(); }

  void text(const char* key, const std::string& value, const NameRule& rule, std::string_view doc,
            Need need = Need::kOptional) {
    begin(key, doc, need);
    properties_.key("type").raw(R"(["string","number"])").member("pattern", rule.pattern);
    if (!value.empty() && need == Need::kOptional) properties_.member("default", value);
    properties_.end_object();
  }
  template <class Count>
  void count(const char* key, Count value, uint64_t min, uint64_t max, std::string_view doc) {
    begin(key, doc);
    properties_.member("type", "integer").member("minimum", min).member("maximum", max).member("default", value);
    properties_.end_object();
  }
  void number(const char* key, double value, double min, double max, std::string_view doc) {
    begin(key, doc);
    properties_.member("type", "number")
        .key("minimum")
        .raw(fmt::to_string(min))
        .key("maximum")
        .raw(fmt::to_string(max));
    properties_.key("default").raw(fmt::to_string(value)).end_object();
  }
  void bytes(const char* key, uint64_t value, uint64_t, uint64_t, std::string_view doc) {
    begin(key, doc);
    properties_.key("type").raw(R"(["string","integer"])").member("pattern", kSizePattern);
    properties_.member("default", size_value(value)).end_object();
  }
  void duration(const char* key, int64_t value, int64_t, int64_t, std::string_view doc) {
    begin(key, doc);
    properties_.key("type").raw(R"(["string","integer"])").member("pattern", kDurationPattern).member("maximum", 0);
    properties_.member("default", duration_text(value)).end_object();
  }
  template <class E>
  void choice(const char* key, E value, const std::vector<std::string>& names, std::string_view doc) {
    FRESHET_ASSERT(static_cast<size_t>(value) < names.size());
    begin(key, doc);
    properties_.key("enum").array(names).member("default", names[static_cast<size_t>(value)]).end_object();
  }
  void texts(const char* key, const std::vector<std::string>&, std::string_view doc, Need need) {
    names(key, doc, need);
  }
  void ref(const char* key, const Ref&, std::string_view doc, Need need) {
    begin(key, doc, need);
    properties_.key("type").raw(R"(["string","number"])").member("minLength", 1).end_object();
  }
  void refs(const char* key, const std::vector<Ref>&, std::string_view doc, Need need) { names(key, doc, need); }
  template <class T>
  void object(const char* key, T value, const Where&, std::string_view doc) {
    SchemaWriter inner;
    describe(inner, value);
    map(key, inner, doc);
  }
  template <class T>
  void settings(const char* key, T value, const Where&, std::string_view doc) {
    SchemaWriter inner;
    describe_settings(inner, value);
    map(key, inner, doc);
  }
  template <class T>
  void list(const char* key, const std::vector<T>&, std::string_view doc, Need need = Need::kOptional) {
    SchemaWriter inner;
    T item;
    describe(inner, item);
    begin(key, doc, need);
    properties_.member("type", "array");
    if (need == Need::kRequired) properties_.member("minItems", 1);
    properties_.key("items").begin_object();
    inner.end(properties_);
    properties_.end_object().end_object();
  }

  // Writes the members of the map's schema. The last call.
  void end(JsonWriter& json) {
    properties_.space("\n").end_object();
    json.member("type", "object").member("additionalProperties", false).key("required").array(required_);
    json.key("properties").raw(text_);
  }

 private:
  void begin(const char* key, std::string_view doc, Need need = Need::kOptional) {
    if (need == Need::kRequired) required_.emplace_back(key);
    properties_.space("\n").key(key).begin_object().member("description", doc);
  }
  void names(const char* key, std::string_view doc, Need need) {
    begin(key, doc, need);
    properties_.member("type", "array").member("uniqueItems", true);
    properties_.key("items").raw(R"({"type":["string","number"],"minLength":1})");
    if (need == Need::kRequired) properties_.member("minItems", 1);
    properties_.end_object();
  }
  void map(const char* key, SchemaWriter& inner, std::string_view doc) {
    begin(key, doc);
    inner.end(properties_);
    properties_.end_object();
  }

  std::string text_;
  JsonWriter properties_{text_};
  std::vector<std::string> required_;
};

}  // namespace

std::string schema_json() {
  SchemaWriter writer;
  FleetText fleet;
  describe(writer, fleet);
  std::string out;
  {
    JsonWriter json(out);
    json.begin_object().member("$schema", "https://json-schema.org/draft/2020-12/schema");
    json.member("title", "A fleet of Kafka clusters (freshet fleet)").space("\n");
    writer.end(json);
    json.end_object();
  }
  return out += '\n';
}

}  // namespace freshet::fleet
