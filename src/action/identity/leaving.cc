// Entities that go, into another one or for good, and the steps in which an entity does what is too much for one
// record.
//
// The way of a loser:
//
//   LIVE --join--> LEAVING --absorbed--> REDIRECT      It sends its state, and holds what arrives for it.
//                     |------revive----> LIVE          After the answer it winds up: what it held comes before anything
//                     `----erased_too--> ERASED        that arrives later.
#include <algorithm>
#include <utility>

#include "action/events/audiences.h"
#include "action/identity/chunks.h"
#include "action/identity/erasure.h"
#include "action/identity/messages.h"
#include "action/identity/protocol.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/packed_state.h"

namespace freshet::action {
namespace {

// Takes the content of a profile away, and its audiences. Who it is, its version and its identifiers stay: the version
// must go on rising, as the document store ignores a removal that is not newer than what it has.
void end_profile(v1::EntityState& state, const AudienceContext& context, Outputs& out, ProtocolCounters& counters) {
  end_audiences(state, context, out, counters.audiences);
  state.clear_attributes();
  state.clear_sets();
  state.clear_packed();
  state.clear_events();
  state.clear_computed();
  state.clear_attached();
  state.clear_known_as();
  state.clear_merged();
  forget_refusals(state);
  state.clear_history();
  state.clear_messages();
  state.clear_first_seen_us();
  state.clear_last_seen_us();
  state.clear_sessions();
  state.clear_windows();
  state.clear_subscriptions();
  state.clear_uninstalled();
  state.clear_listed_first();
  state.clear_listed_first_use();
}

template <class T>
T take_first(google::protobuf::RepeatedPtrField<T>& list) {
  T first = std::move(list[0]);  // This copies it out of the entity's arena.
  list.erase(list.begin());
  return first;
}

}  // namespace

// ---- leaving ------------------------------------------------------------------------------------------------------

// By the time that a join reaches its loser, that may be on its way to somebody else, be merged or erased, or have
// lost the identifier that was the reason. In all of these cases nothing is joined, but the claimant is told to ask
// anew: had it been forgotten, the claimant would list an identifier that leads to another.
void Protocol::on_join(const Loop& m) {
  Entity* e = entity_at(m.to());
  if (e == nullptr) return;
  const auto status = e->state.status();
  if (status == v1::EntityState::REDIRECT && m.has_cause() && !FRESHET_MUTANT(kJoinFollowsRedirect))
    return point_on(*e, m);
  if (holds_back(*e)) return hold(*e, m);
  if (status == v1::EntityState::REDIRECT)
    return join(model::from_proto(e->state.target()), model::from_proto(m.ref()), m.has_cause() ? &m.cause() : nullptr,
                m);
  const bool reason_gone =
      m.has_cause() && !FRESHET_MUTANT(kJoinForDropped) && find_identifier(e->state, m.cause().identifier()) < 0;
  if (status != v1::EntityState::LIVE || reason_gone) {
    // The home decides anew, asked by the claimant itself, so that its claims and frees keep their order.
    if (m.has_cause()) ask_again(m.cause().claimant(), m);
    return;
  }
  FRESHET_ASSERT(!e->state.has_target() && !e->state.has_departure());
  turn_.touch(*e);
  e->state.set_status(FRESHET_MUTANT(kRedirectBeforeAbsorbed) ? v1::EntityState::REDIRECT : v1::EntityState::LEAVING);
  e->state.set_winding_up(false);
  *e->state.mutable_target() = m.ref();
  v1::Departure& departure = *e->state.mutable_departure();
  if (m.has_cause()) *departure.mutable_cause() = m.cause();
  *departure.mutable_use() = m.use();
  step(*e, m.received_at_us());
}

// A join with what was merged away because of an identifier. Its home decides anew, and by then it must know that the
// survivor has it: so the identifier is handed over first. Otherwise the home would name this entity again, in a
// circle.
void Protocol::point_on(Entity& e, const Loop& m) {
  const int at = find_identifier(e.state, m.cause().identifier());
  if (at >= 0) repoint_one(e, at, m.received_at_us());
  ask_again(m.cause().claimant(), m);
}

// The loser keeps its state and its document until the survivor has answered: the answer may be that it lives on. What
// it sends can't change between two chunks, because it holds what arrives.
void Protocol::send_chunk(Entity& e, int64_t received_at_us) {
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
void Protocol::on_answer(const Loop& m) {
  Entity* e = entity_at(m.to());
  if (e == nullptr) return;
  FRESHET_ASSERT(e->state.status() == v1::EntityState::LEAVING && !e->state.has_departure());
  turn_.touch(*e);
  if (m.type() == Loop::ABSORBED) {
    e->state.set_status(v1::EntityState::REDIRECT);
    *e->state.mutable_target() = m.ref();
    end_profile(e->state, {turn_.tenant(), turn_.rules(), m.received_at_us(), turn_.trace(), &m.ref()}, turn_.out(),
                turn_.counters());
  } else if (m.type() == Loop::REVIVE) {
    e->state.set_status(v1::EntityState::LIVE);
    e->state.clear_target();
  } else {
    make_erased(*e, m, false);
  }
  e->state.set_winding_up(true);
  step(*e, m.received_at_us());
}

// ---- steps --------------------------------------------------------------------------------------------------------

void Protocol::on_step(const Loop& m) {
  Entity* e = entity_at(m.to());
  if (e == nullptr) return;
  FRESHET_ASSERT(e->state.stepping());  // There is one STEP of an entity at a time, or its work would double.
  turn_.touch(*e);
  e->state.set_stepping(false);
  step(*e, m.received_at_us());
}

// Does the next piece of what the entity has to do, and asks for another step if something is left. A leaving entity
// takes in first what it has accepted: it has answered for these identifiers, so they must be in what it sends.
void Protocol::step(Entity& e, int64_t received_at_us) {
  if (!e.state.absorbing().empty()) {
    absorb_one(e);
  } else if (e.state.has_departure()) {
    send_chunk(e, received_at_us);
  } else if (e.state.winding_up()) {
    wind_up(e, received_at_us);
  }
  const bool more = !e.state.absorbing().empty() || e.state.has_departure() || e.state.winding_up();
  const bool asks = more && !e.state.stepping();
  if (asks) e.state.set_stepping(true);
  FRESHET_ASSERT(fits_its_status(e.state));
  if (asks) turn_.to_later_turn(messages::step(e.ref, received_at_us));
}

// What an entity does after the answer, in this order: it passes on the chunks that it had gathered, which came before
// what it held; then what it held, before anything that comes later, as one person's records must not overtake one
// another; then it hands over its identifiers; and at last it removes its document, so that at every moment one of the
// two answers for them.
void Protocol::wind_up(Entity& e, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.winding_up() && e.state.status() != v1::EntityState::LEAVING);
  Budget budget(turn_.bounds().bytes, turn_.bounds().messages, turn_.counters());
  const bool redirect = e.state.status() == v1::EntityState::REDIRECT;
  if (redirect) pass_on_gathered(e, budget);
  release(e, budget);
  if (redirect) repoint(e, budget, received_at_us);
  const bool gathered = redirect && !e.state.gathered().empty();
  const bool listed = redirect && !e.state.identifiers().empty();
  if (!e.state.winding_up() || gathered || listed || !e.state.held().empty()) return;
  e.state.set_winding_up(false);
  if (redirect) editor_.say_removal(e, received_at_us);
}

// Chunks of losers that meant to join this entity, which was merged itself before it had all of them: the survivor
// gathers them on. Left behind, their losers would wait for an answer for ever.
void Protocol::pass_on_gathered(Entity& e, Budget& budget) {
  if (FRESHET_MUTANT(kChunksLeftBehind)) e.state.clear_gathered();
  while (budget.any() && !e.state.gathered().empty()) {
    Loop chunk = take_first(*e.state.mutable_gathered());
    messages::readdress(chunk, e.state.target());
    budget.spend(chunk.ByteSizeLong());
    turn_.to_entity(std::move(chunk));
  }
}

// Works off what the entity held. One of these messages may make it leave again: then the rest stays held.
void Protocol::release(Entity& e, Budget& budget) {
  FRESHET_ASSERT(e.state.winding_up());
  if (e.state.status() == v1::EntityState::REDIRECT && !e.state.gathered().empty()) return;
  if (FRESHET_MUTANT(kHeldForgotten)) e.state.clear_held();
  const Entity* const outer = std::exchange(releasing_, &e);
  while (budget.any() && e.state.winding_up() && !e.state.held().empty()) {
    Loop message = take_first(*e.state.mutable_held());
    messages::readdress(message, e.state.ref());
    budget.spend(message.ByteSizeLong());
    handle(message);
  }
  releasing_ = outer;
}

void Protocol::repoint(Entity& e, Budget& budget, int64_t received_at_us) {
  const auto& identifiers = e.state.identifiers();
  while (budget.any() && e.state.held().empty() && e.state.gathered().empty() && !identifiers.empty()) {
    budget.spend(identifiers[0].ByteSizeLong());
    repoint_one(e, 0, received_at_us);
  }
}

void Protocol::repoint_one(Entity& e, int position, int64_t received_at_us) {
  FRESHET_ASSERT(e.state.status() == v1::EntityState::REDIRECT && e.state.has_target());
  auto& identifiers = *e.state.mutable_identifiers();
  turn_.to_home(messages::repoint(e.ref, e.state.target(), identifiers[position].identifier(), received_at_us));
  identifiers.erase(identifiers.begin() + position);
  turn_.touch(e);
}

// ---- erasing ------------------------------------------------------------------------------------------------------

// Who asks for somebody that is erased already is told that it is done.
void Protocol::on_erase(const Loop& m) {
  Entity* e = reach(m);
  if (e == nullptr) return;
  if (e->state.status() == v1::EntityState::LIVE) return make_erased(*e, m, false);
  if (e->state.status() == v1::EntityState::ERASED)
    turn_.out().dead_letter(
        erasure_letter(m.record(), {turn_.rules().hash_key(), turn_.tenant_name(), m.received_at_us()}, false));
}

// Forgets the person. Those that it was taking in are the same person and are erased too; what of them was not whole
// here is nobody's, and each side counts its own messages. Unique identifiers are suppressed, so that a late event or
// a replay does not bring the profile back; shared ones are freed, because the tablet may be used by others. With
// `frees_all` all are: a device that goes with its person may be sold.
void Protocol::make_erased(Entity& e, const Loop& because, bool frees_all) {
  turn_.touch(e);
  count_erased(e.state.messages());
  ++turn_.counters().erased;
  e.state.set_status(v1::EntityState::ERASED);
  for (const Loop& chunk : e.state.absorbing())
    if (chunk.last()) turn_.to_entity(messages::erased_too(chunk, e.ref));
  std::vector<Loop> farewells = farewells_of(e.state, because.received_at_us(), [&](const v1::Identifier& i) {
    return frees_all || turn_.shared(e.ref.kind, i) || FRESHET_MUTANT(kEraseWithoutSuppress);
  });
  const ErasureContext context{turn_.rules().hash_key(), turn_.tenant_name(), because.received_at_us()};
  turn_.out().dead_letter(erasure_letter(notice_of(e.state, because.record(), farewells, context), context));
  e.state.clear_target();
  e.state.clear_absorbing();
  e.state.clear_identifiers();
  end_profile(e.state, {turn_.tenant(), turn_.rules(), because.received_at_us(), turn_.trace()}, turn_.out(),
              turn_.counters());
  for (Loop& m : farewells) m.has_to() ? turn_.to_entity(std::move(m)) : turn_.to_home(std::move(m));
  editor_.say_removal(e, because.received_at_us());
}

}  // namespace freshet::action
