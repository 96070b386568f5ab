// Profiles: reading them, erasing them, and letting an erased person come back.
#include <fmt/format.h>
#include <simdjson.h>

#include "base/hash.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/letter_routes.h"
#include "model/document.h"
#include "model/identifier.h"
#include "telemetry/log.h"

namespace freshet::console {
namespace {

using Found = Result<std::optional<docstore::StoredDocument>>;

constexpr std::string_view kLookupShape = R"(the body must be one identifier, such as {"email":"a@b.c"})";

std::string_view noun(v1::EntityKind kind) { return kind == v1::ENTITY_KIND_USER ? "user" : "device"; }

}  // namespace

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
  identifier.set_value(model::normalize_identifier(tenant, type, value));
  identifier.set_type(type);
  const auto answer = [this, call, kind, type, name = tenant.name, render](const Found& found) {
    if (!found) return call.fail(found.error());
    if (*found) return call.ok(render(name, kind, (*found)->key.id.view(), (*found)->document));
    if (options_.rebuilding && options_.rebuilding())
      return call.fail(503, "rebuilding", "the profile store is being made anew: this profile may be still to come");
    call.fail(404, "not_found",
              fmt::format("tenant {} has no {} with this {}: never seen, or erased", name, noun(kind), type));
  };
  const auto other = model::other_spelling(tenant, type, value);
  if (!other) return options_.store->find_soon(tenant.name, kind, identifier, answer);
  // Who has not been heard of since numbers were brought to one spelling is known by the one that was sent.
  v1::Identifier sent = identifier;
  sent.set_value(*other);
  options_.store->find_soon(tenant.name, kind, identifier,
                            [this, name = tenant.name, kind, sent, answer](const Found& found) {
                              if (!found || *found) return answer(found);
                              options_.store->find_soon(name, kind, sent, answer);
                            });
}

void Admin::submit_order(Call& call, const model::Tenant& tenant, v1::EntityKind kind, v1::Envelope::Kind order) {
  const std::string value = model::normalize_identifier(tenant, call.arguments[1], call.arguments[2]);
  if (model::is_blocked_identifier(value, tenant.rules))
    return call.fail(400, "blocked_identifier", "this value is never an identifier, so nobody has it");
  const auto other = model::other_spelling(tenant, call.arguments[1], call.arguments[2]);
  if (!other) return submit_spelling(call, tenant, kind, order, value);
  // Nobody may be left under the spelling of before. It goes first: what is answered is the order for the other one.
  Call first = call;
  first.respond = [this, call, kind, order, value](http::Response response) mutable {
    if (response.status >= 300) return call.respond(std::move(response));
    submit_spelling(call, *call.tenant, kind, order, value);
  };
  submit_spelling(first, tenant, kind, order, *other);
}

void Admin::submit_spelling(Call& call, const model::Tenant& tenant, v1::EntityKind kind, v1::Envelope::Kind order,
                            const std::string& value) {
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

  if (order == v1::Envelope::UNSUPPRESS) return send_order(call, std::move(envelope), "unsuppress");
  // First it is written down that it was asked for: an erasure that is lost on the way is found by whoever looks.
  const auto remember = [this, call, envelope, at_us = options_.clock->now_us()](LetterKeeper::Kept kept) mutable {
    const Status asked = kept.erasures.request(envelope, at_us);
    if (!asked) return call.fail(asked.error());
    send_order(call, std::move(envelope), "erase");
  };
  if (const Status posted = options_.letters->post(remember); !posted && posted.error().code == Code::kRetry)
    call.fail(posted.error());
}

void Admin::send_order(const Call& call, v1::Envelope envelope, std::string_view name) {
  std::string answer;
  JsonWriter(answer).begin_object().member(name, "accepted").member("message_id", envelope.message_id()).end_object();
  v1::Envelope order = envelope;
  const std::weak_ptr<LetterKeeper> letters = options_.letters;
  options_.submit(std::move(envelope), [letters, call, answer = std::move(answer), order](const Status& status) {
    if (status) return call.ok(answer, 202);
    const auto withdraw = [order](LetterKeeper::Kept kept) {
      if (const Status done = kept.erasures.withdraw(order); !done) spdlog::error("erasure: {}", done.error().message);
    };
    const std::shared_ptr<LetterKeeper> keeper = letters.lock();
    if (order.kind() == v1::Envelope::ERASE && keeper != nullptr) static_cast<void>(keeper->post(withdraw));
    call.fail(status.error());
  });
}

}  // namespace freshet::console
