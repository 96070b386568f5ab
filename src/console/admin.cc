// Who may ask the admin listener, and what there is besides profiles and dead letters. Three kinds
// of requests are told apart: health is for everybody, the page for this machine's browser, and
// everything else for who has the token.

#include "console/admin.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/page.h"
#include "console/route.h"
#include "http/text.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

// Compares in a time that does not tell where the two differ.
bool is_same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// The host without its port: "[::1]:8081" becomes "[::1]".
std::string_view name_of_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

bool is_loopback_name(std::string_view name) {
  // A name that only begins so is not enough: 127.0.0.1.example.com is whatever its owner makes it.
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

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

Admin::Admin(AdminOptions options) : options_(std::move(options)), freshness_(options_.tenants) {
  FRESHET_ASSERT(options_.clock != nullptr && options_.log != nullptr && options_.random != nullptr);
  // A console shows schemas and letters, too.
  FRESHET_ASSERT(options_.store == nullptr || (options_.registry != nullptr && options_.letters != nullptr));
  sample();
}

bool Admin::is_allowed(const http::Request& request) const {
  if (options_.token.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.header("authorization");
  return header.starts_with(kBearer) && is_same_secret(header.substr(kBearer.size()), options_.token);
}

// Without a token, a page from elsewhere must not use a visitor's browser to get at us: neither by
// a form, which Origin gives away, nor by a name of its own that it points to this machine (DNS
// rebinding), which Host gives away.
bool Admin::is_own_page(const http::Request& request) const {
  const std::string_view host = request.header("host");
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + std::string(host) && origin != "https://" + std::string(host))
    return false;
  return !options_.token.empty() || host.empty() || is_loopback_name(name_of_host(host));
}

bool Admin::admit(const Call& call, const Route* route) const {
  if (route != nullptr && route->audience == Audience::kAnyone) return true;
  if (!is_own_page(call.request)) {
    call.fail(403, "forbidden", "without a token, only this machine may ask: set admin.token in the configuration");
    return false;
  }
  if (route != nullptr && route->audience == Audience::kBrowser) return true;
  if (is_allowed(call.request)) return true;
  call.fail(401, "unauthorized", "send \"Authorization: Bearer\" with the admin token");
  return false;
}

void Admin::handle(http::Request request, http::Respond respond) {
  FRESHET_ASSERT(respond != nullptr);
  Call call{.request = std::move(request), .respond = std::move(respond)};
  const http::Match<Route> match = http::find_route(routes(), call.request.method, call.request.path);
  if (!admit(call, match.row)) return;
  if (match.row == nullptr) return call.fail(404, "not_found", "there is nothing at this address");
  if (match.row->process == Process::kConsole && options_.store == nullptr)
    return call.fail(404, "no_console", "this process does not play the console role: ask one that does");
  if (!match.allowed.empty()) return call.wrong_method(match.allowed);
  if (const Status taken_apart = call.take_apart(match.arguments); !taken_apart) return call.fail(taken_apart.error());
  call.kind = match.row->kind;
  if (!call.arguments.empty()) {
    call.tenant = tenant_of(call.arguments[0]);
    if (call.tenant == nullptr)
      return call.fail(404, "not_found", "there is no tenant of this name in the configuration");
  }
  match.row->answer(*this, call);
}

void Admin::readiness(Call& call) {
  const bool is_ready = !options_.ready || options_.ready();
  call.ok(is_ready ? R"({"status":"ready"})" : R"({"status":"starting"})", is_ready ? 200 : 503);
}

void Admin::metrics(Call& call) {
  http::Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = telemetry::render_prometheus();
  call.respond(std::move(response));
}

void Admin::freshness(Call& call) { call.ok(freshness_.json(call.tenant->name, options_.clock->monotonic_us())); }

const model::Tenant* Admin::tenant_of(const std::string& name) const {
  const auto found = std::find_if(options_.tenants.begin(), options_.tenants.end(),
                                  [&name](const model::Tenant& tenant) { return tenant.name == name; });
  return found == options_.tenants.end() ? nullptr : &*found;
}

http::Response Admin::tenants() const {
  http::Response response;
  JsonWriter json(response.body);
  json.begin_object().key("tenants").begin_array();
  for (const auto& tenant : options_.tenants) json.begin_object().member("name", tenant.name).end_object();
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

http::Response Admin::status() {
  http::Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  JsonWriter json(response.body);
  json.begin_object()
      .member("ready", !options_.ready || options_.ready())
      .member("at_ms", options_.clock->now_us() / 1000)
      .member("disk_bytes", options_.log->disk_bytes())
      .member("deadletters", options_.letters != nullptr ? options_.letters->letters() : uint64_t{0});
  json.key("stages").raw(options_.stages_json ? options_.stages_json() : "[]");
  write_identity_counts(json.key("identity"));
  json.key("freshness").begin_array();
  for (const auto& tenant : options_.tenants) json.raw(freshness_.json(tenant.name, options_.clock->monotonic_us()));
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace freshet::console
