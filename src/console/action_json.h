// A record of topic `actions` as JSON, as people look at it: what came, of whom, and when.
#pragma once

#include <optional>
#include <string>

#include "freshet/v1/envelope.pb.h"

namespace freshet::console {

// {"message_id":…,"kind":"track","source":…,"received_at":…,"timestamp":…,"user":{"email":["…"]},"device":{},
//  "events":[{"event":…,"properties":{…}}],"attributes":2}; docs/format/streams.md has it. nullopt: no sender's record,
// but a message between partitions, or rules.
[[nodiscard]] std::optional<std::string> action_json(const v1::Envelope& record);

}  // namespace freshet::console
