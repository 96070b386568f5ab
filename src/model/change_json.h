// A change of a profile as JSON, for whoever follows them (docs/format/streams.md).
#pragma once

#include <string>

#include "freshet/v1/change.pb.h"

namespace freshet::model {

// {"tenant":…,"kind":"user","id":…,"version":…,"received_at":…,"removed":…,"whole":…,
//  "ops":[{"op":"set","section":"attributes","name":"city","value":"Pune"},…]}
// What only the console shows (the history of the identity) is left out.
[[nodiscard]] std::string change_json(const v1::Change& change);

}  // namespace freshet::model
