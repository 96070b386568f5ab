// Documents as they come back from MongoDB. Anybody may have changed them there, so whatever has
// not our shape is left out and never an error: one field of somebody else's must not hide a
// profile.

#include <algorithm>
#include <cmath>

#include "docstore/mongo/document_bson.h"
#include "docstore/mongo/names.h"
#include "docstore/mongo/sections.h"
#include "docstore/mongo/values.h"

namespace freshet::docstore {
namespace {

using v1::Document;
using v1::Field;
using v1::Value;

void add_field(Document& document, v1::Section section, std::string name, std::optional<Value> value) {
  if (!value || value->kind_case() == Value::KIND_NOT_SET) return;
  Field& field = *document.add_fields();
  field.set_section(section);
  field.set_name(std::move(name));
  *field.mutable_value() = std::move(*value);
}

void read_named(Document& document, v1::Section section, const bson_iter_t& at) {
  bson_iter_t child;
  if (!BSON_ITER_HOLDS_DOCUMENT(&at) || !bson_iter_recurse(&at, &child)) return;
  while (bson_iter_next(&child)) {
    const std::string_view key(bson_iter_key(&child), bson_iter_key_len(&child));
    if (!bson_utf8_validate(key.data(), key.size(), true)) continue;
    const bool has_stats = section == v1::EVENTS || (section == v1::SESSIONS && key == "current");
    add_field(document, section, unescape_name(key), has_stats ? read_stats(child) : read_value(child));
  }
}

void read_section(Document& document, const SectionField& field, const bson_iter_t& at) {
  if (field.is_named()) return read_named(document, field.section, at);
  std::optional<Value> value = read_value(at);
  const bool is_list = value && value->kind_case() == Value::kList && !value->list().values().empty();
  const bool is_time = value && value->kind_case() == Value::kTimeUs;
  if (field.form == SectionField::kTime ? is_time : is_list) add_field(document, field.section, "", std::move(value));
}

// 0: it is none. Shells write whole numbers as doubles, which the server compares with ours by value.
uint64_t read_version(const bson_iter_t& at) {
  if (BSON_ITER_HOLDS_DOUBLE(&at)) {
    const double number = bson_iter_double(&at);
    constexpr double kExactMost = 9'007'199'254'740'992;  // 2^53
    return number >= 1 && number <= kExactMost && number == std::floor(number) ? static_cast<uint64_t>(number) : 0;
  }
  return static_cast<uint64_t>(std::max<int64_t>(bson_iter_as_int64(&at), 0));
}

// Sorts the fields and keeps each (section, name) once: the first one counts.
void put_in_order(Document& document) {
  auto& fields = *document.mutable_fields();
  std::stable_sort(fields.pointer_begin(), fields.pointer_end(), [](const Field* a, const Field* b) {
    return a->section() != b->section() ? a->section() < b->section() : a->name() < b->name();
  });
  const auto end = std::unique(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
    return a.section() == b.section() && a.name() == b.name();
  });
  fields.erase(end, fields.end());
}

}  // namespace

std::optional<Document> decode(const bson_t& bson) {
  bson_iter_t at;
  if (!bson_iter_init(&at, &bson)) return std::nullopt;
  Document document;
  while (bson_iter_next(&at)) {
    const std::string_view key = bson_iter_key(&at);
    if (key == "version" && BSON_ITER_HOLDS_NUMBER(&at)) {
      document.set_version(read_version(at));
    } else if (key == "removed_at") {
      document.set_removed(true);
    } else {
      for (const SectionField& field : kSectionFields) {
        if (field.field == key) read_section(document, field, at);
      }
    }
  }
  // Without a version it is no document of ours.
  if (document.version() == 0) return std::nullopt;
  if (document.removed()) document.clear_fields();
  put_in_order(document);
  return document;
}

std::optional<Hash128> decode_id(const bson_t& bson) {
  bson_iter_t at;
  uint32_t size = 0;
  if (!bson_iter_init_find(&at, &bson, "_id") || !BSON_ITER_HOLDS_UTF8(&at)) return std::nullopt;
  const char* text = bson_iter_utf8(&at, &size);
  const std::string raw = from_hex({text, size});
  // Only our own spelling counts: upper-case hex would be another _id.
  if (raw.size() != sizeof(Hash128) || to_hex(raw) != std::string_view(text, size)) return std::nullopt;
  return Hash128::from(raw);
}

}  // namespace freshet::docstore
