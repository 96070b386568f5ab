// An EntityState with those parts packed into bytes that an ordinary event neither reads nor writes (attributes, sets,
// history): it then costs the same to read, write and keep, however much is known about the person.
#pragma once

#include "freshet/v1/envelope.pb.h"

namespace freshet::model {

// As it is in rows, so that equal states have equal rows.
void pack(v1::EntityState& state);

// REQUIRED before attributes(), sets() and history() are touched. Costs nothing if there is nothing packed.
inline void unpack(v1::EntityState& state) {
  if (state.packed().empty()) return;
  std::string packed;
  packed.swap(*state.mutable_packed());
  state.clear_packed();
  state.MergeFromString(packed);
}

}  // namespace freshet::model
