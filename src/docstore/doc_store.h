// Where profiles are read: documents by entity id and by identifier. The implementations are
// embedded (RocksDB), MongoDB, and both of them (split); doc_store_conformance.h is what all must
// do. (Where action's own state is read there is none: app/state_profiles.h.) A write is one Change, already folded per
// entity by reaction. It is skipped if the document's version is not lower (invariant 8), so that
// replays change nothing.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "freshet/v1/change.pb.h"
#include "model/tenant.h"

namespace freshet::docstore {

// Which document it is.
struct EntityKey {
  std::string tenant;
  v1::EntityKind kind = v1::ENTITY_KIND_USER;
  Hash128 id;
};

struct StoredDocument {
  EntityKey key;
  v1::Document document;  // never one that was removed
};

// The bulk is handed back, unchanged, for what has to be tried again and for reuse. There is one
// result for each change of the bulk, in its order: ok (it is applied or stale), kRetry (try it
// again), kInvalid (no store will ever take it: poison), or else the store can't go on.
using WriteDone = std::function<void(std::vector<v1::Change> bulk, std::vector<Status> results)>;

using FindDone = std::function<void(Result<std::optional<StoredDocument>>)>;
using FindManyDone = std::function<void(Result<std::vector<StoredDocument>>)>;

// Thread-safe.
class DocStore {
 public:
  virtual ~DocStore() = default;
  // At most one write of an entity may be in flight, which reaction sees to: two at once could land
  // in the wrong order, and the older one would be lost as stale. `done` is called once, on any
  // thread, when the changes can be read. The call may block shortly for back-pressure.
  virtual void write(std::vector<v1::Change> bulk, WriteDone done) = 0;
  // Every write that was done before this call is durable when it returns; only then may its
  // offsets be committed, or a crash would lose what nobody sends again. It may take long, and
  // other calls go on meanwhile.
  [[nodiscard]] virtual Status sync() = 0;
  // Of documents that were removed and values that were replaced before the call nothing is in the store's own files
  // any more (kv::Store::scrub); a store of another machine does nothing.
  [[nodiscard]] virtual Status scrub(std::atomic<bool>&) { return {}; }
  // kv::Store::check_next_file, of a store that has its files here.
  [[nodiscard]] virtual Result<uint64_t> check_next_file(std::string& cursor) {
    cursor.clear();
    return uint64_t{0};
  }
  // True if so much waits to be made durable that a sync is due before its time.
  [[nodiscard]] virtual bool wants_sync() const { return false; }
  // Makes what look-ups of a tenant need that is new, or whose types of identifiers are others. It blocks, and may be
  // repeated.
  [[nodiscard]] virtual Status add_tenant(const model::Tenant&) { return {}; }
  // Not ok: not all documents can be read or written, until it is made anew.
  [[nodiscard]] virtual Status health() { return {}; }
  // nullopt: there is no such document, or it was removed.
  [[nodiscard]] virtual Result<std::optional<StoredDocument>> get(const EntityKey& key) = 0;
  // Finds a profile by an identifier; what is found was compared with the document itself, since an
  // index may be behind it.
  [[nodiscard]] virtual Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                                                   const v1::Identifier& identifier) = 0;
  // The same for who must not wait: `done` is called once, on any thread, maybe before this returns, and must be quick.
  virtual void find_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                         FindDone done) {
    done(find(tenant, kind, identifier));
  }
  // Whether documents can be found by how an identifier begins.
  [[nodiscard]] virtual bool finds_by_prefix() const { return false; }
  // Documents that list an identifier of this type whose value begins with this one, `count` at most, each once.
  // REQUIRES: the value is not empty.
  [[nodiscard]] virtual Result<std::vector<StoredDocument>> find_by_prefix(const std::string&, v1::EntityKind,
                                                                           const v1::Identifier&, size_t) {
    return fail(Code::kInvalid, "this store finds profiles by whole identifiers only");
  }
  // The same as find_soon() is find().
  virtual void find_by_prefix_soon(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& begin,
                                   size_t count, FindManyDone done) {
    done(find_by_prefix(tenant, kind, begin, count));
  }
  // Whether what a change says can be read here before the change can be read in its topic.
  [[nodiscard]] virtual bool is_ahead() const { return false; }
  // Lists documents of a tenant in the order of their ids, from after `after` (16 bytes or empty),
  // at most `count`.
  [[nodiscard]] virtual Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind,
                                                                 std::string_view after, size_t count) = 0;
  // get() for who must not wait, as find_soon() is find().
  virtual void get_soon(const EntityKey& key, FindDone done) { done(get(key)); }
};

}  // namespace freshet::docstore
