// /v1/tenants and /v1/tenants/{t}.
#include "console/tenants.h"

#include <algorithm>
#include <charconv>

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
TenantDesk::Done answer_to(const Admin::Call& call) {
  return [call](Result<std::string> changed) {
    if (changed) return call.ok(std::move(*changed));
    if (changed.error().code == Code::kInvalid) return call.fail(400, "invalid_tenant", changed.error().message);
    call.fail(changed.error());
  };
}

}  // namespace

void list_tenants(Admin& admin, Admin::Call& call) {
  size_t limit = kTenantsListedDefault;
  if (const std::string_view text = call.parameter("limit"); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
    if (error != std::errc() || end != text.data() + text.size() || limit < 1 || limit > kTenantsListedMax)
      return call.fail(400, "bad_request", "limit: must be a number from 1 to " + std::to_string(kTenantsListedMax));
  }
  // One more than is shown says whether there is a next page.
  std::vector<TenantSummary> tenants = admin.options().tenants->list(call.parameter("after"), limit + 1);
  const bool goes_on = tenants.size() > limit;
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
  FRESHET_ASSERT(!call.arguments.empty());
  admin.options().tenants->change(call.arguments[0], std::move(call.request.body), answer_to(call));
}

void remove_tenant(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(!call.arguments.empty());
  admin.options().tenants->change(call.arguments[0], std::nullopt, answer_to(call));
}

}  // namespace freshet::console
