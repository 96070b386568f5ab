// The audit log of admin actions: one line of JSON for each, in a file of the data directory that grows until somebody
// rotates it. It is opened anew for each line, so that a rotation needs no signal.
#pragma once

#include <string>

#include "console/audit.h"

namespace freshet::app {

// Adds a line and syncs it. What can't be written is logged as an error and counted; the action itself is done.
void append_audit(const std::string& path, const console::AuditEntry& entry);

}  // namespace freshet::app
