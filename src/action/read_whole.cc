// One way to say a profile whole, for who reads it and for who has it written anew: were there two, a store that is
// made of the state would differ from what was read of the state before.
#include "action/read_whole.h"

#include <string>

#include "action/events/profile.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/document.h"
#include "model/entity_ref.h"

namespace freshet::action {

bool has_document(const v1::EntityState& entity) {
  if (FRESHET_MUTANT(kReadOfMerged) && entity.status() == v1::EntityState::REDIRECT) return true;
  return entity.version() > 0 &&
         (entity.status() == v1::EntityState::LIVE || entity.status() == v1::EntityState::LEAVING);
}

void say_whose(const v1::EntityState& entity, v1::Change& change) {
  change.set_tenant(entity.tenant());
  change.set_kind(entity.ref().kind());
  change.set_id(std::string(model::from_proto(entity.ref()).id.view()));
  change.set_version(entity.version());
}

void say_whole(v1::EntityState& entity, const Tenant& tenant, v1::Change& change) {
  say_whose(entity, change);
  Touched touched;
  touched.all();
  touched.describe(entity, tenant, change);
}

std::optional<v1::Document> whole_document(v1::EntityState& entity, const Tenant& tenant) {
  if (!has_document(entity)) return std::nullopt;
  v1::Change change;
  say_whole(entity, tenant, change);
  v1::Document document;
  const bool applied = model::apply_change(document, change);
  FRESHET_ASSERT(applied);
  return document;
}

}  // namespace freshet::action
