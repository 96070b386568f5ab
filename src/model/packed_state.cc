// Packing moves the rarely used parts of an entity into one string of bytes, which Protobuf copies without a look into
// it when the row around it is read or written.
#include "model/packed_state.h"

#include <google/protobuf/arena.h>

#include "base/assert.h"

namespace freshet::model {

// Unpacking first puts together what is packed already and what was added beside it.
void pack(v1::EntityState& state) {
  if (state.attributes().empty() && state.sets().empty() && state.history().empty()) return;
  unpack(state);
  v1::EntityState on_heap;
  google::protobuf::Arena* const arena = state.GetArena();  // Swaps within one arena copy nothing.
  v1::EntityState& part = arena != nullptr ? *google::protobuf::Arena::CreateMessage<v1::EntityState>(arena) : on_heap;
  part.mutable_attributes()->Swap(state.mutable_attributes());
  part.mutable_sets()->Swap(state.mutable_sets());
  part.mutable_history()->Swap(state.mutable_history());
  FRESHET_ASSERT(state.attributes().empty() && state.sets().empty() && state.history().empty());
  part.SerializeToString(state.mutable_packed());
}

}  // namespace freshet::model
