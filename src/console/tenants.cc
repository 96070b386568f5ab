// /v1/tenants and /v1/tenants/{t}.
#include "console/tenants.h"

#include <algorithm>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "model/time.h"

namespace freshet::console {
namespace {

constexpr size_t kTenantsListedDefault = 100;
constexpr size_t kTenantsListedMax = 1000;
constexpr std::string_view kNoTenant = "there is no tenant of this name";

// Answers a change. 409 says that another tenant is in the way.
TenantDesk::Done answer_to(const Admin::Call& call, TenantWhat what) {
  return [call, what](Result<std::optional<std::string>> changed) {
    if (changed && *changed) return call.ok(std::move(**changed));
    if (changed)
      return call.fail(403, "forbidden",
                       "server keys and the secret of the data API may erase and merge persons, and a sink takes them "
                       "elsewhere: a change that adds or changes one wants a token of the role erase; this one has " +
                           std::string(name_of(call.visitor.role)));
    if (changed.error().code != Code::kInvalid) return call.fail(changed.error());
    call.fail(400, what == TenantWhat::kPlan ? "invalid_plan" : "invalid_tenant", changed.error().message);
  };
}

void change_tenant(Admin& admin, Admin::Call& call, TenantWhat what, std::optional<std::string> text) {
  FRESHET_ASSERT(!call.arguments.empty());
  admin.options().tenants->change({call.arguments[0], what, std::move(text), call.visitor.role >= Role::kErase},
                                  answer_to(call, what));
}

}  // namespace

void list_tenants(Admin& admin, Admin::Call& call) {
  const auto limit = call.limit(kTenantsListedDefault, kTenantsListedMax);
  if (!limit) return;
  // One more than is shown says whether there is a next page.
  std::vector<TenantSummary> tenants = admin.options().tenants->list(call.parameter("after"), *limit + 1);
  const bool goes_on = tenants.size() > *limit;
  if (goes_on) tenants.pop_back();
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("tenants").array(tenants, [](JsonWriter& list, const TenantSummary& tenant) {
    list.begin_object().member("name", tenant.name).member("from", tenant.settings.by_api ? "api" : "file");
    list.member("revision", tenant.settings.revision).member("at", model::format_time(tenant.settings.at_us));
    list.end_object();
  });
  json.key("next");
  goes_on ? json.value(tenants.back().name) : json.null();
  json.end_object();
  call.ok(std::move(out));
}

void show_tenant(Admin& admin, Admin::Call& call) {
  auto shown = admin.options().tenants->show(call.arguments[0]);
  if (!shown) return call.fail(404, "not_found", kNoTenant);
  call.ok(std::move(*shown));
}

void put_tenant(Admin& admin, Admin::Call& call) {
  change_tenant(admin, call, TenantWhat::kSettings, std::move(call.request.body));
}

void remove_tenant(Admin& admin, Admin::Call& call) { change_tenant(admin, call, TenantWhat::kSettings, std::nullopt); }

void show_plan(Admin& admin, Admin::Call& call) {
  auto shown = admin.options().tenants->show_plan(call.arguments[0]);
  if (!shown) return call.fail(404, "not_found", "the tenant has no tracking plan");
  call.ok(std::move(*shown));
}

void put_plan(Admin& admin, Admin::Call& call) {
  change_tenant(admin, call, TenantWhat::kPlan, std::move(call.request.body));
}

void remove_plan(Admin& admin, Admin::Call& call) { change_tenant(admin, call, TenantWhat::kPlan, std::nullopt); }

}  // namespace freshet::console
