#include "console/spellings.h"

#include "model/identifier.h"

namespace freshet::console {

std::vector<v1::Identifier> spellings_of(const model::Tenant& tenant, const std::string& type,
                                         const std::string& value) {
  std::vector<v1::Identifier> all(1);
  all.front().set_type(type);
  all.front().set_value(model::normalize_identifier(tenant, type, value));
  const auto other = model::other_spelling(tenant, type, value);
  if (!other) return all;
  all.emplace_back().set_type(type);
  all.back().set_value(*other);
  return all;
}

void find_by_any_spelling(docstore::DocStore& store, const model::Tenant& tenant, v1::EntityKind kind,
                          const std::string& type, const std::string& value,
                          const std::function<void(const Found&)>& done) {
  const auto all = spellings_of(tenant, type, value);
  if (all.size() == 1) return store.find_soon(tenant.name, kind, all.front(), done);
  // Who has not been heard of since numbers were brought to one spelling is known by the one that was sent.
  const auto ask_again = [&store, name = tenant.name, kind, sent = all.back(), done](const Found& found) {
    if (!found || *found) return done(found);
    store.find_soon(name, kind, sent, done);
  };
  store.find_soon(tenant.name, kind, all.front(), ask_again);
}

}  // namespace freshet::console
