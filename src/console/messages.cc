// Whether a record came, by its message id. Ids are remembered where a record enters: at the home of the identifier
// that it names first. Which one that was nobody knows afterwards, so each of the profile's is asked about.
#include <simdjson.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "base/json_writer.h"
#include "console/call.h"
#include "console/letter_routes.h"
#include "console/people.h"
#include "console/spellings.h"
#include "model/document.h"

namespace freshet::console {
namespace {

// For so long ids are remembered, at least: state/seen_messages.h.
constexpr int kRememberedHours = 24;
// A question each. Of who has more, a record that none of these brought may have come all the same.
constexpr size_t kSendersMax = 100;

// {"message_id":"m1","user":{"email":"a@b.c"}}, or with "device".
struct MessageQuestion {
  SoughtMessage sought;
  std::string type, value;  // of whoever sent it, as it was asked
};
Result<MessageQuestion> parse_message_question(const model::Tenant& tenant, const std::string& body) {
  const auto refused =
      fail(Code::kInvalid, R"(the body must be a message id and whose: {"message_id":"m1","user":{"email":"a@b.c"}})");
  simdjson::dom::parser parser;
  simdjson::dom::object object, of;
  std::string_view id;
  if (parser.parse(body).get_object().get(object) != simdjson::SUCCESS || object.size() != 2) return refused;
  if (object["message_id"].get_string().get(id) != simdjson::SUCCESS || id.empty()) return refused;
  MessageQuestion question;
  SoughtMessage& sought = question.sought;
  sought.tenant = tenant.name;
  sought.message_id = id;
  if (object["user"].get_object().get(of) != simdjson::SUCCESS) {
    if (object["device"].get_object().get(of) != simdjson::SUCCESS) return refused;
    sought.kind = v1::ENTITY_KIND_DEVICE;
  }
  const auto sender = parse_lookup(simdjson::minify(of));
  if (!sender) return refused;
  std::tie(question.type, question.value) = *sender;
  // It may have come before numbers were brought to one spelling.
  sought.senders = spellings_of(tenant, question.type, question.value);
  return question;
}

// False: there are more.
bool add_identifiers(const v1::Document& document, std::vector<v1::Identifier>& senders) {
  for (const v1::Field& field : document.fields()) {
    if (field.section() != v1::IDENTIFIERS) continue;
    for (const v1::Value& value : field.value().list().values()) {
      const auto same = [&](const v1::Identifier& s) { return s.type() == field.name() && s.value() == value.text(); };
      if (std::any_of(senders.begin(), senders.end(), same)) continue;
      if (senders.size() == kSendersMax) return false;
      v1::Identifier& sender = senders.emplace_back();
      sender.set_type(field.name());
      sender.set_value(value.text());
    }
  }
  return true;
}

void answer(const Admin::Call& call, const std::string& message_id, std::optional<bool> seen) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("message_id", message_id).key("seen");
  seen ? json.value(*seen) : json.null();
  json.member("hours", kRememberedHours).end_object();
  call.ok(std::move(out));
}

}  // namespace

void find_message(Admin& admin, Admin::Call& call) {
  const auto question = parse_message_question(*call.tenant, call.request.body);
  if (!question) return call.fail(question.error());
  const SoughtMessage& sought = question->sought;
  const auto& find = admin.options().find_message;
  if (!find) return answer(call, sought.message_id, std::nullopt);
  const auto ask = [call, find, of = sought](const Found& found) mutable {
    if (!found) return call.fail(found.error());
    // Also of who has no profile: what came first of somebody may wait for the rest of the pipeline.
    const bool all = !*found || add_identifiers((*found)->document, of.senders);
    find(of, [call, all, id = of.message_id](const Result<bool>& seen) {
      if (!seen) return call.fail(seen.error());
      answer(call, id, *seen || all ? std::optional(*seen) : std::nullopt);
    });
  };
  find_by_any_spelling(*admin.options().store, *call.tenant, sought.kind, question->type, question->value, ask);
}

}  // namespace freshet::console
