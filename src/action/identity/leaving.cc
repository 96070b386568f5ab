// Entities that go: into another, or for good. And the steps in which an entity does what is too much for one record.
#include <algorithm>
#include <utility>

#include "action/identity/chunks.h"
#include "action/identity/protocol.h"
#include "base/mutant.h"
#include "model/packed_state.h"

namespace freshet::action {
namespace {

// Takes the content away; what tells who it is stays.
void clear_profile(v1::EntityState& state) {
  state.clear_attributes();
  state.clear_sets();
  state.clear_packed();
  state.clear_events();
  state.clear_computed();
  state.clear_attached();
  state.clear_known_as();
  state.clear_merged();
  state.clear_refused();
  state.clear_history();
  state.clear_messages();
  state.clear_first_seen_us();
  state.clear_last_seen_us();
  state.clear_listed_first();
  state.clear_listed_first_use();
}

template <class T>
T take_first(google::protobuf::RepeatedPtrField<T>& list) {
  T first = std::move(list[0]);  // a copy, out of the entity's arena
  list.erase(list.begin());
  return first;
}

}  // namespace

// ---- leaving ------------------------------------------------------------------------------------------------------

void Protocol::on_join(const Loop& m) {
  Entity* e = entity_at(m.to());
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
  state::PartitionState::touch(*e, state_);
  e->state.set_status(FRESHET_MUTANT(kRedirectBeforeAbsorbed) ? v1::EntityState::REDIRECT : v1::EntityState::LEAVING);
  e->state.set_winding_up(false);
  *e->state.mutable_target() = m.ref();
  v1::Departure& departure = *e->state.mutable_departure();
  if (m.has_cause()) *departure.mutable_cause() = m.cause();
  *departure.mutable_use() = m.use();
  step(*e, m.received_at_us());
}

// A join with what is merged away. The home decides anew, and by then it must know who has the identifier: what is
// still held here would otherwise come back for ever.
void Protocol::point_on(Entity& e, const Loop& m) {
  const int at = find_identifier(e.state, m.cause().identifier());
  if (at >= 0) repoint_one(e, at, m.received_at_us());
  ask_again(m.cause().claimant(), m);
}

// The loser keeps its state and its document until the survivor has answered.
void Protocol::send_chunk(Entity& e, int64_t received_at_us) {
  v1::Departure& departure = *e.state.mutable_departure();
  Loop m;
  m.set_type(Loop::ABSORB);
  *m.mutable_to() = e.state.target();
  to_proto(e.ref, *m.mutable_ref());
  model::unpack(e.state);
  const Cut cut = cut_chunk(e.state, departure.sent(), bounds_.chunk_bytes, *m.mutable_chunk());
  m.set_last(cut.last);
  if (departure.has_cause()) *m.mutable_cause() = departure.cause();
  *m.mutable_use() = departure.use();
  m.set_received_at_us(received_at_us);
  counters_.step_bytes += m.chunk().ByteSizeLong();
  ++counters_.step_messages;
  departure.set_sent(cut.next);
  if (cut.last) e.state.clear_departure();
  to_entity(std::move(m));
}

// What the survivor says: `absorbed`, `revive` or `erased_too`.
void Protocol::on_answer(const Loop& m) {
  Entity* e = entity_at(m.to());
  state::PartitionState::touch(*e, state_);
  if (m.type() == Loop::ABSORBED) {
    e->state.set_status(v1::EntityState::REDIRECT);
    *e->state.mutable_target() = m.ref();
    clear_profile(e->state);
  } else if (m.type() == Loop::REVIVE) {
    e->state.set_status(v1::EntityState::LIVE);
    e->state.clear_target();
  } else {
    make_erased(*e, m.received_at_us());
  }
  e->state.set_winding_up(true);
  step(*e, m.received_at_us());
}

// ---- steps --------------------------------------------------------------------------------------------------------

void Protocol::on_step(const Loop& m) {
  Entity* e = entity_at(m.to());
  state::PartitionState::touch(*e, state_);
  e->state.set_stepping(false);
  step(*e, m.received_at_us());
}

// The next piece of what the entity has to do. A leaving one takes in first what it has accepted; what it sends then no
// longer changes, because it holds back.
void Protocol::step(Entity& e, int64_t received_at_us) {
  if (!e.state.absorbing().empty()) {
    absorb_one(e);
  } else if (e.state.has_departure()) {
    send_chunk(e, received_at_us);
  } else if (e.state.winding_up()) {
    wind_up(e, received_at_us);
  }
  const bool more = !e.state.absorbing().empty() || e.state.has_departure() || e.state.winding_up();
  if (!more || e.state.stepping()) return;
  e.state.set_stepping(true);
  Loop m;
  m.set_type(Loop::STEP);
  to_proto(e.ref, *m.mutable_to());
  m.set_received_at_us(received_at_us);
  send_through_log(partition_, std::move(m));
}

void Protocol::spend(Budget& budget, size_t bytes) {
  counters_.step_bytes += bytes;
  ++counters_.step_messages;
  budget.bytes -= std::min(budget.bytes, bytes);
  --budget.messages;
}

// After the answer: what it had gathered, which is the beginning of what it held; then what it held, in order and
// before anything that comes later; then its identifiers; at last its document.
void Protocol::wind_up(Entity& e, int64_t received_at_us) {
  Budget budget{bounds_.bytes, bounds_.messages};
  const bool redirect = e.state.status() == v1::EntityState::REDIRECT;
  if (redirect) pass_on_gathered(e, budget);
  release(e, budget);
  if (redirect) repoint(e, budget, received_at_us);
  const bool gathered = redirect && !e.state.gathered().empty();
  const bool listed = redirect && !e.state.identifiers().empty();
  if (!e.state.winding_up() || gathered || listed || !e.state.held().empty()) return;
  e.state.set_winding_up(false);
  if (redirect) emit_removal(e, received_at_us);
}

void Protocol::pass_on_gathered(Entity& e, Budget& budget) {
  if (FRESHET_MUTANT(kChunksLeftBehind)) e.state.clear_gathered();
  while (budget.any() && !e.state.gathered().empty()) {
    Loop chunk = take_first(*e.state.mutable_gathered());
    *chunk.mutable_to() = e.state.target();
    spend(budget, chunk.ByteSizeLong());
    to_entity(std::move(chunk));
  }
}

// One of them may make the entity leave again: then the rest stays held.
void Protocol::release(Entity& e, Budget& budget) {
  if (e.state.status() == v1::EntityState::REDIRECT && !e.state.gathered().empty()) return;
  if (FRESHET_MUTANT(kHeldForgotten)) e.state.clear_held();
  const Entity* const outer = std::exchange(releasing_, &e);
  while (budget.any() && e.state.winding_up() && !e.state.held().empty()) {
    Loop message = take_first(*e.state.mutable_held());
    to_proto(e.ref, *message.mutable_to());
    spend(budget, message.ByteSizeLong());
    handle(message);
  }
  releasing_ = outer;
}

void Protocol::repoint(Entity& e, Budget& budget, int64_t received_at_us) {
  const auto& identifiers = e.state.identifiers();
  while (budget.any() && e.state.held().empty() && e.state.gathered().empty() && !identifiers.empty()) {
    spend(budget, identifiers[0].ByteSizeLong());
    repoint_one(e, 0, received_at_us);
  }
}

void Protocol::repoint_one(Entity& e, int position, int64_t received_at_us) {
  auto& identifiers = *e.state.mutable_identifiers();
  Loop m;
  m.set_type(Loop::REPOINT);
  m.set_kind(e.ref.kind);
  *m.mutable_identifier() = identifiers[position].identifier();
  identifiers.erase(identifiers.begin() + position);
  to_proto(e.ref, *m.mutable_ref());
  *m.mutable_other() = e.state.target();
  m.set_received_at_us(received_at_us);
  state::PartitionState::touch(e, state_);
  to_home(std::move(m));
}

// ---- erasing ------------------------------------------------------------------------------------------------------

void Protocol::on_erase(const Loop& m) {
  Entity* e = reach(m);
  if (e != nullptr && e->state.status() == v1::EntityState::LIVE) make_erased(*e, m.received_at_us());
}

// What it was taking in is not its own yet: those are erased too, and count their messages themselves.
void Protocol::make_erased(Entity& e, int64_t received_at_us) {
  state::PartitionState::touch(e, state_);
  count_erased(e.state.messages());
  ++counters_.erased;
  e.state.set_status(v1::EntityState::ERASED);
  e.state.clear_target();
  for (const Loop& chunk : e.state.absorbing())
    if (chunk.last()) answer(chunk, Loop::ERASED_TOO, e);
  e.state.clear_absorbing();
  for (const v1::EntityRef& other : e.state.attached())
    send_attach(other, nullptr, &e.state.ref(), nullptr, received_at_us);
  clear_profile(e.state);
  google::protobuf::RepeatedPtrField<v1::IdentifierUse> identifiers;
  identifiers.Swap(e.state.mutable_identifiers());
  for (const v1::IdentifierUse& i : identifiers) {
    Loop m;
    const bool frees = shared(e.ref.kind, i.identifier()) || FRESHET_MUTANT(kEraseWithoutSuppress);
    m.set_type(frees ? Loop::FREE : Loop::SUPPRESS);
    m.set_kind(e.ref.kind);
    *m.mutable_identifier() = i.identifier();
    to_proto(e.ref, *m.mutable_ref());
    m.set_received_at_us(received_at_us);
    to_home(std::move(m));
  }
  emit_removal(e, received_at_us);
}

}  // namespace freshet::action
