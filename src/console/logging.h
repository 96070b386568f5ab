// /v1/logging: what this process logs, changed while it runs.
#pragma once

#include "console/call.h"

namespace freshet::console {

void show_logging(Admin& admin, Admin::Call& call);
void put_logging(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
