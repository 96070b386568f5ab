// Homes ask for joins, and so do losers that have been merged meanwhile: both must name the same survivor, so there is
// one place that does.
#include "action/identity/joins.h"

#include "action/identity/messages.h"
#include "base/assert.h"
#include "base/mutant.h"

namespace freshet::action {

// Asks the one of the two that does not survive to leave. Two homes may ask for the same pair at the same moment, each
// because of another identifier: both name the same loser, and the second request finds it on its way.
void send_join(Turn& turn, const model::EntityRef& a, const model::EntityRef& b, const v1::Cause* cause,
               const v1::Loop& because) {
  if (a == b) return;
  FRESHET_ASSERT(a.kind == b.kind && model::survives(a, b) != model::survives(b, a));
  bool first = model::survives(a, b) != FRESHET_MUTANT(kJoinFlipped);
  if (FRESHET_MUTANT(kOrderByCreationTime)) first = false;  // As if b had been there before.
  if (FRESHET_MUTANT(kRankFromCurrentRules) && turn.tenant().rules.user_priority(1) != "email" && a.rank != b.rank)
    first = (a.rank - 1 < 2 ? 3 - a.rank : a.rank) < (b.rank - 1 < 2 ? 3 - b.rank : b.rank);
  turn.to_entity(messages::join(first ? b : a, first ? a : b, cause, because.use(), because.received_at_us()));
}

// The claimant itself asks the home, not the entity that found the reason gone. So the new claim comes after all that
// the claimant has said before; else a `free` that it sent earlier could arrive later and undo the claim.
void send_ask_again(Turn& turn, const v1::EntityRef& claimant, const v1::Loop& because) {
  const v1::Identifier& identifier = because.has_cause() ? because.cause().identifier() : because.identifier();
  turn.to_entity(messages::ask_again(claimant, identifier, because.received_at_us()));
}

void tell_home(Turn& turn, const state::Entity& e, const v1::Identifier& identifier, int64_t received_at_us) {
  if (turn.tenant().frees_again) turn.to_home(messages::free(e.ref, identifier, received_at_us));
}

void turn_away(Turn& turn, const v1::Loop& message) {
  turn.set_aside(message);
  if (message.type() == v1::Loop::ABSORB && message.last()) turn.to_entity(messages::no_survivor(message));
}

}  // namespace freshet::action
