// The adapter of Segment's tracking API, which every analytics library speaks in some dialect.
// Unknown members are passed over, wrong ones are left out with a warning: clients in the field
// can't be mended, and one bad message must not cost its batch.

#include "ingest/sources/segment/segment.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/list_bounds.h"
#include "ingest/sources/segment/segment_context.h"
#include "model/identifier.h"
#include "model/padding.h"

namespace freshet::ingest {
namespace {

using Text = std::optional<std::string_view>;

constexpr std::array<std::string_view, 6> kCalls = {"identify", "track", "page", "screen", "group", "alias"};

// A message as it was read. Its views and containers live as long as its document.
struct Message {
  Text type, event, name, category, user_id, anonymous_id, previous_id, group_id, message_id;
  std::optional<model::TimeUs> timestamp, original_timestamp, sent_at, received_at;
  std::string_view sent_at_token;
  std::optional<ondemand::object> properties, traits, context;
};

// What a batch says of all of its messages.
struct Batch {
  std::optional<model::TimeUs> sent_at;
  std::string_view context;                      // its JSON, "" if none; in the buffer of JsonBuffer::kContext
  std::unique_ptr<ondemand::document> document;  // of `context`; rewound for each message
  bool broken = false;                           // `context` is no JSON, as one of its messages found
};

// What becomes of a message that is damaged JSON.
enum class Damage : uint8_t { kFailsTheBody, kRejectsTheMessage };

class SegmentParser {
 public:
  SegmentParser(const AdapterContext& context, google::protobuf::Arena& arena) : context_(context), arena_(arena) {
    if (context.sent_at_us != 0) batch_.sent_at = context.sent_at_us;
  }

  // Each parses a whole body; a parser is used for one.
  ParseResult batch(ondemand::document& document, ondemand::object root);
  // A batch that is damaged somewhere, message by message: only those that are damaged themselves are rejected.
  ParseResult damaged_batch(const ListBounds& bounds);
  ParseResult single(ondemand::object root, std::string_view raw, std::string_view call);
  // False: it is no JSON object.
  [[nodiscard]] bool set_outer_context(std::string_view json);

 private:
  Status read_envelope_of_batch(ondemand::object root, std::optional<ondemand::array>& list);
  Status note_messages(ondemand::array list);
  Outcome message(Item& item, ondemand::object object, std::string_view call);
  Outcome read_message(Item& item, ondemand::object object, Message& out);
  Outcome read_container(Item& item, ondemand::value value, std::optional<ondemand::object>& out);
  Outcome apply_call(Item& item, std::string_view call, Message& m);
  Outcome apply_event(Item& item, const Text& event, Message& m);
  Outcome apply_page(Item& item, std::string_view event, Message& m);
  Outcome apply_group(Item& item, Message& m);
  Outcome apply_alias(Item& item, Message& m);
  Outcome write_event(Item& item, const Text& event, const std::optional<ondemand::object>& properties,
                      std::initializer_list<std::pair<std::string_view, Text>> further);
  // Parses one message and puts it where it belongs; an error condemns the body.
  Status take(size_t index, ondemand::object object, std::string_view raw, std::string_view call,
              Damage damage = Damage::kFailsTheBody);
  Status take_alone(std::string_view text);

  const AdapterContext& context_;
  google::protobuf::Arena& arena_;
  Batch batch_;
  SegmentContext read_;
  std::vector<std::string_view> messages_;  // of the batch, as they were sent; of what is no object its first token
  Parsed parsed_;
};

// The batch's context is parsed on its own, in a second buffer: on-demand allows one open document
// for each parser, and the batch itself stays open.
bool SegmentParser::set_outer_context(std::string_view json) {
  JsonBody body(JsonBuffer::kContext, json);
  auto document = std::make_unique<ondemand::document>();
  ondemand::object root;
  std::string_view raw;
  if (body.open(body.text(), *document, root, raw) != simdjson::SUCCESS) return false;
  batch_.context = body.text();
  batch_.document = std::move(document);
  return true;
}

// Where each message ends is found in the same walk that finds the end of their list.
Status SegmentParser::note_messages(ondemand::array list) {
  messages_.clear();
  for (auto element : list) {
    if (messages_.size() >= kSegmentItemsMax)
      return fail(Code::kInvalid, "the batch has more than 2500 messages; send fewer at a time");
    ondemand::value value;
    FRESHET_JSON(element.get(value), bad_json);
    ondemand::object object;
    std::string_view& raw = messages_.emplace_back(value.raw_json_token());
    if (value.get_object().get(object) == simdjson::SUCCESS) FRESHET_JSON(object.raw_json().get(raw), bad_json);
  }
  return {};
}

// The list is read last, because what stands behind it (`sentAt`, `context`) counts for its
// messages too.
Status SegmentParser::read_envelope_of_batch(ondemand::object root, std::optional<ondemand::array>& list) {
  // Reading a time needs an Item; this one is never accepted.
  Item scratch(context_, parsed_, arena_, kSegmentSource, 0, {});
  for (auto result : root) {
    ondemand::field field;
    FRESHET_JSON(std::move(result).get(field), bad_json);
    std::string_view name;
    FRESHET_JSON(field.unescaped_key().get(name), bad_json);
    ondemand::value value = field.value();
    if (name == "batch") {
      ondemand::array array;
      if (value.get_array().get(array) != simdjson::SUCCESS)
        return fail(Code::kInvalid, "\"batch\" must be a list of messages");
      FRESHET_TRY(note_messages(array));
      list = array;
    } else if (name == "sentAt") {
      if (read_time(scratch, value, batch_.sent_at) == Outcome::kBroken) return bad_json(scratch.error);
    } else if (name == "context") {
      ondemand::object object;
      std::string_view json;
      if (value.get_object().get(object) != simdjson::SUCCESS) continue;
      FRESHET_JSON(object.raw_json().get(json), bad_json);
      // A context that is larger than a message may be is left out: it would be read again for each
      // of 2,500 messages.
      if (json.size() <= kItemBytesMax && !set_outer_context(trim_right(json)))
        return fail(Code::kInvalid, "the batch's \"context\" is not valid JSON");
    }
  }
  return {};
}

ParseResult SegmentParser::batch(ondemand::document& document, ondemand::object root) {
  std::optional<ondemand::array> list;
  if (Status status = read_envelope_of_batch(root, list); !status)
    return tl::unexpected<Error>(std::move(status).error());
  // On-demand does not look behind the object by itself, and what stands there would be lost without a word.
  if (!JsonBody::is_at_end(document)) return bad_json(simdjson::TAPE_ERROR);
  if (!list) return fail(Code::kInvalid, "the body has no \"batch\", a list of messages");
  FRESHET_JSON(list->reset().error(), bad_json);
  for (auto element : *list) {
    const size_t index = parsed_.item_count;
    ondemand::value value;
    FRESHET_JSON(element.get(value), bad_json);
    // A damaged message can put the walk off its level.
    if (index >= messages_.size() || value.raw_json_token().data() != messages_[index].data())
      return bad_json(simdjson::TAPE_ERROR);
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      // A bad element costs itself only: the rest of the batch goes in.
      ++parsed_.item_count;
      refuse_raw(parsed_, index, "bad_item", "a message must be a JSON object", trim_right(messages_[index]),
                 batch_.sent_at.value_or(0));
      continue;
    }
    if (Status status = take(index, object, trim_right(messages_[index]), {}); !status)
      return tl::unexpected<Error>(std::move(status).error());
  }
  if (parsed_.item_count != messages_.size()) return bad_json(simdjson::TAPE_ERROR);
  return std::move(parsed_);
}

ParseResult SegmentParser::damaged_batch(const ListBounds& bounds) {
  {
    const std::string shell = bounds.with({});
    JsonBody json(JsonBuffer::kBody, shell);
    ondemand::document document;
    ondemand::object root;
    std::string_view raw;
    std::optional<ondemand::array> list;
    FRESHET_JSON(json.open(json.text(), document, root, raw), bad_json);
    if (Status status = read_envelope_of_batch(root, list); !status)
      return tl::unexpected<Error>(std::move(status).error());
  }
  for (const std::string_view message : bounds.elements)
    if (Status status = take_alone(message); !status) return tl::unexpected<Error>(std::move(status).error());
  return std::move(parsed_);
}

Status SegmentParser::take_alone(std::string_view text) {
  const size_t index = parsed_.item_count;
  JsonBody json(JsonBuffer::kBody, text);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  const simdjson::error_code error = json.open(json.text(), document, root, raw);
  if (error == simdjson::SUCCESS) return take(index, root, raw, {}, Damage::kRejectsTheMessage);
  ++parsed_.item_count;
  const bool no_object = error == simdjson::INCORRECT_TYPE;
  refuse_raw(parsed_, index, no_object ? "bad_item" : "bad_json",
             no_object ? "a message must be a JSON object" : json_error(error, text), text, batch_.sent_at.value_or(0));
  parsed_.rejected.back().context = batch_.context;
  return {};
}

ParseResult SegmentParser::single(ondemand::object root, std::string_view raw, std::string_view call) {
  if (Status status = take(0, root, raw, call); !status) return tl::unexpected<Error>(std::move(status).error());
  return std::move(parsed_);
}

Status SegmentParser::take(size_t index, ondemand::object object, std::string_view raw, std::string_view call,
                           Damage damage) {
  ++parsed_.item_count;
  FRESHET_ASSERT(index < parsed_.item_count);
  Item item(context_, parsed_, arena_, kSegmentSource, index, raw);
  Outcome outcome = message(item, object, call);
  if (outcome == Outcome::kBroken) {
    if (batch_.broken || damage == Damage::kFailsTheBody) return bad_json(item.error);
    outcome = item.reject("bad_json", json_error(item.error, raw));
  }
  // The dead letter keeps the batch's context: alone, the message would be replayed with less
  // than it was sent with.
  if (end_item(item, outcome, raw, batch_.sent_at.value_or(0)) == Outcome::kRejected)
    parsed_.rejected.back().context = batch_.context;
  return {};
}

// Anything but an object is left out: senders put "" or [] where they mean nothing.
Outcome SegmentParser::read_container(Item& item, ondemand::value value, std::optional<ondemand::object>& out) {
  out.reset();
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type == ondemand::json_type::null) return read_null(item, value);
  if (type != ondemand::json_type::object) return item.warn("bad_field"), Outcome::kOk;
  return open_for_later(item, value, out);
}

// One pass over the message that notes where things are. Members that count for nothing here
// (integrations, version, channel, …) are passed over.
Outcome SegmentParser::read_message(Item& item, ondemand::object object, Message& m) {
  for (auto result : object) {
    ondemand::field field;
    FRESHET_JSON(std::move(result).get(field), item.broken);
    std::string_view name;
    FRESHET_ITEM(read_name(item, field, name));
    const ondemand::value value = field.value();
    Outcome outcome = Outcome::kOk;
    if (name == "userId")
      outcome = read_scalar(item, value, m.user_id);
    else if (name == "anonymousId")
      outcome = read_scalar(item, value, m.anonymous_id);
    else if (name == "messageId")
      outcome = read_scalar(item, value, m.message_id);
    else if (name == "type")
      outcome = read_scalar(item, value, m.type);
    else if (name == "event")
      outcome = read_scalar(item, value, m.event);
    else if (name == "timestamp")
      outcome = read_time(item, value, m.timestamp);
    else if (name == "originalTimestamp")
      outcome = read_time(item, value, m.original_timestamp);
    else if (name == "sentAt")
      m.sent_at_token = ondemand::value(value).raw_json_token(), outcome = read_time(item, value, m.sent_at);
    else if (name == "receivedAt")
      outcome = read_time(item, value, m.received_at);
    else if (name == "properties")
      outcome = read_container(item, value, m.properties);
    else if (name == "context")
      outcome = read_container(item, value, m.context);
    else if (name == "traits")
      outcome = read_container(item, value, m.traits);
    else if (name == "name")
      outcome = read_scalar(item, value, m.name);
    else if (name == "category")
      outcome = read_scalar(item, value, m.category);
    else if (name == "groupId")
      outcome = read_scalar(item, value, m.group_id);
    else if (name == "previousId")
      outcome = read_scalar(item, value, m.previous_id);
    FRESHET_ITEM(outcome);
  }
  return Outcome::kOk;
}

Outcome SegmentParser::message(Item& item, ondemand::object object, std::string_view call) {
  if (item.raw.size() > kItemBytesMax)
    return item.reject("too_large", "the message has " + std::to_string(item.raw.size()) + " bytes; 32768 are allowed");
  Message m;
  FRESHET_ITEM(read_message(item, object, m));
  // Libraries send `timestamp`; what passed through Segment has the client's own time as
  // `originalTimestamp`, and there `timestamp` is corrected already.
  const std::optional<model::TimeUs> time = m.original_timestamp ? m.original_timestamp : m.timestamp;
  FRESHET_ITEM(set_message_id(item, m.message_id, time.has_value(), item.raw, m.sent_at_token));
  // A message of an archive was sent long ago, and whoever received it then has measured the client's clock.
  const model::TimeUs now = item.context.received_at_us, seen = m.received_at.value_or(now);
  item.envelope.set_time_us(std::min(now, model::correct_clock(time, m.sent_at ? m.sent_at : batch_.sent_at, seen)));

  // In a batch each message says its own type; at an endpoint of one type the address does.
  if (call.empty()) {
    if (!m.type)
      return item.reject("missing_type",
                         "the message has no \"type\"; use identify, track, page, screen, group or alias", "type");
    call = *m.type;
  }
  add_optional_identifier(item, v1::ENTITY_KIND_USER, "user_id", m.user_id);
  add_optional_identifier(item, v1::ENTITY_KIND_USER, "anonymous_id", m.anonymous_id);
  // The message's own context is read before the batch's, because the first one that has a part
  // wins.
  read_.clear();
  if (m.context) {
    FRESHET_JSON(m.context->reset().error(), item.broken);
    FRESHET_ITEM(read_context(item, *m.context, read_));
  }
  if (batch_.document) {
    batch_.document->rewind();
    ondemand::object outer;
    FRESHET_JSON(batch_.document->get_object().get(outer), item.broken);
    const Outcome outcome = read_context(item, outer, read_);
    batch_.broken = outcome == Outcome::kBroken;
    FRESHET_ITEM(outcome);
  }
  FRESHET_ITEM(apply_context(item, read_));
  if (read_.traits) {
    FRESHET_JSON(read_.traits->reset().error(), item.broken);
    // Libraries send the traits that they have cached along with every event: they say who it is, and are no news of
    // what he is like. Only an identify tells that, and its own traits, which come last, win.
    FRESHET_ITEM(call == "identify" ? add_traits(item, *read_.traits) : read_promoted(item, *read_.traits));
  }
  FRESHET_ITEM(apply_call(item, call, m));
  promote_identifiers(item);
  return finish_identifiers(item);
}

// What each call becomes; docs/sources/segment.md has the table.
Outcome SegmentParser::apply_call(Item& item, std::string_view call, Message& m) {
  item.envelope.set_kind(v1::Envelope::TRACK);
  if (call == "track") return apply_event(item, m.event, m);
  if (call == "page") return apply_page(item, "Page Viewed", m);
  if (call == "screen") return apply_page(item, "Screen Viewed", m);
  if (call == "group") return apply_group(item, m);
  item.envelope.set_kind(v1::Envelope::IDENTIFY);
  if (call == "alias") return apply_alias(item, m);
  if (call != "identify")
    return item.reject("unknown_type", "\"type\" must be identify, track, page, screen, group or alias", "type");
  // An identify without traits is no error: it attaches the identifiers to one another.
  if (!m.traits) return Outcome::kOk;
  FRESHET_JSON(m.traits->reset().error(), item.broken);
  return add_traits(item, *m.traits);
}

Outcome SegmentParser::write_event(Item& item, const Text& event, const std::optional<ondemand::object>& properties,
                                   std::initializer_list<std::pair<std::string_view, Text>> further) {
  v1::Event* out = nullptr;
  FRESHET_ITEM(set_event(item, event, out));
  out->set_time_us(item.envelope.time_us());
  PropertiesWriter writer(item, out->name(), properties_buffer());
  if (properties) {
    ondemand::object object = *properties;
    FRESHET_JSON(object.reset().error(), item.broken);
    FRESHET_ITEM(writer.write(object));
  }
  // `name` and `category` of a page stand beside the properties; a property of the same name wins.
  for (const auto& [name, value] : further)
    if (value && !value->empty()) FRESHET_ITEM(writer.add_text(name, *value));
  writer.finish();
  out->set_properties(properties_buffer());
  return Outcome::kOk;
}

Outcome SegmentParser::apply_event(Item& item, const Text& event, Message& m) {
  return write_event(item, event, m.properties, {});
}

Outcome SegmentParser::apply_page(Item& item, std::string_view event, Message& m) {
  return write_event(item, event, m.properties, {{"name", m.name}, {"category", m.category}});
}

// A group call is an event and an element of the user's attribute "groups". Its traits are the
// group's, not the user's. Groups are kept apart as persons are: none is called "undefined", and no id is cut.
Outcome SegmentParser::apply_group(Item& item, Message& m) {
  const std::string_view group = model::without_padding(m.group_id.value_or(""));
  if (model::is_blocked_identifier(group, item.context.tenant.rules))
    return item.reject("missing_group_id",
                       group.empty() ? "a group call needs \"groupId\"" : "the groupId is one that no group has",
                       "groupId");
  if (const auto fault = fault_of_name(group)) return item.reject(fault->code, "the groupId " + fault->why, "groupId");
  FRESHET_ITEM(
      add_element_name(item, schema::Subject::kUserAttribute, "groups", group, *item.envelope.mutable_attributes()));
  return write_event(item, "Group", m.traits, {{"groupId", group}});
}

// userId is who previousId was: the earlier, anonymous name of the same person. It is no merge of
// two users, because browsers send alias carelessly and a merge can't be undone.
Outcome SegmentParser::apply_alias(Item& item, Message& m) {
  if (!m.previous_id || m.previous_id->empty())
    return item.reject("missing_previous_id", "an alias call needs \"previousId\"", "previousId");
  if (m.previous_id != m.user_id) add_optional_identifier(item, v1::ENTITY_KIND_USER, "anonymous_id", m.previous_id);
  return Outcome::kOk;
}

ParseResult parse_sound_batch(std::string_view body, const AdapterContext& context, google::protobuf::Arena& arena) {
  JsonBody json(JsonBuffer::kBody, body);
  ondemand::document document;
  ondemand::object root;
  FRESHET_JSON(json.open_unbounded(document, root), bad_json);
  return SegmentParser(context, arena).batch(document, root);
}

// Nearly every batch is sound, so it is read in one pass. Where that fails, a second one asks which messages it is; if
// it is the batch itself, the first answer stands.
ParseResult parse_batch(std::string_view body, const AdapterContext& context, google::protobuf::Arena& arena) {
  ParseResult sound = parse_sound_batch(body, context, arena);
  if (sound) return sound;
  context.schema.drop();
  const auto bounds = list_bounds(without_mark(body), "batch", kSegmentItemsMax);
  if (bounds)
    if (ParseResult parts = SegmentParser(context, arena).damaged_batch(*bounds); parts) return parts;
  return bad_body(body, std::move(sound).error());
}

bool is_call(std::string_view call) { return std::find(kCalls.begin(), kCalls.end(), call) != kCalls.end(); }

ParseResult parse_single(std::string_view body, const SegmentRequest& request, const AdapterContext& context,
                         google::protobuf::Arena& arena) {
  if (!request.call.empty() && !is_call(request.call))
    return fail(Code::kInvalid, "there is no such call; there are " + joined(kCalls, ", "));
  JsonBody json(JsonBuffer::kBody, body);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  FRESHET_JSON(json.open(json.text(), document, root, raw), bad_json);
  SegmentParser parser(context, arena);
  if (!request.outer_context.empty() && !parser.set_outer_context(request.outer_context))
    return fail(Code::kInvalid, "the context is not a JSON object");
  return parser.single(root, raw, request.call);
}

// Looks for the key beside the batch first and then in its first message: that is where libraries put it.
std::string key_of(ondemand::object object, bool look_into_batch) {
  std::string key;
  for (auto result : object) {
    ondemand::field field;
    if (std::move(result).get(field) != simdjson::SUCCESS) return key;
    std::string_view name, text;
    if (field.unescaped_key().get(name) != simdjson::SUCCESS) return key;
    ondemand::value value = field.value();
    if (name == "writeKey") {
      if (value.get_string().get(text) == simdjson::SUCCESS) return std::string(text);
    } else if (look_into_batch && name == "batch") {
      ondemand::array array;
      if (value.get_array().get(array) != simdjson::SUCCESS) continue;
      for (auto element : array) {
        ondemand::object first;
        if (element.get_object().get(first) == simdjson::SUCCESS) key = key_of(first, false);
        break;
      }
    }
  }
  return key;
}

std::string key_in(std::string_view body) {
  JsonBody json(JsonBuffer::kBody, body);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  if (json.open(json.text(), document, root, raw) != simdjson::SUCCESS) return {};
  return key_of(root, true);
}

}  // namespace

ParseResult parse_segment(std::string_view body, const SegmentRequest& request, const AdapterContext& context,
                          google::protobuf::Arena& arena) {
  if (request.call == "batch") return parse_batch(body, context, arena);
  ParseResult parsed = parse_single(body, request, context, arena);
  return parsed ? std::move(parsed) : bad_body(body, std::move(parsed).error());
}

std::string segment_write_key(std::string_view body) {
  // This runs before authentication, so it reads no further than it must and keeps nothing.
  std::string key = key_in(body);
  if (!key.empty()) return key;
  // A batch with a damaged message says its key all the same.
  const auto bounds = list_bounds(without_mark(body), "batch", kSegmentItemsMax);
  if (!bounds) return {};
  key = key_in(bounds->with({}));
  return key.empty() && !bounds->elements.empty() ? key_in(bounds->elements.front()) : key;
}

}  // namespace freshet::ingest
