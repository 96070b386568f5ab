// A home answers from its alias alone: it knows who has an identifier, since when, and how many others have claimed it.
// What the entities themselves list may be ahead of it or behind, as messages are under way; so whatever it decides, it
// tells those whom it concerns, and leaves the rest to them.
#include "action/identity/home.h"

#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/identity/claims.h"
#include "action/identity/erasing.h"
#include "action/identity/erasure.h"
#include "action/identity/identifiers.h"
#include "action/identity/joins.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"
#include "state/slices.h"

namespace freshet::action {
namespace {

using Kind = v1::Envelope;
using Loop = v1::Loop;

v1::Use use_of(const state::Alias& alias) {
  v1::Use use;
  use.set_time_us(alias.use_time_us);
  use.set_message_id(alias.use_message_id);
  return use;
}

void set_use(state::Alias& alias, const v1::Use& use) {
  alias.use_time_us = use.time_us();
  alias.use_message_id = use.message_id();
}

// Another holder's use, or the first one.
void begin_use(state::Alias& alias, const model::EntityRef& holder, const v1::Use& use) {
  alias.held = true;
  alias.ref = holder;
  alias.verified = use.verified();
  set_use(alias, use);
}

// Whether somebody keeps account of this: an erase, also of one whom nobody knows, and the end of one.
bool is_about_erasure(const v1::Envelope& record, bool suppressed) {
  return record.kind() == Kind::ERASE || (record.kind() == Kind::UNSUPPRESS && suppressed);
}

bool is_data(const v1::Envelope& record) {
  return record.kind() == Kind::TRACK || record.kind() == Kind::IDENTIFY || record.kind() == Kind::DEVICE;
}

}  // namespace

// The alias key of a message's identifier. Only its home may look at an alias: anywhere else it would find nobody, and
// would make a second profile of somebody who has one.
Hash128 Home::key_at_home(const Loop& m) const {
  const Hash128 key = model::alias_key(turn_.rules().hash_key(), turn_.tenant_name(), m.kind(), m.identifier());
  FRESHET_ASSERT(turn_.is_here(key));
  return key;
}

// ---- records ------------------------------------------------------------------------------------------------------

void Home::enter(const v1::Envelope& record, const Hash128& routing_key) {
  FRESHET_ASSERT(turn_.is_here(routing_key));
  const v1::EntityKind kind = record.user_size() > 0 ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE;
  const state::Holder holder = find_holder(turn_.state(), routing_key);
  const bool leads = holder.held && !holder.suppressed && record.kind() != Kind::UNSUPPRESS;
  if (!leads && !enter_without_holder(record, kind, routing_key, holder.suppressed)) return;
  const auto made = [&] {
    const v1::Identifier& routing = routing_of(record);
    return holder_of(kind, routing, routing_key, identifier_use(record, kind, routing, turn_.tenant()),
                     record.received_at_us());
  };
  enter_with_holder(record, leads ? holder.ref : made());
}

// What to do where the routing identifier leads to nobody: true means to go on and to create a profile. An erased
// person's identifiers are suppressed. Without that, a late event or a replay would bring the profile back that was to
// be forgotten.
bool Home::enter_without_holder(const v1::Envelope& record, v1::EntityKind kind, const Hash128& routing_key,
                                bool suppressed) {
  const bool frees = turn_.shared(kind, routing_of(record));
  if (is_about_erasure(record, suppressed))
    turn_.out().dead_letter(
        erasure_letter(record, {turn_.rules().hash_key(), turn_.tenant_name(), record.received_at_us()}, frees));
  if (record.kind() == Kind::UNSUPPRESS) {
    if (suppressed) turn_.state().edit_alias(routing_key).suppressed = false;
    return false;
  }
  if (suppressed) {
    if (is_data(record)) count_erased(turn_, 1, &record);
    return false;
  }
  // The erase may have overtaken the person's first event, which is then counted as erased when it comes. A shared
  // identifier is not suppressed: others use that tablet too.
  if (record.kind() == Kind::ERASE) {
    if (!frees) turn_.state().edit_alias(routing_key).suppressed = true;
    return false;
  }
  return record.kind() != Kind::UNLINK && !record.existing_only();
}

// Also an erase of an entity that lives here is a message: so it waits behind what the entity holds, and follows its
// redirects.
void Home::enter_with_holder(const v1::Envelope& record, const model::EntityRef& ref) {
  FRESHET_ASSERT(ref.kind == (record.user_size() > 0 ? v1::ENTITY_KIND_USER : v1::ENTITY_KIND_DEVICE));
  switch (record.kind()) {
    case Kind::ERASE: return turn_.to_entity(messages::erase(ref, record));
    case Kind::UNLINK: return turn_.to_entity(messages::unlink_record(ref, record));
    case Kind::MERGE:
      host_.apply(ref, record, nullptr);  // It notes which user_id is listed first.
      return turn_.to_home(
          messages::merge(ref, record, identifier_use(record, ref.kind, record.other(), turn_.tenant())));
    default: return host_.apply(ref, record, nullptr);
  }
}

void Home::on_enter_device(const Loop& m) {
  const Hash128 key = key_at_home(m);
  const state::Alias* alias = turn_.state().find_alias(key);
  if (alias != nullptr && alias->suppressed) return;
  const v1::EntityKind kind = v1::ENTITY_KIND_DEVICE;
  const v1::Use use = identifier_use(m.record(), kind, m.identifier(), turn_.tenant());
  host_.apply(holder_of(kind, m.identifier(), key, use, m.received_at_us()), m.record(), &m);
}

// The entity that has the identifier; it is made if there is none. Its id is a hash of the identifier and of how often
// that was freed before. Without that generation, an e-mail address that was given up and is used anew would make an
// id that is a redirect already, and the new person's events would go to the former owner.
model::EntityRef Home::holder_of(v1::EntityKind kind, const v1::Identifier& identifier, const Hash128& key,
                                 const v1::Use& use, int64_t received_at_us) {
  const state::Alias* known = turn_.state().find_alias(key);
  FRESHET_ASSERT(known == nullptr || !known->suppressed);  // Nobody may have what was erased.
  if (known != nullptr && known->held) return known->ref;
  state::Alias& alias = turn_.state().edit_alias(key);
  model::EntityRef ref;
  ref.id = model::entity_id(turn_.tenant_name(), kind, identifier,
                            FRESHET_MUTANT(kIdWithoutGeneration) ? 0 : alias.generation);
  ref.rank = model::rank_of(kind, identifier.type(), turn_.tenant().rules);
  ref.shared_root = turn_.shared(kind, identifier);
  ref.kind = kind;
  FRESHET_ASSERT(turn_.is_here(ref.id));  // It lives where its root is at home.
  begin_use(alias, ref, use);
  state::Entity& entity = turn_.state().create_entity(ref);
  entity.state.set_tenant(turn_.tenant_name());
  put_identifier(entity.state, identifier, use);
  Edit edit(editor_, entity, received_at_us);
  edit.note({.what = v1::HistoryEntry::CREATED, .identifier = &identifier, .use = use});
  edit.leave_unsaid();  // Its first record says the whole document.
  ++turn_.counters().created;
  return ref;
}

void Home::on_merge(const Loop& m) {
  const Hash128 key = key_at_home(m);
  const state::Alias* alias = turn_.state().find_alias(key);
  if (alias != nullptr && alias->suppressed) return;
  const model::EntityRef from = holder_of(m.kind(), m.identifier(), key, m.use(), m.received_at_us());
  send_join(turn_, model::from_proto(m.ref()), from, nullptr, m);
}

// ---- claims -------------------------------------------------------------------------------------------------------

// A claim ends in one of four ways: the claimant gets the identifier, it is turned down, it and the holder become one,
// or (of shared identifiers) whoever of the two used it last has it.
void Home::on_link(const Loop& m) {
  const Hash128 key = key_at_home(m);
  const model::EntityRef claimant = model::from_proto(m.ref());
  const state::Alias* alias = turn_.state().find_alias(key);
  const bool held = alias != nullptr && alias->held;
  if (alias != nullptr && alias->suppressed) return turn_down(m, claimant, Reason::kSuppressed);
  if (held && alias->ref == claimant) return grant(m, key);
  if (alias != nullptr && alias->common) return turn_down(m, claimant, Reason::kCommon);
  if (!held) return grant(m, key);
  if (const std::optional<Reason> reason = too_many_claim(m, key)) return turn_down(m, claimant, *reason);
  const model::EntityRef holder = alias->ref;
  FRESHET_ASSERT(holder.kind == claimant.kind);  // A device's identifiers have keys of their own.
  // A shared identifier joins only where one of the two is anonymous: otherwise two persons who sign in on one tablet
  // would become one. A reference tells that of its entity, and it is all that a home knows of somebody who lives
  // elsewhere.
  if (!turn_.shared(m.kind(), m.identifier()) || holder.shared_root || claimant.shared_root) {
    v1::Cause cause;
    *cause.mutable_identifier() = m.identifier();
    to_proto(claimant, *cause.mutable_claimant());
    to_proto(holder, *cause.mutable_holder());
    return send_join(turn_, claimant, holder, &cause, m);
  }
  const v1::Use held_use = use_of(*alias);
  if (!earlier(held_use, m.use())) return take_from(m, claimant, held_use);
  // Two persons share a device: it belongs to whoever used it last. So the order in which the two claims arrive does
  // not matter, and the events of the one before stay where they are.
  begin_use(turn_.state().edit_alias(key), claimant, m.use());
  take_from(m, holder, m.use());
}

// Whoever has the identifier already claims it anew to tell of a later use, or of the first one that is verified.
void Home::grant(const Loop& claim, const Hash128& key) {
  state::Alias& alias = turn_.state().edit_alias(key);
  FRESHET_ASSERT(!alias.suppressed);
  ++turn_.counters().linked;
  if (!alias.held) return begin_use(alias, model::from_proto(claim.ref()), claim.use());
  if (earlier(use_of(alias), claim.use())) set_use(alias, claim.use());
  alias.verified = alias.verified || claim.use().verified();
}

void Home::turn_down(const Loop& claim, const model::EntityRef& who, Reason reason) {
  turn_.count_dropped(reason);
  turn_.to_entity(messages::turned_down(who, claim, word_of(reason), counts_as_verified(claim, who)));
}

// A shared identifier is another's than `loser`, who used it at the time of `use`.
void Home::take_from(const Loop& claim, const model::EntityRef& loser, const v1::Use& use) {
  turn_.to_entity(messages::taken(loser, claim, use, counts_as_verified(claim, loser)));
}

// Whether `who` is told that what it loses was claimed with a verified use. A holder is told for good, whatever it may
// have claimed since.
bool Home::counts_as_verified(const Loop& claim, const model::EntityRef& who) const {
  return turn_.tenant().knows_verified && (claim.use().verified() || !(who == model::from_proto(claim.ref())));
}

// Why the claim is not even looked into; nullopt: it is. With too many claims an identifier tells nothing of a person,
// as the address info@ that a whole shop types in: without a limit it would join all of its customers into one
// profile. Its holder loses it too, unless it is the profile that was made from it. Identifiers of a shared type go to
// whoever used them last, however many claim them.
std::optional<Reason> Home::too_many_claim(const Loop& claim, const Hash128& key) {
  if (claim.identifier().type() == model::kUserId) return std::nullopt;
  state::Alias& alias = turn_.state().edit_alias(key);
  const ClaimVerdict verdict = count_claim(alias, claim, turn_.tenant());
  const bool contested = verdict == ClaimVerdict::kContested && !turn_.shared(claim.kind(), claim.identifier());
  if (verdict != ClaimVerdict::kCommon) return contested ? std::optional(Reason::kContested) : std::nullopt;
  const bool own =
      alias.ref.id == model::entity_id(turn_.tenant_name(), claim.kind(), claim.identifier(), alias.generation);
  if (!own) turn_down(claim, alias.ref, Reason::kCommon);
  return Reason::kCommon;
}

// A `free` is obeyed only if the identifier leads to exactly the entity that sends it. Otherwise another one has got
// the identifier meanwhile and would lose it without being told; or a repoint is under way, whose confirmation settles
// it.
void Home::on_free(const Loop& m, bool suppress) {
  const Hash128 key = key_at_home(m);
  const state::Alias* alias = turn_.state().find_alias(key);
  if (alias == nullptr || !alias->held || !(alias->ref == model::from_proto(m.ref()))) return;
  state::Alias& freed = turn_.state().edit_alias(key);
  freed.held = false;
  freed.verified = false;
  freed.use_time_us = 0;
  freed.use_message_id.clear();
  ++freed.generation;
  freed.suppressed = freed.suppressed || suppress;
}

void Home::on_repoint(const Loop& m) {
  const Hash128 key = key_at_home(m);
  const state::Alias* alias = turn_.state().find_alias(key);
  if (alias != nullptr && alias->held && alias->ref == model::from_proto(m.ref()))
    turn_.state().edit_alias(key).ref = model::from_proto(m.other());
  // A repoint is always confirmed, also one that was not obeyed. The survivor may have dropped the identifier before
  // this home heard of it, so that it would lead for ever to somebody who does not list it; or it has got the
  // identifier from a loser that had lost it to another, and must claim it anew.
  if (!FRESHET_MUTANT(kRepointUnconfirmed)) turn_.to_entity(messages::confirm(m));
}

}  // namespace freshet::action
