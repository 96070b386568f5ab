#include "console/admin.h"

#include <openssl/crypto.h>

#include <algorithm>

#include "base/json_writer.h"
#include "console/call.h"
#include "console/page.h"
#include "http/text.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

constexpr std::string_view kGet = "GET, HEAD";

// In a time that does not tell where they differ.
bool is_same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

// "[::1]:8081" -> "[::1]"
std::string_view name_of_host(std::string_view host) {
  const size_t colon = host.rfind(':');
  return colon == std::string_view::npos || host.find(']', colon) != std::string_view::npos ? host
                                                                                            : host.substr(0, colon);
}

bool is_loopback_name(std::string_view name) {
  // Not any name that starts so: 127.0.0.1.example.com is whose it likes.
  return name == "localhost" || name == "[::1]" ||
         (name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string_view::npos);
}

// {"reason":count,…}
void write_by_reason(JsonWriter& json, const std::string& name, const std::string& label) {
  json.begin_object();
  for (const auto& [reason, count] : telemetry::counter_totals(name, label)) json.member(reason, count);
  json.end_object();
}

// What identity refused and dropped in this process since its start: empty where action runs elsewhere.
void write_identity_counts(JsonWriter& json) {
  json.begin_object();
  write_by_reason(json.key("refused"), "freshet_identity_refused_total", "reason");
  write_by_reason(json.key("dropped"), "freshet_identity_dropped_total", "reason");
  write_by_reason(json.key("warnings"), "freshet_ingest_warnings_total", "code");
  json.end_object();
}

}  // namespace

Admin::Admin(AdminOptions options) : options_(std::move(options)), freshness_(options_.tenants) { sample(); }

bool Admin::is_allowed(const http::Request& request) const {
  if (options_.token.empty()) return true;
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view header = request.header("authorization");
  return header.starts_with(kBearer) && is_same_secret(header.substr(kBearer.size()), options_.token);
}

// Without a token, a page from elsewhere must not use a visitor's browser to get at us: neither by a form (Origin),
// nor by a name that it points to this machine (Host).
bool Admin::is_own_page(const http::Request& request) const {
  const std::string_view host = request.header("host");
  const std::string_view origin = request.header("origin");
  if (!origin.empty() && origin != "http://" + std::string(host) && origin != "https://" + std::string(host))
    return false;
  return !options_.token.empty() || host.empty() || is_loopback_name(name_of_host(host));
}

void Admin::handle(http::Request request, http::Respond respond) {
  Call call{std::move(request), std::move(respond), {}, {}};
  auto parts = split_path(call.request.path);
  if (!parts) return call.fail(parts.error());
  auto query = http::parse_query(call.request.query);
  if (!query) return call.fail(query.error());
  call.parts = std::move(*parts);
  call.query = std::move(*query);

  const std::string first = call.parts.empty() ? "" : call.parts[0];
  if (call.parts.size() == 1 && first == "healthz") return call.ok(R"({"status":"ok"})");
  if (call.parts.size() == 1 && first == "readyz") {
    const bool is_ready = !options_.ready || options_.ready();
    return call.ok(is_ready ? R"({"status":"ready"})" : R"({"status":"starting"})", is_ready ? 200 : 503);
  }
  if (!is_own_page(call.request))
    return call.fail(403, "forbidden",
                     "without a token, only this machine may ask: set admin.token in the configuration");
  if (auto asset = page_response(call.request.path); asset && options_.store != nullptr) {
    if (call.check_method(kGet)) call.respond(std::move(*asset));
    return;
  }
  if (!is_allowed(call.request))
    return call.fail(401, "unauthorized", "send \"Authorization: Bearer\" with the admin token");
  route(call);
}

void Admin::route(Call& call) {
  const auto& parts = call.parts;
  if (parts.size() == 1 && parts[0] == "metrics") {
    if (!call.check_method(kGet)) return;
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = telemetry::render_prometheus();
    return call.respond(std::move(response));
  }
  if (parts.size() == 2 && parts[0] == "v1" && parts[1] == "status") {
    if (call.check_method(kGet)) call.respond(status());
    return;
  }
  if (options_.store == nullptr)
    return call.fail(404, "no_console", "this process does not play the console role: ask one that does");
  if (parts.size() == 2 && parts[0] == "v1" && parts[1] == "tenants") {
    if (call.check_method(kGet)) call.respond(tenants());
    return;
  }
  if (parts.size() < 4 || parts[0] != "v1" || parts[1] != "tenants") return call.no_such_address();
  const model::Tenant* tenant = tenant_of(parts[2]);
  if (tenant == nullptr) return call.fail(404, "not_found", "there is no tenant of this name in the configuration");
  route_tenant(call, *tenant);
}

void Admin::route_tenant(Call& call, const model::Tenant& tenant) {
  const std::string& what = call.parts[3];
  if (what == "users") return profile(call, tenant, v1::ENTITY_KIND_USER);
  if (what == "devices") return profile(call, tenant, v1::ENTITY_KIND_DEVICE);
  if (what == "deadletters") return letters(call, tenant);
  if (call.parts.size() != 4 || (what != "schema" && what != "freshness")) return call.no_such_address();
  if (!call.check_method(kGet)) return;
  if (what == "schema") return call.respond(schema(tenant));
  call.ok(freshness_.json(tenant.name, options_.clock->monotonic_us()));
}

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
  uint64_t letters = 0;
  for (uint32_t p = 0; p < options_.log->partitions(eventlog::Topic::kDeadLetters); ++p) {
    const auto marks = options_.log->watermarks({eventlog::Topic::kDeadLetters, p});
    if (marks) letters += static_cast<uint64_t>(marks->high - marks->low);
  }
  http::Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  JsonWriter json(response.body);
  json.begin_object()
      .member("ready", !options_.ready || options_.ready())
      .member("at_ms", options_.clock->now_us() / 1000)
      .member("disk_bytes", options_.log->disk_bytes())
      .member("deadletters", letters);
  json.key("stages").raw(options_.stages_json ? options_.stages_json() : "[]");
  write_identity_counts(json.key("identity"));
  json.key("freshness").begin_array();
  for (const auto& tenant : options_.tenants) json.raw(freshness_.json(tenant.name, options_.clock->monotonic_us()));
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace freshet::console
