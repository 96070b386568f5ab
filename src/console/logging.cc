#include "console/logging.h"

#include <simdjson.h>

#include "base/json_writer.h"
#include "telemetry/log.h"

namespace freshet::console {

void show_logging(Admin& /*admin*/, Admin::Call& call) {
  std::string out;
  JsonWriter(out).begin_object().member("level", telemetry::log_level()).end_object();
  call.ok(std::move(out));
}

void put_logging(Admin& admin, Admin::Call& call) {
  simdjson::dom::parser parser;
  std::string_view level;
  const bool is_said = parser.parse(call.request.body)["level"].get_string().get(level) == simdjson::SUCCESS;
  // A log that is off would not even say that somebody has turned it off.
  if (!is_said || level == "off" || !telemetry::set_log_level(level))
    return call.fail(400, "bad_request", "send {\"level\":\"trace|debug|info|warn|error\"}");
  log::info("the log's level is {} from now on", level);
  show_logging(admin, call);
}

}  // namespace freshet::console
