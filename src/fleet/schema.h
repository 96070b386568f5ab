// The JSON Schema (draft 2020-12) of fleet.yaml, made from the same description that the parser uses (fleet/fields.h).
// Published as docs/fleet/fleet.schema.json; editors complete and check by it.
#pragma once

#include <string>

namespace freshet::fleet {

// A test compares it with the published file; `freshet fleet lint --schema` prints it.
[[nodiscard]] std::string schema_json();

}  // namespace freshet::fleet
