// The checks that come before any store sees a change. Changes come from the log, where anybody may
// have written.

#include "docstore/rules.h"

#include "model/document.h"

namespace freshet::docstore {

Status check_change(const v1::Change& change) {
  if (change.id().size() != kIdBytes) {
    return fail(Code::kInvalid, "change: id has " + std::to_string(change.id().size()) + " bytes, must be 16");
  }
  if (change.kind() != v1::ENTITY_KIND_USER && change.kind() != v1::ENTITY_KIND_DEVICE) {
    return fail(Code::kInvalid, "change: kind must be user or device");
  }
  // A NUL ends the tenant's name in keys.
  if (change.tenant().empty() || change.tenant().find('\0') != std::string::npos) {
    return fail(Code::kInvalid, "change: tenant must be a name without NUL");
  }
  // Version 0 means that there is no document yet.
  if (change.version() == 0) return fail(Code::kInvalid, "change: version must be 1 or more");
  return {};
}

bool lists(const v1::Document& document, const v1::Identifier& identifier) {
  const v1::Value* value = model::find_field(document, v1::IDENTIFIERS, identifier.type());
  bool found = false;
  if (value != nullptr && !document.removed()) {
    each_identifier(*value, [&](const std::string& text) { found = found || text == identifier.value(); });
  }
  return found;
}

std::optional<std::string> first_with_prefix(const v1::Document& document, const v1::Identifier& begin) {
  const v1::Value* value = model::find_field(document, v1::IDENTIFIERS, begin.type());
  std::optional<std::string> found;
  if (value == nullptr || document.removed()) return found;
  each_identifier(*value, [&](const std::string& text) {
    if (!found && text.starts_with(begin.value())) found = text;
  });
  return found;
}

}  // namespace freshet::docstore
