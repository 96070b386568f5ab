#include "app/audit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "env/file.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

// Whole or not at all, as far as a single write() gives that: lines are far shorter than a block.
bool append_line(const std::string& path, const std::string& line) {
  const env::Descriptor file(path, O_CREAT | O_WRONLY | O_APPEND);
  return file.is_open() && ::write(file.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size()) &&
         ::fdatasync(file.get()) == 0;
}

}  // namespace

void append_audit(const std::string& path, const console::AuditEntry& entry) {
  static telemetry::Counter& failures = telemetry::counter("freshet_admin_audit_failures_total",
                                                           "Admin actions that could not be written to the audit log.");
  const std::string line = console::audit_line(entry) + "\n";
  if (append_line(path, line)) return;
  failures.add();
  log::error("audit log {}: can't write: {}; the action was: {}", path, std::strerror(errno), line);
}

}  // namespace freshet::app
