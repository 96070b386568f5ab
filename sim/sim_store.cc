// The store and the network before it. A failed answer may mean a write that was done: a reactor
// must be able to send everything again.

#include "sim_store.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "docstore/embedded/embedded_store.h"
#include "docstore/embedded/rows.h"

namespace freshet::sim {

using v1::Change;

namespace {

// How many writes go by between two checks: reading a document back costs as much as writing it.
constexpr uint64_t kWritesPerCheck = 8;

}  // namespace

StoreServer::StoreServer(Dice& dice, const Faults& faults, Probes& probes)
    : dice_(dice), faults_(faults), probes_(probes) {
  open();
}

void StoreServer::open() {
  store_.reset();
  store_ = docstore::open_embedded_store(kv::open_memory(disk_, docstore::embedded_options({}, nullptr)));
}

void StoreServer::crash() {
  // What a crash keeps of unsynced writes is a first part of them, as with a log that was cut off.
  probes_.hit(Probe::kCrashStore);
  const size_t unsynced = disk_->unsynced.size();
  const size_t kept = dice_.roll(unsynced + 1);
  if (kept > 0) probes_.hit(Probe::kUnsyncedKept);
  if (kept < unsynced) probes_.hit(Probe::kUnsyncedLost);
  disk_->keep(kept);
  open();
  bulks_.clear();  // what was under way to it died with its connections
  // Documents may go back to what was synced, so what was seen before counts no more.
  versions_.clear();
  removed_.clear();
}

// ---- bulks --------------------------------------------------------------------------------------------------------

bool StoreServer::tick() {
  if (bulks_.empty()) return false;
  // Bulks are done in any order: connections are independent.
  const size_t at = dice_.roll(bulks_.size());
  Bulk bulk = std::move(bulks_[at]);
  bulks_.erase(bulks_.begin() + static_cast<std::ptrdiff_t>(at));
  finish(std::move(bulk));
  return true;
}

// Does a bulk. What is not refused is written as the bulk that it came in, also where its answer is
// lost then.
void StoreServer::finish(Bulk bulk) {
  std::vector<Status> results(bulk.changes.size());
  std::vector<Change> written;
  std::vector<size_t> places;  // in `bulk`, of what is written
  for (size_t i = 0; i < bulk.changes.size(); ++i) {
    const Fate fate = fate_of(bulk.changes[i]);
    results[i] = fate.answer;
    if (!fate.written) continue;
    written.emplace_back().Swap(&bulk.changes[i]);
    places.push_back(i);
  }
  store_->write(std::move(written), [&](std::vector<Change> back, std::vector<Status> stored) {
    FRESHET_ASSERT(back.size() == places.size() && stored.size() == places.size());
    for (size_t n = 0; n < places.size(); ++n) {
      back[n].Swap(&bulk.changes[places[n]]);
      if (results[places[n]]) results[places[n]] = std::move(stored[n]);
    }
  });
  for (const size_t place : places)
    if (++writes_ % kWritesPerCheck == 0 || bulk.changes[place].remove()) check_version(bulk.changes[place]);
  const auto failed =
      static_cast<size_t>(std::count_if(results.begin(), results.end(), [](const Status& s) { return !s; }));
  if (failed > 0 && failed < results.size()) probes_.hit(Probe::kStorePartlyFailed);
  if (bulk.done) bulk.done(std::move(bulk.changes), std::move(results));
}

StoreServer::Fate StoreServer::fate_of(const Change& change) {
  if (calm_) return {};
  if (dice_.permille(faults_.store_poison)) {
    probes_.hit(Probe::kStorePoisoned);
    // A change that is refused for good leaves a hole in the document, which the checks have to
    // know of.
    poisoned_.insert(change.id());
    return {fail(Code::kInvalid, "refused for good"), false};
  }
  if (!dice_.permille(faults_.store_fails)) return {};
  if (dice_.one_in(2)) {
    probes_.hit(Probe::kStoreFailed);
    return {fail(Code::kRetry, "not now"), false};
  }
  probes_.hit(Probe::kStoreFailedButWrote);
  return {fail(Code::kRetry, "the answer was lost"), true};
}

void StoreServer::check_version(const Change& change) {
  docstore::EntityKey key{change.tenant(), change.kind(), Hash128::from(change.id())};
  const auto found = store_->get(key);
  require(found.has_value(), [&] { return "the store can't read " + key.id.hex(); });
  if (!*found) {
    removed_.insert(change.id());
    return;
  }
  require(!removed_.contains(change.id()), [&] { return "the document " + key.id.hex() + " was removed and is back"; });
  uint64_t& version = versions_[change.id()];
  require((*found)->document.version() >= version, [&] {
    return "the document " + key.id.hex() + " went back from version " + std::to_string(version) + " to " +
           std::to_string((*found)->document.version());
  });
  version = (*found)->document.version();
}

void StoreServer::abandon(uint64_t client) {
  // The reactor is dead: nobody hears the answers, and half of the bulks never arrived.
  for (Bulk& bulk : bulks_)
    if (bulk.client == client) bulk.done = nullptr;
  std::erase_if(bulks_, [&](const Bulk& bulk) { return !bulk.done && dice_.one_in(2); });
}

std::map<std::string, v1::Document> StoreServer::rows() const {
  std::map<std::string, v1::Document> documents;
  for (const auto& [key, row] : disk_->rows)
    if (key[0] == 'd') require(documents[key].ParseFromString(row), "a document can't be read");
  return documents;
}

// ---- a connection -------------------------------------------------------------------------------------------------

void SimStore::write(std::vector<Change> bulk, docstore::WriteDone done) {
  FRESHET_ASSERT(done != nullptr);
  crash_.point();
  // Two writes of one entity at once could land in the wrong order.
  for (const StoreServer::Bulk& other : server_.bulks_)
    for (const Change& change : other.changes)
      for (const Change& mine : bulk)
        require(other.client != client_ || mine.id() != change.id(), "an entity has two writes in flight");
  if (server_.calm_ || !server_.dice_.permille(server_.faults_.store_slow))
    return server_.finish({client_, std::move(bulk), std::move(done)});
  server_.probes_.hit(Probe::kStoreSlow);
  server_.bulks_.push_back({client_, std::move(bulk), std::move(done)});
}

Status SimStore::sync() {
  crash_.point();
  return server_.store_->sync();
}

Result<std::optional<docstore::StoredDocument>> SimStore::get(const docstore::EntityKey& key) {
  return server_.store_->get(key);
}

Result<std::optional<docstore::StoredDocument>> SimStore::find(const std::string& tenant, v1::EntityKind kind,
                                                               const v1::Identifier& identifier) {
  return server_.store_->find(tenant, kind, identifier);
}

Result<std::vector<docstore::StoredDocument>> SimStore::list(const std::string& tenant, v1::EntityKind kind,
                                                             std::string_view after, size_t count) {
  return server_.store_->list(tenant, kind, after, count);
}

}  // namespace freshet::sim
