// Who may ask the admin listener, and what there is besides profiles and dead letters. Three kinds
// of requests are told apart: health is for everybody, the page for this machine's browser, and
// everything else for who has the token.

#include "console/admin.h"

#include <algorithm>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/secret.h"
#include "base/utf8.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/page.h"
#include "console/route.h"
#include "console/tenants.h"
#include "http/text.h"
#include "telemetry/metrics.h"
#include "telemetry/open_metrics.h"

namespace freshet::console {
namespace {

constexpr size_t kOpenBodyBytesMax = 4096;
// Whose freshness is watched; and of how many of them, the slowest, the status has it. That of the others is asked for
// one by one.
constexpr size_t kWatchedTenantsMax = 10'000;
constexpr size_t kStatusTenantsMax = 100;

// {"reason":count,…}
void write_by_reason(JsonWriter& json, const std::string& name, const std::string& label) {
  json.begin_object();
  for (const auto& [reason, count] : telemetry::counter_totals(name, label)) json.member(reason, count);
  json.end_object();
}

// What identity refused and dropped in this process since its start. It is empty where action runs
// elsewhere.
void write_identity_counts(JsonWriter& json) {
  json.begin_object();
  write_by_reason(json.key("refused"), "freshet_identity_refused_total", "reason");
  write_by_reason(json.key("dropped"), "freshet_identity_dropped_total", "reason");
  write_by_reason(json.key("warnings"), "freshet_ingest_warnings_total", "code");
  json.end_object();
}

}  // namespace

Admin::Admin(AdminOptions options) : options_(std::move(options)), access_(options_.tokens, *options_.clock) {
  FRESHET_ASSERT(options_.clock != nullptr && options_.log != nullptr && options_.random != nullptr);
  // A console shows schemas and letters, too.
  FRESHET_ASSERT(options_.store == nullptr || (options_.registry != nullptr && options_.letters != nullptr));
  FRESHET_ASSERT(options_.store == nullptr || options_.tenants != nullptr);
  sample();
}

bool Admin::admit(Call& call, const Route* route) const {
  if (route != nullptr && route->audience == Audience::kAnyone) return true;
  if (!access_.is_own_page(call.request)) {
    access_.refused(call.request, "origin");
    call.fail(403, "forbidden", "without a token, only this machine may ask: set admin.token in the configuration");
    return false;
  }
  if (route != nullptr && route->audience == Audience::kBrowser) return true;
  auto visitor = access_.visitor_of(call.request);
  if (!visitor) {
    access_.refused(call.request, "token");
    call.fail(401, "unauthorized", "send \"Authorization: Bearer\" with an admin token");
    return false;
  }
  call.visitor = std::move(*visitor);
  if (route == nullptr || call.visitor.role >= role_of(route->audience)) return true;
  access_.refused(call.request, "role");
  call.fail(403, "forbidden",
            "this wants a token of the role " + std::string(name_of(role_of(route->audience))) + "; this one has " +
                std::string(name_of(call.visitor.role)));
  return false;
}

void Admin::keep_audit(Call& call, const Route& route) const {
  if (!options_.audit || route.audience < Audience::kOperate) return;
  AuditEntry entry;
  entry.token = call.visitor.name;
  entry.remote = call.request.remote;
  entry.action = std::string(route.method) + " " + std::string(route.path);
  if (!call.arguments.empty()) entry.tenant = call.arguments.front();
  std::string target;
  for (size_t i = 1; i < call.arguments.size(); ++i) target.append(i == 1 ? 0 : 1, '\0').append(call.arguments[i]);
  if (!target.empty()) entry.target = SecretHash::of(target).hex();
  call.respond = [entry = std::move(entry), audit = options_.audit, clock = options_.clock,
                  respond = std::move(call.respond)](http::Response response) mutable {
    entry.at_us = clock->now_us();
    entry.status = response.status;
    audit(entry);
    respond(std::move(response));
  };
}

http::HeaderVerdict Admin::judge(const http::Request& head) const {
  http::HeaderVerdict verdict;
  Call call{.request = head, .respond = [&verdict](http::Response response) { verdict.refuse = std::move(response); }};
  const http::Match<Route> match = http::find_route(routes(), head.method, head.path);
  if (!admit(call, match.row)) return verdict;
  // What anybody may ask has no body to speak of.
  const bool is_open = match.row != nullptr && match.row->audience < Audience::kRead;
  if (is_open) verdict.body_bytes_max = kOpenBodyBytesMax;
  verdict.trusted = !is_open;
  return verdict;
}

void Admin::handle(http::Request request, http::Respond respond) {
  FRESHET_ASSERT(respond != nullptr);
  request.body.erase(0, request.body.size() - without_mark(request.body).size());
  Call call{.request = std::move(request), .respond = std::move(respond)};
  const http::Match<Route> match = http::find_route(routes(), call.request.method, call.request.path);
  if (!admit(call, match.row)) return;
  if (match.row == nullptr) return call.fail(404, "not_found", "there is nothing at this address");
  if (match.row->process == Process::kConsole && options_.store == nullptr)
    return call.fail(404, "no_console", "this process does not play the console role: ask one that does");
  if (!match.allowed.empty()) return call.wrong_method(match.allowed);
  if (const Status taken_apart = call.take_apart(match.arguments); !taken_apart) return call.fail(taken_apart.error());
  call.kind = match.row->kind;
  keep_audit(call, *match.row);
  if (!call.arguments.empty() && match.row->tenant == Named::kKnown) {
    call.tenant = options_.tenants->find(call.arguments[0]);
    if (call.tenant == nullptr) return call.fail(404, "not_found", "there is no tenant of this name");
  }
  match.row->answer(*this, call);
}

void Admin::readiness(Call& call) {
  const bool is_ready = !options_.ready || options_.ready();
  call.ok(is_ready ? R"({"status":"ready"})" : R"({"status":"starting"})", is_ready ? 200 : 503);
}

void Admin::metrics(Call& call) {
  telemetry::Exposition exposed = telemetry::expose_metrics(call.request.header("accept"));
  http::Response response;
  response.content_type = std::move(exposed.content_type);
  response.body = std::move(exposed.body);
  response.headers = {{"Vary", "Accept"}};
  call.respond(std::move(response));
}

void Admin::freshness(Call& call) { call.ok(freshness_of(call.tenant->name)); }

std::string Admin::freshness_of(const std::string& tenant) {
  const auto waiting = options_.waiting ? std::optional(options_.waiting(tenant)) : std::nullopt;
  model::Objective objective = options_.objective;
  if (const auto known = options_.tenants != nullptr ? options_.tenants->find(tenant) : nullptr)
    objective = model::combine(known->objective, objective);
  return freshness_.json(tenant, options_.clock->monotonic_us(), waiting, objective);
}

std::vector<std::string> Admin::status_tenants() const {
  std::vector<std::string> names;
  if (options_.tenants == nullptr) return names;
  for (TenantSummary& tenant : options_.tenants->list("", kWatchedTenantsMax)) names.push_back(std::move(tenant.name));
  return names;
}

void Admin::sample() {
  const env::TimeUs now_us = options_.clock->monotonic_us();
  for (const std::string& tenant : status_tenants()) freshness_.track(tenant, now_us);
  freshness_.sample(now_us);
}

http::Response Admin::status() {
  http::Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  JsonWriter json(response.body);
  json.begin_object()
      .member("ready", !options_.ready || options_.ready())
      .member("at_ms", options_.clock->now_us() / 1000)
      .member("disk_bytes", options_.disk_bytes ? options_.disk_bytes() : options_.log->disk_bytes())
      .member("deadletters", options_.letters != nullptr ? options_.letters->letters() : uint64_t{0});
  json.key("stages").raw(options_.stages_json ? options_.stages_json() : "[]");
  write_identity_counts(json.key("identity"));
  const std::vector<std::string> tenants = status_tenants();
  json.member("tenants", tenants.size()).key("freshness").begin_array();
  for (const std::string& tenant : freshness_.slowest(tenants, options_.clock->monotonic_us(), kStatusTenantsMax))
    json.raw(freshness_of(tenant));
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace freshet::console
