// A person is forgotten where the entity lives, at the homes of its identifiers, at the entities that it was attached
// to, and in every copy elsewhere. What the others are told is in erasure.h.
#include "action/identity/erasing.h"

#include <utility>
#include <vector>

#include "action/events/audiences.h"
#include "action/identity/erasure.h"
#include "action/identity/identifiers.h"
#include "action/identity/messages.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

}  // namespace

// Takes the content of a profile away, and its audiences. Who it is, its version and its identifiers stay: the version
// must go on rising, as the document store ignores a removal that is not newer than what it has.
void end_profile(Turn& turn, v1::EntityState& state, int64_t received_at_us, const v1::EntityRef* into) {
  const AudienceContext context{turn.tenant(), turn.rules(), received_at_us, turn.trace(), into};
  end_audiences(state, context, turn.out(), turn.counters().audiences);
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

// Accepted messages that are in no profile, because theirs was erased (conservation). `late`: one that came after that.
void count_erased(Turn& turn, uint64_t messages, const v1::Envelope* late) {
  v1::PartitionMeta& meta = turn.state().meta();
  meta.set_erased_messages(meta.erased_messages() + messages);
  turn.counters().erased_messages += messages;
  if (late == nullptr || turn.out().suppressed()) return;
  const std::string& tenant = turn.tenant_name();
  turn.out().note_late(tenant, model::value_hash(turn.rules().hash_key(), tenant, routing_of(*late).value()));
}

// Who asks for somebody that is erased already is told that it is done.
void Erasing::on_erase(const Loop& m) {
  Entity* e = arrivals_.reach(m);
  if (e == nullptr) return;
  if (e->state.status() == v1::EntityState::LIVE) return erase(*e, m, false);
  if (e->state.status() != v1::EntityState::ERASED) return;
  const ErasureContext context{turn_.rules().hash_key(), turn_.tenant_name(), m.received_at_us()};
  turn_.out().dead_letter(erasure_letter(m.record(), context, false));
}

// Forgets the person. Those that it was taking in are the same person and are erased too; what of them was not whole
// here is nobody's, and each side counts its own messages. Unique identifiers are suppressed, so that a late event or
// a replay does not bring the profile back; shared ones are freed, because the tablet may be used by others. With
// `frees_all` all are: a device that goes with its person may be sold.
void Erasing::erase(Entity& e, const Loop& because, bool frees_all) {
  turn_.touch(e);
  count_erased(turn_, e.state.messages());
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
  end_profile(turn_, e.state, because.received_at_us());
  for (Loop& m : farewells) m.has_to() ? turn_.to_entity(std::move(m)) : turn_.to_home(std::move(m));
  editor_.say_removal(e, because.received_at_us());
}

}  // namespace freshet::action
