#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "model/document.h"
#include "model/json.h"

namespace freshet::model {
namespace {

using google::protobuf::RepeatedPtrField;
using v1::Document;
using v1::Field;
using v1::Value;

class JsonWriter {
 public:
  explicit JsonWriter(const Document& document) : fields_(document.fields()) { out_.reserve(1024); }

  // The fields of a section as an object by name.
  void object(std::string_view key, v1::Section section) {
    open(key);
    out_ += '{';
    bool first = true;
    for (int i = begin_of(section); i < fields_.size() && fields_[i].section() == section; ++i) {
      if (!std::exchange(first, false)) out_ += ',';
      append_json_string(out_, fields_[i].name());
      out_ += ':';
      if (section == v1::IDENTIFIERS) {
        list(&fields_[i].value());
      } else {
        append_json_value(out_, fields_[i].value());
      }
    }
    out_ += '}';
  }
  void list(std::string_view key, v1::Section section) {
    open(key);
    list(value_of(section));
  }
  void value(std::string_view key, v1::Section section) {
    open(key);
    const Value* found = value_of(section);
    append_json_value(out_, found == nullptr ? Value::default_instance() : *found);
  }
  void text(std::string_view key, std::string_view value) {
    open(key);
    append_json_string(out_, value);
  }
  void number(std::string_view key, uint64_t value) {
    open(key);
    out_ += std::to_string(value);
  }
  std::string close() { return std::move(out_ += '}'); }

 private:
  void open(std::string_view key) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_ += key;
    out_ += "\":";
  }
  // Always an array: a list as it is, or the text of one, any other value as its only element.
  void list(const Value* found) {
    const bool is_array = found != nullptr && (found->has_list() || found->json().starts_with('['));
    if (is_array) return append_json_value(out_, *found);
    out_ += '[';
    if (found != nullptr && found->kind_case() != Value::KIND_NOT_SET) append_json_value(out_, *found);
    out_ += ']';
  }
  [[nodiscard]] int begin_of(v1::Section section) const {
    const auto at = std::lower_bound(fields_.begin(), fields_.end(), section,
                                     [](const Field& field, v1::Section s) { return field.section() < s; });
    return static_cast<int>(at - fields_.begin());
  }
  [[nodiscard]] const Value* value_of(v1::Section section) const {
    const int i = begin_of(section);
    return i < fields_.size() && fields_[i].section() == section ? &fields_[i].value() : nullptr;
  }

  const RepeatedPtrField<Field>& fields_;
  std::string out_;
};

void put_names(JsonWriter& json, std::string_view tenant, v1::EntityKind kind, std::string_view id) {
  json.text("id", to_hex(id));
  json.text("tenant", tenant);
  json.text("kind", kind == v1::ENTITY_KIND_DEVICE ? "device" : "user");
  json.object("identifiers", v1::IDENTIFIERS);
}

}  // namespace

std::string document_json(std::string_view tenant, v1::EntityKind kind, std::string_view id, const Document& document) {
  const bool device = kind == v1::ENTITY_KIND_DEVICE;
  JsonWriter json(document);
  put_names(json, tenant, kind, id);
  json.object("attributes", v1::ATTRIBUTES);
  device ? json.list("users", v1::USERS) : json.list("devices", v1::DEVICES);
  json.object("events", v1::EVENTS);
  json.object("computed", v1::COMPUTED);
  json.object("computed_since", v1::COMPUTED_SINCE);
  json.value("first_seen", v1::FIRST_SEEN);
  json.value("last_seen", v1::LAST_SEEN);
  json.list("merged_from", v1::MERGED_FROM);
  json.number("version", document.version());
  return json.close();
}

std::string identity_json(std::string_view tenant, v1::EntityKind kind, std::string_view id, const Document& document) {
  JsonWriter json(document);
  put_names(json, tenant, kind, id);
  json.list("merged_from", v1::MERGED_FROM);
  json.list("history", v1::HISTORY);
  json.number("version", document.version());
  return json.close();
}

}  // namespace freshet::model
