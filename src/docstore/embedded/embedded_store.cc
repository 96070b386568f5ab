// The embedded profile store. Two kinds of changes take two ways: those of attributes, events and
// computed values wait in memory (pending.h); those of identifiers go into the store at once, with
// the index rows that belong to them.

#include "docstore/embedded/embedded_store.h"

#include <algorithm>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <utility>

#include "base/assert.h"
#include "docstore/embedded/known_identifiers.h"
#include "docstore/embedded/pending.h"
#include "docstore/embedded/rows.h"
#include "docstore/rules.h"
#include "model/document.h"
#include "telemetry/metrics.h"

namespace freshet::docstore {
namespace {

using v1::Change;
using v1::ChangeOp;
using v1::Document;

// Index rows that one find() looks at: a bound against an identifier with thousands of rows that
// are no longer true.
constexpr size_t kCandidatesMax = 1024;

bool touches_identifiers(const Change& change) {
  if (change.remove() || change.whole()) return true;
  return std::any_of(change.ops().begin(), change.ops().end(),
                     [](const ChangeOp& op) { return op.section() == v1::IDENTIFIERS; });
}

// The part of a change that concerns identifiers: everything of a document but these may stay
// unknown.
Change identifier_part(const Change& change) {
  Change part;
  part.set_version(change.version());
  part.set_remove(change.remove());
  part.set_received_at_us(change.received_at_us());
  for (const ChangeOp& op : change.ops())
    if (op.section() == v1::IDENTIFIERS) *part.add_ops() = op;
  return part;
}

class EmbeddedStore final : public DocStore {
 public:
  EmbeddedStore(std::unique_ptr<kv::Store> store, size_t pending_bytes_max)
      : store_(std::move(store)), pending_bytes_max_(pending_bytes_max) {}

  void write(std::vector<Change> bulk, WriteDone done) override {
    FRESHET_ASSERT(done != nullptr);
    std::vector<Status> results(bulk.size());
    // So much waits only if whoever should sync does not keep up, so the writer does it and is
    // slowed down by that.
    if (const Status status = pending_.bytes() > 2 * pending_bytes_max_ ? sync() : Status{}; !status) {
      std::fill(results.begin(), results.end(), status);
      return done(std::move(bulk), std::move(results));
    }
    {
      const std::shared_lock lock(mutex_);
      // Writes share the lock; only drop_stale() needs to be alone.
      Rewritten rewritten;
      for (const size_t i : by_id(bulk)) results[i] = add(bulk[i], rewritten);
      if (const Status written = write(rewritten); !written) std::fill(results.begin(), results.end(), written);
      FRESHET_ASSERT(results.size() == bulk.size());
    }
    done(std::move(bulk), std::move(results));
  }

  // Rows that were put whole wait in the store's own memory, the others in `pending_`; both are
  // durable when this returns.
  Status sync() override {
    const std::lock_guard one(sync_mutex_);
    pending_.begin_flight();
    FRESHET_TRY(store_->write_sorted([this](kv::SortedRows& rows) { pending_.put(rows); }));
    pending_.land();
    return store_->flush();
  }
  Status scrub(std::atomic<bool>& canceled) override {
    FRESHET_TRY(sync());
    return store_->scrub(canceled);
  }
  Result<uint64_t> check_next_file(std::string& cursor) override { return store_->check_next_file(cursor); }
  bool wants_sync() const override { return pending_.bytes() > pending_bytes_max_; }
  Status health() override { return store_->health(); }

  Result<std::optional<StoredDocument>> get(const EntityKey& key) override {
    FRESHET_ASSIGN(auto document, read(document_key(key.tenant, key.kind, key.id.view())));
    if (!document || document->removed()) return std::nullopt;
    return StoredDocument{key, std::move(*document)};
  }

  Result<std::optional<StoredDocument>> find(const std::string& tenant, v1::EntityKind kind,
                                             const v1::Identifier& identifier) override {
    const std::string prefix = index_prefix(tenant, kind, identifier.type(), identifier.value());
    std::vector<Hash128> candidates;
    FRESHET_TRY(store_->scan(prefix, after_prefix(prefix), [&](std::string_view key, std::string_view) {
      // A longer key is one of a value that goes on after a NUL.
      if (key.size() == prefix.size() + kIdBytes) candidates.push_back(Hash128::from(key.substr(prefix.size())));
      return candidates.size() < kCandidatesMax;
    }));
    for (const Hash128& id : candidates) {
      auto found = get({tenant, kind, id});
      if (!found || (*found && lists((*found)->document, identifier))) return found;
      // The index row is older than the document: a removal that a crash took back, or a damaged
      // document that was replaced.
      FRESHET_TRY(drop_stale(tenant, kind, identifier, id));
    }
    return std::nullopt;
  }

  bool finds_by_prefix() const override { return true; }
  // Rows are in the order of the values.
  Result<std::vector<StoredDocument>> find_by_prefix(const std::string& tenant, v1::EntityKind kind,
                                                     const v1::Identifier& begin, size_t count) override {
    std::string prefix = index_prefix(tenant, kind, begin.type(), begin.value());
    prefix.pop_back();  // the end of the value
    const size_t rows_max = std::max(kCandidatesMax, 4 * count);
    size_t rows = 0;
    std::vector<Hash128> ids;
    FRESHET_TRY(store_->scan(prefix, after_prefix(prefix), [&](std::string_view key, std::string_view) {
      if (key.size() > prefix.size() + kIdBytes) {
        const Hash128 id = Hash128::from(key.substr(key.size() - kIdBytes));
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
      }
      return ++rows < rows_max && ids.size() < 2 * count;  // some rows may be older than their documents
    }));
    std::vector<StoredDocument> all;
    for (size_t i = 0; i < ids.size() && all.size() < count; ++i) {
      FRESHET_ASSIGN(auto found, get({tenant, kind, ids[i]}));
      if (found && first_with_prefix(found->document, begin)) all.push_back(*std::move(found));
    }
    return all;
  }

  Result<std::vector<StoredDocument>> list(const std::string& tenant, v1::EntityKind kind, std::string_view after,
                                           size_t count) override {
    const std::string prefix = document_prefix(tenant, kind);
    std::string begin = prefix + std::string(after);
    // The smallest key after `after` itself.
    if (!after.empty()) begin += '\0';
    std::vector<StoredDocument> all;
    Status status;
    FRESHET_TRY(store_->scan(begin, after_prefix(prefix), [&](std::string_view key, std::string_view value) {
      if (all.size() >= count) return false;
      // What waits in memory is part of the document that readers see.
      auto document = parse(std::optional(value), pending_.of(std::string(key)));
      if (!document) {
        status = tl::unexpected(std::move(document).error());
        return false;
      }
      if (!document->removed()) {
        all.push_back({{tenant, kind, Hash128::from(key.substr(prefix.size()))}, std::move(*document)});
      }
      return true;
    }));
    if (!status) return tl::unexpected(std::move(status).error());
    return all;
  }

 private:
  // The documents that a bulk changes at once, with their index rows.
  struct Rewritten {
    kv::WriteBatch batch;
    std::vector<std::string> keys;
    std::string scratch;
  };

  Status write(Rewritten& rewritten) {
    if (rewritten.keys.empty()) return {};
    if (Status written = store_->write(rewritten.batch, kv::Durability::kNone); !written) {
      // Nothing is known of what is in the store now, so identifiers are read again from there.
      known_.forget_all();
      return written;
    }
    // Not before the write: a reader in between would miss them.
    for (const std::string& key : rewritten.keys) pending_.forget(key);
    return {};
  }

  // Neighbours follow one another, which spares the store's memory table cache misses.
  static std::vector<size_t> by_id(const std::vector<Change>& bulk) {
    std::vector<size_t> order(bulk.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return bulk[a].id() < bulk[b].id(); });
    return order;
  }

  // Decides which way a change takes.
  Status add(const Change& change, Rewritten& rewritten) {
    FRESHET_TRY(check_change(change));
    const std::string key = document_key(change.tenant(), change.kind(), change.id());
    // The first change of a document makes it, so it is put whole and needs no read later.
    if (!touches_identifiers(change) && change.version() != 1) {
      pending_.add(key, change);
      return {};
    }
    std::optional<Document> known = change.whole() ? std::nullopt : known_.find(key);
    if (!known) return rewrite(key, change, rewritten);
    extend(key, change, std::move(*known), rewritten);
    return {};
  }

  // Writes a change without reading the document: who knows its identifiers knows the index rows
  // that come and go, and the rest is one merge operand more, after those that wait. Nobody else
  // writes this entity meanwhile (one write in flight).
  void extend(const std::string& key, const Change& change, Document identifiers, Rewritten& rewritten) {
    const std::vector<std::string> before = index_rows(identifiers, change);
    if (!model::apply_change(identifiers, identifier_part(change))) return;  // stale
    FRESHET_ASSERT(identifiers.version() == change.version());
    put_index(before, index_rows(identifiers, change), rewritten);
    if (change.remove()) {
      identifiers.SerializeToString(&rewritten.scratch);
      rewritten.batch.put(key, rewritten.scratch);
      known_.forget(key);
    } else {
      for (const std::string& operand : pending_.of(key)) rewritten.batch.merge(key, operand);
      change.SerializeToString(&rewritten.scratch);
      rewritten.batch.merge(key, rewritten.scratch);
      known_.put(key, identifiers);
    }
    rewritten.keys.push_back(key);
  }

  // Adds the rows that are new and removes those that are gone; rows that stay are not touched.
  static void put_index(std::vector<std::string> gone, const std::vector<std::string>& now, Rewritten& rewritten) {
    for (const std::string& row : now)
      if (std::erase(gone, row) == 0) rewritten.batch.put(row, std::string_view{});
    for (const std::string& row : gone) rewritten.batch.remove(row);
  }

  // Reads the document, applies the change and puts the result whole, with the index rows that come
  // and go. Nobody else writes this entity meanwhile (one write in flight).
  Status rewrite(const std::string& key, const Change& change, Rewritten& rewritten) {
    auto before = read(key);
    if (!before) {
      if (before.error().code != Code::kCorrupt) return tl::unexpected(std::move(before).error());
      // In a damaged store this is no fault of the change. It is made anew from all profiles, this one as it is then.
      if (!store_->health()) {
        skipped_.add();
        return {};
      }
      // A damaged document can be written again only by a change that says all of it.
      if (!change.remove() && !change.whole()) return fail(Code::kInvalid, before.error().message);
      before = std::nullopt;
    }
    Document document = std::move(*before).value_or(Document{});
    const std::vector<std::string> before_rows = index_rows(document, change);
    if (!model::apply_change(document, change)) return {};  // stale
    FRESHET_ASSERT(document.version() == change.version());
    put_index(before_rows, index_rows(document, change), rewritten);
    if (!document.removed()) known_.put(key, document);
    document.SerializeToString(&rewritten.scratch);
    rewritten.batch.put(key, rewritten.scratch);
    rewritten.keys.push_back(key);
    return {};
  }

  static std::vector<std::string> index_rows(const Document& document, const Change& of) {
    std::vector<std::string> rows;
    for (const v1::Field& field : document.fields()) {
      if (field.section() > v1::IDENTIFIERS) break;  // fields are sorted by section
      each_identifier(field.value(), [&](const std::string& value) {
        rows.push_back(index_key(of.tenant(), of.kind(), field.name(), value, of.id()));
      });
    }
    return rows;
  }

  // Takes back the row that led to `id`, unless the document has come to list the identifier
  // meanwhile: no write is under way while it is looked at again.
  Status drop_stale(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier,
                    const Hash128& id) {
    const std::unique_lock lock(mutex_);
    FRESHET_ASSIGN(auto document, read(document_key(tenant, kind, id.view())));
    if (document && lists(*document, identifier)) return {};
    kv::WriteBatch batch;
    batch.remove(index_key(tenant, kind, identifier.type(), identifier.value(), id.view()));
    return store_->write(batch, kv::Durability::kNone);
  }

  Result<std::optional<Document>> read(const std::string& key) {
    // Read first: what lands meanwhile is then seen twice, which changes nothing. The other way
    // round it could be missed.
    const std::vector<std::string> operands = pending_.of(key);
    FRESHET_ASSIGN(auto value, store_->get(key));
    if (!value && operands.empty()) return std::nullopt;
    FRESHET_ASSIGN(auto document, parse(value, operands));
    return document;
  }

  // Readers see a row with all that waits for it.
  static Result<Document> parse(std::optional<std::string_view> row, const std::vector<std::string>& operands) {
    std::string merged;
    if (!operands.empty()) {
      merged = merge_document(row, std::vector<std::string_view>(operands.begin(), operands.end()));
      row = merged;
    }
    FRESHET_ASSERT(row.has_value());
    Document document;
    if (document.ParseFromArray(row->data(), static_cast<int>(row->size()))) return document;
    return fail(Code::kCorrupt, "profile store: a document can't be read; rebuild the store from its log or a copy");
  }

  std::unique_ptr<kv::Store> store_;
  std::shared_mutex mutex_;  // writes share it; drop_stale() takes it alone
  const size_t pending_bytes_max_;
  Pending pending_;
  KnownIdentifiers known_;
  std::mutex sync_mutex_;  // one flight at a time
  telemetry::Counter& skipped_ = telemetry::counter(
      "freshet_docstore_skipped_total", "Changes of documents that a damaged store can't read, until it is made anew.");
};

}  // namespace

std::unique_ptr<DocStore> open_embedded_store(std::unique_ptr<kv::Store> store, size_t pending_bytes_max) {
  return std::make_unique<EmbeddedStore>(std::move(store), pending_bytes_max);
}

}  // namespace freshet::docstore
