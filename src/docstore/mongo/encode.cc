// Changes as operations of MongoDB. The guard is in the filter, so the server decides alone whether
// a change is newer than what is there; nothing is read before, unless sets have to be computed.

#include <algorithm>
#include <limits>

#include "base/assert.h"
#include "docstore/mongo/document_bson.h"
#include "docstore/mongo/names.h"
#include "docstore/mongo/sections.h"
#include "docstore/mongo/values.h"
#include "model/document.h"
#include "model/kind.h"

namespace freshet::docstore {
namespace {

using v1::Change;
using v1::ChangeOp;
using v1::Document;
using v1::Field;
using v1::Value;

// No server takes more in one document.
constexpr int kChangeBytesMax = 16 << 20;

bool is_unset(const ChangeOp& op) {
  return op.type() == ChangeOp::UNSET || op.value().kind_case() == Value::KIND_NOT_SET;
}

bool same_key(const ChangeOp& a, const ChangeOp& b) { return a.section() == b.section() && a.name() == b.name(); }

// The ops are the whole document, because it is made or whatever was there goes.
bool replaces(const Change& change) { return change.remove() || change.whole() || model::follows(0, change); }

// Identifiers are always lists, so that one index and one question fit one and several of them.
void append_part(bson_t* to, std::string_view key, v1::Section section, const Value& value) {
  if (section != v1::IDENTIFIERS || value.kind_case() == Value::kList) return append_value(to, key, value);
  nest_array(to, key, [&](bson_t* child) { append_value(child, "0", value); });
}

void append_head(bson_t* to, const Change& change) {
  append_text(to, "tenant", change.tenant());
  append_text(to, "kind", model::kind_name(change.kind()));
}

bool belongs(const SectionField& field, v1::EntityKind kind, Shape shape) {
  if (shape == Shape::kIdentified) return field.section == v1::IDENTIFIERS || field.section == v1::ATTRIBUTES;
  return field.section != (kind == v1::ENTITY_KIND_DEVICE ? v1::DEVICES : v1::USERS);
}

void append_empty(bson_t* to, const SectionField& field) {
  switch (field.form) {
    case SectionField::kNamed: return nest_document(to, field.field, [](bson_t*) {});
    case SectionField::kList: return nest_array(to, field.field, [](bson_t*) {});
    case SectionField::kTime: return append_null(to, field.field);
    case SectionField::kAny:
    case SectionField::kHidden: return;
  }
}

void append_section(bson_t* to, const SectionField& section, const Document& document) {
  if (!section.is_named()) {
    const Value* value = model::find_field(document, section.section, "");
    if (value == nullptr) return append_empty(to, section);
    return append_part(to, section.field, section.section, *value);
  }
  const auto is_of_section = [&](const Field& field) { return field.section() == section.section; };
  if (std::none_of(document.fields().begin(), document.fields().end(), is_of_section)) return append_empty(to, section);
  nest_document(to, section.field, [&](bson_t* child) {
    for (const Field& field : document.fields()) {
      if (!is_of_section(field)) continue;
      append_part(child, escape_name(field.name()), section.section, field.value());
    }
  });
}

// The document that results if there was none.
void append_whole(bson_t* to, const Change& change, Shape shape, int64_t now_ms) {
  append_text(to, "_id", to_hex(change.id()));
  append_int(to, "version", static_cast<int64_t>(change.version()));
  if (change.remove()) return append_date(to, "removed_at", now_ms);
  Document document;
  (void)model::apply_change(document, change);
  append_head(to, change);
  for (const SectionField& field : kSectionFields) {
    if (belongs(field, change.kind(), shape)) append_section(to, field, document);
  }
}

std::string path_of(const SectionField& field, const ChangeOp& op) {
  std::string path(field.field);
  if (field.is_named()) path.append(".").append(escape_name(op.name()));
  return path;
}

// Named parts vanish; the others become what an empty one looks like, since every document has
// them.
bool vanishes(const SectionField& field, const ChangeOp& op) {
  return is_unset(op) && (field.is_named() || field.form == SectionField::kHidden);
}

void append_operators(bson_t* to, const Change& change) {
  bool unsets = false;
  nest_document(to, "$set", [&](bson_t* set) {
    append_int(set, "version", static_cast<int64_t>(change.version()));
    // A section of a later version is not for this one to store.
    for (const ChangeOp& op : change.ops()) {
      const SectionField* field = field_of(op.section());
      if (field == nullptr) continue;
      if (vanishes(*field, op)) {
        unsets = true;
      } else if (is_unset(op)) {
        append_empty(set, *field);
      } else {
        append_part(set, path_of(*field, op), op.section(), op.value());
      }
    }
  });
  if (unsets) {
    nest_document(to, "$unset", [&](bson_t* unset) {
      for (const ChangeOp& op : change.ops()) {
        const SectionField* field = field_of(op.section());
        if (field != nullptr && vanishes(*field, op)) append_bool(unset, path_of(*field, op), true);
      }
    });
  }
  // Only a new document gets its tenant and kind: they never change.
  nest_document(to, "$setOnInsert", [&](bson_t* inserted) { append_head(inserted, change); });
}

void append_filter(bson_t* to, const Change& change, bool replaced, std::optional<uint64_t> only_on) {
  append_text(to, "_id", to_hex(change.id()));
  nest_document(to, "version", [&](bson_t* version) {
    // As $eq, the version would be inserted with the document and overrule what $set says.
    if (only_on) append_int(version, "$gte", static_cast<int64_t>(*only_on));
    const uint64_t below = only_on ? *only_on + 1 : change.version();
    append_int(version, "$lt", static_cast<int64_t>(below));
  });
  // A change after a removal must not put fields into the tombstone; it runs into the _id instead
  // and is stale.
  if (!replaced) nest_document(to, "removed_at", [](bson_t* removed) { append_bool(removed, "$exists", false); });
}

}  // namespace

bool is_blind(const Change& change) {
  if (replaces(change)) return true;
  for (int i = 0; i < change.ops_size(); ++i) {
    const ChangeOp& op = change.ops(i);
    if (op.type() != ChangeOp::SET && op.type() != ChangeOp::UNSET) return false;
    // Sorted, as fold_change leaves them, equal names are neighbours; of unsorted ones nothing is
    // known.
    if (i == 0) continue;
    const ChangeOp& before = change.ops(i - 1);
    if (before.section() > op.section()) return false;
    if (before.section() == op.section() && before.name() >= op.name()) return false;
  }
  return true;
}

Change resolve(const Change& change, const Document& document) {
  FRESHET_ASSERT(document.version() < change.version());
  Document after = document;
  (void)model::apply_change(after, change);
  Change resolved;
  resolved.set_tenant(change.tenant());
  resolved.set_kind(change.kind());
  resolved.set_id(change.id());
  resolved.set_version(change.version());
  // Never 1: that would make it a change from nothing, which replaces the document.
  resolved.set_first_version(std::max<uint64_t>(document.version() + 1, 2));
  resolved.set_received_at_us(change.received_at_us());
  *resolved.mutable_ops() = change.ops();
  auto& ops = *resolved.mutable_ops();
  std::stable_sort(ops.pointer_begin(), ops.pointer_end(), [](const ChangeOp* a, const ChangeOp* b) {
    return a->section() != b->section() ? a->section() < b->section() : a->name() < b->name();
  });
  const auto end = std::unique(ops.begin(), ops.end(), same_key);
  ops.erase(end, ops.end());
  // What was a set operation is now the value that comes of it.
  for (ChangeOp& op : ops) {
    const Value* value = model::find_field(after, op.section(), op.name());
    op.set_type(value == nullptr ? ChangeOp::UNSET : ChangeOp::SET);
    op.clear_value();
    if (value != nullptr) *op.mutable_value() = *value;
  }
  return resolved;
}

Status encode(const Change& change, Shape shape, int64_t now_ms, std::optional<uint64_t> only_on, UpdateOne& out) {
  if (change.ByteSizeLong() > static_cast<size_t>(kChangeBytesMax)) {
    return fail(Code::kInvalid, "the change has more than 16 MiB");
  }
  if (change.version() >= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return fail(Code::kInvalid, "change: version must be less than 2^63");
  }
  for (const ChangeOp& op : change.ops()) {
    const SectionField* field = field_of(op.section());
    if (field != nullptr && field->form == SectionField::kNamed && op.name().empty()) {
      return fail(Code::kInvalid, "a name under " + std::string(field->field) + " is empty: MongoDB can't update it");
    }
  }
  out.filter.clear();
  out.update.clear();
  out.replaces = replaces(change);
  FRESHET_ASSERT(!only_on || *only_on < change.version());
  append_filter(out.filter.get(), change, out.replaces, only_on);
  if (out.replaces) {
    append_whole(out.update.get(), change, shape, now_ms);
  } else {
    append_operators(out.update.get(), change);
  }
  return {};
}

}  // namespace freshet::docstore
