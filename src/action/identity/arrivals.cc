// Entities are not locked while they leave. What arrives meanwhile waits in the state of the entity itself, so it is as
// durable as the entity, is found by whoever takes the partition over, and is let in in the order of arrival.
#include "action/identity/arrivals.h"

#include <utility>

#include "action/identity/joins.h"
#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"

namespace freshet::action {
namespace {

using Loop = v1::Loop;
using state::Entity;

}  // namespace

// A reference always names an entity that was made before it, and entities are never deleted. So if there is none, the
// state can't be read: nothing is done then, and Engine::process() says so before anything of the batch is committed.
// Or somebody else has written into the log, and a home or an entity believed him.
Entity* Arrivals::find(const Loop& m) {
  const Hash128 id = model::from_proto(m.to()).id;
  FRESHET_ASSERT(turn_.is_here(id));
  Entity* const e = turn_.state().find_entity(id);
  if (e == nullptr && turn_.state().status()) turn_away(turn_, m);
  return e;
}

// A leaving entity holds what arrives: what it applied now would be missing from the state that it has sent already.
// So does one that was answered, until what it held before is done: an erase that overtook the records before it would
// spare them.
bool Arrivals::holds_back(const Entity& e) const {
  return e.state.status() == v1::EntityState::LEAVING || (e.state.winding_up() && releasing_ != &e);
}

void Arrivals::hold(Entity& e, const Loop& m) {
  FRESHET_ASSERT(holds_back(e));
  turn_.touch(e);
  *e.state.add_held() = m;
  if (!e.state.winding_up()) return;
  Budget budget(turn_.bounds().bytes, kReleasedByArrival, turn_.counters());
  release(e, budget);
}

// The entity if it can take this message now. One that holds back keeps it, a redirect passes it on: late events of a
// profile that was merged away belong to the survivor, however long ago that was.
Entity* Arrivals::reach(const Loop& m) {
  Entity* e = find(m);
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

// Works off what the entity held. One of these messages may make it leave again: then the rest stays held.
void Arrivals::release(Entity& e, Budget& budget) {
  FRESHET_ASSERT(e.state.winding_up());
  if (e.state.status() == v1::EntityState::REDIRECT && !e.state.gathered().empty()) return;
  if (FRESHET_MUTANT(kHeldForgotten)) e.state.clear_held();
  const Entity* const outer = std::exchange(releasing_, &e);
  while (budget.any() && e.state.winding_up() && !e.state.held().empty()) {
    Loop message = take_first(*e.state.mutable_held());
    messages::readdress(message, e.state.ref());
    budget.spend(message.ByteSizeLong());
    handler_.handle(message);
  }
  releasing_ = outer;
}

}  // namespace freshet::action
