// Nothing of a loser is given up before the survivor has it. That makes a merge three messages long at least, but there
// is no moment at which a crash, or an answer that nobody expected, could cost a profile.
#include "action/identity/leaving.h"

#include <utility>

#include "action/identity/chunks.h"
#include "action/identity/identifiers.h"
#include "action/identity/joins.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/packed_state.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

}  // namespace

// ---- leaving ------------------------------------------------------------------------------------------------------

// By the time that a join reaches its loser, that may be on its way to somebody else, be merged or erased, or have
// lost the identifier that was the reason. In all of these cases nothing is joined, but the claimant is told to ask
// anew: had it been forgotten, the claimant would list an identifier that leads to another.
Work Leaving::on_join(const Loop& m) {
  Entity* e = arrivals_.find(m);
  if (e == nullptr) return {};
  const auto status = e->state.status();
  if (status == v1::EntityState::REDIRECT && m.has_cause() && !FRESHET_MUTANT(kJoinFollowsRedirect)) {
    point_on(*e, m);
    return {};
  }
  if (arrivals_.holds_back(*e)) {
    arrivals_.hold(*e, m);
    return {};
  }
  if (status == v1::EntityState::REDIRECT) {
    const v1::Cause* const cause = m.has_cause() ? &m.cause() : nullptr;
    send_join(turn_, model::from_proto(e->state.target()), model::from_proto(m.ref()), cause, m);
    return {};
  }
  const bool reason_gone =
      m.has_cause() && !FRESHET_MUTANT(kJoinForDropped) && find_identifier(e->state, m.cause().identifier()) < 0;
  if (status != v1::EntityState::LIVE || reason_gone) {
    // The home decides anew, asked by the claimant itself, so that its claims and frees keep their order.
    if (!m.has_cause()) return {};
    if (reason_gone) tell_home(turn_, *e, m.cause().identifier(), m.received_at_us());
    send_ask_again(turn_, m.cause().claimant(), m);
    return {};
  }
  depart(*e, m);
  return {e, m.received_at_us()};
}

// It may be winding up after an earlier join that was refused, if this one was among what it held: the rest stays held.
void Leaving::depart(Entity& e, const Loop& m) {
  FRESHET_ASSERT(!e.state.has_target() && !e.state.has_departure());
  turn_.touch(e);
  e.state.set_status(FRESHET_MUTANT(kRedirectBeforeAbsorbed) ? v1::EntityState::REDIRECT : v1::EntityState::LEAVING);
  e.state.set_winding_up(false);
  *e.state.mutable_target() = m.ref();
  v1::Departure& departure = *e.state.mutable_departure();
  if (m.has_cause()) *departure.mutable_cause() = m.cause();
  *departure.mutable_use() = m.use();
}

// A join with what was merged away because of an identifier. Its home decides anew, and by then it must know that the
// survivor has it: so the identifier is handed over first. Otherwise the home would name this entity again, in a
// circle.
void Leaving::point_on(Entity& e, const Loop& m) {
  const int at = find_identifier(e.state, m.cause().identifier());
  if (at >= 0) {
    repoint_one(e, at, m.received_at_us());
  } else {
    tell_home(turn_, e, m.cause().identifier(), m.received_at_us());
  }
  send_ask_again(turn_, m.cause().claimant(), m);
}

// The loser keeps its state and its document until the survivor has answered: the answer may be that it lives on. What
// it sends can't change between two chunks, because it holds what arrives.
void Leaving::send_chunk(Entity& e, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.status() == v1::EntityState::LEAVING && e.state.has_target());
  FRESHET_ASSERT(e.state.absorbing().empty());  // What it has accepted goes along.
  v1::Departure& departure = *e.state.mutable_departure();
  v1::EntityState chunk;
  model::unpack(e.state);
  const Cut cut = cut_chunk(e.state, departure.sent(), turn_.bounds().chunk_bytes, chunk);
  FRESHET_ASSERT(cut.last || cut.next > departure.sent());  // Else the same chunk would be sent for ever.
  turn_.counters().step_bytes += chunk.ByteSizeLong();
  ++turn_.counters().step_messages;
  turn_.to_entity(messages::absorb(e.ref, e.state.target(), departure, std::move(chunk), cut.last, received_at_us));
  departure.set_sent(cut.next);
  if (cut.last) e.state.clear_departure();
}

// The survivor's answer is `absorbed`, `revive` or `erased_too`. There is exactly one for each departure: a second one
// would clear a profile that has come back to life.
Work Leaving::on_answer(const Loop& m) {
  Entity* e = arrivals_.find(m);
  if (e == nullptr) return {};
  if (e->state.status() != v1::EntityState::LEAVING || e->state.has_departure()) {
    turn_.set_aside(m);
    return {};
  }
  turn_.touch(*e);
  if (m.type() == Loop::ABSORBED) {
    e->state.set_status(v1::EntityState::REDIRECT);
    *e->state.mutable_target() = m.ref();
    end_profile(turn_, e->state, m.received_at_us(), &m.ref());
  } else if (m.type() == Loop::REVIVE) {
    e->state.set_status(v1::EntityState::LIVE);
    e->state.clear_target();
  } else {
    erasing_.erase(*e, m, false);
  }
  e->state.set_winding_up(true);
  return {e, m.received_at_us()};
}

// ---- after the answer ---------------------------------------------------------------------------------------------

// What an entity does after the answer, in this order: it passes on the chunks that it had gathered, which came before
// what it held; then what it held, before anything that comes later, as one person's records must not overtake one
// another; then it hands over its identifiers; and at last it removes its document, so that at every moment one of the
// two answers for them.
void Leaving::wind_up(Entity& e, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.winding_up() && e.state.status() != v1::EntityState::LEAVING);
  Budget budget(turn_.bounds().bytes, turn_.bounds().messages, turn_.counters());
  const bool redirect = e.state.status() == v1::EntityState::REDIRECT;
  if (redirect) pass_on_gathered(e, budget);
  arrivals_.release(e, budget);
  if (redirect) repoint(e, budget, received_at_us);
  const bool gathered = redirect && !e.state.gathered().empty();
  const bool listed = redirect && !e.state.identifiers().empty();
  if (!e.state.winding_up() || gathered || listed || !e.state.held().empty()) return;
  e.state.set_winding_up(false);
  if (redirect) editor_.say_removal(e, received_at_us);
}

// Chunks of losers that meant to join this entity, which was merged itself before it had all of them: the survivor
// gathers them on. Left behind, their losers would wait for an answer for ever.
void Leaving::pass_on_gathered(Entity& e, Budget& budget) {
  if (FRESHET_MUTANT(kChunksLeftBehind)) e.state.clear_gathered();
  while (budget.any() && !e.state.gathered().empty()) {
    Loop chunk = take_first(*e.state.mutable_gathered());
    messages::readdress(chunk, e.state.target());
    budget.spend(chunk.ByteSizeLong());
    turn_.to_entity(std::move(chunk));
  }
}

// Only when nothing is held any more: until then records must go on arriving here, behind those that came before.
void Leaving::repoint(Entity& e, Budget& budget, int64_t received_at_us) {
  const auto& identifiers = e.state.identifiers();
  while (budget.any() && e.state.held().empty() && e.state.gathered().empty() && !identifiers.empty()) {
    budget.spend(identifiers[0].ByteSizeLong());
    repoint_one(e, 0, received_at_us);
  }
}

void Leaving::repoint_one(Entity& e, int position, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.status() == v1::EntityState::REDIRECT && e.state.has_target());
  auto& identifiers = *e.state.mutable_identifiers();
  turn_.to_home(messages::repoint(e.ref, e.state.target(), identifiers[position].identifier(), received_at_us));
  identifiers.erase(identifiers.begin() + position);
  turn_.touch(e);
}

}  // namespace freshet::action
