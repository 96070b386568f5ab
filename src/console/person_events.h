// Events of one person by day, as topic `events` has them. Nobody keeps them by person, but all of a profile lie in its
// partition; so that is read, from the newest back, a bounded part at a time.
#pragma once

#include <string>
#include <vector>

#include "base/hash.h"
#include "base/result.h"
#include "console/call.h"
#include "env/clock.h"
#include "eventlog/event_log.h"

namespace freshet::console {

struct PersonEvents {
  std::vector<Hash128> ids;  // of the profile, and of those that were merged into it
  std::string before;        // `next` of the answer before; "": from the end
  bool as_protobuf = false;  // what the topic has
};

// {"days":[{"day":"2026-01-02","events":{"Order Completed":2}}],"latest":[{"event","message_id","timestamp",
//  "received_at"}],"back_to":"…","next":"…"}: the newest day first, of event times in UTC. `next` null: all that is
// kept was looked at; else everything that was received from `back_to` on. It takes about a second at most. kInvalid:
// `before` is of another person, or of before a merge.
[[nodiscard]] Result<std::string> person_events(eventlog::EventLog& log, env::Clock& clock, const PersonEvents& of);

// The route of it. REQUIRES: the admin is a console's.
void show_events(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
