// Rows: "e" + tenant + NUL + id is an erasure; "r" + hash finds it by a value that it was requested or carried out for;
// "h" + hash is a value that is suppressed, so that what still comes of that person is refused. Only hashes are kept: a
// list of those who want to be forgotten must not say who they are.
#include "console/erasures.h"

#include <algorithm>

#include "base/assert.h"
#include "base/json_writer.h"
#include "freshet/v1/envelope.pb.h"
#include "model/identifier.h"
#include "model/kind.h"
#include "model/time.h"

namespace freshet::console {
namespace {

std::string erasure_key(const Erasures::Id& id) {
  std::string key("e");
  key.append(id.first).append(1, '\0').append(id.second);
  return key;
}

std::string hash_row(char kind, std::string_view hash) { return std::string(1, kind).append(hash); }

std::string encode_id(const Erasures::Id& id) { return erasure_key(id).substr(1); }

Erasures::Id decode_id(std::string_view row) {
  const size_t nul = std::min(row.find('\0'), row.size());
  return {std::string(row.substr(0, nul)), std::string(row.substr(std::min(nul + 1, row.size())))};
}

void add_once(google::protobuf::RepeatedPtrField<std::string>& all, std::string_view value) {
  if (std::find(all.begin(), all.end(), value) == all.end()) all.Add()->assign(value);
}

// Nothing else is waited for before action has said a word.
bool is_word_lost(const v1::Erasure& erasure) { return erasure.applied_at_us() == 0 && !erasure.waits_for().empty(); }

}  // namespace

Result<std::unique_ptr<Erasures>> Erasures::open(kv::Store& store, std::string hash_key) {
  std::unique_ptr<Erasures> erasures(new Erasures(store, std::move(hash_key)));
  FRESHET_TRY(erasures->load());
  return erasures;
}

Status Erasures::load() {
  FRESHET_TRY(store_.scan("e", "f", [this](std::string_view key, std::string_view value) {
    v1::Erasure erasure;
    if (!erasure.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    if (erasure.verified_at_us() == 0) pending_.insert(decode_id(key.substr(1)));
    if (is_word_lost(erasure)) lost_.insert(decode_id(key.substr(1)));
    by_time_[erasure.tenant()].insert(place_of(erasure));
    return true;
  }));
  return store_.scan("h", "i", [this](std::string_view key, std::string_view value) {
    if (key.size() == 1 + sizeof(Hash128::bytes)) suppress(Hash128::from(key.substr(1)), decode_id(value));
    return true;
  });
}

void Erasures::suppress(const Hash128& hash, const Id& id) {
  suppressing_.insert(id.first);
  suppressed_[hash] = id;
}

Hash128 Erasures::hash_of(std::string_view tenant, std::string_view value) const {
  return model::value_hash(hash_key_, tenant, value);
}

const Erasures::Id* Erasures::erased(std::string_view tenant, std::string_view value) const {
  if (suppressed_.empty()) return nullptr;
  const auto found = suppressed_.find(hash_of(tenant, value));
  return found == suppressed_.end() ? nullptr : &found->second;
}

Status Erasures::request(const v1::Envelope& order, env::TimeUs now_us) {
  const v1::Identifier& identifier = order.user_size() > 0 ? order.user(0) : order.device(0);
  const auto kind = order.user_size() > 0 ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE;
  FRESHET_ASSIGN(v1::Erasure erasure, get_or_make({order.tenant(), order.message_id()}, kind, now_us));
  add_once(*erasure.mutable_hashes(), hash_of(order.tenant(), identifier.value()).view());
  kv::WriteBatch batch;
  put(erasure, batch);
  FRESHET_TRY(store_.write(batch, kv::Durability::kSynced));
  written();
  return {};
}

// The order could not be appended, so nothing will come of it. One that was applied has come into the log all the same.
Status Erasures::withdraw(const v1::Envelope& order) {
  const Id id{order.tenant(), order.message_id()};
  FRESHET_ASSIGN(const auto known, get(id.first, id.second));
  if (!known || known->applied_at_us() != 0) return {};
  kv::WriteBatch batch;
  batch.remove(erasure_key(id));
  pending_.erase(id);
  lost_.erase(id);
  by_time_[id.first].erase(place_of(*known));
  return store_.write(batch, kv::Durability::kLogged);
}

// What this batch has changed and not written yet counts, else its second change would be made to the row of before.
Result<v1::Erasure> Erasures::get_or_make(const Id& id, v1::EntityKind kind, env::TimeUs requested_at_us) {
  for (const v1::Erasure& known : unwritten_)
    if (known.tenant() == id.first && known.id() == id.second) return known;
  FRESHET_ASSIGN(auto known, get(id.first, id.second));
  if (known) return std::move(*known);
  v1::Erasure erasure;
  erasure.set_tenant(id.first);
  erasure.set_id(id.second);
  erasure.set_kind(kind);
  erasure.set_requested_at_us(requested_at_us);
  return erasure;
}

Status Erasures::apply(const v1::DeadLetter& letter, const v1::ErasureNotice& notice, env::TimeUs now_us,
                       kv::WriteBatch& batch) {
  if (notice.lifted()) {
    for (const std::string& hash : notice.suppressed()) {
      batch.remove(hash_row('h', hash));
      if (hash.size() == sizeof(Hash128::bytes)) suppressed_.erase(Hash128::from(hash));
    }
    return {};
  }
  // Whoever was erased along with somebody else (a device, a profile on its way to another one) has no request.
  const std::string id = notice.message_id().empty() ? "profile-" + to_hex(notice.id()) : notice.message_id();
  FRESHET_ASSIGN(v1::Erasure erasure, get_or_make({letter.tenant(), id}, notice.kind(), letter.received_at_us()));
  apply(erasure, notice, now_us, batch);
  for (const std::string& hash : notice.suppressed()) {
    if (hash.size() != sizeof(Hash128::bytes)) continue;
    batch.put(hash_row('h', hash), encode_id({erasure.tenant(), erasure.id()}));
    suppress(Hash128::from(hash), {erasure.tenant(), erasure.id()});
  }
  const std::set<Id> lost = lost_;  // which apply() makes smaller
  for (const Id& other : lost)
    if (other.first == letter.tenant()) FRESHET_TRY(apply_to_lost(other, notice, now_us, batch));
  return {};
}

// Whatever is said anew of an erasure, what was verified before has to be verified again.
void Erasures::apply(v1::Erasure& erasure, const v1::ErasureNotice& notice, env::TimeUs now_us, kv::WriteBatch& batch) {
  erasure.set_applied_at_us(now_us);
  erasure.clear_written_at_us();
  erasure.clear_verified_at_us();
  erasure.clear_marked_at_us();
  erasure.clear_actions_high();
  erasure.clear_scrubbed_at_us();
  erasure.clear_ends();
  erasure.clear_trimmed_at_us();
  erasure.clear_waits_for();
  if (!notice.id().empty()) add_once(*erasure.mutable_profiles(), notice.id());
  for (const std::string& merged : notice.merged()) add_once(*erasure.mutable_profiles(), merged);
  for (const std::string& hash : notice.freed()) add_once(*erasure.mutable_hashes(), hash);
  for (const std::string& hash : notice.suppressed()) add_once(*erasure.mutable_hashes(), hash);
  put(erasure, batch);
}

// Of one whose word may be lost: who is erased now was erased then.
Status Erasures::apply_to_lost(const Id& id, const v1::ErasureNotice& notice, env::TimeUs now_us,
                               kv::WriteBatch& batch) {
  FRESHET_ASSIGN(v1::Erasure erasure, get_or_make(id, notice.kind(), now_us));
  std::set<std::string, std::less<>> said(notice.suppressed().begin(), notice.suppressed().end());
  said.insert(notice.freed().begin(), notice.freed().end());
  const bool same = is_word_lost(erasure) && std::all_of(erasure.hashes().begin(), erasure.hashes().end(),
                                                         [&](const std::string& hash) { return said.contains(hash); });
  if (same) apply(erasure, notice, now_us, batch);
  return {};
}

Result<size_t> Erasures::note_word_lost() {
  kv::WriteBatch batch;
  size_t count = 0;
  const std::set<Id> waiting = pending_;
  for (const Id& id : waiting) {
    FRESHET_ASSIGN(auto erasure, get(id.first, id.second));
    if (!erasure || erasure->applied_at_us() != 0) continue;
    erasure->set_waits_for(
        "action's word, which may be among records of topic deadletters that were deleted before this console had read "
        "them: erase the person again");
    put(*erasure, batch);
    ++count;
  }
  if (count == 0) return count;
  FRESHET_TRY(store_.write(batch, kv::Durability::kSynced));
  written();
  return count;
}

// How many such letters have come is told with the erasure: an auditor may ask what was dropped.
Status Erasures::note_late(const Id& id, kv::WriteBatch& batch) {
  FRESHET_ASSIGN(v1::Erasure erasure, get_or_make(id, v1::ENTITY_KIND_USER, 0));
  erasure.set_late_letters(erasure.late_letters() + 1);
  put(erasure, batch);
  return {};
}

Status Erasures::note_late_records(const Hash128& value, uint64_t count, kv::WriteBatch& batch) {
  Id id;
  if (const auto found = suppressed_.find(value); found != suppressed_.end()) {
    id = found->second;
  } else {
    FRESHET_ASSIGN(const auto row, store_.get(hash_row('r', value.view())));
    if (!row) return {};  // action's word on the erasure was missed
    id = decode_id(*row);
  }
  FRESHET_ASSIGN(v1::Erasure erasure, get_or_make(id, v1::ENTITY_KIND_USER, 0));
  erasure.set_late_records(erasure.late_records() + count);
  put(erasure, batch);
  return {};
}

void Erasures::put(const v1::Erasure& erasure, kv::WriteBatch& batch) {
  const Id id{erasure.tenant(), erasure.id()};
  batch.put(erasure_key(id), erasure.SerializeAsString());
  for (const std::string& hash : erasure.hashes()) batch.put(hash_row('r', hash), encode_id(id));
  std::erase_if(unwritten_, [&](const v1::Erasure& e) { return e.tenant() == id.first && e.id() == id.second; });
  unwritten_.push_back(erasure);
  by_time_[id.first].insert(place_of(erasure));
  if (erasure.verified_at_us() == 0) {
    pending_.insert(id);
  } else {
    pending_.erase(id);
  }
  if (is_word_lost(erasure)) {
    lost_.insert(id);
  } else {
    lost_.erase(id);
  }
}

Status Erasures::put(const std::vector<v1::Erasure*>& erasures) {
  kv::WriteBatch batch;
  for (const v1::Erasure* erasure : erasures) put(*erasure, batch);
  FRESHET_TRY(store_.write(batch, kv::Durability::kSynced));
  written();
  return {};
}

Result<std::optional<v1::Erasure>> Erasures::get(const std::string& tenant, const std::string& id) {
  FRESHET_ASSIGN(const auto row, store_.get(erasure_key({tenant, id})));
  if (!row) return std::nullopt;
  v1::Erasure erasure;
  if (!erasure.ParseFromString(*row)) return fail(Code::kCorrupt, "the row of erasure " + id + " is damaged");
  return erasure;
}

Result<std::optional<v1::Erasure>> Erasures::find(const std::string& tenant, std::string_view value) {
  FRESHET_ASSIGN(const auto row, store_.get(hash_row('r', hash_of(tenant, value).view())));
  if (!row) return std::nullopt;
  const Id id = decode_id(*row);
  // The hash has the tenant in it, but a row says what some record of the log has said.
  if (id.first != tenant) return std::nullopt;
  return get(id.first, id.second);
}

// Between two pages new ones come, and they come before all that was shown: so no page has one twice, and none is
// passed over.
Result<std::vector<v1::Erasure>> Erasures::list(const std::string& tenant, const std::string& after, size_t count) {
  std::vector<v1::Erasure> page;
  const std::set<Place>& places = by_time_[tenant];
  auto end = places.end();
  if (!after.empty()) {
    FRESHET_ASSIGN(const auto last, get(tenant, after));
    if (!last) return fail(Code::kInvalid, "after must be the \"next\" of an earlier answer");
    end = places.lower_bound(place_of(*last));
  }
  while (end != places.begin() && page.size() < count) {
    FRESHET_ASSIGN(auto erasure, get(tenant, (--end)->second));
    if (erasure) page.push_back(std::move(*erasure));
  }
  return page;
}

std::string_view state_of(const v1::Erasure& erasure) {
  if (erasure.verified_at_us() != 0) return "verified";
  if (erasure.written_at_us() != 0) return "written";
  return erasure.applied_at_us() != 0 ? "applied" : "requested";
}

std::string erasure_json(const v1::Erasure& erasure) {
  const auto time = [](env::TimeUs at_us) {
    return at_us == 0 ? std::nullopt : std::optional(model::format_time(at_us));
  };
  std::string out;
  JsonWriter(out)
      .begin_object()
      .member("id", erasure.id())
      .member("tenant", erasure.tenant())
      .member("kind", model::kind_name(erasure.kind()))
      .member("state", state_of(erasure))
      .member("requested_at", time(erasure.requested_at_us()))
      .member("applied_at", time(erasure.applied_at_us()))
      .member("written_at", time(erasure.written_at_us()))
      .member("verified_at", time(erasure.verified_at_us()))
      .member("profiles", erasure.profiles_size())
      .member("values", erasure.hashes_size())
      .member("letters_removed", erasure.letters_removed())
      .member("late_letters", erasure.late_letters())
      .member("late_records", erasure.late_records())
      .member("waits_for", erasure.waits_for().empty() ? std::nullopt : std::optional(erasure.waits_for()))
      .end_object();
  return out;
}

}  // namespace freshet::console
