// The entities that live in this partition: how messages reach them, what records do to them, and what is said of that
// in `changes` and `events`. The contents of a profile are the business of action/events; here is who may be changed
// at all: only an entity that lives. One that leaves keeps what arrives, one that was merged passes it on, one that
// was erased counts it and forgets it.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/audiences.h"
#include "action/events/person_limits.h"
#include "action/identity/messages.h"
#include "action/identity/protocol.h"
#include "action/read_whole.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"
#include "state/slices.h"

namespace freshet::action {
namespace {

// The id is made of the record, so that a replay tells of it under the same.
v1::DeadLetter letter_of_limited(const v1::Envelope& record) {
  v1::DeadLetter letter;
  const Hash128 name = hash128(record.tenant() + '\0' + record.message_id() + '\0' + record.ledger());
  letter.set_id(fmt::format("{:016x}-{}", std::max<int64_t>(record.received_at_us(), 0), name.hex()));
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

bool fits_its_status(const v1::EntityState& e) {
  const bool has_work = !e.absorbing().empty() || e.has_departure() || e.winding_up();
  if (has_work && !e.stepping()) return false;  // Nothing would ever make it go on.
  const bool goes = e.status() == v1::EntityState::LEAVING || e.status() == v1::EntityState::REDIRECT;
  if (goes != e.has_target()) return false;
  if (goes && !model::survives(model::from_proto(e.target()), model::from_proto(e.ref()))) return false;
  switch (e.status()) {
    case v1::EntityState::LIVE: return !e.has_departure() && (e.held().empty() || e.winding_up());
    case v1::EntityState::LEAVING: return !e.winding_up();
    case v1::EntityState::REDIRECT: return !e.has_departure() && e.absorbing().empty() && e.messages() == 0;
    case v1::EntityState::ERASED:
      return !e.has_departure() && e.absorbing().empty() && e.identifiers().empty() && e.messages() == 0;
    default: return false;
  }
}

// ---- reaching -----------------------------------------------------------------------------------------------------

// A reference always names an entity that was made before it, and entities are never deleted. So if there is none, the
// state can't be read: nothing is done then, and Engine::process() says so before anything of the batch is committed.
Protocol::Entity* Protocol::entity_at(const v1::EntityRef& ref) {
  const Hash128 id = model::from_proto(ref).id;
  FRESHET_ASSERT(turn_.is_here(id));
  Entity* const e = turn_.state().find_entity(id);
  FRESHET_ASSERT(e != nullptr || !turn_.state().status());
  return e;
}

// A leaving entity holds what arrives: what it applied now would be missing from the state that it has sent already.
// So does one that was answered, until what it held before is done: an erase that overtook the records before it would
// spare them.
bool Protocol::holds_back(const Entity& e) const {
  return e.state.status() == v1::EntityState::LEAVING || (e.state.winding_up() && releasing_ != &e);
}

void Protocol::hold(Entity& e, const Loop& m) {
  FRESHET_ASSERT(holds_back(e));
  turn_.touch(e);
  *e.state.add_held() = m;
  if (!e.state.winding_up()) return;
  Budget budget(turn_.bounds().bytes, kReleasedByArrival, turn_.counters());
  release(e, budget);
}

// The entity if it can take this message now. One that holds back keeps it, a redirect passes it on: late events of a
// profile that was merged away belong to the survivor, however long ago that was.
Protocol::Entity* Protocol::reach(const Loop& m) {
  Entity* e = entity_at(m.to());
  if (e == nullptr) return nullptr;
  if (holds_back(*e)) {
    hold(*e, m);
    return nullptr;
  }
  if (e->state.status() == v1::EntityState::REDIRECT) {
    if (FRESHET_MUTANT(kRedirectNotFollowed)) return nullptr;
    // Each redirect leads to an entity that ranks before: so the message arrives, after as many redirects as there were
    // merges one after the other.
    FRESHET_ASSERT(model::survives(model::from_proto(e->state.target()), e->ref));
    Loop onward = m;
    messages::readdress(onward, e->state.target());
    turn_.to_entity(std::move(onward));
    return nullptr;
  }
  return e;
}

// ---- records ------------------------------------------------------------------------------------------------------

void Protocol::on_apply(const Loop& m) {
  const bool is_device_part = m.has_ref() || m.has_other();
  apply(model::from_proto(m.to()), m.record(), is_device_part ? &m : nullptr);
}

// This is the hot path, so a message is made of the record only where it has to be kept or passed on. `device_part` is
// the message that brings a user's record to the device that it names.
void Protocol::apply(const model::EntityRef& to, const v1::Envelope& record, const Loop* device_part) {
  const bool here = turn_.is_here(to.id);
  Entity* e = here ? entity_for(turn_.state(), to.id, record) : nullptr;
  const bool applies_late = FRESHET_MUTANT(kApplyWhileLeaving) && e != nullptr && !e->state.has_departure() &&
                            e->state.status() == v1::EntityState::LEAVING;
  if (applies_late) return apply_live(*e, record, device_part);
  const bool is_ready = e != nullptr && !holds_back(*e);
  if (is_ready && e->state.status() == v1::EntityState::LIVE) {
    apply_live(*e, record, device_part);
    return keep_slice(turn_.state());
  }
  if (is_ready && e->state.status() == v1::EntityState::ERASED) {
    if (record.kind() != v1::Envelope::MERGE && device_part == nullptr) count_erased(1, &record);
    return;
  }
  Loop m = messages::apply(to, record, device_part);
  if (here) {
    (void)reach(m);
  } else {
    turn_.to_entity(std::move(m));
  }
}

void Protocol::apply_live(Entity& e, const v1::Envelope& record, const Loop* device_part) {
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
  apply_identifiers(edit, record);
  let_go_over_limit(edit);
  std::string device;
  if (device_part != nullptr) {
    if (device_part->has_ref()) attach_user(edit, *device_part, record);
  } else if (e.ref.kind == v1::ENTITY_KIND_USER && record.device_size() > 0) {
    device = send_device_part(e, record);
  }
  emit_events(e, record, device);
}

// An explicit merge says which identifier of its type is listed first.
void Protocol::apply_merge(Edit& edit, const v1::Envelope& record) {
  const v1::Use use = use_of(record);
  if (earlier(use, edit.state().listed_first_use())) return;
  *edit.state().mutable_listed_first() = routing_of(record);
  *edit.state().mutable_listed_first_use() = use;
  edit.touched().add(v1::IDENTIFIERS, routing_of(record).type());
}

// ---- what is said -------------------------------------------------------------------------------------------------

// Accepted messages that are in no profile, because theirs was erased (conservation). `late`: one that came after that.
void Protocol::count_erased(uint64_t messages, const v1::Envelope* late) {
  turn_.state().meta().set_erased_messages(turn_.state().meta().erased_messages() + messages);
  turn_.counters().erased_messages += messages;
  if (late != nullptr && !turn_.out().suppressed())
    turn_.out().note_late(turn_.tenant_name(),
                          model::value_hash(turn_.rules().hash_key(), turn_.tenant_name(), routing_of(*late).value()));
}

// `device`: of a user's record, the device that it names, as the user knows it.
void Protocol::emit_events(Entity& e, const v1::Envelope& record, const std::string& device) {
  if (turn_.out().suppressed() || record.events().empty() || !turn_.rules().writes_events(turn_.tenant())) return;
  const std::string own = e.ref.id.hex();
  const bool user = e.ref.kind == v1::ENTITY_KIND_USER;
  const auto render = turn_.rules().events_as_protobuf() ? enriched_event_protobuf : enriched_event_json;
  for (const v1::Event& event : record.events())
    turn_.out().event(own,
                      render(e.state, user ? own : std::string(), user ? device : own, record, event, turn_.tenant()));
}

}  // namespace freshet::action
