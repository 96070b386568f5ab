// The loser of a join.
//
//   LIVE --join--> LEAVING --absorbed--> REDIRECT      It sends its state, and holds what arrives for it.
//                     |------revive----> LIVE          After the answer it winds up: what it held comes before anything
//                     `----erased_too--> ERASED        that arrives later.
#pragma once

#include "action/identity/arrivals.h"
#include "action/identity/edit.h"
#include "action/identity/erasing.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Leaving {
 public:
  Leaving(Turn& turn, Editor& editor, Arrivals& arrivals, Erasing& erasing)
      : turn_(turn), editor_(editor), arrivals_(arrivals), erasing_(erasing) {}

  // ---- messages; they return what to go on with
  [[nodiscard]] Work on_join(const v1::Loop& m);
  [[nodiscard]] Work on_answer(const v1::Loop& m);

  // ---- steps
  // REQUIRES: the entity has not sent all of its state.
  void send_chunk(state::Entity& e, int64_t received_at_us);
  // REQUIRES: the entity is winding up.
  void wind_up(state::Entity& e, int64_t received_at_us);

 private:
  void depart(state::Entity& e, const v1::Loop& m);
  void point_on(state::Entity& e, const v1::Loop& m);
  void pass_on_gathered(state::Entity& e, Budget& budget);
  void repoint(state::Entity& e, Budget& budget, int64_t received_at_us);
  void repoint_one(state::Entity& e, int position, int64_t received_at_us);

  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
  Erasing& erasing_;
};

}  // namespace freshet::action
