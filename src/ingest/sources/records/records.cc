// The adapter of /v1/records. A line is read in two passes: the first one notes where its members
// are and refuses unknown ones, the second one fills the envelope in the order that the rules need
// (identifiers, then attributes, then the event), whatever order the sender chose.

#include "ingest/sources/records/records.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"
#include "base/nearest.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/json_fault.h"
#include "ingest/items/properties.h"
#include "model/identifier.h"
#include "model/limits.h"

namespace freshet::ingest {
namespace {

using Text = std::optional<std::string_view>;

// Device identifiers that are known without being listed in the tenant's rules.
constexpr std::array<std::string_view, 5> kDeviceTypes = {"device_id", "push_token", "idfv", "gaid", "idfa"};

// What a line may have, and which of it is an object of data.
constexpr std::array<std::string_view, 15> kRecordMembers = {
    "message_id", "user",      "device",  "set",   "unset", "add_to_set", "remove_from_set", "event",
    "properties", "timestamp", "sent_at", "merge", "erase", "unsuppress", "unlink"};
constexpr std::array<std::string_view, 6> kRecordObjects = {"user",       "device",          "set",
                                                            "add_to_set", "remove_from_set", "properties"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// A line as it was read. Its containers live as long as its document.
struct Line {
  Text message_id, event;
  std::optional<model::TimeUs> timestamp, sent_at;
  std::string_view sent_at_token;
  std::optional<ondemand::object> user, device, set, add, remove, properties, merge, erase, unsuppress, unlink;
  std::vector<std::string_view> unset;
  bool has_data = false;  // it has a member that belongs to an ordinary record
  int commands = 0;       // how many of merge, erase, unsuppress and unlink it has
};

// Reads an object from its beginning, wherever an earlier pass stopped.
template <class Read>
Outcome each_field_again(Item& item, ondemand::object object, const Read& read) {
  FRESHET_JSON(object.reset().error(), item.broken);
  return each_field(item, object, read);
}

Outcome unknown_key(Item& item, std::string_view key, std::string_view in, const NameList& known) {
  key = shown_name(key);
  std::string message = "\"" + std::string(key) + "\" is no member of " + std::string(in);
  if (const std::string_view near = nearest(key, known); !near.empty()) {
    message.append("; did you mean \"").append(near).append("\"?");
  } else {
    message += "; known are:";
    for (const std::string_view name : known) message.append(" ").append(name);
  }
  return item.reject("unknown_key", std::move(message), key);
}

// Reads a member that must be a text if it is there.
Outcome read_text(Item& item, std::string_view name, ondemand::value value, Text& out) {
  FRESHET_ITEM(read_scalar(item, value, out));
  return out ? Outcome::kOk : item.reject("bad_field", "\"" + std::string(name) + "\" must be a text", name);
}

Outcome read_line_time(Item& item, std::string_view name, ondemand::value value, std::optional<model::TimeUs>& out) {
  FRESHET_ITEM(read_time(item, value, out));
  if (out) return Outcome::kOk;
  return item.reject("bad_time",
                     "\"" + std::string(name) +
                         "\" must be ISO 8601, such as 2026-01-02T03:04:05.678Z, or epoch seconds or milliseconds",
                     name);
}

Outcome read_member(Item& item, std::string_view name, ondemand::value value, Line& line) {
  if (!is_among(kRecordMembers, name)) return unknown_key(item, name, "a record", kRecordMembers);
  bool absent = false;
  FRESHET_ITEM(read_absent(item, value, is_among(kRecordObjects, name) ? Shape::kObject : Shape::kAny, absent));
  if (absent) return Outcome::kOk;
  if (name == "message_id") return read_text(item, name, value, line.message_id);
  if (name == "timestamp") return read_line_time(item, name, value, line.timestamp);
  if (name == "sent_at") {
    line.sent_at_token = value.raw_json_token();
    return read_line_time(item, name, value, line.sent_at);
  }
  using Command = std::pair<std::string_view, std::optional<ondemand::object>*>;
  for (const auto& [key, slot] : {Command{"merge", &line.merge}, Command{"erase", &line.erase},
                                  Command{"unsuppress", &line.unsuppress}, Command{"unlink", &line.unlink}}) {
    if (name != key) continue;
    // Before anything else is looked at: with a write key a line that commands has no other fault that counts.
    if (item.context.scope != model::KeyScope::kServer)
      return item.reject("needs_server_key",
                         "\"" + std::string(name) +
                             "\" wants a key of server_keys; the key of this request is a write "
                             "key, which stands in pages and apps, so anybody has it",
                         name);
    // A command that stands twice in a line is one command, and its last value counts, as in every
    // JSON object here.
    line.commands += slot->has_value() ? 0 : 1;
    return read_object(item, name, value, *slot);
  }
  line.has_data = true;
  if (name == "event") return read_text(item, name, value, line.event);
  if (name == "unset") return line.unset.clear(), read_names(item, value, line.unset);
  for (const auto& [key, slot] : {Command{"user", &line.user}, Command{"device", &line.device},
                                  Command{"set", &line.set}, Command{"add_to_set", &line.add},
                                  Command{"remove_from_set", &line.remove}, Command{"properties", &line.properties}})
    if (name == key) return read_object(item, name, value, *slot);
  return Outcome::kOk;
}

// Which types a record may use: those that the tenant's rules list, and for devices those that
// every phone has.
bool is_user_type(const Item& item, std::string_view type) {
  return is_listed(item.context.tenant.rules.user_priority(), type);
}
bool is_device_type(const Item& item, std::string_view type) {
  return is_listed(item.context.tenant.rules.device_priority(), type) ||
         std::find(kDeviceTypes.begin(), kDeviceTypes.end(), type) != kDeviceTypes.end();
}

Outcome unknown_type(Item& item, std::string_view type, const google::protobuf::RepeatedPtrField<std::string>& listed) {
  type = shown_name(type);
  std::string message = "\"" + std::string(type) + "\" is no identifier type of this tenant; known are:";
  for (const std::string& name : listed) message.append(" ").append(name);
  return item.reject("unknown_identifier_type", std::move(message), type);
}

// Reads one identifier, or a list of them.
Outcome read_identifier(Item& item, v1::EntityKind kind, std::string_view type, ondemand::value value) {
  ondemand::json_type json{};
  FRESHET_JSON(value.type().get(json), item.broken);
  Text text;
  if (json != ondemand::json_type::array) {
    FRESHET_ITEM(read_scalar(item, value, text));
    if (!text) item.saw_identifier = true;  // null: nobody
    add_optional_identifier(item, kind, type, text);
    return Outcome::kOk;
  }
  ondemand::array array;
  FRESHET_JSON(value.get_array().get(array), item.broken);
  uint32_t count = 0;
  for (auto element : array) {
    ondemand::value inner;
    FRESHET_JSON(element.get(inner), item.broken);
    if (++count > model::kIdentifiersOfTypeMax)
      return item.reject("too_many_identifiers", "a record may name 50 identifiers of a type", type);
    FRESHET_ITEM(read_scalar(item, inner, text));
    add_optional_identifier(item, kind, type, text);
  }
  return Outcome::kOk;
}

// What the same member has said before.
void forget_identifiers(Item& item, v1::EntityKind kind, std::string_view type) {
  const auto is_of_type = [type](const v1::Identifier& i) { return i.type() == type; };
  auto& list = kind == v1::ENTITY_KIND_DEVICE ? *item.envelope.mutable_device() : *item.envelope.mutable_user();
  list.erase(std::remove_if(list.begin(), list.end(), is_of_type), list.end());
  if (kind == v1::ENTITY_KIND_USER) std::erase_if(item.as_sent, is_of_type);
}

Outcome read_identifiers(Item& item, v1::EntityKind kind, const ondemand::object& object) {
  return each_field_again(item, object, [&](std::string_view type, ondemand::value value) -> Outcome {
    forget_identifiers(item, kind, type);
    const bool known = kind == v1::ENTITY_KIND_USER ? is_user_type(item, type) : is_device_type(item, type);
    const auto& rules = item.context.tenant.rules;
    if (!known) return unknown_type(item, type, model::priority_of(kind, rules));
    return read_identifier(item, kind, type, value);
  });
}

// Reads exactly one usable identifier, of a user or of a device: a command that names two would
// leave open which is meant.
Outcome read_one(Item& item, std::string_view name, const std::optional<ondemand::object>& object) {
  // What was added is counted, because a value that nobody has is dropped without an error.
  const int before = item.envelope.user().size() + item.envelope.device().size();
  int count = 0;
  if (object) {
    FRESHET_ITEM(each_field_again(item, *object, [&](std::string_view type, ondemand::value value) -> Outcome {
      ++count;
      if (is_user_type(item, type)) return read_identifier(item, v1::ENTITY_KIND_USER, type, value);
      if (is_device_type(item, type)) return read_identifier(item, v1::ENTITY_KIND_DEVICE, type, value);
      return unknown_type(item, type, item.context.tenant.rules.user_priority());
    }));
  }
  const int added = item.envelope.user().size() + item.envelope.device().size() - before;
  if (count == 1 && added == 0 && item.saw_identifier)
    return reject_unusable(item, "the identifier in \"" + std::string(name) + "\" is one that nobody has", name);
  if (count != 1 || added != 1)
    return item.reject(
        "missing_identifier",
        "\"" + std::string(name) + "\" must be an object with exactly one identifier, such as {\"user_id\":\"u1\"}",
        name);
  return Outcome::kOk;
}

// The identifier that was read last becomes `other`. Both are of users, or both are of devices.
Outcome move_to_other(Item& item, std::string_view command) {
  auto& list = item.envelope.user().empty() ? *item.envelope.mutable_device() : *item.envelope.mutable_user();
  FRESHET_ASSERT(item.envelope.user().size() + item.envelope.device().size() == 2);  // read_one() was called twice
  if (list.size() != 2)
    return item.reject("mixed_kinds",
                       "\"" + std::string(command) + "\" takes two users or two devices, not one of each", command);
  item.envelope.mutable_other()->Swap(&list[1]);
  list.RemoveLast();
  return Outcome::kOk;
}

Outcome apply_merge(Item& item, const ondemand::object& merge) {
  std::optional<ondemand::object> from, into;
  FRESHET_ITEM(each_field_again(item, merge, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "from") return read_object(item, name, value, from);
    if (name == "into") return read_object(item, name, value, into);
    return unknown_key(item, name, "\"merge\"", std::array<std::string_view, 2>{"from", "into"});
  }));
  // `into` is read first: it becomes the record's own identifier, and so decides which partition
  // the merge begins at.
  FRESHET_ITEM(read_one(item, "into", into));
  FRESHET_ITEM(read_one(item, "from", from));
  FRESHET_ITEM(move_to_other(item, "merge"));
  const v1::Identifier& kept = item.envelope.user().empty() ? item.envelope.device(0) : item.envelope.user(0);
  if (kept.type() == item.envelope.other().type() && kept.value() == item.envelope.other().value())
    return item.reject("bad_merge", "\"from\" and \"into\" are the same", "merge");
  item.envelope.set_kind(v1::Envelope::MERGE);
  return Outcome::kOk;
}

Outcome apply_unlink(Item& item, const ondemand::object& unlink) {
  std::optional<ondemand::object> from, identifier;
  FRESHET_ITEM(each_field_again(item, unlink, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "from") return read_object(item, name, value, from);
    if (name == "identifier") return read_object(item, name, value, identifier);
    return unknown_key(item, name, "\"unlink\"", std::array<std::string_view, 2>{"from", "identifier"});
  }));
  FRESHET_ITEM(read_one(item, "from", from));
  FRESHET_ITEM(read_one(item, "identifier", identifier));
  FRESHET_ITEM(move_to_other(item, "unlink"));
  // A profile is what its user_id names; without it nothing would say whose the rest is.
  if (item.envelope.other().type() == model::kUserId)
    return item.reject("cannot_unlink_user_id", "a user_id can't be unlinked; erase the user, or merge it into another",
                       "unlink");
  item.envelope.set_kind(v1::Envelope::UNLINK);
  return Outcome::kOk;
}

Outcome apply_command(Item& item, const Line& line) {
  if (line.has_data || line.commands != 1)
    return item.reject("conflicting_keys",
                       "merge, erase, unsuppress and unlink each need a record of their own, with message_id, "
                       "timestamp and sent_at at most");
  if (line.merge) return apply_merge(item, *line.merge);
  if (line.unlink) return apply_unlink(item, *line.unlink);
  item.envelope.set_kind(line.erase ? v1::Envelope::ERASE : v1::Envelope::UNSUPPRESS);
  return line.erase ? read_one(item, "erase", line.erase) : read_one(item, "unsuppress", line.unsuppress);
}

// One name can't be replaced and changed in one record, because their order would be a guess.
Outcome check_conflicts(Item& item, const AttributeOps& ops) {
  const auto is_whole = [](const v1::AttributeOp& op) {
    return op.type() == v1::AttributeOp::SET || op.type() == v1::AttributeOp::UNSET;
  };
  // A line may have thousands of names, so they are looked up and not compared with each other.
  std::vector<std::string_view> whole;
  for (const v1::AttributeOp& op : ops)
    if (is_whole(op)) whole.push_back(op.name());
  if (whole.empty() || whole.size() == static_cast<size_t>(ops.size())) return Outcome::kOk;
  std::sort(whole.begin(), whole.end());
  for (const v1::AttributeOp& op : ops)
    if (!is_whole(op) && std::binary_search(whole.begin(), whole.end(), std::string_view(op.name())))
      return item.reject("conflicting_operations", "\"" + op.name() + "\" is set or unset and changed in one record",
                         op.name());
  return Outcome::kOk;
}

// The operations are the user's if the record names one, else the device's.
Outcome apply_operations(Item& item, Line& line, bool of_device) {
  const auto subject = of_device ? schema::Subject::kDeviceAttribute : schema::Subject::kUserAttribute;
  AttributeOps& ops = of_device ? *item.envelope.mutable_device_attributes() : *item.envelope.mutable_attributes();
  const auto reset = [&](ondemand::object& object) {
    const auto error = object.reset().error();
    return error == simdjson::SUCCESS ? Outcome::kOk : item.broken(error);
  };
  if (line.set) {
    FRESHET_ITEM(reset(*line.set));
    FRESHET_ITEM(add_attributes(item, *line.set, subject, NullPolicy::kReject, ops));
  }
  FRESHET_ITEM(add_unsets(item, line.unset, ops));
  if (line.add) {
    FRESHET_ITEM(reset(*line.add));
    FRESHET_ITEM(add_elements(item, *line.add, subject, v1::AttributeOp::ADD_TO_SET, ops));
  }
  if (line.remove) {
    FRESHET_ITEM(reset(*line.remove));
    FRESHET_ITEM(add_elements(item, *line.remove, subject, v1::AttributeOp::REMOVE_FROM_SET, ops));
  }
  return ops.size() < 2 ? Outcome::kOk : check_conflicts(item, ops);
}

Outcome apply_event(Item& item, Line& line) {
  v1::Event* event = nullptr;
  FRESHET_ITEM(set_event(item, line.event, event));
  event->set_time_us(item.envelope.time_us());
  PropertiesWriter writer(item, event->name(), properties_buffer());
  if (line.properties) {
    FRESHET_JSON(line.properties->reset().error(), item.broken);
    FRESHET_ITEM(writer.write(*line.properties));
  }
  writer.finish();
  event->set_properties(properties_buffer());
  return Outcome::kOk;
}

Outcome apply_data(Item& item, Line& line) {
  if (line.user) FRESHET_ITEM(read_identifiers(item, v1::ENTITY_KIND_USER, *line.user));
  if (line.device) FRESHET_ITEM(read_identifiers(item, v1::ENTITY_KIND_DEVICE, *line.device));
  FRESHET_ITEM(finish_identifiers(item));
  // Properties without an event would be dropped without a word, so they are an error here.
  if (line.properties && !line.event)
    return item.reject("missing_event", "\"properties\" belong to an event; add \"event\", its name", "event");
  const bool of_device = item.envelope.user().empty();
  FRESHET_ITEM(apply_operations(item, line, of_device));
  item.envelope.set_kind(line.event ? v1::Envelope::TRACK : of_device ? v1::Envelope::DEVICE : v1::Envelope::IDENTIFY);
  return line.event ? apply_event(item, line) : Outcome::kOk;
}

Outcome parse_line(Item& item, ondemand::object root) {
  if (item.raw.size() > kItemBytesMax)
    return item.reject("too_large", "the line has " + std::to_string(item.raw.size()) + " bytes; 32768 are allowed");
  Line line;
  FRESHET_ITEM(each_field_again(
      item, root, [&](std::string_view name, ondemand::value value) { return read_member(item, name, value, line); }));
  FRESHET_ITEM(set_message_id(item, line.message_id, line.timestamp.has_value(), item.raw, line.sent_at_token));
  std::optional<model::TimeUs> sent_at = line.sent_at;
  // A replayed line has lost the request's time of sending unless the dead letter kept it.
  if (!sent_at && item.context.sent_at_us != 0) sent_at = item.context.sent_at_us;
  item.envelope.set_time_us(model::correct_clock(line.timestamp, sent_at, item.context.received_at_us));
  return line.commands > 0 ? apply_command(item, line) : apply_data(item, line);
}

// Records that were written for people or as one array are what is tried first, and each of their lines is damaged. The
// first one is told what is meant; "" where it looks like something else. `more`: what follows the line.
std::string hint_for(std::string_view line, std::string_view more) {
  if (line.starts_with('['))
    return "; records are one JSON object a line, not an array with commas: jq -c '.[]' makes them";
  if (!line.starts_with('{') || trim(more, " \t\r\n").empty()) return {};
  const auto fault = find_json_fault(line);
  if (!fault || fault->at < line.size()) return {};
  return "; the object goes on in the next line, and a record is one line: jq -c . makes it";
}

Outcome open_line(Item& item, JsonBody& json, ondemand::document& document) {
  ondemand::object root;
  std::string_view raw;
  FRESHET_JSON(json.open(item.raw, document, root, raw), item.broken);
  return parse_line(item, root);
}

}  // namespace

ParseResult parse_records(std::string_view body, const AdapterContext& context, google::protobuf::Arena& arena) {
  // Counted before anything is built: two bytes a line would make five million rejections of 10 MiB.
  const auto lines = static_cast<size_t>(std::count(body.begin(), body.end(), '\n')) + 1;
  if (lines > kRecordsLinesMax)
    return fail(Code::kInvalid, "the body has " + std::to_string(lines) + " lines; at most " +
                                    std::to_string(kRecordsLinesMax) + " are allowed, so send it in parts");
  Parsed parsed;
  JsonBody json(JsonBuffer::kBody, body);
  std::string_view rest = json.text();
  bool hinted = false;  // a line was damaged already
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    // Files that were put together have a mark in front of each.
    const std::string_view line = trim(without_mark(rest.substr(0, end)), " \t\r\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
    // Blank lines are between the records of many tools and do not count, not even for the index of
    // a rejection.
    if (line.empty()) continue;
    Item item(context, parsed, arena, kRecordsSource, parsed.item_count++, line);
    ondemand::document document;
    Outcome outcome = open_line(item, json, document);
    if (outcome == Outcome::kBroken) {
      const std::string hint = hinted ? std::string() : hint_for(line, rest);
      hinted = true;
      outcome = item.reject("bad_json", json_error(item.error, line) + hint);
    }
    end_item(item, outcome, line);
  }
  return parsed;
}

}  // namespace freshet::ingest
