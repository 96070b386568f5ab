// The addresses of the admin listener.
#include "console/letter_routes.h"
#include "console/page.h"
#include "console/route.h"
#include "model/document.h"

namespace freshet::console {
namespace {

constexpr auto kUser = v1::ENTITY_KIND_USER;
constexpr auto kDevice = v1::ENTITY_KIND_DEVICE;

}  // namespace

std::span<const Admin::Route> Admin::routes() {
  using enum Audience;
  using enum Process;
  static constexpr auto kShow = [](Admin& a, Call& c) { a.profile_show(c, *c.tenant, c.kind, model::document_json); };
  static constexpr auto kShowIdentity = [](Admin& a, Call& c) {
    a.profile_show(c, *c.tenant, c.kind, model::identity_json);
  };
  static constexpr auto kLookup = [](Admin& a, Call& c) {
    a.profile_lookup(c, *c.tenant, c.kind, model::document_json);
  };
  static constexpr auto kLookupIdentity = [](Admin& a, Call& c) {
    a.profile_lookup(c, *c.tenant, c.kind, model::identity_json);
  };
  static constexpr auto kErase = [](Admin& a, Call& c) { a.submit_order(c, *c.tenant, c.kind, v1::Envelope::ERASE); };
  static constexpr auto kUnsuppress = [](Admin& a, Call& c) {
    a.submit_order(c, *c.tenant, c.kind, v1::Envelope::UNSUPPRESS);
  };
  static constexpr auto kReplay = [](Admin& a, Call& c) { replay_letters(a.options_, c); };
  static constexpr Route kRoutes[] = {
      {"GET", "/healthz", kAnyone, kAny, [](Admin&, Call& c) { c.ok(R"({"status":"ok"})"); }},
      {"GET", "/readyz", kAnyone, kAny, [](Admin& a, Call& c) { a.readiness(c); }},
      {"GET", "/metrics", kToken, kAny, [](Admin& a, Call& c) { a.metrics(c); }},
      {"GET", "/", kBrowser, kConsole, [](Admin&, Call& c) { c.respond(index_html()); }},
      {"GET", "/console.css", kBrowser, kConsole, [](Admin&, Call& c) { c.respond(console_css()); }},
      {"GET", "/console.js", kBrowser, kConsole, [](Admin&, Call& c) { c.respond(console_js()); }},
      {"GET", "/v1/openapi/ingest.yaml", kToken, kAny, [](Admin&, Call& c) { c.respond(openapi(kIngestYaml)); }},
      {"GET", "/v1/openapi/admin.yaml", kToken, kAny, [](Admin&, Call& c) { c.respond(openapi(kAdminYaml)); }},
      {"GET", "/v1/status", kToken, kAny, [](Admin& a, Call& c) { c.respond(a.status()); }},
      {"GET", "/v1/tenants", kToken, kConsole, [](Admin& a, Call& c) { c.respond(a.tenants()); }},
      {"GET", "/v1/tenants/{tenant}/schema", kToken, kConsole,
       [](Admin& a, Call& c) { c.respond(a.schema(*c.tenant)); }},
      {"GET", "/v1/tenants/{tenant}/freshness", kToken, kConsole, [](Admin& a, Call& c) { a.freshness(c); }},
      {"POST", "/v1/tenants/{tenant}/users/lookup", kToken, kConsole, kLookup, kUser},
      {"POST", "/v1/tenants/{tenant}/users/lookup/identity", kToken, kConsole, kLookupIdentity, kUser},
      {"GET", "/v1/tenants/{tenant}/users/{type}/{value}", kToken, kConsole, kShow, kUser},
      {"DELETE", "/v1/tenants/{tenant}/users/{type}/{value}", kToken, kConsole, kErase, kUser},
      {"GET", "/v1/tenants/{tenant}/users/{type}/{value}/identity", kToken, kConsole, kShowIdentity, kUser},
      {"POST", "/v1/tenants/{tenant}/users/{type}/{value}/unsuppress", kToken, kConsole, kUnsuppress, kUser},
      {"POST", "/v1/tenants/{tenant}/devices/lookup", kToken, kConsole, kLookup, kDevice},
      {"POST", "/v1/tenants/{tenant}/devices/lookup/identity", kToken, kConsole, kLookupIdentity, kDevice},
      {"GET", "/v1/tenants/{tenant}/devices/{type}/{value}", kToken, kConsole, kShow, kDevice},
      {"DELETE", "/v1/tenants/{tenant}/devices/{type}/{value}", kToken, kConsole, kErase, kDevice},
      {"GET", "/v1/tenants/{tenant}/devices/{type}/{value}/identity", kToken, kConsole, kShowIdentity, kDevice},
      {"POST", "/v1/tenants/{tenant}/devices/{type}/{value}/unsuppress", kToken, kConsole, kUnsuppress, kDevice},
      {"GET", "/v1/tenants/{tenant}/erasures", kToken, kConsole,
       [](Admin& a, Call& c) { list_erasures(a.options_, c); }},
      {"POST", "/v1/tenants/{tenant}/erasures/lookup", kToken, kConsole,
       [](Admin& a, Call& c) { find_erasure(a.options_, c); }},
      {"GET", "/v1/tenants/{tenant}/erasures/{id}", kToken, kConsole,
       [](Admin& a, Call& c) { show_erasure(a.options_, c); }},
      {"GET", "/v1/tenants/{tenant}/deadletters", kToken, kConsole,
       [](Admin& a, Call& c) { list_letters(a.options_, c); }},
      {"GET", "/v1/tenants/{tenant}/deadletters/counts", kToken, kConsole,
       [](Admin& a, Call& c) { count_letters(a.options_, c); }},
      {"POST", "/v1/tenants/{tenant}/deadletters/replay", kToken, kConsole, kReplay},
      {"GET", "/v1/tenants/{tenant}/deadletters/{id}", kToken, kConsole,
       [](Admin& a, Call& c) { show_letter(a.options_, c); }},
      {"POST", "/v1/tenants/{tenant}/deadletters/{id}/replay", kToken, kConsole, kReplay},
  };
  return kRoutes;
}

std::vector<http::Operation> Admin::operations() {
  std::vector<http::Operation> out;
  for (const Route& route : routes()) out.push_back({route.method, route.path});
  return out;
}

}  // namespace freshet::console
