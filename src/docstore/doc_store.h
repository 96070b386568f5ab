// Where profiles are read: documents by entity id and by identifier. Implementations: embedded (RocksDB), MongoDB, and
// both of them (split); doc_store_conformance.h is what all must do. A write is one Change, already folded per entity
// by reaction; it is skipped if the document's version is not lower (invariant 8), so that replays change nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/change.pb.h"

namespace freshet::docstore {

struct EntityKey {
  std::string tenant;
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  Hash128 id;
};

struct StoredDocument {
  EntityKey key;
  v1::Document document;  // never a removed one
};

// The bulk is handed back, unchanged, for what has to be tried again and for reuse. One result per change of the bulk,
// in its order: ok (applied or stale), kRetry (transient), kInvalid (poison), else the store can't go on.
using WriteDone = std::function<void(std::vector<v1::Change> bulk, std::vector<Status> results)>;

// Thread-safe.
class DocStore {
 public:
  virtual ~DocStore() = default;
  // At most one write per entity may be in flight (reaction sees to it). `done` is called once, on any thread, when the
  // changes can be read. May block shortly for back-pressure.
  virtual void write(std::vector<v1::Change> bulk, WriteDone done) = 0;
  // Every write that was done before this call is durable when it returns: only then may its offsets be committed. May
  // take long; others go on meanwhile.
  [[nodiscard]] virtual Status sync() = 0;
  // Much waits for it.
  [[nodiscard]] virtual bool wants_sync() const { return false; }
  [[nodiscard]] virtual Result<std::optional<StoredDocument>> get(const EntityKey& key) = 0;
  // By identifier; verified against the document itself.
  [[nodiscard]] virtual Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                                                   const v1::Identifier& identifier) = 0;
  // Documents of a tenant in the order of their ids, from after `after` (16 bytes or empty), at most `count`.
  [[nodiscard]] virtual Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind,
                                                                 std::string_view after, size_t count) = 0;
};

}  // namespace freshet::docstore
