#include "console/spellings.h"

#include "model/identifier.h"

namespace freshet::console {

void find_by_any_spelling(docstore::DocStore& store, const model::Tenant& tenant, v1::EntityKind kind,
                          const std::string& type, const std::string& value,
                          const std::function<void(const Found&)>& done) {
  v1::Identifier identifier;
  identifier.set_type(type);
  identifier.set_value(model::normalize_identifier(tenant, type, value));
  const auto other = model::other_spelling(tenant, type, value);
  if (!other) return store.find_soon(tenant.name, kind, identifier, done);
  // Who has not been heard of since numbers were brought to one spelling is known by the one that was sent.
  v1::Identifier sent = identifier;
  sent.set_value(*other);
  store.find_soon(tenant.name, kind, identifier, [&store, name = tenant.name, kind, sent, done](const Found& found) {
    if (!found || *found) return done(found);
    store.find_soon(name, kind, sent, done);
  });
}

}  // namespace freshet::console
