// What one record needs of an entity: all of it but for the counts of events that the record does not name. These are
// most of what there is to decode of somebody who is seen now and then; they stay the bytes that they are in the row,
// and go back into the next row as they are.
//
// The row that comes of it is the one that decoding all of it would have made, byte for byte.
#pragma once

#include <string>
#include <string_view>

#include "freshet/v1/envelope.pb.h"

namespace freshet::state {

class EntitySlice {
 public:
  // Makes `entity` what the row has, with no other events than those that the record names. False: the row is damaged,
  // or its fields are not in their order, and `entity` means nothing.
  [[nodiscard]] bool read(std::string_view row, const v1::Envelope& record, v1::EntityState& entity);
  // The row of the entity, as it is now, with the events that were left out. REQUIRES: read() made it, and no other
  // events were touched than those that the record names.
  void write(v1::EntityState& entity, std::string& row);

 private:
  std::string events_;  // all that the row had
  std::string bytes_;   // the rest of it; these are members only for their memory
};

}  // namespace freshet::state
