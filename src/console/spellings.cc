#include "console/spellings.h"

#include <cstddef>
#include <memory>

#include "model/spellings.h"

namespace freshet::console {
namespace {

using WhenFound = std::function<void(const Found&)>;

// Of one and the same person in all spellings.
struct SpellingSearch {
  docstore::DocStore* store;
  std::string tenant;
  v1::EntityKind kind;
  std::vector<v1::Identifier> spellings;
  WhenFound done;
};

void search_spellings_from(const std::shared_ptr<const SpellingSearch>& search, size_t at) {
  search->store->find_soon(search->tenant, search->kind, search->spellings[at], [search, at](const Found& found) {
    if (!found || *found || at + 1 == search->spellings.size()) return search->done(found);
    search_spellings_from(search, at + 1);
  });
}

}  // namespace

std::vector<v1::Identifier> spellings_of(const model::Tenant& tenant, const std::string& type,
                                         const std::string& value) {
  std::vector<v1::Identifier> all;
  for (std::string& spelling : model::all_spellings(tenant, type, value)) {
    all.emplace_back().set_type(type);
    all.back().set_value(std::move(spelling));
  }
  return all;
}

void find_by_any_spelling(docstore::DocStore& store, const model::Tenant& tenant, v1::EntityKind kind,
                          const std::string& type, const std::string& value, const WhenFound& done) {
  auto all = spellings_of(tenant, type, value);
  if (all.empty()) return done(std::optional<docstore::StoredDocument>());
  search_spellings_from(
      std::make_shared<const SpellingSearch>(SpellingSearch{&store, tenant.name, kind, std::move(all), done}), 0);
}

}  // namespace freshet::console
