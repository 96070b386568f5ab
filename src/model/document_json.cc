#include <algorithm>

#include "base/hash.h"
#include "base/json_writer.h"
#include "model/document.h"
#include "model/json.h"
#include "model/kind.h"

namespace freshet::model {
namespace {

using google::protobuf::RepeatedPtrField;
using v1::Document;
using v1::Field;
using v1::Value;

constexpr size_t kDocumentBytes = 1024;  // of most

// The members of a document by their sections.
class Sections {
 public:
  Sections(JsonWriter& json, const Document& document) : json_(json), fields_(document.fields()) {}

  // The fields of a section as an object by name.
  void object(std::string_view key, v1::Section section) {
    json_.key(key).begin_object();
    for (int i = begin_of(section); i < fields_.size() && fields_[i].section() == section; ++i) {
      json_.key(fields_[i].name());
      section == v1::IDENTIFIERS ? list(&fields_[i].value()) : write_value(json_, fields_[i].value());
    }
    json_.end_object();
  }
  void list(std::string_view key, v1::Section section) {
    json_.key(key);
    list(value_of(section));
  }
  // The same, and no member at all where there is nothing.
  void object_if_any(std::string_view key, v1::Section section) {
    if (value_of(section) != nullptr) object(key, section);
  }
  void value(std::string_view key, v1::Section section) {
    const Value* found = value_of(section);
    write_value(json_.key(key), found == nullptr ? Value::default_instance() : *found);
  }

 private:
  // Always an array: a list as it is, or the text of one, any other value as its only element.
  void list(const Value* found) {
    const bool is_array = found != nullptr && (found->has_list() || found->json().starts_with('['));
    if (is_array) return write_value(json_, *found);
    json_.begin_array();
    if (found != nullptr && found->kind_case() != Value::KIND_NOT_SET) write_value(json_, *found);
    json_.end_array();
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

  JsonWriter& json_;
  const RepeatedPtrField<Field>& fields_;
};

// An object that begins with who it is about; `rest` writes the other members.
template <class Rest>
std::string json_about(std::string_view tenant, v1::EntityKind kind, std::string_view id, const Document& document,
                       const Rest& rest) {
  std::string out;
  out.reserve(kDocumentBytes);
  JsonWriter json(out);
  Sections sections(json, document);
  json.begin_object().member("id", to_hex(id)).member("tenant", tenant);
  json.member("kind", kind_name(kind));
  sections.object("identifiers", v1::IDENTIFIERS);
  rest(sections);
  json.member("version", document.version()).end_object();
  return out;
}

}  // namespace

std::string document_json(std::string_view tenant, v1::EntityKind kind, std::string_view id, const Document& document) {
  return json_about(tenant, kind, id, document, [kind](Sections& sections) {
    sections.object("attributes", v1::ATTRIBUTES);
    kind == v1::ENTITY_KIND_DEVICE ? sections.list("users", v1::USERS) : sections.list("devices", v1::DEVICES);
    sections.object("events", v1::EVENTS);
    sections.object("computed", v1::COMPUTED);
    sections.object("computed_since", v1::COMPUTED_SINCE);
    sections.value("first_seen", v1::FIRST_SEEN);
    sections.value("last_seen", v1::LAST_SEEN);
    sections.list("merged_from", v1::MERGED_FROM);
    sections.object_if_any("sessions", v1::SESSIONS);
    sections.object_if_any("subscriptions", v1::SUBSCRIPTIONS);
    sections.object_if_any("push_token", v1::PUSH_TOKEN);
    sections.object_if_any("audiences", v1::AUDIENCES);
  });
}

std::string identity_json(std::string_view tenant, v1::EntityKind kind, std::string_view id, const Document& document) {
  return json_about(tenant, kind, id, document, [](Sections& sections) {
    sections.list("merged_from", v1::MERGED_FROM);
    sections.list("history", v1::HISTORY);
  });
}

}  // namespace freshet::model
