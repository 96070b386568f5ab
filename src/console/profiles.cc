// Profiles: reading them, erasing them, and letting an erased person come back.
#include <fmt/format.h>
#include <simdjson.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "model/document.h"
#include "model/identifier.h"

namespace freshet::console {
namespace {

constexpr std::string_view kLookupShape = R"(the body must be one identifier, such as {"email":"a@b.c"})";

// {"email":"…"}: exactly one.
Result<std::pair<std::string, std::string>> parse_lookup(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS || object.size() != 1)
    return fail(Code::kInvalid, std::string(kLookupShape));
  const auto field = *object.begin();
  std::string_view value;
  if (field.value.get_string().get(value) == simdjson::SUCCESS)
    return std::pair(std::string(field.key), std::string(value));
  int64_t number = 0;
  if (field.value.get_int64().get(number) == simdjson::SUCCESS)
    return std::pair(std::string(field.key), std::to_string(number));
  return fail(Code::kInvalid, std::string(kLookupShape));
}

std::string_view noun(v1::EntityKind kind) { return kind == v1::ENTITY_KIND_USER ? "user" : "device"; }

}  // namespace

void Admin::profile_lookup(Call& call, const model::Tenant& tenant, v1::EntityKind kind, Render render) {
  const auto identifier = parse_lookup(call.request.body);
  if (!identifier) return call.fail(identifier.error());
  answer_profile(call, tenant, kind, identifier->first, identifier->second, render);
}

void Admin::profile_show(Call& call, const model::Tenant& tenant, v1::EntityKind kind, Render render) {
  answer_profile(call, tenant, kind, call.arguments[1], call.arguments[2], render);
}

void Admin::answer_profile(Call& call, const model::Tenant& tenant, v1::EntityKind kind, const std::string& type,
                           const std::string& value, Render render) {
  v1::Identifier identifier;
  identifier.set_value(model::normalize_identifier(type, value));
  identifier.set_type(type);
  const auto found = options_.store->find(tenant.name, kind, identifier);
  if (!found) return call.fail(found.error());
  if (!found->has_value()) {
    if (options_.rebuilding && options_.rebuilding())
      return call.fail(503, "rebuilding", "the profile store is being made anew: this profile may be still to come");
    return call.fail(
        404, "not_found",
        fmt::format("tenant {} has no {} with this {}: never seen, or erased", tenant.name, noun(kind), type));
  }
  const auto& stored = **found;
  call.ok(render(tenant.name, kind, stored.key.id.view(), stored.document));
}

void Admin::submit_order(Call& call, const model::Tenant& tenant, v1::EntityKind kind, v1::Envelope::Kind order) {
  const std::string value = model::normalize_identifier(call.arguments[1], call.arguments[2]);
  if (model::is_blocked_identifier(value, tenant.rules))
    return call.fail(400, "blocked_identifier", "this value is never an identifier, so nobody has it");
  v1::Envelope envelope;
  envelope.set_tenant(tenant.name);
  envelope.set_source("admin");
  envelope.set_message_id("admin-" + to_hex(options_.random->bytes(16)));
  envelope.set_kind(order);
  auto& identifier = *(kind == v1::ENTITY_KIND_USER ? envelope.add_user() : envelope.add_device());
  identifier.set_type(call.arguments[1]);
  identifier.set_value(value);
  envelope.set_received_at_us(options_.clock->now_us());
  envelope.set_time_us(envelope.received_at_us());

  std::string answer;
  JsonWriter(answer)
      .begin_object()
      .member(order == v1::Envelope::ERASE ? "erase" : "unsuppress", "accepted")
      .member("message_id", envelope.message_id())
      .end_object();
  options_.submit(std::move(envelope), [call, answer = std::move(answer)](const Status& status) {
    if (!status) return call.fail(status.error());
    call.ok(answer, 202);
  });
}

}  // namespace freshet::console
