// The answer is given once: `revive` when all chunks are here and something forbids the join, `absorbed` when the last
// of them has been taken in. In between the survivor goes on living with the records that come.
#include "action/identity/merging.h"

#include <google/protobuf/arena.h>

#include <algorithm>
#include <map>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/history.h"
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
using Chunks = google::protobuf::RepeatedPtrField<v1::Loop>;

// The chunks of one loser, out of all that were gathered; in the survivor's arena, where moving them copies nothing.
Chunks& take_chunks(v1::EntityState& survivor, const v1::EntityRef& loser) {
  Chunks& gathered = *survivor.mutable_gathered();
  Chunks& mine = *google::protobuf::Arena::CreateMessage<Chunks>(survivor.GetArena());
  Chunks& others = *google::protobuf::Arena::CreateMessage<Chunks>(survivor.GetArena());
  for (v1::Loop& chunk : gathered) (same(chunk.ref(), loser) ? mine : others).Add()->Swap(&chunk);
  gathered.Swap(&others);
  return mine;
}

// When the identifier was last used, as the chunks or the survivor tell; nullptr: neither lists it.
const v1::Use* last_use(const v1::EntityState& state, const v1::Identifier& identifier) {
  const int at = find_identifier(state, identifier);
  return at >= 0 ? &state.identifiers(at).use() : nullptr;
}

// When the claimant last used the identifier that the join is about. The claimant is the loser; or it is the survivor,
// or was merged into it.
const v1::Use* use_of_claimant(const v1::EntityState& survivor, const Chunks& chunks) {
  const v1::Cause& cause = chunks[0].cause();
  if (!same(cause.claimant(), chunks[0].ref())) return last_use(survivor, cause.identifier());
  for (const v1::Loop& chunk : chunks)
    if (const v1::Use* use = last_use(chunk.chunk(), cause.identifier())) return use;
  return nullptr;
}

}  // namespace

// Chunks of one loser arrive in the order sent, those of several losers mixed. A survivor that was erased meanwhile
// takes the loser along: they are one person, who asked to be forgotten.
Work Merging::on_absorb(Loop& m) {
  Entity* w = arrivals_.reach(m);
  if (w == nullptr) return {};
  // An entity is merged once, into one that ranks before it.
  const bool is_loser = model::survives(w->ref, model::from_proto(m.ref()));
  if (!is_loser || find_ref(w->state.merged(), key_of(m.ref())) >= 0) {
    turn_away(*w, m);
    return {};
  }
  turn_.touch(*w);
  const bool last = m.last();
  const v1::EntityRef loser = m.ref();
  *w->state.add_gathered() = std::move(m);  // This copies if the message lies in the arena of the batch.
  if (!last) return {};
  Chunks& chunks = take_chunks(w->state, loser);
  // The first chunk is the one that tells who the loser is. Those before it are of no departure.
  while (!chunks.empty() && !chunks[0].chunk().has_ref()) turn_away(*w, take_first(chunks));
  if (chunks.empty()) return {};
  if (w->state.status() == v1::EntityState::ERASED) {
    turn_.to_entity(FRESHET_MUTANT(kErasedSurvivorRevives) ? messages::revive(chunks[0], w->ref)
                                                           : messages::erased_too(chunks[0], w->ref));
    return {};
  }
  if (const std::optional<Reason> reason = refusal_of(*w, chunks)) {
    refuse(*w, chunks, *reason);
    return {};
  }
  const int64_t received_at_us = chunks[0].received_at_us();
  accept(*w, chunks);
  return {w, received_at_us};
}

// A chunk that can't be taken in. A loser that is being taken in already gets its answer when that is done.
void Merging::turn_away(const Entity& w, const Loop& chunk) {
  const auto& absorbing = w.state.absorbing();
  const bool is_under_way =
      std::any_of(absorbing.begin(), absorbing.end(), [&](const Loop& one) { return same(one.ref(), chunk.ref()); });
  is_under_way ? turn_.set_aside(chunk) : action::turn_away(turn_, chunk);
}

// ---- deciding -----------------------------------------------------------------------------------------------------

// Why the join can't be done; nullopt: it can. Two persons who typed in the same e-mail address must not become one,
// so a join that would put too many identifiers of a unique type together is refused. An explicit merge record may
// exceed the limits of types, as somebody has decided it, but not what bounds a profile.
std::optional<Reason> Merging::refusal_of(const Entity& w, const Chunks& chunks) const {
  std::map<std::string_view, uint32_t> added;
  auto merges = static_cast<uint32_t>(w.state.merged_size()) + 1;
  auto identifiers = static_cast<uint32_t>(w.state.identifiers_size());
  const uint32_t before = identifiers;
  for (const Loop& m : chunks) {
    merges += static_cast<uint32_t>(m.chunk().merged_size());
    for (const v1::IdentifierUse& i : m.chunk().identifiers()) {
      if (find_identifier(w.state, i.identifier()) >= 0) continue;
      ++identifiers;
      if (!turn_.shared(w.ref.kind, i.identifier())) ++added[i.identifier().type()];
    }
  }
  if (merges > model::merges_max(turn_.tenant().rules)) return Reason::kMergesMax;
  if (identifiers > before && identifiers > model::identifiers_max(turn_.tenant().rules))
    return Reason::kIdentifiersMax;
  if (!chunks[0].has_cause() || FRESHET_MUTANT(kMergeOverLimit)) return std::nullopt;
  for (const auto& [type, count] : added) {
    const uint32_t mine = count_identifiers(w.state, type);
    if (mine > 0 && mine + count > model::identifier_limit(type, turn_.tenant().rules)) return Reason::kIdentifierLimit;
  }
  return std::nullopt;
}

// The loser lives on, and the identifier that the join was about goes to one of the two. Who does not get it must be
// told: it would list an identifier that leads to somebody else, and claim it again with each of its records.
void Merging::refuse(Entity& w, const Chunks& chunks, Reason reason) {
  const Loop& first = chunks[0];
  ++turn_.counters().refused;
  ++turn_.counters().refused_by[static_cast<size_t>(reason)];
  turn_.to_entity(messages::revive(first, w.ref));
  if (FRESHET_MUTANT(kNoUnlinkOnRefusal)) return;
  if (!first.has_cause()) {
    Edit edit(editor_, w, first.received_at_us());
    return edit.note({v1::HistoryEntry::REFUSED, nullptr, &first.ref(), first.use(), word_of(reason)});
  }
  const v1::Cause& cause = first.cause();
  const std::string& type = cause.identifier().type();
  const v1::Use* const claimed = use_of_claimant(w.state, chunks);
  const bool verified = claimed != nullptr && claimed->verified();
  const bool may_move = model::moves_on_conflict(type, turn_.tenant().rules) || (verified && type != model::kUserId);
  const bool asks_holder = claimed != nullptr && may_move;
  const messages::Refusal refusal{cause.claimant(), cause.holder(), cause.identifier(), word_of(reason),
                                  first.received_at_us()};
  turn_.to_entity(asks_holder ? messages::moves(refusal, *claimed) : messages::stays(refusal, verified, false));
}

// The identifiers are the survivor's own from here on, so that the next join is judged by them: two losers with a
// user_id each, accepted one after the other, would both find room for it. The rest follows in steps.
void Merging::accept(Entity& w, Chunks& chunks) {
  FRESHET_ASSERT(w.state.status() == v1::EntityState::LIVE);
  const int64_t received_at_us = chunks[0].received_at_us();
  const Added added = add_ref(*w.state.mutable_merged(), chunks[0].ref(), model::merges_max(turn_.tenant().rules));
  FRESHET_ASSERT(added == Added::kAdded);  // An entity is merged once, and refusal_of() has found room for it.
  const v1::EntityState& head = chunks[0].chunk();
  if (head.has_listed_first() && !earlier(head.listed_first_use(), w.state.listed_first_use())) {
    *w.state.mutable_listed_first() = head.listed_first();
    *w.state.mutable_listed_first_use() = head.listed_first_use();
  }
  for (Loop& m : chunks) {
    v1::EntityState& chunk = *m.mutable_chunk();
    for (const v1::IdentifierUse& i : chunk.identifiers()) put_identifier(w.state, i.identifier(), i.use());
    for (const v1::EntityRef& ref : chunk.merged())
      (void)add_ref(*w.state.mutable_merged(), ref, model::merges_max(turn_.tenant().rules));
    chunk.clear_identifiers();
    w.state.add_absorbing()->Swap(&m);
  }
  forget_refusals(w.state);  // Its identifiers have changed, so what was refused before may be granted now.
  Edit edit(editor_, w, received_at_us);
  links_.let_go_over_limit(edit);
  edit.leave_unsaid();  // It is said when the loser has been taken in.
}

// ---- taking in ----------------------------------------------------------------------------------------------------

// Takes one chunk in. All of it commutes with what records do meanwhile: registers by time, sums, minima and maxima.
// The chunk leaves the list in the same step, so no crash can make it count twice.
void Merging::absorb_one(Entity& w) {
  FRESHET_ASSERT(!w.state.absorbing().empty());
  Loop& m = *google::protobuf::Arena::CreateMessage<Loop>(w.state.GetArena());
  m.Swap(w.state.mutable_absorbing(0));
  w.state.mutable_absorbing()->erase(w.state.absorbing().begin());
  v1::EntityState& chunk = *m.mutable_chunk();
  turn_.counters().step_bytes += chunk.ByteSizeLong();
  ++turn_.counters().step_messages;
  Edit edit(editor_, w, m.received_at_us());
  edit.touched().add_parts_of(chunk, w.ref.kind);
  absorb_profile(w.state, chunk, turn_.tenant());
  if (FRESHET_MUTANT(kAbsorbTwice)) absorb_profile(w.state, chunk, turn_.tenant());
  absorb_history(w.state, chunk);
  devices_.absorb_attached(edit, m.ref(), chunk);
  if (m.last()) finish_absorbing(edit, m);
}

// The messages of the loser are counted in with its last chunk, so the answer comes after it: a loser that became a
// redirect before would leave messages that are in no profile while the survivor is still at work.
void Merging::finish_absorbing(Edit& edit, const Loop& last) {
  const v1::EntityState& survivor = edit.state();
  FRESHET_ASSERT(find_ref(survivor.merged(), key_of(last.ref())) >= 0);
  for (const v1::IdentifierUse& i : survivor.identifiers()) edit.touched().add(v1::IDENTIFIERS, i.identifier().type());
  edit.touched().add(v1::MERGED_FROM, model::from_proto(last.ref()).id.hex());
  edit.note({.what = v1::HistoryEntry::MERGED, .other = &last.ref(), .use = last.use()});
  turn_.to_entity(messages::absorbed(last, edit.entity().ref));
  ++turn_.counters().merged;
}

}  // namespace freshet::action
