// Whose an identifier is, however it is spelled: as ingest stores it now, and, where nobody is known by that, as it was
// stored before the tenant's phone numbers were brought to one spelling (model/identifier.h).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "docstore/doc_store.h"
#include "model/tenant.h"

namespace freshet::console {

using Found = Result<std::optional<docstore::StoredDocument>>;

// How it may be stored: as ingest does now first, and as it did before last. One, where these are the same.
[[nodiscard]] std::vector<v1::Identifier> spellings_of(const model::Tenant& tenant, const std::string& type,
                                                       const std::string& value);

// `done` is called once, on whatever thread the store has (DocStore::find_soon). The store outlives that.
void find_by_any_spelling(docstore::DocStore& store, const model::Tenant& tenant, v1::EntityKind kind,
                          const std::string& type, const std::string& value,
                          const std::function<void(const Found&)>& done);

}  // namespace freshet::console
