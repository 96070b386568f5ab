// The addresses of the admin listener.
#include "console/letter_routes.h"
#include "console/logging.h"
#include "console/lookout.h"
#include "console/orders.h"
#include "console/page.h"
#include "console/people.h"
#include "console/person_events.h"
#include "console/route.h"
#include "console/streams.h"
#include "console/tenants.h"
#include "model/document.h"

namespace freshet::console {
namespace {

constexpr auto kUser = v1::ENTITY_KIND_USER;
constexpr auto kDevice = v1::ENTITY_KIND_DEVICE;
constexpr auto kErasing = v1::Envelope::ERASE;
constexpr auto kLifting = v1::Envelope::UNSUPPRESS;

// A process without a log to look at has no stages; the console's own tests are such.
constexpr auto kFlow = [](Admin& admin, Admin::Call& call) {
  call.ok(admin.options().flow_json ? admin.options().flow_json() : R"({"at":null,"stages":[]})");
};
constexpr auto kFleet = [](Admin& admin, Admin::Call& call) {
  const auto& lookout = admin.options().lookout;
  call.ok(lookout != nullptr ? lookout->fleet_json() : R"({"sources":[]})");
};
constexpr auto kProcesses = [](Admin& admin, Admin::Call& call) {
  const auto& lookout = admin.options().lookout;
  call.ok(lookout != nullptr ? lookout->peers_json() : R"({"processes":[]})");
};
template <bool kAsk>
void answer_checkpoints(Admin& admin, Admin::Call& call) {
  if (!admin.options().checkpoints_json)
    return call.fail(404, "no_checkpoints", "this process makes no checkpoints: ask one with the role action");
  call.ok(admin.options().checkpoints_json(kAsk), kAsk ? 202 : 200);
}
// The page is asked for by browsers that have no token yet, so its files say nothing of this installation.
constexpr auto kIndex = [](Admin&, Admin::Call& call) { call.respond(page_file("index.html")); };
constexpr auto kFile = [](Admin&, Admin::Call& call) { call.respond(page_file(call.arguments[0])); };
constexpr auto kIngestApi = [](Admin&, Admin::Call& call) { call.respond(openapi(kIngestYaml)); };
constexpr auto kAdminApi = [](Admin&, Admin::Call& call) { call.respond(openapi(kAdminYaml)); };

}  // namespace

// A class of Admin's own, as its rows call what is private there.
struct Admin::Table {
  using enum Audience;
  using enum Process;
  using enum schema::Subject;
  static constexpr auto kShow = [](Admin& a, Call& c) { a.profile_show(c, model::document_json); };
  static constexpr auto kShowIdentity = [](Admin& a, Call& c) { a.profile_show(c, model::identity_json); };
  static constexpr auto kLookup = [](Admin& a, Call& c) { a.profile_lookup(c, model::document_json); };
  static constexpr auto kFindId = [](Admin& a, Call& c) { a.profile_lookup(c, model::identity_json); };
  static constexpr auto kEraseOrder = [](Admin& a, Call& c) { a.submit_order(c, *c.tenant, c.kind, kErasing); };
  static constexpr auto kUnsuppressOrder = [](Admin& a, Call& c) { a.submit_order(c, *c.tenant, c.kind, kLifting); };
  static constexpr auto kForgetEvent = [](Admin& a, Call& c) { a.schema_forget(c, {kEvent}); };
  static constexpr auto kForgetPart = [](Admin& a, Call& c) { a.schema_forget(c, {kEventAttribute}); };
  static constexpr auto kForgetOwn = [](Admin& a, Call& c) { a.schema_forget(c, {kUserAttribute, kDeviceAttribute}); };
  static constexpr Route kRoutes[] = {
      {"GET", "/healthz", kAnyone, kAny, [](Admin&, Call& c) { c.ok(R"({"status":"ok"})"); }},
      {"GET", "/readyz", kAnyone, kAny, [](Admin& a, Call& c) { a.readiness(c); }},
      {"GET", "/metrics", kRead, kAny, [](Admin& a, Call& c) { a.metrics(c); }},
      {"GET", "/", kBrowser, kConsole, kIndex},
      {"GET", "/console/{file}", kBrowser, kConsole, kFile, kUser, Named::kAny},
      {"GET", "/v1/openapi/ingest.yaml", kRead, kAny, kIngestApi},
      {"GET", "/v1/openapi/admin.yaml", kRead, kAny, kAdminApi},
      {"GET", "/v1/status", kRead, kAny, [](Admin& a, Call& c) { c.respond(a.status()); }},
      {"GET", "/v1/access", kRead, kAny, show_access},
      {"GET", "/v1/flow", kRead, kAny, kFlow},
      {"GET", "/v1/fleet", kRead, kConsole, kFleet},
      {"GET", "/v1/processes", kRead, kConsole, kProcesses},
      {"GET", "/v1/logging", kRead, kAny, show_logging},
      {"PUT", "/v1/logging", kOperate, kAny, put_logging},
      {"GET", "/v1/checkpoints", kRead, kAny, answer_checkpoints<false>},
      {"POST", "/v1/checkpoints", kOperate, kAny, answer_checkpoints<true>},
      {"GET", "/v1/tenants", kRead, kConsole, list_tenants},
      {"GET", "/v1/tenants/{tenant}", kRead, kConsole, show_tenant},
      {"PUT", "/v1/tenants/{tenant}", kOperate, kConsole, put_tenant, kUser, Named::kAny},
      {"DELETE", "/v1/tenants/{tenant}", kOperate, kConsole, remove_tenant},
      {"GET", "/v1/tenants/{tenant}/plan", kRead, kConsole, show_plan},
      {"PUT", "/v1/tenants/{tenant}/plan", kOperate, kConsole, put_plan},
      {"DELETE", "/v1/tenants/{tenant}/plan", kOperate, kConsole, remove_plan},
      {"GET", "/v1/tenants/{tenant}/violations", kRead, kConsole, list_violations},
      {"GET", "/v1/tenants/{tenant}/actions", kRead, kConsole, stream_actions},
      {"GET", "/v1/tenants/{tenant}/events", kRead, kConsole, stream_events},
      {"GET", "/v1/tenants/{tenant}/changes", kRead, kConsole, stream_changes},
      {"GET", "/v1/tenants/{tenant}/schema", kRead, kConsole, [](Admin& a, Call& c) { a.schema(c); }},
      {"DELETE", "/v1/tenants/{tenant}/schema/events/{name}", kOperate, kConsole, kForgetEvent},
      {"DELETE", "/v1/tenants/{tenant}/schema/events/{name}/attributes/{attribute}", kOperate, kConsole, kForgetPart},
      {"DELETE", "/v1/tenants/{tenant}/schema/attributes/{name}", kOperate, kConsole, kForgetOwn},
      {"GET", "/v1/tenants/{tenant}/erasures", kRead, kConsole, list_erasures},
      {"POST", "/v1/tenants/{tenant}/erasures/lookup", kRead, kConsole, find_erasure},
      {"GET", "/v1/tenants/{tenant}/erasures/{id}", kRead, kConsole, show_erasure},
      {"GET", "/v1/tenants/{tenant}/freshness", kRead, kConsole, [](Admin& a, Call& c) { a.freshness(c); }},
      {"POST", "/v1/tenants/{tenant}/users/lookup", kRead, kConsole, kLookup, kUser},
      {"POST", "/v1/tenants/{tenant}/users/lookup/identity", kRead, kConsole, kFindId, kUser},
      {"POST", "/v1/tenants/{tenant}/users/lookup/events", kRead, kConsole, show_events, kUser},
      {"GET", "/v1/tenants/{tenant}/users/recent", kRead, kConsole, recent_users},
      {"POST", "/v1/tenants/{tenant}/users/search", kRead, kConsole, search_profiles, kUser},
      {"POST", "/v1/tenants/{tenant}/users/merge", kErase, kConsole, merge_users},
      {"POST", "/v1/tenants/{tenant}/users/unlink", kErase, kConsole, unlink_user},
      {"GET", "/v1/tenants/{tenant}/users/{type}/{value}", kRead, kConsole, kShow, kUser},
      {"DELETE", "/v1/tenants/{tenant}/users/{type}/{value}", kErase, kConsole, kEraseOrder, kUser},
      {"GET", "/v1/tenants/{tenant}/users/{type}/{value}/identity", kRead, kConsole, kShowIdentity, kUser},
      {"POST", "/v1/tenants/{tenant}/users/{type}/{value}/unsuppress", kErase, kConsole, kUnsuppressOrder, kUser},
      {"POST", "/v1/tenants/{tenant}/devices/lookup", kRead, kConsole, kLookup, kDevice},
      {"POST", "/v1/tenants/{tenant}/devices/lookup/identity", kRead, kConsole, kFindId, kDevice},
      {"POST", "/v1/tenants/{tenant}/devices/search", kRead, kConsole, search_profiles, kDevice},
      {"GET", "/v1/tenants/{tenant}/profiles/users/{id}", kRead, kConsole, show_by_id, kUser},
      {"GET", "/v1/tenants/{tenant}/profiles/devices/{id}", kRead, kConsole, show_by_id, kDevice},
      {"POST", "/v1/tenants/{tenant}/messages/lookup", kRead, kConsole, find_message},
      {"GET", "/v1/tenants/{tenant}/devices/{type}/{value}", kRead, kConsole, kShow, kDevice},
      {"DELETE", "/v1/tenants/{tenant}/devices/{type}/{value}", kErase, kConsole, kEraseOrder, kDevice},
      {"GET", "/v1/tenants/{tenant}/devices/{type}/{value}/identity", kRead, kConsole, kShowIdentity, kDevice},
      {"POST", "/v1/tenants/{tenant}/devices/{type}/{value}/unsuppress", kErase, kConsole, kUnsuppressOrder, kDevice},
      {"GET", "/v1/tenants/{tenant}/deadletters", kRead, kConsole, list_letters},
      {"GET", "/v1/tenants/{tenant}/deadletters/counts", kRead, kConsole, count_letters},
      {"POST", "/v1/tenants/{tenant}/deadletters/replay", kOperate, kConsole, replay_letters},
      {"GET", "/v1/tenants/{tenant}/deadletters/{id}", kRead, kConsole, show_letter},
      {"POST", "/v1/tenants/{tenant}/deadletters/{id}/replay", kOperate, kConsole, replay_letters},
      {"GET", "/v1/tenants/{tenant}/imports", kRead, kConsole, list_imports},
      {"GET", "/v1/tenants/{tenant}/imports/{id}/rejected", kRead, kConsole, show_rejected_rows},
  };
};

std::span<const Admin::Route> Admin::routes() { return Table::kRoutes; }

std::vector<http::Operation> Admin::operations() {
  std::vector<http::Operation> out;
  for (const Route& route : routes()) out.push_back({route.method, route.path});
  return out;
}

}  // namespace freshet::console
