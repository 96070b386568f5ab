#include "console/audit.h"

#include "base/json_writer.h"
#include "model/time.h"

namespace freshet::console {

std::string audit_line(const AuditEntry& entry) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().member("at", model::format_time(entry.at_us)).member("token", entry.token);
  json.member("remote", entry.remote).member("action", entry.action).member("tenant", entry.tenant);
  json.member("target", entry.target).member("status", entry.status).end_object();
  return line;
}

}  // namespace freshet::console
