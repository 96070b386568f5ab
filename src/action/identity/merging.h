// The survivor of a join. It gathers the chunks that the loser sends, decides when it has all of them, and takes them
// in, one in each step. It decides late because only then it knows what the loser lists: a join that would give one
// person two user_ids is refused as a whole, and nothing of the loser may have been mixed in by then.
#pragma once

#include <optional>

#include "action/identity/arrivals.h"
#include "action/identity/devices.h"
#include "action/identity/edit.h"
#include "action/identity/links.h"
#include "action/identity/turn.h"
#include "freshet/v1/envelope.pb.h"

namespace freshet::action {

class Merging {
 public:
  Merging(Turn& turn, Editor& editor, Arrivals& arrivals, Links& links, Devices& devices)
      : turn_(turn), editor_(editor), arrivals_(arrivals), links_(links), devices_(devices) {}

  // Returns what to go on with. The message is moved from.
  [[nodiscard]] Work on_absorb(v1::Loop& m);
  // A step. REQUIRES: the entity has accepted a chunk.
  void absorb_one(state::Entity& w);

 private:
  using Chunks = google::protobuf::RepeatedPtrField<v1::Loop>;

  void turn_away(const state::Entity& w, const v1::Loop& chunk);
  [[nodiscard]] std::optional<Reason> refusal_of(const state::Entity& w, const Chunks& chunks) const;
  void refuse(state::Entity& w, const Chunks& chunks, Reason reason);
  void accept(state::Entity& w, Chunks& chunks);
  void finish_absorbing(Edit& edit, const v1::Loop& last);

  Turn& turn_;
  Editor& editor_;
  Arrivals& arrivals_;
  Links& links_;
  Devices& devices_;
};

}  // namespace freshet::action
