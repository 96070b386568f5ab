// The description of the keys (fields.h), visited to write a JSON Schema. The schema is for editors, which can't
// follow references or compare keys: what it accepts may still be refused by the parser.
#include "fleet/schema.h"

#include <fmt/format.h>

#include "base/assert.h"
#include "fleet/fields.h"
#include "fleet/text.h"
#include "model/json.h"

namespace freshet::fleet {
namespace {

// These patterns are what yaml/reader.h reads.
constexpr const char* kSize = R"("pattern":"^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?$")";
constexpr const char* kDuration = R"("pattern":"^([0-9]+(\\.[0-9]+)? ?(us|ms|s|m|h|d)|0)$")";

std::string json_text(std::string_view text) {
  std::string out;
  model::append_json_string(out, text);
  return out;
}

// The visitor of fleet/fields.h that writes a schema of a map.
class SchemaWriter {
 public:
  void text(const char* key, const std::string& value, const NameRule& rule, std::string_view doc,
            Need need = Need::kOptional) {
    add(key, fmt::format("\"type\":[\"string\",\"number\"],\"pattern\":{}", json_text(rule.pattern)), doc,
        value.empty() ? "" : json_text(value), need);
  }
  template <class Count>
  void count(const char* key, Count value, uint64_t min, uint64_t max, std::string_view doc) {
    add(key, fmt::format(R"("type":"integer","minimum":{},"maximum":{})", min, max), doc, std::to_string(value));
  }
  void number(const char* key, double value, double min, double max, std::string_view doc) {
    add(key, fmt::format(R"("type":"number","minimum":{},"maximum":{})", min, max), doc, fmt::format("{}", value));
  }
  void bytes(const char* key, uint64_t value, uint64_t, uint64_t, std::string_view doc) {
    add(key, fmt::format(R"("type":["string","integer"],{})", kSize), doc, json_text(size_value(value)));
  }
  void duration(const char* key, int64_t value, int64_t, int64_t, std::string_view doc) {
    add(key, fmt::format(R"("type":["string","integer"],{},"maximum":0)", kDuration), doc,
        json_text(duration_text(value)));
  }
  template <class E>
  void choice(const char* key, E value, const std::vector<std::string>& names, std::string_view doc) {
    FRESHET_ASSERT(static_cast<size_t>(value) < names.size());
    std::string list;
    for (const std::string& name : names) list += (list.empty() ? "" : ",") + json_text(name);
    add(key, fmt::format("\"enum\":[{}]", list), doc, json_text(names[static_cast<size_t>(value)]));
  }
  void texts(const char* key, const std::vector<std::string>&, std::string_view doc, Need need) {
    names(key, doc, need);
  }
  void ref(const char* key, const Ref&, std::string_view doc, Need need) {
    add(key, R"("type":["string","number"],"minLength":1)", doc, "", need);
  }
  void refs(const char* key, const std::vector<Ref>&, std::string_view doc, Need need) { names(key, doc, need); }
  template <class T>
  void object(const char* key, T value, const Where&, std::string_view doc) {
    SchemaWriter inner;
    describe(inner, value);
    add(key, inner.body(), doc, "");
  }
  template <class T>
  void settings(const char* key, T value, const Where&, std::string_view doc) {
    SchemaWriter inner;
    describe_settings(inner, value);
    add(key, inner.body(), doc, "");
  }
  template <class T>
  void list(const char* key, const std::vector<T>&, std::string_view doc, Need need = Need::kOptional) {
    SchemaWriter inner;
    T item;
    describe(inner, item);
    const std::string_view least = need == Need::kRequired ? "\"minItems\":1," : "";
    add(key, fmt::format("\"type\":\"array\",{}\"items\":{{{}}}", least, inner.body()), doc, "", need);
  }

  // The members of the schema's object.
  [[nodiscard]] std::string body() const {
    return fmt::format("\"type\":\"object\",\"additionalProperties\":false,\"required\":[{}],\"properties\":{{\n{}\n}}",
                       required_, properties_);
  }

 private:
  void names(const char* key, std::string_view doc, Need need) {
    add(key,
        fmt::format(R"("type":"array","uniqueItems":true,"items":{{"type":["string","number"],"minLength":1}}{})",
                    need == Need::kRequired ? R"(,"minItems":1)" : ""),
        doc, "", need);
  }
  void add(const char* key, const std::string& members, std::string_view doc, const std::string& value,
           Need need = Need::kOptional) {
    if (!properties_.empty()) properties_ += ",\n";
    properties_ += fmt::format("{}:{{\"description\":{},{}{}}}", json_text(key), json_text(doc), members,
                               value.empty() || need == Need::kRequired ? "" : ",\"default\":" + value);
    if (need == Need::kRequired) required_ += (required_.empty() ? "" : ",") + json_text(key);
  }

  std::string properties_;
  std::string required_;
};

}  // namespace

std::string schema_json() {
  SchemaWriter writer;
  FleetText fleet;
  describe(writer, fleet);
  return fmt::format(
      "{{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":\"A fleet of Kafka clusters (freshet "
      "fleet)\",\n{}}}\n",
      writer.body());
}

}  // namespace freshet::fleet
