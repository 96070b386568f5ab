// Nearly every record takes the way through here: it finds its entity alive, is applied, and its events and its change
// are said. So that way makes no message, and decodes no more of the entity than the record needs.
#include "action/identity/host.h"

#include <utility>

#include "action/events/attributes.h"
#include "action/events/person_limits.h"
#include "action/identity/erasing.h"
#include "action/identity/identifiers.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"
#include "model/letter_id.h"
#include "state/slices.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

v1::DeadLetter letter_of_limited(const v1::Envelope& record) {
  v1::DeadLetter letter;
  const Hash128 name = hash128(record.tenant() + '\0' + record.message_id() + '\0' + record.ledger());
  letter.set_id(model::letter_id(record.received_at_us(), name));
  letter.set_tenant(record.tenant());
  letter.set_source("action");
  letter.set_code("person_limit");
  letter.set_reason("its person had as many events as limits.person allows; replay it later, or raise the limit");
  letter.set_message_id(record.message_id());
  letter.set_received_at_us(record.received_at_us());
  letter.set_body(record.SerializeAsString());
  letter.set_body_type(v1::DeadLetter::ENVELOPE);
  return letter;
}

// Whether the record is one too many of its person. If not, its events are counted.
bool is_over_limit(state::Entity& e, const v1::Envelope& record, Turn& turn) {
  const Tenant& tenant = turn.tenant();
  if (!tenant.rules.has_person_limits() || record.events().empty() || e.ref.kind != v1::ENTITY_KIND_USER ||
      FRESHET_MUTANT(kPersonWithoutLimit))
    return false;
  if (!has_room(e.state.windows(), tenant.rules.person_limits(), record.received_at_us())) {
    v1::PartitionMeta& meta = turn.state().meta();
    meta.set_limited_messages(meta.limited_messages() + 1);
    ++turn.counters().limited;
    return true;
  }
  turn.touch(e);
  count_events(*e.state.mutable_windows(), record.received_at_us(), static_cast<uint32_t>(record.events_size()));
  return false;
}

// The entity that a record is to be applied to: if it can be, as much of it as that takes. Whoever has a version has
// said its whole document already, so that what the record does not touch is not looked at.
state::Entity* entity_for(state::PartitionState& state, const Hash128& id, const v1::Envelope& record) {
  state::Entity* const slice = slice_entity(state, id, record);
  const bool takes_it = slice != nullptr && slice->state.status() == v1::EntityState::LIVE &&
                        !slice->state.winding_up() && slice->state.version() > 0;
  return takes_it ? slice : state.find_entity(id);
}

}  // namespace

// ---- records ------------------------------------------------------------------------------------------------------

void Host::on_apply(const Loop& m) {
  const bool is_device_part = m.has_ref() || m.has_other();
  apply(model::from_proto(m.to()), m.record(), is_device_part ? &m : nullptr);
}

// This is the hot path, so a message is made of the record only where it has to be kept or passed on. `device_part` is
// the message that brings a user's record to the device that it names.
void Host::apply(const model::EntityRef& to, const v1::Envelope& record, const Loop* device_part) {
  const bool here = turn_.is_here(to.id);
  Entity* e = here ? entity_for(turn_.state(), to.id, record) : nullptr;
  const bool applies_late = FRESHET_MUTANT(kApplyWhileLeaving) && e != nullptr && !e->state.has_departure() &&
                            e->state.status() == v1::EntityState::LEAVING;
  if (applies_late) return apply_live(*e, record, device_part);
  const bool is_ready = e != nullptr && !arrivals_.holds_back(*e);
  if (is_ready && e->state.status() == v1::EntityState::LIVE) {
    apply_live(*e, record, device_part);
    return keep_slice(turn_.state());
  }
  if (is_ready && e->state.status() == v1::EntityState::ERASED) {
    if (record.kind() != v1::Envelope::MERGE && device_part == nullptr) count_erased(turn_, 1, &record);
    return;
  }
  Loop m = messages::apply(to, record, device_part);
  if (here) {
    (void)arrivals_.reach(m);
  } else {
    turn_.to_entity(std::move(m));
  }
}

void Host::apply_live(Entity& e, const v1::Envelope& record, const Loop* device_part) {
  FRESHET_ASSERT(e.state.status() == v1::EntityState::LIVE || FRESHET_MUTANT(kApplyWhileLeaving));
  FRESHET_ASSERT(device_part == nullptr || e.ref.kind == v1::ENTITY_KIND_DEVICE);
  if (FRESHET_MUTANT(kDedupAtApply) &&
      !turn_.state().first_sight(hash128(record.tenant() + record.message_id()), record.received_at_us()))
    return;
  if (device_part == nullptr && is_over_limit(e, record, turn_))
    return turn_.out().dead_letter(letter_of_limited(record));
  Edit edit(editor_, e, record.received_at_us());
  if (record.kind() == v1::Envelope::MERGE) return apply_merge(edit, record);
  apply_record(e.state, record, turn_.tenant(), properties_, edit.touched());
  // Every accepted message is counted in exactly one profile, so that the sums show a loss or a doubling
  // (conservation). A user's record is counted for its user, and not for the device too.
  if (device_part == nullptr) e.state.set_messages(e.state.messages() + 1);
  links_.apply(edit, record);
  links_.let_go_over_limit(edit);
  std::string device;
  if (device_part != nullptr) {
    if (device_part->has_ref()) devices_.attach_user(edit, *device_part, record);
  } else if (e.ref.kind == v1::ENTITY_KIND_USER && record.device_size() > 0) {
    device = devices_.send_part(e, record);
  }
  emit_events(e, record, device);
}

// An explicit merge says which identifier of its type is listed first.
void Host::apply_merge(Edit& edit, const v1::Envelope& record) {
  const v1::Use use = use_of(record);
  if (earlier(use, edit.state().listed_first_use())) return;
  *edit.state().mutable_listed_first() = routing_of(record);
  *edit.state().mutable_listed_first_use() = use;
  edit.touched().add(v1::IDENTIFIERS, routing_of(record).type());
}

// ---- what is said -------------------------------------------------------------------------------------------------

// `device`: of a user's record, the device that it names, as the user knows it.
void Host::emit_events(Entity& e, const v1::Envelope& record, const std::string& device) {
  if (turn_.out().suppressed() || record.events().empty() || !turn_.rules().writes_events(turn_.tenant())) return;
  const std::string own = e.ref.id.hex();
  const bool user = e.ref.kind == v1::ENTITY_KIND_USER;
  const auto render = turn_.rules().events_as_protobuf() ? enriched_event_protobuf : enriched_event_json;
  for (const v1::Event& event : record.events())
    turn_.out().event(record, own,
                      render(e.state, user ? own : std::string(), user ? device : own, record, event, turn_.tenant()));
}

}  // namespace freshet::action
