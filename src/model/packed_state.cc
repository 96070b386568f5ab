#include "model/packed_state.h"

#include <google/protobuf/arena.h>

namespace freshet::model {

void pack(v1::EntityState& state) {
  if (state.attributes().empty() && state.sets().empty() && state.history().empty()) return;
  unpack(state);
  v1::EntityState on_heap;
  google::protobuf::Arena* const arena = state.GetArena();  // in the same arena nothing is copied
  v1::EntityState& part = arena != nullptr ? *google::protobuf::Arena::CreateMessage<v1::EntityState>(arena) : on_heap;
  part.mutable_attributes()->Swap(state.mutable_attributes());
  part.mutable_sets()->Swap(state.mutable_sets());
  part.mutable_history()->Swap(state.mutable_history());
  part.SerializeToString(state.mutable_packed());
}

}  // namespace freshet::model
