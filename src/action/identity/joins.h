// How two entities that are one person are asked to become one, and what is said where that came to nothing: whoever
// claims an identifier is asked to claim it again, and a loser that nobody can take in to live on.
#pragma once

#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"
#include "model/entity_ref.h"

namespace freshet::action {

// `cause`: nullptr for an explicit merge. `because`: the message that led to it, with its use.
void send_join(Turn& turn, const model::EntityRef& a, const model::EntityRef& b, const v1::Cause* cause,
               const v1::Loop& because);
// About the identifier of `because`, or of its cause if it has one.
void send_ask_again(Turn& turn, const v1::EntityRef& claimant, const v1::Loop& because);
// Before that: tells the home that this entity does not list the identifier. It has said so when it dropped it, and
// what it says to one home arrives in order, so this changes nothing. But where somebody has forged its claim, home,
// entity and claimant would send one another round for ever.
void tell_home(Turn& turn, const state::Entity& e, const v1::Identifier& identifier, int64_t received_at_us);
// Sets aside a message that finds nobody who could take it. A loser that has sent the last of its state to nobody, as
// it believed a forged message, would be leaving for ever without an answer.
void turn_away(Turn& turn, const v1::Loop& message);

}  // namespace freshet::action
