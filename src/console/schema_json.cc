// /v1/tenants/{t}/schema: what the registry knows of a tenant, what came that contradicts it, and how what was learned
// by mistake is removed.
#include <map>
#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/violations.h"
#include "model/time.h"

namespace freshet::console {
namespace {

using schema::Known;
using schema::Subject;

using OtherTypes = Violations::OtherTypes;

// Values of other types that came for the name: the evidence, when it should have another type than it has.
void write_other_types(JsonWriter& json, const Known& known, const OtherTypes& types) {
  const auto subject = static_cast<v1::SchemaChange::Subject>(static_cast<int>(known.subject) + 1);
  const auto found = types.find({subject, known.of, known.name});
  if (found == types.end()) return;
  json.key("other_types").array(found->second, [](JsonWriter& list, const Violations::OtherType& other) {
    list.begin_object().member("type", other.type).member("rule", other.rule).member("count", other.count);
    list.member("first_seen", model::format_time(other.first_us));
    list.member("last_seen", model::format_time(other.last_us)).key("samples").array(other.samples).end_object();
  });
}

// The members of what is known by this name.
void write_known(JsonWriter& json, const Known& known, const OtherTypes& types) {
  json.member("name", known.name);
  if (!known.type.empty() && known.subject != Subject::kEvent) json.member("type", known.type);
  if (known.first_us > 0) json.member("first_seen", model::format_time(known.first_us));
  write_other_types(json, known, types);
}

void write_attributes(JsonWriter& json, const std::vector<Known>& all, Subject subject, std::string_view of,
                      const OtherTypes& types) {
  json.begin_array();
  for (const Known& known : all) {
    if (known.subject != subject || known.of != of) continue;
    json.begin_object();
    write_known(json, known, types);
    json.end_object();
  }
  json.end_array();
}

http::Response schema_answer(const model::Tenant& tenant, const std::vector<Known>& all, const OtherTypes& types) {
  // An attribute is shown with its event; sorted, the attributes of one event are neighbours.
  std::map<std::string, std::vector<Known>> of_event;
  for (const Known& known : all) {
    if (known.subject == Subject::kEventAttribute) of_event[known.of].push_back(known);
  }
  http::Response response;
  response.headers = {{"Cache-Control", "no-store"}};
  JsonWriter json(response.body);
  json.begin_object().member("tenant", tenant.name).member("mode", tenant.strict_schema ? "strict" : "discover");
  json.member("conflicts", name_of(tenant.conflicts));
  size_t event_count = 0;
  json.key("events").begin_array();
  for (const Known& known : all) {
    if (known.subject != Subject::kEvent) continue;
    ++event_count;
    json.begin_object();
    write_known(json, known, types);
    write_attributes(json.key("attributes"), of_event[known.name], Subject::kEventAttribute, known.name, types);
    json.end_object();
  }
  json.end_array();
  write_attributes(json.key("user_attributes"), all, Subject::kUserAttribute, "", types);
  write_attributes(json.key("device_attributes"), all, Subject::kDeviceAttribute, "", types);
  json.key("event_names").begin_object().member("used", event_count).member("limit", tenant.limits.event_names);
  json.end_object().member("user_attributes_limit", tenant.limits.user_attributes).end_object();
  response.body += '\n';
  return response;
}

}  // namespace

// Other types are kept with the letters, so their thread answers.
void Admin::schema(Call& call) const {
  FRESHET_ASSERT(options_.letters != nullptr && options_.registry != nullptr);
  auto answer = [call, registry = options_.registry, now_us = options_.clock->now_us()](LetterKeeper::Kept kept) {
    const auto types = kept.violations.other_types(call.tenant->name, now_us);
    if (!types) return call.fail(types.error());
    call.respond(schema_answer(*call.tenant, registry->list(call.tenant->name), *types));
  };
  if (const Status posted = options_.letters->post(std::move(answer)); !posted && posted.error().code == Code::kRetry)
    call.fail(posted.error());
}

// The removal goes through the log, so that every node forgets the name at the same place in the order of discoveries.
// A name that is not known is not an error: this node may not have read of it yet, and a repeated request is well.
void Admin::schema_forget(Call& call, std::initializer_list<Subject> subjects) {
  FRESHET_ASSERT(call.arguments.size() >= 2 && options_.remove_names != nullptr);
  const std::string& name = call.arguments.back();
  const std::string of = call.arguments.size() == 3 ? call.arguments[1] : std::string();
  std::vector<v1::SchemaChange> removals;
  for (const Subject subject : subjects)
    if (options_.registry->knows(call.tenant->name, subject, of, name))
      removals.push_back(schema::removal_of(call.tenant->name, {subject, of, name, "", 0}, options_.clock->now_us()));
  if (removals.empty()) return call.ok(R"({"removed":0})");
  std::string answer;
  JsonWriter(answer).begin_object().member("removed", removals.size()).end_object();
  options_.remove_names(std::move(removals), [call, answer = std::move(answer)](const Status& status) {
    if (!status) return call.fail(status.error());
    call.ok(answer, 202);
  });
}

}  // namespace freshet::console
