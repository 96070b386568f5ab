// How two entities that are one person are asked to become one, and how whoever claims an identifier is asked to claim
// it again where that came to nothing.
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

}  // namespace freshet::action
