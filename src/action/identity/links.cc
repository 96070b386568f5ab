// Lists change first and homes hear of it afterwards, whichever way it goes. In between the two may differ, but never
// for good: what an entity says to one home arrives in the order in which it was said.
#include "action/identity/links.h"

#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/identity/claims.h"
#include "action/identity/identifiers.h"
#include "action/identity/joins.h"
#include "action/identity/messages.h"
#include "action/identity/refs.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

constexpr int kRefusedMax = 64;  // An entity remembers so many refusals; the oldest is forgotten.

bool contains(const google::protobuf::RepeatedPtrField<v1::Identifier>& list, const v1::Identifier& i) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& x) { return x.type() == i.type() && x.value() == i.value(); });
}

void remember(google::protobuf::RepeatedPtrField<v1::Identifier>& refused, const v1::Identifier& identifier) {
  if (contains(refused, identifier)) return;
  if (refused.size() >= kRefusedMax) refused.erase(refused.begin());
  *refused.Add() = identifier;
}

}  // namespace

// ---- linking ------------------------------------------------------------------------------------------------------

// Lists what the record names beside its first identifier, and claims it. A refusal is remembered only as long as the
// rules stay: other rules may allow what these did not. What was refused may be granted once it is verified.
void Links::apply(Edit& edit, const v1::Envelope& record) {
  Entity& e = edit.entity();
  const auto& identifiers = e.ref.kind == v1::ENTITY_KIND_USER ? record.user() : record.device();
  const bool verified = is_verified(record, turn_.tenant());
  const auto& refused = verified ? e.state.refused_verified() : e.state.refused();
  const bool remembers = e.state.refused_revision() == revision_in_force(turn_.state().meta(), &turn_.tenant());
  for (int position = 0; position < identifiers.size(); ++position) {
    const v1::Identifier& i = identifiers[position];
    if (const int at = find_identifier(e.state, i); at >= 0) {
      // That its holder's use is verified must be known at the home, before strangers claim what it has.
      if (renew_use(*e.state.mutable_identifiers(at), record, e.ref.kind, turn_.tenant()))
        claim(e, e.state.identifiers(at), record.received_at_us());
      continue;
    }
    // The home of the routing identifier has decided already: it sent the record here. If the entity has lost the
    // identifier since, a claim would take it back from whoever has it.
    if (position == 0 || (remembers && contains(refused, i))) continue;
    if (const std::optional<Reason> reason = no_room_for(e, i)) {
      ++turn_.counters().dropped_identifiers;
      turn_.count_dropped(*reason);
      continue;
    }
    // The identifier is listed first and claimed then. Were it the other way round, a survivor that takes this entity
    // in meanwhile would not get it, and the home would have granted it to somebody who is no more.
    v1::IdentifierUse claimed;
    *claimed.mutable_identifier() = i;
    *claimed.mutable_use() = identifier_use(record, e.ref.kind, i, turn_.tenant());
    put_identifier(e.state, i, claimed.use());
    edit.touched().add(v1::IDENTIFIERS, i.type());
    edit.note({.what = v1::HistoryEntry::LINKED, .identifier = &i, .use = claimed.use()});
    claim(e, claimed, record.received_at_us());
  }
}

// Why the entity can't list one more identifier; nullopt: it can. A shared type always has room, as the least recently
// used one of it is let go afterwards: somebody who buys a sixth phone must not be bound to the first five.
std::optional<Reason> Links::no_room_for(const Entity& e, const v1::Identifier& identifier) const {
  if (static_cast<uint32_t>(e.state.identifiers_size()) >= model::identifiers_max(turn_.tenant().rules))
    return Reason::kIdentifiersMax;
  if (turn_.shared(e.ref.kind, identifier)) return std::nullopt;
  const uint32_t limit = model::identifier_limit(identifier.type(), turn_.tenant().rules);
  if (count_identifiers(e.state, identifier.type()) >= limit) return Reason::kIdentifierLimit;
  return std::nullopt;
}

void Links::claim(Entity& e, const v1::IdentifierUse& identifier, int64_t received_at_us) {
  FRESHET_ASSERT(find_identifier(e.state, identifier.identifier()) >= 0);  // The alias will lead to what lists it.
  turn_.to_home(messages::link(e.ref, identifier, received_at_us));
}

// ---- losing -------------------------------------------------------------------------------------------------------

// The home is told whatever the reason, also where it was the home that took the identifier away: a claim of this
// entity may still be under way, and would be granted to somebody who does not list the identifier any more.
void Links::drop(Edit& edit, int position, const Parting& why) {
  Entity& e = edit.entity();
  FRESHET_ASSERT(position >= 0 && position < e.state.identifiers_size());
  FRESHET_ASSERT(why.heir == nullptr || !same(*why.heir, e.state.ref()));
  const v1::Identifier& dropped = e.state.identifiers(position).identifier();
  Loop m = why.heir != nullptr ? messages::repoint(e.ref, *why.heir, dropped, edit.received_at_us())
                               : messages::free(e.ref, dropped, edit.received_at_us());
  edit.touched().add(v1::IDENTIFIERS, dropped.type());
  auto& list = *e.state.mutable_identifiers();
  list.erase(list.begin() + position);
  edit.note({why.what, &m.identifier(), why.heir, why.use, why.reason});
  if (!FRESHET_MUTANT(kDropWithoutFree)) turn_.to_home(std::move(m));
}

// Lets go of the least recently used identifiers of each shared type that is over its limit. By use and not by
// arrival, so that the same ones stay in whatever order the records came.
void Links::let_go_over_limit(Edit& edit) {
  const auto& list = edit.state().identifiers();
  if (list.size() < 2) return;
  for (int i = 0; i < list.size();) {  // The list is sorted by type: i and end enclose one of them.
    const std::string& type = list[i].identifier().type();
    int end = i + 1;
    while (end < list.size() && list[end].identifier().type() == type) ++end;
    const auto limit = static_cast<int>(model::identifier_limit(type, turn_.tenant().rules));
    if (end - i <= limit || !turn_.shared(edit.entity().ref.kind, list[i].identifier())) {
      i = end;
      continue;
    }
    int oldest = i;
    for (int k = i + 1; k < end; ++k)
      if (earlier(list[k].use(), list[oldest].use())) oldest = k;
    const v1::Use last = list[oldest].use();
    drop(edit, oldest, {v1::HistoryEntry::UNLINKED, word_of(Reason::kSharedLimit), last});
    ++turn_.counters().dropped_identifiers;
    turn_.count_dropped(Reason::kSharedLimit);
  }
}

// A claim that was turned down would be made again by each record that names the identifier.
void Links::remember_refusal(Entity& e, const v1::Identifier& identifier, bool verified) {
  const uint64_t revision = revision_in_force(turn_.state().meta(), &turn_.tenant());
  if (e.state.refused_revision() != revision) forget_refusals(e.state);
  e.state.set_refused_revision(revision);
  remember(*e.state.mutable_refused(), identifier);
  if (verified) remember(*e.state.mutable_refused_verified(), identifier);
}

// The home took the identifier away, or the join that was asked for because of it was refused. A use that is later
// than the one that took a shared identifier stands against it: two persons who use a tablet in turn may each have
// been there last when the other's message set out.
void Links::on_unlink(const Loop& m) {
  if (m.has_ref()) return on_moved(m);
  Entity* e = arrivals_.reach(m);
  if (e == nullptr || e->state.status() == v1::EntityState::ERASED) return;
  const int at = find_identifier(e->state, m.identifier());
  if (at < 0) return;
  const v1::Use mine = e->state.identifiers(at).use();
  if (m.has_use()) {  // A shared identifier went to whoever used it at that time.
    if (earlier(mine, m.use()) || FRESHET_MUTANT(kUnlinkIgnoresUse)) {
      Edit edit(editor_, *e, m.received_at_us());
      drop(edit, at, {v1::HistoryEntry::MOVED, {}, m.use()});
    } else if (earlier(m.use(), mine)) {
      claim(*e, e->state.identifiers(at), m.received_at_us());  // It was used later than the home knew.
    }
    return;
  }
  // A claim that is verified has set out since, and the home has yet to answer it.
  if (mine.verified() && !m.verified()) return;
  // The two may have become one by another identifier since the join was refused: then there is nothing to give up.
  const bool merged = m.has_other() && find_ref(e->state.merged(), key_of(m.other())) >= 0;
  if (merged || (m.has_other() && model::from_proto(m.other()) == e->ref))
    return turn_.tenant().claims_again ? on_ask_again(m) : void();
  Edit edit(editor_, *e, m.received_at_us());
  // Where conflicts move, the refusal is not remembered, because a later use may claim the identifier again.
  if (!m.has_other() || m.outranked() || !model::moves_on_conflict(m.identifier().type(), turn_.tenant().rules))
    remember_refusal(*e, m.identifier(), m.verified());
  drop(edit, at, {v1::HistoryEntry::REFUSED, m.reason(), mine});
}

// A join of `ref`, the claimant, with this entity was refused. Its use is verified, or identifiers of this type move on
// conflict to whoever used them last: so the order of arrival does not matter.
void Links::on_moved(const Loop& m) {
  Entity* e = arrivals_.reach(m);
  if (e == nullptr) return;
  // The two may have become one by another identifier meanwhile.
  if (same(m.ref(), e->state.ref()) || find_ref(e->state.merged(), key_of(m.ref())) >= 0)
    return turn_.tenant().claims_again ? on_ask_again(m) : void();
  const int at = find_identifier(e->state, m.identifier());
  if (at < 0) {  // This entity has lost it since: its home decides anew.
    tell_home(turn_, *e, m.identifier(), m.received_at_us());
    return send_ask_again(turn_, m.ref(), m);
  }
  const v1::Use& mine = e->state.identifiers(at).use();
  const bool by_time =
      !turn_.tenant().knows_verified || model::moves_on_conflict(m.identifier().type(), turn_.tenant().rules);
  if (goes_over(mine, m.use(), by_time)) {
    turn_.count_dropped(Reason::kMoved);
    Edit edit(editor_, *e, m.received_at_us());
    return drop(edit, at, {v1::HistoryEntry::MOVED, {}, m.use(), &m.ref()});
  }
  const messages::Refusal refusal{m.ref(), e->state.ref(), m.identifier(), m.reason(), m.received_at_us()};
  turn_.to_entity(messages::stays(refusal, m.use().verified(), mine.verified() && !m.use().verified()));
}

void Links::on_unlink_record(const Loop& m) {
  Entity* e = arrivals_.reach(m);
  if (e == nullptr || e->state.status() != v1::EntityState::LIVE || m.record().other().type() == model::kUserId) return;
  const int at = find_identifier(e->state, m.record().other());
  if (at < 0) return;
  Edit edit(editor_, *e, m.received_at_us());
  drop(edit, at, {v1::HistoryEntry::UNLINKED, "record", use_of(m.record())});
}

// ---- asking anew --------------------------------------------------------------------------------------------------

// Also where an entity was to give something up to one with which it has become one since: who had the identifier may
// have let go of it before, and the home has freed it. Then nobody would have what this entity lists.
void Links::on_ask_again(const Loop& m) {
  Entity* e = arrivals_.reach(m);
  if (e == nullptr || e->state.status() != v1::EntityState::LIVE) return;
  if (const int at = find_identifier(e->state, m.identifier()); at >= 0)
    claim(*e, e->state.identifiers(at), m.received_at_us());
}

// The home has just repointed this identifier here, and asks whether this entity lists it. An answer always goes back:
// with none, an identifier that was dropped while the repoint was under way would lead here for ever.
void Links::on_confirm(const Loop& m) {
  Entity* e = arrivals_.find(m);
  if (e == nullptr) return;
  if (e->state.status() == v1::EntityState::REDIRECT)
    return turn_.to_home(messages::repoint(e->ref, e->state.target(), m.identifier(), m.received_at_us()));
  if (e->state.status() == v1::EntityState::ERASED && !turn_.shared(e->ref.kind, m.identifier()))
    return turn_.to_home(messages::suppress(e->ref, m.identifier(), m.received_at_us()));
  // An erased entity lists nothing.
  const int at = find_identifier(e->state, m.identifier());
  if (at < 0) return turn_.to_home(messages::free(e->ref, m.identifier(), m.received_at_us()));
  if (FRESHET_MUTANT(kConfirmNeverClaims)) return;
  // Silence would do if nothing else were on its way; but an earlier `free` of its own may be, and the claim follows
  // it.
  claim(*e, e->state.identifiers(at), m.received_at_us());
}

}  // namespace freshet::action
