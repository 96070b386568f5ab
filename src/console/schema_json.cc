// GET /v1/tenants/{t}/schema: what the registry knows of a tenant.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "console/admin.h"
#include "model/json.h"
#include "model/time.h"

namespace freshet::console {
namespace {

using schema::Known;
using schema::Subject;

void append_known(std::string& out, const Known& known) {
  if (out.back() != '[') out += ',';
  out += "{\"name\":";
  model::append_json_string(out, known.name);
  if (!known.type.empty() && known.subject != Subject::kEvent) {
    out += ",\"type\":";
    model::append_json_string(out, known.type);
  }
  if (known.first_us > 0) out += ",\"first_seen\":\"" + model::format_time(known.first_us) + "\"";
}

std::string attributes_json(const std::vector<Known>& all, Subject subject, std::string_view of) {
  std::string out = "[";
  for (const Known& known : all) {
    if (known.subject != subject || known.of != of) continue;
    append_known(out, known);
    out += '}';
  }
  return out + "]";
}

}  // namespace

http::Response Admin::schema(const model::Tenant& tenant) const {
  std::vector<Known> all = options_.registry->list(tenant.name);
  std::sort(all.begin(), all.end(), [](const Known& a, const Known& b) {
    return std::tie(a.subject, a.of, a.name) < std::tie(b.subject, b.of, b.name);
  });
  // An attribute is shown with its event; sorted, the attributes of one event are neighbours.
  std::map<std::string, std::vector<Known>> of_event;
  for (const Known& known : all) {
    if (known.subject == Subject::kEventAttribute) of_event[known.of].push_back(known);
  }
  std::string events = "[";
  size_t event_count = 0;
  for (const Known& known : all) {
    if (known.subject != Subject::kEvent) continue;
    ++event_count;
    append_known(events, known);
    events += ",\"attributes\":" + attributes_json(of_event[known.name], Subject::kEventAttribute, known.name) + "}";
  }
  http::Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  response.body = "{\"tenant\":";
  model::append_json_string(response.body, tenant.name);
  response.body += fmt::format(R"(,"mode":"{}","events":{}],"user_attributes":{},"device_attributes":{},)"
                               R"("event_names":{{"used":{},"limit":{}}},"user_attributes_limit":{}}})",
                               tenant.strict_schema ? "strict" : "discover", events,
                               attributes_json(all, Subject::kUserAttribute, ""),
                               attributes_json(all, Subject::kDeviceAttribute, ""), event_count,
                               tenant.limits.event_names, tenant.limits.user_attributes);
  response.body += '\n';
  return response;
}

}  // namespace freshet::console
