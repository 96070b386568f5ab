// Both orders are checked as those of senders are (ingest/sources/records/records.cc), but what is wrong is answered at
// once: nobody reads the dead letters of an order given by hand.
#include "console/orders.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "base/json_writer.h"
#include "console/letter_routes.h"
#include "console/spellings.h"
#include "model/identifier.h"

namespace freshet::console {
namespace {

// One of the two members of an order: exactly one identifier, of a type of the tenant's users, in all its spellings.
Result<std::vector<v1::Identifier>> identifier_in(simdjson::dom::object order, std::string_view name,
                                                  const model::Tenant& tenant) {
  simdjson::dom::object one;
  if (order[name].get_object().get(one) != simdjson::SUCCESS || one.size() != 1)
    return fail(Code::kInvalid, fmt::format(R"("{}" must be one identifier, such as {{"user_id":"u1"}})", name));
  const auto field = *one.begin();
  const auto value = identifier_text(field.value);
  if (!value) return fail(Code::kInvalid, fmt::format("the identifier in \"{}\" must be a string", name));
  const auto& types = tenant.rules.user_priority();
  if (std::find(types.begin(), types.end(), field.key) == types.end())
    return fail(Code::kInvalid, fmt::format("\"{}\": the tenant's users have no identifiers of this type", name));
  auto out = spellings_of(tenant, std::string(field.key), *value);
  if (out.empty()) return fail(Code::kInvalid, fmt::format("the identifier in \"{}\" must not be blank", name));
  return out;
}

// The envelope of an order whose body has these two members; the first one becomes the record's own identifier.
Result<v1::Envelope> read_order(const Admin::Call& call, v1::Envelope::Kind kind, std::string_view own,
                                std::string_view other) {
  simdjson::dom::parser parser;
  simdjson::dom::object order;
  if (parser.parse(call.request.body).get_object().get(order) != simdjson::SUCCESS || order.size() != 2)
    return fail(Code::kInvalid, fmt::format("the body must be an object with \"{}\" and \"{}\"", own, other));
  FRESHET_ASSIGN(const auto firsts, identifier_in(order, own, *call.tenant));
  FRESHET_ASSIGN(const auto seconds, identifier_in(order, other, *call.tenant));
  v1::Envelope envelope;
  v1::Identifier& first = *envelope.add_user() = firsts.front();
  v1::Identifier& second = *envelope.mutable_other() = seconds.front();
  const auto are_same = [&] { return first.type() == second.type() && first.value() == second.value(); };
  // Two spellings of one value are two profiles only where one of them is from before these were brought to one.
  if (are_same()) {
    first = firsts.back();
    second = seconds.back();
  }
  if (are_same()) return fail(Code::kInvalid, fmt::format("\"{}\" and \"{}\" are the same", own, other));
  envelope.set_kind(kind);
  envelope.set_tenant(call.tenant->name);
  envelope.set_source("admin");
  return envelope;
}

// Answers once the order is durable; what it does is seen a moment later, as it takes its place among the records.
void submit(Admin& admin, const Admin::Call& call, Result<v1::Envelope> order, std::string_view name) {
  if (!order) return call.fail(order.error());
  const AdminOptions& options = admin.options();
  order->set_message_id("admin-" + to_hex(options.random->bytes(16)));
  order->set_received_at_us(options.clock->now_us());
  order->set_time_us(order->received_at_us());
  std::string answer;
  JsonWriter(answer).begin_object().member(name, "accepted").member("message_id", order->message_id()).end_object();
  options.submit(std::move(*order), [call, answer = std::move(answer)](const Status& status) {
    status ? call.ok(answer, 202) : call.fail(status.error());
  });
}

}  // namespace

void merge_users(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(call.tenant != nullptr);
  submit(admin, call, read_order(call, v1::Envelope::MERGE, "into", "from"), "merge");
}

void unlink_user(Admin& admin, Admin::Call& call) {
  FRESHET_ASSERT(call.tenant != nullptr);
  auto order = read_order(call, v1::Envelope::UNLINK, "from", "identifier");
  if (order && order->other().type() == model::kUserId)
    return call.fail(400, "cannot_unlink_user_id",
                     "a user_id can't be unlinked; erase the user, or merge it into another");
  submit(admin, call, std::move(order), "unlink");
}

void show_access(Admin&, Admin::Call& call) {
  std::string out;
  const std::string_view role = freshet::name_of(call.visitor.role);
  JsonWriter(out).begin_object().member("name", call.visitor.name).member("role", role).end_object();
  call.ok(std::move(out));
}

}  // namespace freshet::console
