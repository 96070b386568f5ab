// How messages travel: within the turn to this partition, through the log to another one, and from there to the role
// that is asked by their type.
#include "action/identity/protocol.h"

#include <optional>

#include "action/identity/joins.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;

}  // namespace

// Messages of one turn to its own partition: far more than the bounds of a step allow, so that more must circulate.
constexpr size_t kLocalMessagesMax = FRESHET_BOUND(100'000'000, 100'000);

Protocol::Protocol(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
                   const StepBounds& bounds)
    : turn_(partition, partitions, state, out, bounds) {}

Hash128 Protocol::alias_key(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier) const {
  return model::alias_key(turn_.rules().hash_key(), tenant, kind, identifier);
}

void Protocol::enter(const v1::Envelope& record, const Tenant& tenant, const Hash128& routing_key) {
  turn_.begin(record.tenant(), &tenant);
  (void)turn_.follow(record.trace_parent());
  home_.enter(record, routing_key);
  drain();
}

void Protocol::receive(v1::Loop& message, const std::string& tenant) {
  turn_.begin(tenant, turn_.rules().find(tenant));
  handle(message);
  drain();
}

void Protocol::turn_away(const v1::Loop& message, const std::string& tenant) {
  turn_.begin(tenant, turn_.rules().find(tenant));
  action::turn_away(turn_, message);
  drain();
}

void Protocol::drain() {
  for (size_t handled = 0; std::optional<v1::Loop> message = turn_.next(); ++handled) {
    FRESHET_ASSERT(handled < kLocalMessagesMax);  // More of them would circulate for ever.
    handle(*message);
  }
}

// A change belongs to the trace of the record that the message carries; one that carries none ends the trace.
void Protocol::handle(v1::Loop& m) {
  const std::string_view outer = turn_.follow(m.record().trace_parent());
  dispatch(m);
  (void)turn_.follow(outer);
}

void Protocol::dispatch(v1::Loop& m) {
  FRESHET_ASSERT(is_well_formed(m));
  switch (m.type()) {
    case Loop::APPLY: return host_.on_apply(m);
    case Loop::UNLINK: return links_.on_unlink(m);
    case Loop::UNLINK_RECORD: return links_.on_unlink_record(m);
    case Loop::ASK_AGAIN: return links_.on_ask_again(m);
    case Loop::CONFIRM: return links_.on_confirm(m);
    case Loop::ERASE: return erasing_.on_erase(m);
    case Loop::JOIN: return steps_.go_on(leaving_.on_join(m));
    case Loop::ABSORB: return steps_.go_on(merging_.on_absorb(m));
    case Loop::ABSORBED:
    case Loop::REVIVE:
    case Loop::ERASED_TOO: return steps_.go_on(leaving_.on_answer(m));
    case Loop::STEP: return steps_.on_step(m);
    case Loop::LINK: return home_.on_link(m);
    case Loop::FREE: return home_.on_free(m, false);
    case Loop::SUPPRESS: return home_.on_free(m, true);
    case Loop::REPOINT: return home_.on_repoint(m);
    case Loop::MERGE: return home_.on_merge(m);
    case Loop::ENTER_DEVICE: return home_.on_enter_device(m);
    case Loop::ATTACH: return devices_.on_attach(m);
    default: return;  // The engine has refused a type of a newer version before it gets here.
  }
}

}  // namespace freshet::action
