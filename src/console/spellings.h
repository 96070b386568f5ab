// Whose an identifier is, however it is spelled: as ingest stores it now, or, where nobody is known by that, as earlier
// releases stored it (model/spellings.h). Also a value that is an identifier no more: who is known by it from before
// can be looked up, erased, merged and rid of it.
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

// How it may be stored: as ingest does now first, and as it did first last. One, where these are the same; none, if
// nothing is left of it without blanks.
[[nodiscard]] std::vector<v1::Identifier> spellings_of(const model::Tenant& tenant, const std::string& type,
                                                       const std::string& value);

// `done` is called once, on whatever thread the store has (DocStore::find_soon). The store outlives that.
void find_by_any_spelling(docstore::DocStore& store, const model::Tenant& tenant, v1::EntityKind kind,
                          const std::string& type, const std::string& value,
                          const std::function<void(const Found&)>& done);

}  // namespace freshet::console
