// A person is forgotten: where the entity lives, at the homes of its identifiers, at the entities that it was attached
// to, and by way of a notice in every copy elsewhere. What is said to them is in erasure.h.
#pragma once

#include "action/identity/arrivals.h"
#include "action/identity/edit.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Erasing {
 public:
  Erasing(Turn& turn, Editor& editor, Arrivals& arrivals) : turn_(turn), editor_(editor), arrivals_(arrivals) {}

  void on_erase(const v1::Loop& m);
  // `because`: the message that led to it. `frees_all`: others may use all its identifiers from now on.
  void erase(state::Entity& e, const v1::Loop& because, bool frees_all);

 private:
  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
};

// The profile is no more: erased, or merged into `into`.
void end_profile(Turn& turn, v1::EntityState& state, int64_t received_at_us, const v1::EntityRef* into = nullptr);
// Accepted messages that are in no profile, because theirs was erased (conservation). `late`: one that came after that.
void count_erased(Turn& turn, uint64_t messages, const v1::Envelope* late = nullptr);

}  // namespace freshet::action
