// How far each erasure is, for the auditor: requested, applied in the state, gone from the profiles, verified. Values
// are kept as keyed hashes only (model::value_hash).
//
// Rows, in the store of the letters (docs/format/letters.md): 'e' tenant NUL id -> Erasure; 'r' hash -> tenant NUL id
// of the latest erasure that has the value; 'h' hash -> the same, while the value may not come back. Not thread-safe:
// LetterKeeper sees to that.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "env/clock.h"
#include "freshet/v1/event.pb.h"
#include "kv/store.h"

namespace freshet::console {

class Erasures {
 public:
  using Id = std::pair<std::string, std::string>;  // tenant, id

  [[nodiscard]] static Result<std::unique_ptr<Erasures>> open(kv::Store& store, std::string hash_key);

  // Somebody asks for one: durable when it returns.
  [[nodiscard]] Status request(const v1::Envelope& order, env::TimeUs now_us);
  // The request did not get on its way: it is asked for anew, if at all.
  [[nodiscard]] Status withdraw(const v1::Envelope& order);
  // Action says that it is done, or that somebody may come back. Puts the rows of it into `batch`.
  [[nodiscard]] Status apply(const v1::DeadLetter& letter, const v1::ErasureNotice& notice, env::TimeUs now_us,
                             kv::WriteBatch& batch);
  // A dead letter of somebody who was erased came, and is dropped.
  [[nodiscard]] Status note_late(const Id& id, kv::WriteBatch& batch);
  // So many records came that were routed by a value of somebody who was erased, and were refused.
  [[nodiscard]] Status note_late_records(const Hash128& value, uint64_t count, kv::WriteBatch& batch);
  void written() { unwritten_.clear(); }

  // The erasure after which this value of the tenant may not come back; nullptr: there is none.
  [[nodiscard]] const Id* erased(std::string_view tenant, std::string_view value) const;
  [[nodiscard]] Hash128 hash_of(std::string_view tenant, std::string_view value) const;
  // False: no value of the tenant is one that may not come back.
  [[nodiscard]] bool has_suppressed(std::string_view tenant) const { return suppressing_.contains(tenant); }

  [[nodiscard]] Result<std::optional<v1::Erasure>> get(const std::string& tenant, const std::string& id);
  // The latest of those that have the value.
  [[nodiscard]] Result<std::optional<v1::Erasure>> find(const std::string& tenant, std::string_view value);
  // By when they were asked for, newest first, from after the one of the id `after` ("": from the begin), at most
  // `count`. kInvalid: there is none of this id.
  [[nodiscard]] Result<std::vector<v1::Erasure>> list(const std::string& tenant, const std::string& after,
                                                      size_t count);
  // Those that are not verified.
  [[nodiscard]] const std::set<Id>& pending() const { return pending_; }
  // In one write, durable when it returns.
  [[nodiscard]] Status put(const std::vector<v1::Erasure*>& erasures);
  // What action said of erasures may be lost: those that wait for its word say so from now on (`waits_for`). They are
  // taken for applied when the same person is erased again. How many there are.
  [[nodiscard]] Result<size_t> note_word_lost();

 private:
  Erasures(kv::Store& store, std::string hash_key) : store_(store), hash_key_(std::move(hash_key)) {}

  [[nodiscard]] Status load();
  [[nodiscard]] Result<v1::Erasure> get_or_make(const Id& id, v1::EntityKind kind, env::TimeUs requested_at_us);
  void apply(v1::Erasure& erasure, const v1::ErasureNotice& notice, env::TimeUs now_us, kv::WriteBatch& batch);
  [[nodiscard]] Status apply_to_lost(const Id& id, const v1::ErasureNotice& notice, env::TimeUs now_us,
                                     kv::WriteBatch& batch);
  void suppress(const Hash128& hash, const Id& id);
  void put(const v1::Erasure& erasure, kv::WriteBatch& batch);
  // Where an erasure is in by_time_.
  using Place = std::pair<env::TimeUs, std::string>;  // when it was asked for, id
  [[nodiscard]] static Place place_of(const v1::Erasure& erasure) { return {erasure.requested_at_us(), erasure.id()}; }

  kv::Store& store_;
  const std::string hash_key_;
  std::unordered_map<Hash128, Id, Hash128Hasher> suppressed_;
  std::set<std::string, std::less<>> suppressing_;  // tenants
  std::set<Id> pending_;
  std::set<Id> lost_;                                            // of these, whose word may be lost
  std::map<std::string, std::set<Place>, std::less<>> by_time_;  // all, by tenant: rows are in the order of random ids
  std::vector<v1::Erasure> unwritten_;                           // in the batch that is not written yet
};

// {"id":…,"tenant":…,"kind":…,"state":"verified","requested_at":…,…}
[[nodiscard]] std::string erasure_json(const v1::Erasure& erasure);
// "requested", "applied", "written" or "verified".
[[nodiscard]] std::string_view state_of(const v1::Erasure& erasure);

}  // namespace freshet::console
