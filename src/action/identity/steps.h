// What is too much for one turn goes on in steps (protocol.h): which piece of an entity's work comes next.
#pragma once

#include "action/identity/arrivals.h"
#include "action/identity/leaving.h"
#include "action/identity/merging.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Steps {
 public:
  Steps(Turn& turn, Arrivals& arrivals, Merging& merging, Leaving& leaving)
      : turn_(turn), arrivals_(arrivals), merging_(merging), leaving_(leaving) {}

  void on_step(const v1::Loop& m);
  // Does the next piece of the work, if there is any, and asks for another step if something is left.
  void go_on(const Work& work);

 private:
  Turn& turn_;
  Arrivals& arrivals_;
  Merging& merging_;
  Leaving& leaving_;
};

// The fields of an entity fit its status: who leaves or redirects has a target that ranks before it, who lives has
// none, and who has work left has a STEP under way. Holds between any two messages.
[[nodiscard]] bool fits_its_status(const v1::EntityState& entity);

}  // namespace freshet::action
