// Entities: what messages do to the profiles that live here. Merging is in merging.cc.
#include <algorithm>
#include <utility>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "action/identity/protocol.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/identifier.h"

namespace freshet::action {
namespace {

constexpr int kRefusedMax = 64;

uint64_t high_word(const v1::EntityRef& ref) { return ref.id_high(); }

bool same(const v1::EntityRef& a, const v1::EntityRef& b) {
  return a.id_high() == b.id_high() && a.id_low() == b.id_low();
}

bool contains(const google::protobuf::RepeatedPtrField<v1::Identifier>& list, const v1::Identifier& i) {
  return std::any_of(list.begin(), list.end(),
                     [&](const auto& x) { return x.type() == i.type() && x.value() == i.value(); });
}

}  // namespace

// ---- reaching -----------------------------------------------------------------------------------------------------

Protocol::Entity* Protocol::entity_at(const v1::EntityRef& ref) {
  const model::EntityRef decoded = model::from_proto(ref);
  if (Entity* e = state_.find_entity(decoded.id)) return e;
  // A reference always names an entity that was made before it: so the state could not be read, and says so.
  FRESHET_ASSERT(!state_.status());
  scratch_ = std::make_unique<Entity>();
  scratch_->ref = decoded;
  *scratch_->state.mutable_ref() = ref;
  scratch_->ahead.dirty = true;
  return scratch_.get();
}

// The entity if it can take this message now. A leaving one holds it, a redirect passes it on.
Protocol::Entity* Protocol::reach(const Loop& m) {
  Entity* e = entity_at(m.to());
  if (e->state.status() == v1::EntityState::LEAVING) {
    state::PartitionState::touch(*e, state_);
    *e->state.add_held() = m;
    return nullptr;
  }
  if (e->state.status() == v1::EntityState::REDIRECT) {
    if (FRESHET_MUTANT(kRedirectNotFollowed)) return nullptr;
    Loop onward = m;
    *onward.mutable_to() = e->state.target();
    to_entity(std::move(onward));
    return nullptr;
  }
  return e;
}

// ---- records ------------------------------------------------------------------------------------------------------

void Protocol::on_apply(const Loop& m) {
  apply(model::from_proto(m.to()), m.record(), m.has_ref() ? &m.ref() : nullptr);
}

// The hot path: a message is made of the record only where it has to be kept or passed on.
void Protocol::apply(const model::EntityRef& to, const v1::Envelope& record, const v1::EntityRef* attached) {
  const bool here = to.partition == partition_;
  Entity* e = here ? state_.find_entity(to.id) : nullptr;
  if (e != nullptr && (e->state.status() == v1::EntityState::LIVE ||
                       (FRESHET_MUTANT(kApplyWhileLeaving) && e->state.status() == v1::EntityState::LEAVING)))
    return apply_live(*e, record, attached);
  if (e != nullptr && e->state.status() == v1::EntityState::ERASED) {
    if (record.kind() == v1::Envelope::MERGE || e->ref.kind == v1::ENTITY_KIND_DEVICE) return;
    return count_erased(1);
  }
  Loop m;
  m.set_type(Loop::APPLY);
  to_proto(to, *m.mutable_to());
  *m.mutable_record() = record;
  if (attached != nullptr) *m.mutable_ref() = *attached;
  m.set_received_at_us(record.received_at_us());
  if (here) {
    (void)reach(m);
  } else {
    to_entity(std::move(m));
  }
}

void Protocol::apply_live(Entity& e, const v1::Envelope& record, const v1::EntityRef* attached) {
  if (FRESHET_MUTANT(kDedupAtApply) &&
      !state_.first_sight(hash128(record.tenant() + record.message_id()), record.received_at_us()))
    return;
  state::PartitionState::touch(e, state_);
  touched_.clear();
  if (e.state.version() == 0) touched_.all();
  if (record.kind() == v1::Envelope::MERGE) {
    const v1::Use use = use_of(record);
    if (!earlier(use, e.state.listed_first_use())) {
      *e.state.mutable_listed_first() = record.user(0);
      *e.state.mutable_listed_first_use() = use;
      touched_.add(v1::IDENTIFIERS, record.user(0).type());
    }
  } else {
    apply_record(e.state, record, tenant(), properties_, touched_);
    apply_identifiers(e, record);
    if (attached != nullptr) attach(e, *attached, record.received_at_us());
    let_go_over_limit(e, record.received_at_us());
    emit_events(e, record);
  }
  emit_change(e, record.received_at_us());
}

void Protocol::apply_identifiers(Entity& e, const v1::Envelope& record) {
  const auto& identifiers = e.ref.kind == v1::ENTITY_KIND_USER ? record.user() : record.device();
  const auto& refused = e.state.refused();
  const bool remembers = e.state.refused_revision() == state_.meta().rules().revision();
  for (int position = 0; position < identifiers.size(); ++position) {
    const v1::Identifier& i = identifiers[position];
    v1::Use use;
    use.set_time_us(record.time_us());
    if (const int at = find_identifier(e.state, i); at >= 0) {
      v1::Use& last = *e.state.mutable_identifiers(at)->mutable_use();
      if (last.time_us() > record.time_us()) continue;
      use.set_message_id(record.message_id());
      if (earlier(last, use)) last.Swap(&use);
      continue;
    }
    // The routing identifier's home has decided already.
    if (position == 0 || (remembers && contains(refused, i))) continue;
    if (!shared(e.ref.kind, i) &&
        count_identifiers(e.state, i.type()) >= model::identifier_limit(i.type(), tenant().rules)) {
      ++counters_.dropped_identifiers;
      continue;
    }
    // Add first, then ask: whatever merges this entity takes the identifier along.
    use.set_message_id(record.message_id());
    put_identifier(e.state, i, use);
    touched_.add(v1::IDENTIFIERS, i.type());
    v1::IdentifierUse claimed;
    *claimed.mutable_identifier() = i;
    *claimed.mutable_use() = use;
    claim(e, claimed, record.received_at_us());
  }
}

// ---- identifiers --------------------------------------------------------------------------------------------------

void Protocol::claim(Entity& e, const v1::IdentifierUse& identifier, int64_t received_at_us) {
  Loop m;
  m.set_type(Loop::LINK);
  m.set_kind(e.ref.kind);
  *m.mutable_identifier() = identifier.identifier();
  *m.mutable_use() = identifier.use();
  to_proto(e.ref, *m.mutable_ref());
  m.set_received_at_us(received_at_us);
  to_home(std::move(m));
}

// A claim or a grant may still be under way: the home is told, whatever the reason.
void Protocol::drop(Entity& e, int position, int64_t received_at_us) {
  Loop m;
  m.set_type(Loop::FREE);
  m.set_kind(e.ref.kind);
  *m.mutable_identifier() = e.state.identifiers(position).identifier();
  to_proto(e.ref, *m.mutable_ref());
  m.set_received_at_us(received_at_us);
  touched_.add(v1::IDENTIFIERS, m.identifier().type());
  auto& list = *e.state.mutable_identifiers();
  list.erase(list.begin() + position);
  state::PartitionState::touch(e, state_);
  if (!FRESHET_MUTANT(kDropWithoutFree)) to_home(std::move(m));
}

void Protocol::let_go_over_limit(Entity& e, int64_t received_at_us) {
  const auto& list = e.state.identifiers();
  if (list.size() < 2) return;
  for (int i = 0; i < list.size();) {  // by type: the list is sorted by it
    const std::string type = list[i].identifier().type();
    int end = i;
    while (end < list.size() && list[end].identifier().type() == type) ++end;
    const auto limit = static_cast<int>(model::identifier_limit(type, tenant().rules));
    if (end - i <= limit || !shared(e.ref.kind, list[i].identifier())) {
      i = end;
      continue;
    }
    int oldest = i;
    for (int k = i + 1; k < end; ++k)
      if (earlier(list[k].use(), list[oldest].use())) oldest = k;
    drop(e, oldest, received_at_us);
    ++counters_.dropped_identifiers;
  }
}

void Protocol::remember_refusal(Entity& e, const v1::Identifier& identifier) {
  auto& refused = *e.state.mutable_refused();
  const uint64_t revision = state_.meta().rules().revision();
  if (e.state.refused_revision() != revision) refused.Clear();
  e.state.set_refused_revision(revision);
  if (contains(refused, identifier)) return;
  if (refused.size() >= kRefusedMax) refused.erase(refused.begin());
  *refused.Add() = identifier;
}

void Protocol::on_unlink(const Loop& m) {
  Entity* e = reach(m);
  if (e == nullptr || e->state.status() == v1::EntityState::ERASED) return;
  const int at = find_identifier(e->state, m.identifier());
  if (at < 0) return;
  touched_.clear();
  if (m.has_use()) {  // a shared identifier went to whoever used it then
    const v1::Use& mine = e->state.identifiers(at).use();
    if (earlier(mine, m.use()) || FRESHET_MUTANT(kUnlinkIgnoresUse)) {
      drop(*e, at, m.received_at_us());
    } else if (earlier(m.use(), mine)) {
      claim(*e, e->state.identifiers(at), m.received_at_us());  // used later than the home knew
    }
  } else {
    const bool merged = m.has_other() && std::any_of(e->state.merged().begin(), e->state.merged().end(),
                                                     [&](const v1::EntityRef& r) { return same(r, m.other()); });
    if (m.has_other() && (merged || model::from_proto(m.other()) == e->ref)) return;  // one person by now
    remember_refusal(*e, m.identifier());
    drop(*e, at, m.received_at_us());
  }
  emit_change(*e, m.received_at_us());
}

void Protocol::on_unlink_record(const Loop& m) {
  Entity* e = reach(m);
  if (e == nullptr || e->state.status() != v1::EntityState::LIVE || m.record().other().type() == model::kUserId) return;
  const int at = find_identifier(e->state, m.record().other());
  if (at < 0) return;
  touched_.clear();
  drop(*e, at, m.received_at_us());
  emit_change(*e, m.received_at_us());
}

void Protocol::on_ask_again(const Loop& m) {
  Entity* e = reach(m);
  if (e == nullptr || e->state.status() != v1::EntityState::LIVE) return;
  if (const int at = find_identifier(e->state, m.identifier()); at >= 0)
    claim(*e, e->state.identifiers(at), m.received_at_us());
}

// The home has just repointed this identifier here.
void Protocol::on_confirm(const Loop& m) {
  Entity* e = entity_at(m.to());
  Loop answer;
  answer.set_kind(e->ref.kind);
  *answer.mutable_identifier() = m.identifier();
  to_proto(e->ref, *answer.mutable_ref());
  answer.set_received_at_us(m.received_at_us());
  if (e->state.status() == v1::EntityState::REDIRECT) {
    answer.set_type(Loop::REPOINT);
    *answer.mutable_other() = e->state.target();
  } else if (e->state.status() == v1::EntityState::ERASED) {
    answer.set_type(shared(e->ref.kind, m.identifier()) ? Loop::FREE : Loop::SUPPRESS);
  } else if (const int at = find_identifier(e->state, m.identifier()); at >= 0) {
    if (FRESHET_MUTANT(kConfirmNeverClaims)) return;
    return claim(*e, e->state.identifiers(at), m.received_at_us());  // an earlier free of its own may be under way
  } else {
    answer.set_type(Loop::FREE);
  }
  to_home(std::move(answer));
}

// ---- users and devices --------------------------------------------------------------------------------------------

void Protocol::attach(Entity& e, const v1::EntityRef& other, int64_t received_at_us) {
  auto& list = *e.state.mutable_attached();
  int at = lower_bound_of(list, other.id_high(), high_word);
  while (at < list.size() && list[at].id_high() == other.id_high() && list[at].id_low() < other.id_low()) ++at;
  if (at < list.size() && same(list[at], other)) return;
  if (static_cast<uint32_t>(list.size()) >= tenant().rules.attached_max()) return;
  insert_at(list, at) = other;
  state::PartitionState::touch(e, state_);
  touched_.add(e.ref.kind == v1::ENTITY_KIND_DEVICE ? v1::USERS : v1::DEVICES);
  if (e.ref.kind != v1::ENTITY_KIND_DEVICE) return;
  Loop m;
  m.set_type(Loop::ATTACH);
  *m.mutable_to() = other;
  to_proto(e.ref, *m.mutable_ref());
  m.set_received_at_us(received_at_us);
  to_entity(std::move(m));
}

void Protocol::on_attach(const Loop& m) {
  Entity* e = reach(m);
  if (e == nullptr || e->state.status() == v1::EntityState::ERASED) return;
  touched_.clear();
  attach(*e, m.ref(), m.received_at_us());
  emit_change(*e, m.received_at_us());
}

// ---- what is said -------------------------------------------------------------------------------------------------

// Accepted messages that are in no profile, because theirs was erased (conservation).
void Protocol::count_erased(uint64_t messages) {
  state_.meta().set_erased_messages(state_.meta().erased_messages() + messages);
  counters_.erased_messages += messages;
}

void Protocol::emit_events(Entity& e, const v1::Envelope& record) {
  if (out_.suppressed() || record.events().empty()) return;
  const std::string own = e.ref.id.hex();
  const bool user = e.ref.kind == v1::ENTITY_KIND_USER;
  // The id that the device's first identifier makes: references to devices follow merges lazily.
  std::string device = user ? std::string() : own;
  if (user && record.device_size() > 0)
    device = model::entity_id(tenant_name_, v1::ENTITY_KIND_DEVICE, record.device(0), 0).hex();
  const auto render = rules_->events_as_protobuf() ? enriched_event_protobuf : enriched_event_json;
  for (const v1::Event& event : record.events())
    out_.event(own, render(e.state, user ? own : std::string(), device, record, event, tenant()));
}

void Protocol::emit_change(Entity& e, int64_t received_at_us) {
  if (!touched_.any()) return;
  state::PartitionState::touch(e, state_);
  e.state.set_version(e.state.version() + 1);
  if (out_.suppressed()) return;
  change_.Clear();
  change_.set_tenant(tenant_name_);
  change_.set_kind(e.ref.kind);
  change_.set_id(std::string(e.ref.id.view()));
  change_.set_version(e.state.version());
  change_.set_received_at_us(received_at_us);
  touched_.describe(e.state, tenant(), change_);
  out_.change(change_);
}

void Protocol::emit_removal(Entity& e, int64_t received_at_us) {
  state::PartitionState::touch(e, state_);
  e.state.set_version(e.state.version() + 1);
  change_.Clear();
  change_.set_tenant(tenant_name_);
  change_.set_kind(e.ref.kind);
  change_.set_id(std::string(e.ref.id.view()));
  change_.set_version(e.state.version());
  change_.set_remove(true);
  change_.set_received_at_us(received_at_us);
  out_.change(change_);
}

}  // namespace freshet::action
