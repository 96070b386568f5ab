// How messages of the identity protocol travel: within the step to this partition, through the log to another one, and
// from there to the function for their type. What these functions do is in home.cc (the home of an identifier),
// entities.cc, identifiers.cc, merging.cc and leaving.cc (the two sides of a join) and devices.cc.
#include "action/identity/protocol.h"

#include <utility>

#include "action/events/attributes.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"
#include "model/identifier.h"
#include "model/tenant.h"

namespace freshet::action {

// Messages of one step to its own partition: far more than the bounds of a step allow, so that more must circulate.
constexpr size_t kLocalMessagesMax = FRESHET_BOUND(100'000'000, 100'000);

Protocol::Protocol(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
                   const StepBounds& bounds)
    : partition_(partition), partitions_(partitions), state_(state), out_(out), bounds_(bounds) {
  // A step that may do nothing would ask for the next one for ever.
  FRESHET_ASSERT(bounds_.chunk_bytes > 0 && bounds_.bytes > 0 && bounds_.messages > 0);
}

Hash128 Protocol::alias_key(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier) const {
  return model::alias_key(rules_->hash_key(), tenant, kind, identifier);
}

bool Protocol::shared(v1::EntityKind kind, const v1::Identifier& i) const {
  return model::is_shared(kind, i.type(), tenant().rules);
}

void Protocol::count_refused(Reason reason) {
  ++counters_.refused;
  ++counters_.refused_by[static_cast<size_t>(reason)];
}

void Protocol::count_dropped(Reason reason) { ++counters_.dropped_by[static_cast<size_t>(reason)]; }

// ---- sending ------------------------------------------------------------------------------------------------------

void Protocol::to_entity(Loop&& message) {
  FRESHET_ASSERT(message.has_to());
  send(target_of(message, tenant_name_, partitions_), std::move(message));
}

// A message to a home must not name an entity as its receiver: target_of() would send it there.
void Protocol::to_home(Loop&& message) {
  FRESHET_ASSERT(message.has_identifier() && !message.has_to());
  send(target_of(message, tenant_name_, partitions_), std::move(message));
}

void Protocol::send(uint32_t target, Loop&& message) {
  if (target == partition_) {
    local_.push_back(std::move(message));
    return;
  }
  send_through_log(target, std::move(message));
}

// The receiver would refuse a message that is not well formed, and what it was to tell would be lost: so it is checked
// here, in the process and with the record that made it.
void Protocol::send_through_log(uint32_t target, Loop&& message) {
  FRESHET_ASSERT(is_well_formed(message));
  envelope_.Clear();
  envelope_.set_tenant(tenant_name_);
  envelope_.set_kind(v1::Envelope::LOOP);
  envelope_.set_received_at_us(message.received_at_us());
  envelope_.mutable_loop()->Swap(&message);
  out_.loop(target, envelope_);
}

void Protocol::drain() {
  for (size_t handled = 0; !local_.empty(); ++handled) {
    FRESHET_ASSERT(handled < kLocalMessagesMax);  // More of them would circulate for ever.
    Loop message = std::move(local_.front());
    local_.pop_front();
    handle(message);
  }
}

// A tenant that was taken out of the configuration keeps its profiles, and messages for it may still be on their way.
// They are worked off under the default rules: were they dropped, a loser would wait for its survivor's answer for
// ever.
static const Tenant& default_rules() {
  static const Tenant* const fallback = [] {
    auto* tenant = new Tenant;
    tenant->rules = model::default_tenant("").rules;
    return tenant;
  }();
  return *fallback;
}

void Protocol::receive(Loop& message, const std::string& tenant) {
  FRESHET_ASSERT(rules_ != nullptr && local_.empty());  // The record before has been finished.
  tenant_name_ = tenant;
  tenant_ = rules_->find(tenant);
  if (tenant_ == nullptr) tenant_ = &default_rules();
  handle(message);
  drain();
}

// A change belongs to the trace of the record that the message carries; one that carries none ends the trace.
void Protocol::handle(Loop& m) {
  const std::string_view outer = std::exchange(trace_, m.record().trace_parent());
  dispatch(m);
  trace_ = outer;
}

void Protocol::dispatch(Loop& m) {
  FRESHET_ASSERT(is_well_formed(m));
  switch (m.type()) {
    case Loop::APPLY: return on_apply(m);
    case Loop::UNLINK: return on_unlink(m);
    case Loop::UNLINK_RECORD: return on_unlink_record(m);
    case Loop::ERASE: return on_erase(m);
    case Loop::JOIN: return on_join(m);
    case Loop::ASK_AGAIN: return on_ask_again(m);
    case Loop::ABSORB: return on_absorb(m);
    case Loop::ABSORBED:
    case Loop::REVIVE:
    case Loop::ERASED_TOO: return on_answer(m);
    case Loop::STEP: return on_step(m);
    case Loop::CONFIRM: return on_confirm(m);
    case Loop::LINK: return on_link(m);
    case Loop::FREE: return on_free(m, false);
    case Loop::SUPPRESS: return on_free(m, true);
    case Loop::REPOINT: return on_repoint(m);
    case Loop::MERGE: return on_merge(m);
    case Loop::ENTER_DEVICE: return on_enter_device(m);
    case Loop::ATTACH: return on_attach(m);
    default: return;  // The engine has refused a type of a newer version before it gets here.
  }
}

}  // namespace freshet::action
