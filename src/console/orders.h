// Orders that change who is who: two persons are one, or an identifier is not this person's. They go through the log
// like the records that senders send, and take effect in their order.
#pragma once

#include "console/call.h"

namespace freshet::console {

// {"into":{"user_id":"u1"},"from":{"email":"a@b.c"}}
void merge_users(Admin& admin, Admin::Call& call);
// {"from":{"user_id":"u1"},"identifier":{"email":"a@b.c"}}
void unlink_user(Admin& admin, Admin::Call& call);

// {"name":…,"role":…} of whoever asks; `name` is "" where no token is asked for.
void show_access(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
