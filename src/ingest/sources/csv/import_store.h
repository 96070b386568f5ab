// Where the progress of imports is kept: one row for each import, until deleted. It is the ledger's
// other half: the rows themselves are deduplicated by action (Envelope.ledger), so progress that is
// lost or old costs time, never exactness.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "freshet/v1/import.pb.h"
#include "kv/store.h"

namespace freshet::ingest {

struct ImportCounts {
  size_t open = 0;  // not complete
  size_t all = 0;
};

// Thread-safe.
class ImportStore {
 public:
  virtual ~ImportStore() = default;
  // With `synced` it is durable when it returns; without it soon after (see
  // kv::Durability::kLogged). A mapping that `progress` has is kept beside it and need not be said again;
  // a complete import needs none any more.
  [[nodiscard]] virtual Status put(const v1::ImportProgress& progress, bool synced) = 0;
  // The same for a thread that may not wait; done(status) is called once.
  virtual void put_then(const v1::ImportProgress& progress, bool synced, const std::function<void(Status)>& done) {
    done(put(progress, synced));
  }
  // Takes in what other processes have put by now. True: there was something.
  [[nodiscard]] virtual Result<bool> refresh() { return false; }
  // Without the mapping, unless an older version wrote it.
  [[nodiscard]] virtual Result<std::optional<v1::ImportProgress>> get(const std::string& tenant,
                                                                      const std::string& id) = 0;
  // kNotFound: it has none, or there is no such import.
  [[nodiscard]] virtual Result<std::string> mapping(const std::string& tenant, const std::string& id) = 0;
  // Lists imports in the order of their ids, behind `after` and at most `count`, without mappings and
  // rejected rows.
  [[nodiscard]] virtual Result<std::vector<v1::ImportProgress>> list(const std::string& tenant,
                                                                     const std::string& after, size_t count) = 0;
  // Reads all of a tenant's imports.
  [[nodiscard]] virtual Result<ImportCounts> count(const std::string& tenant) = 0;
  // Forgets it, durably.
  [[nodiscard]] virtual Status remove(const std::string& tenant, const std::string& id) = 0;
};

// Rows are 'i' tenant '\0' id -> ImportProgress without its mapping, and 'm' tenant '\0' id -> the mapping's
// text: each PATCH writes the former. The store may be shared: only keys that begin with these are used.
[[nodiscard]] std::unique_ptr<ImportStore> make_import_store(std::shared_ptr<kv::Store> store);

}  // namespace freshet::ingest
