// Profiles: reading them, erasing them, and letting an erased person come back.
#include <fmt/core.h>
#include <simdjson.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_keeper.h"
#include "console/letter_routes.h"
#include "console/spellings.h"
#include "model/document.h"
#include "model/identifier.h"
#include "model/kind.h"
#include "telemetry/log.h"

namespace freshet::console {
namespace {

constexpr std::string_view kLookupShape = R"(the body must be one identifier, such as {"email":"a@b.c"})";

// Orders that follow one another: the next is sent when the one before is durable, and the last one is answered. It
// has all that it needs, as the admin may be gone when the log answers.
struct Orders {
  Admin::Call call;
  std::vector<v1::Envelope> all;
  size_t at = 0;
  std::string name;
  std::function<void(v1::Envelope, std::function<void(Status)>)> submit;
  std::weak_ptr<LetterKeeper> letters;
};

void withdraw(const Orders& orders) {
  const std::shared_ptr<LetterKeeper> keeper = orders.letters.lock();
  if (orders.all[orders.at].kind() != v1::Envelope::ERASE || keeper == nullptr) return;
  const std::vector<v1::Envelope> left(orders.all.begin() + static_cast<std::ptrdiff_t>(orders.at), orders.all.end());
  static_cast<void>(keeper->post([left](LetterKeeper::Kept kept) {
    for (const v1::Envelope& order : left)
      if (const Status done = kept.erasures.withdraw(order); !done) log::error("erasure: {}", done.error().message);
  }));
}

void send_next(Orders orders) {
  v1::Envelope order = orders.all[orders.at];
  const auto submit = orders.submit;
  submit(std::move(order), [orders = std::move(orders)](const Status& status) {
    if (!status) {
      withdraw(orders);
      return orders.call.fail(status.error());
    }
    if (orders.at + 1 < orders.all.size()) {
      Orders rest = orders;
      ++rest.at;
      return send_next(std::move(rest));
    }
    std::string answer;
    const std::string& id = orders.all.back().message_id();
    JsonWriter(answer).begin_object().member(orders.name, "accepted").member("message_id", id).end_object();
    orders.call.ok(std::move(answer), 202);
  });
}

}  // namespace

std::optional<std::string> identifier_text(const simdjson::dom::element& value) {
  std::string_view text;
  int64_t number = 0;
  uint64_t large = 0;
  if (value.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
  if (value.get_int64().get(number) == simdjson::SUCCESS) return std::to_string(number);
  if (value.get_uint64().get(large) == simdjson::SUCCESS) return std::to_string(large);
  return std::nullopt;
}

Result<std::pair<std::string, std::string>> parse_lookup(const std::string& body) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS || object.size() != 1)
    return fail(Code::kInvalid, std::string(kLookupShape));
  const auto field = *object.begin();
  auto value = identifier_text(field.value);
  if (!value) return fail(Code::kInvalid, std::string(kLookupShape));
  return std::pair(std::string(field.key), std::move(*value));
}

void Admin::profile_lookup(Call& call, Render render) {
  const auto identifier = parse_lookup(call.request.body);
  if (!identifier) return call.fail(identifier.error());
  answer_profile(call, identifier->first, identifier->second, render);
}

void Admin::profile_show(Call& call, Render render) {
  answer_profile(call, call.arguments[1], call.arguments[2], render);
}

void Admin::answer_profile(Call& call, const std::string& type, const std::string& value, Render render) {
  with_profile(call, type, value, [call, render](const docstore::StoredDocument& stored) {
    call.ok(render(call.tenant->name, call.kind, stored.key.id.view(), stored.document));
  });
}

void Admin::with_profile(const Call& call, const std::string& type, const std::string& value,
                         const std::function<void(const docstore::StoredDocument&)>& then) {
  const auto answer = [this, call, type, then](const Found& found) {
    if (!found) return call.fail(found.error());
    if (*found) return then(**found);
    if (options_.rebuilding && options_.rebuilding())
      return call.fail(503, "rebuilding", "the profile store is being made anew: this profile may be still to come");
    call.fail(404, "not_found",
              fmt::format("tenant {} has no {} with this {}: never seen, or erased", call.tenant->name,
                          model::kind_name(call.kind), type));
  };
  find_by_any_spelling(*options_.store, *call.tenant, call.kind, type, value, answer);
}

void Admin::submit_order(Call& call, const model::Tenant& tenant, v1::EntityKind kind, v1::Envelope::Kind order) {
  const auto spellings = spellings_of(tenant, call.arguments[1], call.arguments[2]);
  if (spellings.empty()) return call.fail(400, "blocked_identifier", "a blank value is never an identifier");
  std::vector<v1::Envelope> orders;
  // Nobody may be left under a spelling of before. These go first: what is answered is the order for that of now.
  for (auto spelled = spellings.rbegin(); spelled != spellings.rend(); ++spelled) {
    v1::Envelope& envelope = orders.emplace_back();
    envelope.set_tenant(tenant.name);
    envelope.set_source("admin");
    envelope.set_message_id("admin-" + to_hex(options_.random->bytes(16)));
    envelope.set_kind(order);
    *(kind == v1::ENTITY_KIND_USER ? envelope.add_user() : envelope.add_device()) = *spelled;
    envelope.set_received_at_us(options_.clock->now_us());
    envelope.set_time_us(envelope.received_at_us());
  }

  if (order == v1::Envelope::UNSUPPRESS) return send_orders(call, std::move(orders), "unsuppress");
  // First it is written down that it was asked for: an erasure that is lost on the way is found by whoever looks.
  const auto remember = [this, call, orders, at_us = options_.clock->now_us()](LetterKeeper::Kept kept) mutable {
    for (const v1::Envelope& envelope : orders) {
      const Status asked = kept.erasures.request(envelope, at_us);
      if (!asked) return call.fail(asked.error());
    }
    send_orders(call, std::move(orders), "erase");
  };
  if (const Status posted = options_.letters->post(remember); !posted && posted.error().code == Code::kRetry)
    call.fail(posted.error());
}

void Admin::send_orders(const Call& call, std::vector<v1::Envelope> orders, std::string_view name) {
  FRESHET_ASSERT(!orders.empty());
  send_next({call, std::move(orders), 0, std::string(name), options_.submit, options_.letters});
}

}  // namespace freshet::console
