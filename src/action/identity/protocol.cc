// How messages of the identity protocol travel: within the step to this partition, through the log to another one, and
// from there to the function for their type. What these functions do is in home.cc (the home of an identifier),
// entities.cc, identifiers.cc, merging.cc and leaving.cc (the two sides of a join) and devices.cc.
#include "action/identity/protocol.h"

#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/home.h"

namespace freshet::action {

// Messages of one step to its own partition: far more than the bounds of a step allow, so that more must circulate.
constexpr size_t kLocalMessagesMax = FRESHET_BOUND(100'000'000, 100'000);

Protocol::Protocol(uint32_t partition, uint32_t partitions, state::PartitionState& state, Outputs& out,
                   const StepBounds& bounds)
    : turn_(partition, partitions, state, out, bounds) {}

Hash128 Protocol::alias_key(const std::string& tenant, v1::EntityKind kind, const v1::Identifier& identifier) const {
  return model::alias_key(turn_.rules().hash_key(), tenant, kind, identifier);
}

void Protocol::drain() {
  for (size_t handled = 0; std::optional<Loop> message = turn_.next(); ++handled) {
    FRESHET_ASSERT(handled < kLocalMessagesMax);  // More of them would circulate for ever.
    handle(*message);
  }
}

void Protocol::receive(Loop& message, const std::string& tenant) {
  turn_.begin(tenant, turn_.rules().find(tenant));
  handle(message);
  drain();
}

// A change belongs to the trace of the record that the message carries; one that carries none ends the trace.
void Protocol::handle(Loop& m) {
  const std::string_view outer = turn_.follow(m.record().trace_parent());
  dispatch(m);
  (void)turn_.follow(outer);
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
