#include "app/audit_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

// Whole or not at all, as far as a single write() gives that: lines are far shorter than a block.
bool append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  const bool synced = written && ::fdatasync(file) == 0;
  const int error = errno;
  ::close(file);
  errno = error;
  return synced;
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
