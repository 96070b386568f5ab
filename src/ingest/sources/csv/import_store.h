// Where the progress of imports is kept: one row for each import, until deleted. It is the ledger's
// other half: the rows themselves are deduplicated by action (Envelope.ledger), so progress that is
// lost or old costs time, never exactness.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "freshet/v1/import.pb.h"
#include "kv/store.h"

namespace freshet::ingest {

// Thread-safe.
class ImportStore {
 public:
  virtual ~ImportStore() = default;
  // With `synced` it is durable when it returns; without it soon after (see
  // kv::Durability::kLogged).
  [[nodiscard]] virtual Status put(const v1::ImportProgress& progress, bool synced) = 0;
  [[nodiscard]] virtual Result<std::optional<v1::ImportProgress>> get(const std::string& tenant,
                                                                      const std::string& id) = 0;
  // Lists imports in the order of their ids, at most `count`.
  [[nodiscard]] virtual Result<std::vector<v1::ImportProgress>> list(const std::string& tenant, size_t count) = 0;
};

// Rows are 'i' tenant '\0' id -> ImportProgress. The store may be shared: only keys that begin with
// 'i' are used.
[[nodiscard]] std::unique_ptr<ImportStore> make_import_store(std::shared_ptr<kv::Store> store);

}  // namespace freshet::ingest
