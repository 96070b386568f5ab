#include "model/change_json.h"

#include <string_view>

#include "base/hash.h"
#include "base/json_writer.h"
#include "model/json.h"
#include "model/kind.h"
#include "model/time.h"

namespace freshet::model {
namespace {

// The member of the document that a section is, or "" if it has none.
std::string_view member_of(v1::Section section) {
  switch (section) {
    case v1::IDENTIFIERS: return "identifiers";
    case v1::ATTRIBUTES: return "attributes";
    case v1::DEVICES: return "devices";
    case v1::USERS: return "users";
    case v1::EVENTS: return "events";
    case v1::COMPUTED: return "computed";
    case v1::COMPUTED_SINCE: return "computed_since";
    case v1::FIRST_SEEN: return "first_seen";
    case v1::LAST_SEEN: return "last_seen";
    case v1::MERGED_FROM: return "merged_from";
    case v1::SESSIONS: return "sessions";
    case v1::SUBSCRIPTIONS: return "subscriptions";
    case v1::PUSH_TOKEN: return "push_token";
    case v1::AUDIENCES: return "audiences";
    default: return {};
  }
}

std::string_view word_of_op(v1::ChangeOp::Type type) {
  switch (type) {
    case v1::ChangeOp::SET: return "set";
    case v1::ChangeOp::UNSET: return "unset";
    case v1::ChangeOp::ADD_TO_SET: return "add_to_set";
    case v1::ChangeOp::REMOVE_FROM_SET: return "remove_from_set";
    default: return {};
  }
}

}  // namespace

std::string change_json(const v1::Change& change) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().member("tenant", change.tenant());
  json.member("kind", kind_name(change.kind())).member("id", to_hex(change.id()));
  json.member("version", change.version()).member("received_at", format_time(change.received_at_us()));
  json.member("removed", change.remove()).member("whole", change.whole()).key("ops").begin_array();
  for (const v1::ChangeOp& op : change.ops()) {
    const std::string_view section = member_of(op.section());
    const std::string_view word = word_of_op(op.type());
    if (section.empty() || word.empty()) continue;
    json.begin_object().member("op", word).member("section", section);
    if (!op.name().empty()) json.member("name", op.name());
    if (op.type() != v1::ChangeOp::UNSET) write_value(json.key("value"), op.value());
    json.end_object();
  }
  json.end_array().end_object();
  return out;
}

}  // namespace freshet::model
