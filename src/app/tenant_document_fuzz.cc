// Any text as a tenant and as a plan: no crash; refused with problems, or a document that is read as the same again.
#include <cstdlib>

#include "app/plan_document.h"
#include "app/tenant_document.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace freshet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  yaml::Problems problems("fuzz"), again("again");
  const auto tenant = app::read_tenant("acme", text, problems);
  if (tenant.has_value() != problems.empty()) std::abort();
  if (tenant) {
    const auto same = app::read_tenant("acme", tenant->document, again);
    if (!same || same->document != tenant->document) std::abort();
    std::string json;
    JsonWriter writer(json);
    app::write_settings(writer, tenant->document);
  }
  yaml::Problems of_plan("plan");
  const auto plan = app::read_plan(text, of_plan);
  if (plan.has_value() != of_plan.empty()) std::abort();
  if (plan) static_cast<void>(plan->plan->check("E", R"({"a":1,"b":[1.5,"x",null],"c":{"d":true}})"));
  return 0;
}
