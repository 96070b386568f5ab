// Each side has a list of references, and the two lists are in different partitions: neither can look at the other. So
// each tells the other what it has done, and what could not be done on one side is undone on the other.
#include "action/identity/devices.h"

#include <algorithm>
#include <utility>

#include "action/events/built_in.h"
#include "action/identity/messages.h"
#include "action/identity/refs.h"
#include "base/assert.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

// The id of the device that the identifier would make if there were none with it: generation 0, as of all that was
// never freed.
Hash128 id_of(const std::string& tenant, const v1::Identifier& identifier) {
  return model::entity_id(tenant, v1::ENTITY_KIND_DEVICE, identifier, 0);
}

v1::EntityRef ref_of(const Hash128& id) {
  v1::EntityRef ref;
  model::to_proto({.id = id, .kind = v1::ENTITY_KIND_DEVICE}, ref);
  return ref;
}

// The device with this id, or the one that this id has become; nullptr: the user knows of neither.
const v1::EntityRef* known_device(const v1::EntityState& user, const RefKey& id) {
  if (const int at = find_ref(user.attached(), id); at >= 0) return &user.attached(at);
  if (const int at = find_ref(user.known_as(), id); at >= 0) return &user.known_as(at).ref();
  return nullptr;
}

void put_known_as(v1::EntityState& user, const RefKey& id, const v1::EntityRef& ref, uint32_t names_max) {
  auto& names = *user.mutable_known_as();
  const int at = lower_bound_of(names, id, RefKeyOf{});
  const bool there = at < names.size() && RefKeyOf{}(names[at]) == id;
  if (!there && static_cast<uint32_t>(names.size()) >= names_max) return;
  v1::KnownAs& name = there ? names[at] : insert_at(names, at);
  name.set_id_high(id.first);
  name.set_id_low(id.second);
  *name.mutable_ref() = ref;
}

void forget_device(v1::EntityState& user, const v1::EntityRef& device) {
  auto& names = *user.mutable_known_as();
  const auto gone = [&](const v1::KnownAs& name) { return same(name.ref(), device); };
  names.erase(std::remove_if(names.begin(), names.end(), gone), names.end());
}

}  // namespace

// ---- records ------------------------------------------------------------------------------------------------------

// Returns the device's id as the user knows it, in hex: the one that its first identifier makes, until the device has
// said otherwise. The event that is enriched with it does not wait for the device's partition to answer.
std::string Devices::send_part(Entity& user, const v1::Envelope& record) {
  FRESHET_ASSERT(user.ref.kind == v1::ENTITY_KIND_USER && record.device_size() > 0);
  const v1::EntityRef made = ref_of(id_of(turn_.tenant_name(), record.device(0)));
  const v1::EntityRef* known = known_device(user.state, key_of(made));
  // Both list each other or neither does. A user whose list is full says so by leaving itself out of the message.
  const bool full = static_cast<uint32_t>(user.state.attached_size()) >= turn_.tenant().rules.attached_max();
  const bool listed = known != nullptr || !full;
  if (!listed) turn_.count_dropped(Reason::kDevicesMax);
  const v1::EntityRef* const told = known == nullptr ? &v1::EntityRef::default_instance() : known;
  const bool is_made = known != nullptr && same(*known, made);
  std::string id = model::from_proto(known != nullptr ? *known : made).id.hex();
  turn_.to_home(messages::enter_device(listed ? &user.ref : nullptr, is_made ? nullptr : told, part_of(record)));
  return id;
}

// The device's part has no events: they are the user's, and are counted there.
v1::Envelope Devices::part_of(const v1::Envelope& record) const {
  v1::Envelope part;
  part.set_tenant(record.tenant());
  part.set_source(record.source());
  part.set_message_id(record.message_id());
  part.set_kind(v1::Envelope::DEVICE);
  *part.mutable_device() = record.device();
  *part.mutable_device_attributes() = record.device_attributes();
  part.set_time_us(record.time_us());
  part.set_received_at_us(record.received_at_us());
  part.set_verified(record.verified());
  if (turn_.tenant().knows_activity) part.set_uninstalled_us(uninstall_time(record));
  if (!record.trace_parent().empty()) part.set_trace_parent(record.trace_parent());
  return part;
}

// The device lists the user. It answers only if the user does not know yet who the device is, or does not list it: an
// answer to every record would double the messages between partitions.
void Devices::attach_user(Edit& edit, const Loop& part, const v1::Envelope& record) {
  FRESHET_ASSERT(part.ref().kind() == v1::ENTITY_KIND_USER);
  v1::EntityState& device = edit.state();
  auto& users = *device.mutable_attached();
  const Added added = add_ref(users, part.ref(), turn_.tenant().rules.attached_max());
  if (added == Added::kFull) return turn_.count_dropped(Reason::kUsersMax);
  if (added == Added::kAdded) edit.touched().add(v1::USERS);
  const v1::EntityRef believed = part.has_other() ? part.other() : ref_of(id_of(turn_.tenant_name(), record.device(0)));
  const bool known = same(believed, device.ref());
  if (known && added != Added::kAdded) return;
  // Only whom it has taken in does the device replace: another one may have had the identifier before, and lives on.
  const bool replaces = !turn_.tenant().keeps_devices || find_ref(device.merged(), key_of(believed)) >= 0;
  const bool stale = !known && replaces && key_of(believed) != RefKey{};
  turn_.to_entity(messages::attach(part.ref(), device.ref(), stale ? &believed : nullptr, &record.device(0),
                                   record.received_at_us()));
}

// ---- references ---------------------------------------------------------------------------------------------------

// Lists a reference to an entity of the other kind. False: there is no room for it.
bool Devices::add_attached(Edit& edit, const v1::EntityRef& ref) {
  const bool user = edit.entity().ref.kind == v1::ENTITY_KIND_USER;
  FRESHET_ASSERT(edit.entity().ref.kind != ref.kind());
  const Added added = add_ref(*edit.state().mutable_attached(), ref, turn_.tenant().rules.attached_max());
  if (added == Added::kAdded) edit.touched().add(user ? v1::DEVICES : v1::USERS);
  if (added == Added::kFull) turn_.count_dropped(user ? Reason::kDevicesMax : Reason::kUsersMax);
  return added != Added::kFull;
}

// The other side tells who it is now, or that it is no more. A message that was addressed to an old name of this
// entity (it followed a redirect) or to an erased one is answered, so that the sender's list is right from then on.
void Devices::on_attach(const Loop& m) {
  Entity* e = arrivals_.reach(m);
  if (e == nullptr) return;
  const bool erased = e->state.status() == v1::EntityState::ERASED;
  const bool stale = m.has_ref() && (erased || !same(m.addressed(), e->state.ref()));
  if (stale)
    turn_.to_entity(erased ? messages::detach(m.ref(), m.addressed(), m.received_at_us())
                           : messages::attach(m.ref(), e->state.ref(), &m.addressed(), nullptr, m.received_at_us()));
  if (erased) return;
  const bool user = e->ref.kind == v1::ENTITY_KIND_USER;
  Edit edit(editor_, *e, m.received_at_us());
  const bool removed = m.has_other() && remove_ref(*e->state.mutable_attached(), m.other());
  if (removed) edit.touched().add(user ? v1::DEVICES : v1::USERS);
  if (removed && m.erased() && !user && e->state.attached().empty()) {
    edit.leave_unsaid();  // Its removal is.
    return erasing_.erase(*e, m, true);
  }
  const bool added = m.has_ref() && add_attached(edit, m.ref());
  if (m.has_ref() && !added) turn_.to_entity(messages::detach(m.ref(), e->state.ref(), m.received_at_us()));
  if (user && added) learn_device(*e, m);
  if (user && !added) forget_device(e->state, m.other());
}

// Notes by which names the user will meet this device: the one that it replaces, and the one that its identifier would
// make. Records go on naming the identifier, so without the note each of them would be enriched with an id that nobody
// has.
void Devices::learn_device(Entity& user, const Loop& m) {
  const uint32_t names_max = turn_.tenant().rules.attached_max();
  auto& names = *user.state.mutable_known_as();
  if (m.has_other()) {
    for (v1::KnownAs& name : names)
      if (same(name.ref(), m.other())) *name.mutable_ref() = m.ref();
    put_known_as(user.state, key_of(m.other()), m.ref(), names_max);
  }
  if (!m.has_identifier()) return;
  const RefKey made = key_of(ref_of(id_of(turn_.tenant_name(), m.identifier())));
  if (made != key_of(m.ref())) put_known_as(user.state, made, m.ref(), names_max);
}

// The references of a merged entity are the survivor's now, and those at the other end are told. Where the survivor's
// list is full the other side is told that it is not listed, so that neither lists the other.
void Devices::absorb_attached(Edit& edit, const v1::EntityRef& loser, const v1::EntityState& chunk) {
  for (const v1::EntityRef& ref : chunk.attached()) {
    const bool added = add_attached(edit, ref);
    turn_.to_entity(added ? messages::attach(ref, edit.state().ref(), &loser, nullptr, edit.received_at_us())
                          : messages::detach(ref, loser, edit.received_at_us()));
  }
  for (const v1::KnownAs& name : chunk.known_as())
    put_known_as(edit.state(), RefKeyOf{}(name), name.ref(), turn_.tenant().rules.attached_max());
}

}  // namespace freshet::action
