// The Freshet that runs here, as its admin listener tells of itself.
#include <fmt/core.h>
#include <simdjson.h>

#include <charconv>

#include "app/doctor/checks.h"
#include "app/doctor/server_answers.h"
#include "http/address.h"

namespace freshet::app {
namespace {

// A metric that should be 0, whatever its labels.
struct BadSign {
  std::string_view metric;
  Health health;
  std::string_view means;
  std::string_view advice;
};
constexpr BadSign kBadSigns[] = {
    {"freshet_log_silent", Health::kFail, "the log does not answer", "are its brokers up, and are the topics there?"},
    {"freshet_store_unhealthy", Health::kFail, "a store can't be read or written",
     "the log names it; docs/operations/damage.md"},
    {"freshet_log_lost_rows_total", Health::kWarn, "the log has lost rows that were acknowledged",
     "docs/operations/damage.md"},
    {"freshet_profiles_rebuilding", Health::kWarn, "profiles are being made anew", "wait: readyz says when it is done"},
    {"freshet_tenants_unreadable_total", Health::kWarn, "tenants in the log could not be read",
     "run the newest release that changes tenants"},
    {"freshet_config_reload_failures_total", Health::kWarn, "a changed configuration was refused",
     "the log says why; freshet check FILE"},
    {"freshet_checkpoint_failures_total", Health::kWarn, "checkpoints have failed", "the log says why"},
    {"freshet_admin_audit_failures_total", Health::kWarn, "what people did could not be written to audit.jsonl",
     "the log says why"},
};

void look_at_stages(const std::string& status, Findings& out) {
  simdjson::dom::parser parser;
  simdjson::dom::array stages;
  if (parser.parse(status)["stages"].get_array().get(stages) != simdjson::SUCCESS) return;
  std::string lags;
  for (const simdjson::dom::element stage : stages) {
    std::string_view name;
    int64_t lag = 0;
    if (stage["name"].get_string().get(name) != simdjson::SUCCESS) continue;
    const bool known = stage["lag"].get_int64().get(lag) == simdjson::SUCCESS;
    lags += fmt::format("{}{} {}", lags.empty() ? "" : ", ", printable(name), known ? std::to_string(lag) : "unknown");
  }
  out.ok("records that wait: " + lags);
}

}  // namespace

void look_at_server(const Subject& subject, Findings& out) {
  const auto healthy = ask_server(subject.admin, "/healthz");
  if (!healthy && subject.server == 0)
    return out.ok(fmt::format("none runs (nobody answers at {})", subject.admin.url));
  if (!healthy)
    return out.fail(fmt::format("process {} has the data directory and does not answer: {}", subject.server,
                                healthy.error().message),
                    "look at its log; with admin.tls, --ca names the authority");
  out.ok(fmt::format("it answers at {}", subject.admin.url));
  if (const auto ready = ask_server(subject.admin, "/readyz"); !ready)
    out.fail("it is not ready: action has not caught up, a store or the log is away, or profiles are made anew",
             "if it stays so, its log says which (docs/operations/runbook.md#freshetnotready)");
  const auto metrics = ask_server(subject.admin, "/metrics");
  if (!metrics)
    return out.warn("its metrics can't be read: " + metrics.error().message,
                    "give a token of the role read: --token, or FRESHET_ADMIN_TOKEN");
  for (const BadSign& sign : kBadSigns) {
    const double value = sum_of(*metrics, sign.metric);
    if (value <= 0) continue;
    const std::string found = fmt::format("{} ({} is {})", sign.means, sign.metric, value);
    sign.health == Health::kFail ? out.fail(found, std::string(sign.advice))
                                 : out.warn(found, std::string(sign.advice));
  }
  if (const auto status = ask_server(subject.admin, "/v1/status")) look_at_stages(*status, out);
}

}  // namespace freshet::app
