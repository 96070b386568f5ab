// The adapter of the data API, in MoEngage's shapes. An element is read in two passes, since `type`
// may stand behind what it decides about. An event element is many items: each of its actions
// succeeds or fails alone.

#include "ingest/sources/data_api/data_api.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/number.h"
#include "base/text.h"
#include "ingest/items/identity.h"
#include "ingest/items/list_bounds.h"
#include "ingest/items/properties.h"
#include "model/identifier.h"
#include "model/limits.h"
#include "model/time_zone.h"

namespace freshet::ingest {
namespace {

using Text = std::optional<std::string_view>;

constexpr std::array<std::string_view, 3> kElementTypes = {"customer", "event", "device"};
constexpr int kElementsMax = 1000;  // of one transition

// The attributes that name a customer, as the data API's clients call them, and those that name a device.
constexpr std::array<Promotion, 7> kCustomerNames = {{{"email", "email"},
                                                      {"phone", "phone"},
                                                      {"moe_email", "email"},
                                                      {"u_em", "email"},
                                                      {"mobile", "phone"},
                                                      {"moe_mobile", "phone"},
                                                      {"u_mb", "phone"}}};
constexpr std::array<Promotion, 4> kDeviceNames = {
    {{"push_id", "push_token"}, {"moe_gaid", "gaid"}, {"idfv", "idfv"}, {"idfa", "idfa"}}};
constexpr Promotions kCustomerPromotions = {v1::ENTITY_KIND_USER, schema::Subject::kUserAttribute, kCustomerNames};
constexpr Promotions kDevicePromotions = {v1::ENTITY_KIND_DEVICE, schema::Subject::kDeviceAttribute, kDeviceNames};
static_assert(kCustomerNames.size() <= kPromotionsMax && kDeviceNames.size() <= kPromotionsMax);

// One element as it was read. Its views and containers live as long as the document.
struct Element {
  Text type, customer_id, device_id;
  std::optional<ondemand::object> attributes, user_identifiers;
  std::optional<LaterList> actions, unset_attributes;
  bool update_existing_only = false;
};

// One action of an event element.
struct Action {
  Text name, platform, app_version;
  Text user_time_text;
  std::optional<model::TimeUs> user_time, current_time;
  std::optional<ondemand::object> attributes;
  double offset_s = 0;
};

// ±15 hours, as the data API documents it; anything beyond is a mistake of units.
bool parse_offset(std::string_view text, double& offset_s) {
  const auto offset = to_number<double>(text);
  if (!offset || !(*offset >= -54000 && *offset <= 54000)) return false;
  offset_s = *offset;
  return true;
}

// Left out, an offset would date its action hours wrong.
Outcome read_offset(Item& item, std::string_view name, ondemand::value value, double& offset_s) {
  bool absent = false;
  Text text;
  FRESHET_ITEM(read_absent(item, value, Shape::kAny, absent));
  if (absent) return Outcome::kOk;
  FRESHET_ITEM(read_scalar(item, value, text));
  if (text && (trim(*text).empty() || parse_offset(trim(*text), offset_s))) return Outcome::kOk;
  return item.reject("bad_field", "\"" + std::string(name) + "\" must be seconds ahead of UTC, from -54000 to 54000",
                     name);
}

// A container may be walked once; this takes it back to its beginning.
template <class Container>
Outcome start_again(Item& item, Container& container) {
  FRESHET_JSON(container.reset().error(), item.broken);
  return Outcome::kOk;
}

Outcome wrong_shape(Item& item, std::string_view name, std::string_view shape) {
  return item.reject("bad_field", "\"" + std::string(name) + "\" must be " + std::string(shape), name);
}

// The names that the data API has for what Freshet calls otherwise.
std::string_view identifier_type(std::string_view name) {
  if (name == "customer_id") return model::kUserId;
  const auto* const known = std::find_if(kCustomerNames.begin(), kCustomerNames.end(),
                                         [&](const Promotion& p) { return p.attribute == name; });
  return known == kCustomerNames.end() ? name : known->type;
}

// As the attribute is called where it is kept.
std::string_view kept_name(const Item& item, const Promotion& promotion) {
  return promotion.attribute.substr(0, item.limits.name_length);
}

void take_out(AttributeOps& ops, std::string_view name) {
  const auto is_it = [name](const v1::AttributeOp& op) { return op.name() == name; };
  ops.erase(std::remove_if(ops.begin(), ops.end(), is_it), ops.end());
}

// Said in the answer, too, if the element names nobody else.
void leave_out_type(Item& item, std::string_view type) {
  type = shown_name(type);
  item.warn("unknown_identifier_type");
  item.saw_identifier = true;
  item.unusable.code = "unknown_identifier_type";
  item.unusable.message = "\"" + std::string(type) + "\" is no identifier type of this tenant (identity.priority)";
  item.unusable.attribute = type;
}

class DataApiParser {
 public:
  DataApiParser(const AdapterContext& context, google::protobuf::Arena& arena) : context_(context), arena_(arena) {}

  Status element(ondemand::object object, std::string_view raw, std::string_view expected);
  Status transition(ondemand::object root);
  Status merge(ondemand::object root);
  Status remove(ondemand::object root, std::string_view raw);
  // How much there is of the result, and back to that.
  struct Mark {
    size_t items, envelopes, rejected, warnings;
  };
  [[nodiscard]] Mark mark() const {
    return {parsed_.item_count, parsed_.envelopes.size(), parsed_.rejected.size(), parsed_.warnings.size()};
  }
  void go_back(const Mark& mark);
  // `part`: what of it is damaged.
  void refuse_damaged(std::string_view sent, std::string_view part, Error error) {
    refuse_raw(parsed_, parsed_.item_count++, "bad_json", bad_body(part, std::move(error)).value().message, sent, 0);
  }
  Parsed take() { return std::move(parsed_); }

 private:
  Item begin(std::string_view raw) {
    return Item(context_, parsed_, arena_, kDataApiSource, parsed_.item_count++, raw);
  }
  Status end(Item& item, Outcome outcome, std::string_view sent);
  Outcome read_element(Item& item, ondemand::object object, Element& out);
  Outcome read_unsets(Item& item, ondemand::array& array);
  Outcome read_user(Item& item, Element& e);
  Outcome customer(Item& item, Element& e);
  Outcome customer_attributes(Item& item, ondemand::object attributes);
  Outcome device(Item& item, Element& e);
  Status actions_of(const v1::Envelope& shared, const Element& e, std::string_view raw);
  Outcome merge_pair(Item& item, ondemand::object object);
  Outcome read_action(Item& item, ondemand::object object, Action& out);
  Outcome action(Item& item, ondemand::object object);

  const AdapterContext& context_;
  google::protobuf::Arena& arena_;
  Parsed parsed_;
};

// The one place where an element ends, as an envelope or as a rejection.
Status DataApiParser::end(Item& item, Outcome outcome, std::string_view sent) {
  if (outcome == Outcome::kBroken) return bad_json(item.error);
  end_item(item, outcome, sent);
  return {};
}

Outcome DataApiParser::read_element(Item& item, ondemand::object object, Element& e) {
  return each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "type") return read_scalar(item, value, e.type);
    if (name == "customer_id") return read_scalar(item, value, e.customer_id);
    if (name == "device_id") return read_scalar(item, value, e.device_id);
    if (name == "update_existing_only") return read_flag(item, name, value, e.update_existing_only);
    const bool is_object = name == "attributes" || name == "user_identifiers";
    bool absent = false;
    FRESHET_ITEM(read_absent(item, value, is_object ? Shape::kObject : Shape::kAny, absent));
    if (absent) return Outcome::kOk;
    if (is_object) {
      return read_object(item, name, value, name == "attributes" ? e.attributes : e.user_identifiers);
    } else if (name == "unset_attributes" || name == "actions") {
      std::optional<LaterList>& list = name == "actions" ? e.actions : e.unset_attributes;
      FRESHET_ITEM(open_for_later(item, value, list));
      if (!list) return wrong_shape(item, name, "a list");
    }
    return Outcome::kOk;
  });
}

Status DataApiParser::element(ondemand::object object, std::string_view raw, std::string_view expected) {
  Item item = begin(raw);
  Element e;
  Outcome outcome = read_element(item, object, e);
  const std::string_view type = e.type.value_or(expected);
  const bool is_known = std::find(kElementTypes.begin(), kElementTypes.end(), type) != kElementTypes.end();
  // An element whose `type` contradicts its address is refused: guessing would write into the wrong
  // kind of profile.
  if (outcome == Outcome::kOk && (!is_known || (!expected.empty() && type != expected)))
    outcome = item.reject("unknown_type",
                          "\"type\" must be " + std::string(expected.empty() ? "customer, event or device" : expected),
                          "type");
  if (outcome == Outcome::kOk && type == "event" && !e.actions)
    outcome = item.reject("missing_actions", "an event needs \"actions\", a list of what was done", "actions");
  if (outcome == Outcome::kOk && type == "event") {
    // Each action is an item of its own, and what they share is copied into it.
    outcome = read_user(item, e);
    if (outcome == Outcome::kOk) outcome = finish_identifiers(item);
    if (outcome == Outcome::kOk) {
      FRESHET_ASSERT(parsed_.item_count > 0);
      --parsed_.item_count;  // the element itself is no item, its actions are
      const v1::Envelope shared = item.envelope;
      return actions_of(shared, e, raw);
    }
  }
  if (outcome == Outcome::kOk) outcome = type == "customer" ? customer(item, e) : device(item, e);
  return end(item, outcome, raw);
}

Outcome DataApiParser::read_user(Item& item, Element& e) {
  add_optional_identifier(item, v1::ENTITY_KIND_USER, model::kUserId, e.customer_id);
  add_optional_identifier(item, v1::ENTITY_KIND_DEVICE, "device_id", e.device_id);
  if (!e.user_identifiers) return Outcome::kOk;
  FRESHET_ITEM(start_again(item, *e.user_identifiers));
  // Types that the tenant does not list are left out with a warning; the element goes in with the others. Of a name
  // that occurs twice the last value counts; two names of one type are two values.
  std::vector<std::pair<std::string_view, Text>> values;
  const auto read = [&](std::string_view name, ondemand::value value) -> Outcome {
    Text text;
    FRESHET_ITEM(read_scalar(item, value, text));
    const std::string_view type = identifier_type(name);
    if (!is_listed(context_.tenant.rules.user_priority(), type)) return leave_out_type(item, type), Outcome::kOk;
    std::erase_if(values, [&](const auto& earlier) { return earlier.first == name; });
    return values.emplace_back(name, text), Outcome::kOk;
  };
  FRESHET_ITEM(each_field(item, *e.user_identifiers, read));
  for (const auto& [name, text] : values)
    add_optional_identifier(item, v1::ENTITY_KIND_USER, identifier_type(name), text);
  return Outcome::kOk;
}

Outcome DataApiParser::customer(Item& item, Element& e) {
  v1::Envelope& envelope = item.envelope;
  envelope.set_kind(v1::Envelope::IDENTIFY);
  envelope.set_time_us(context_.received_at_us);
  envelope.set_existing_only(e.update_existing_only);
  // A customer or a device has no time of its own, so every request counts as new: its id is
  // random.
  FRESHET_ITEM(set_message_id(item, {}, false, {}));
  FRESHET_ITEM(read_user(item, e));
  if (e.unset_attributes) FRESHET_ITEM(read_unsets(item, e.unset_attributes->elements));
  if (e.attributes) {
    FRESHET_ITEM(start_again(item, *e.attributes));
    FRESHET_ITEM(customer_attributes(item, *e.attributes));
  }
  return finish_identifiers(item);
}

Outcome DataApiParser::read_unsets(Item& item, ondemand::array& array) {
  FRESHET_ITEM(start_again(item, array));
  uint32_t patterns = 0;
  for (auto element : array) {
    ondemand::object object;
    if (element.get_object().get(object) != simdjson::SUCCESS)
      return wrong_shape(item, "unset_attributes", "a list of objects");
    Text type, attribute;
    bool case_sensitive = true;
    FRESHET_ITEM(each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
      if (name == "type") return read_scalar(item, value, type);
      if (name == "attr") return read_scalar(item, value, attribute);
      if (name == "case_sensitive") return read_flag(item, name, value, case_sensitive);
      return Outcome::kOk;
    }));
    // `type` may be absent, as older clients do; then it is equals.
    constexpr std::array<std::string_view, 4> kMatches = {"equals", "prefix", "suffix", "contains"};
    const auto* const match = std::find(kMatches.begin(), kMatches.end(), type.value_or("equals"));
    if (match == kMatches.end() || !attribute || attribute->empty())
      return item.reject(
          "bad_unset", "an entry of \"unset_attributes\" needs \"attr\" and a type: equals, prefix, suffix or contains",
          "unset_attributes");
    limit_name(item, *attribute);
    AttributeOps& ops = *item.envelope.mutable_attributes();
    if (*match == "equals" && case_sensitive) {
      // An exact name is an ordinary UNSET, which also holds against an earlier value that comes later.
      FRESHET_ITEM(add_unset(item, schema::Subject::kUserAttribute, *attribute, ops));
      continue;
    }
    // Each pattern is compared with all names of a profile.
    if (++patterns > model::kUnsetPatternsMax) {
      item.warn("too_many_patterns");
      break;
    }
    v1::AttributeOp& op = *ops.Add();
    op.set_name(attribute->data(), attribute->size());
    op.set_type(v1::AttributeOp::UNSET_MATCHING);
    op.set_match(static_cast<v1::AttributeOp::Match>(match - kMatches.begin() + 1));
    op.set_ignore_case(!case_sensitive);
  }
  return Outcome::kOk;
}

// addValueToArrayField and removeValueFromArrayField stand among the attributes, as objects of
// names and values.
Outcome DataApiParser::customer_attributes(Item& item, ondemand::object attributes) {
  AttributeOps& ops = *item.envelope.mutable_attributes();
  item.promotions = &kCustomerPromotions;
  FRESHET_ITEM(add_attributes(item, attributes, schema::Subject::kUserAttribute, NullPolicy::kDrop, ops,
                              "addValueToArrayField", "removeValueFromArrayField"));
  // Adding to and removing from one attribute in one call is an error of the data API: the order
  // would be a guess.
  for (const v1::AttributeOp& add : ops)
    for (const v1::AttributeOp& remove : ops)
      if (add.type() == v1::AttributeOp::ADD_TO_SET && remove.type() == v1::AttributeOp::REMOVE_FROM_SET &&
          add.name() == remove.name())
        return item.reject("conflicting_operations",
                           "one call can't both add to and remove from \"" + add.name() + "\"", add.name());
  promote_identifiers(item);
  return Outcome::kOk;
}

Outcome DataApiParser::device(Item& item, Element& e) {
  item.envelope.set_kind(v1::Envelope::DEVICE);
  item.envelope.set_time_us(context_.received_at_us);
  FRESHET_ITEM(set_message_id(item, {}, false, {}));
  FRESHET_ITEM(read_user(item, e));
  if (e.attributes) {
    AttributeOps& ops = *item.envelope.mutable_device_attributes();
    item.promotions = &kDevicePromotions;
    FRESHET_ITEM(start_again(item, *e.attributes));
    FRESHET_ITEM(add_attributes(item, *e.attributes, schema::Subject::kDeviceAttribute, NullPolicy::kDrop, ops));
    // What identifies a device is taken out of its attributes, so that it is not kept twice.
    for (size_t i = 0; i < kDeviceNames.size(); ++i)
      if (item.promoted[i].data() != nullptr) take_out(ops, kept_name(item, kDeviceNames[i]));
    promote_identifiers(item);
  }
  if (item.envelope.device().empty() && e.device_id)
    return reject_unusable(item, "a device needs \"device_id\", and this one is one that nobody has", "device_id");
  if (item.envelope.device().empty())
    return item.reject("missing_identifier", "a device needs \"device_id\"", "device_id");
  return finish_identifiers(item);
}

Status DataApiParser::transition(ondemand::object root) {
  Item scratch(context_, parsed_, arena_, kDataApiSource, 0, {});
  std::optional<LaterList> list;
  const Outcome outcome = each_field(scratch, root, [&](std::string_view name, ondemand::value value) -> Outcome {
    return name == "elements" ? open_for_later(scratch, value, list) : Outcome::kOk;
  });
  // Damaged JSON condemns the body; nothing of it was taken.
  if (outcome == Outcome::kBroken) return bad_json(scratch.error);
  if (!list) return fail(Code::kInvalid, "\"elements\" must be a list of customers, events and devices");
  FRESHET_JSON(list->elements.reset().error(), bad_json);
  int count = 0;
  for (auto entry : list->elements) {
    ondemand::value value;
    FRESHET_JSON(entry.get(value), bad_json);
    // The bound is on entries and not on bytes: 128 KiB may hold tens of thousands of empty
    // elements.
    if (++count > kElementsMax)
      return fail(Code::kInvalid, "\"elements\" has more than 1000 entries; send fewer at a time");
    ondemand::object object;
    std::string_view raw;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      refuse_raw(parsed_, parsed_.item_count++, "bad_item", "an element must be a JSON object",
                 trim_right(value.raw_json_token()), 0);
      continue;
    }
    FRESHET_JSON(object.raw_json().get(raw), bad_json);
    FRESHET_JSON(object.reset().error(), bad_json);
    FRESHET_TRY(element(object, trim_right(raw), {}));
  }
  return {};
}

Outcome DataApiParser::read_action(Item& item, ondemand::object object, Action& a) {
  return each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "action") return read_scalar(item, value, a.name);
    if (name == "platform") return read_scalar(item, value, a.platform);
    if (name == "app_version") return read_scalar(item, value, a.app_version);
    if (name == "current_time") return read_time(item, value, a.current_time);
    if (name == "user_time") {
      FRESHET_ITEM(read_scalar(item, value, a.user_time_text));
      if (a.user_time_text && !a.user_time_text->empty()) {
        a.user_time = model::parse_time(*a.user_time_text);
        if (!a.user_time) item.warn("bad_time");
      }
    } else if (name == "user_timezone_offset") {
      return read_offset(item, name, value, a.offset_s);
    } else if (name == "attributes") {
      bool absent = false;
      FRESHET_ITEM(read_absent(item, value, Shape::kObject, absent));
      if (!absent) return read_object(item, name, value, a.attributes);
    }
    return Outcome::kOk;
  });
}

Outcome DataApiParser::action(Item& item, ondemand::object object) {
  Action a;
  FRESHET_ITEM(read_action(item, object, a));
  // `current_time` is when it happened in UTC; `user_time` is what the user's clock showed, so it
  // counts only without the former.
  std::optional<model::TimeUs> time = a.current_time;
  if (!time && a.user_time)
    time = model::has_zone(*a.user_time_text) ? *a.user_time
                                              : *a.user_time - static_cast<model::TimeUs>(a.offset_s) * 1'000'000;
  FRESHET_ITEM(set_message_id(item, {}, time.has_value(), item.raw));
  // An event of the future is refused by the data API, instead of being taken as of now: its sender
  // has mixed up units or zones.
  if (time && *time > context_.received_at_us + kFutureMaxUs)
    return item.reject("future_time",
                       "the event is dated more than 5 minutes ahead; send the time at which it happened",
                       "current_time");
  item.envelope.set_kind(v1::Envelope::TRACK);
  item.envelope.set_time_us(model::correct_clock(time, std::nullopt, context_.received_at_us));

  v1::Event* event = nullptr;
  if (!a.name || a.name->empty())
    return item.reject("missing_event", "an action needs \"action\", the event's name", "action");
  FRESHET_ITEM(set_event(item, a.name, event));
  event->set_time_us(item.envelope.time_us());
  PropertiesWriter writer(item, event->name(), properties_buffer());
  if (a.attributes) {
    FRESHET_ITEM(start_again(item, *a.attributes));
    FRESHET_ITEM(writer.write(*a.attributes));
  }
  if (a.platform && !a.platform->empty()) FRESHET_ITEM(writer.add_text("platform", *a.platform));
  if (a.app_version && !a.app_version->empty()) FRESHET_ITEM(writer.add_text("app_version", *a.app_version));
  writer.finish();
  event->set_properties(properties_buffer());
  return Outcome::kOk;
}

Status DataApiParser::actions_of(const v1::Envelope& shared, const Element& e, std::string_view raw) {
  const size_t before_count = parsed_.item_count;
  auto [list, list_raw] = *e.actions;
  FRESHET_JSON(list.reset().error(), bad_json);
  // Where brackets do not match, on-demand may have taken the list of another element for this one's.
  if (list_raw.data() < raw.data() || list_raw.data() + list_raw.size() > raw.data() + raw.size())
    return bad_json(simdjson::TAPE_ERROR);
  // A refused action is kept as a whole request of one action, so that it can be replayed.
  const std::string_view before = raw.substr(0, static_cast<size_t>(list_raw.data() - raw.data()));
  const std::string_view after = raw.substr(before.size() + list_raw.size());
  const auto alone = [&](std::string_view text) {
    return std::string(before).append("[").append(text).append("]").append(after);
  };
  for (auto entry : list) {
    ondemand::value value;
    ondemand::object object;
    std::string_view text;
    FRESHET_JSON(entry.get(value), bad_json);
    Item item = begin(raw);
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      (void)item.reject("bad_item", "an action must be a JSON object", "actions");
      FRESHET_TRY(end(item, Outcome::kRejected, alone(trim_right(value.raw_json_token()))));
      continue;
    }
    FRESHET_JSON(object.raw_json().get(text), bad_json);
    FRESHET_JSON(object.reset().error(), bad_json);
    item.envelope.mutable_user()->CopyFrom(shared.user());
    item.envelope.mutable_device()->CopyFrom(shared.device());
    const Outcome outcome = action(item, object);
    FRESHET_TRY(end(item, outcome, outcome == Outcome::kRejected ? alone(trim_right(text)) : std::string()));
  }
  // An empty list would otherwise answer success for an event that nobody will ever see.
  if (parsed_.item_count == before_count)
    refuse_raw(parsed_, parsed_.item_count++, "missing_actions", "\"actions\" is empty; list what was done", raw, 0);
  return {};
}

Status DataApiParser::merge(ondemand::object root) {
  Item scratch(context_, parsed_, arena_, kDataApiSource, 0, {});
  std::optional<LaterList> pairs;
  const Outcome outcome = each_field(scratch, root, [&](std::string_view name, ondemand::value value) -> Outcome {
    return name == "merge_data" ? open_for_later(scratch, value, pairs) : Outcome::kOk;
  });
  if (outcome == Outcome::kBroken) return bad_json(scratch.error);
  if (!pairs) return fail(Code::kInvalid, "\"merge_data\" must be a list of {merged_user, retained_user}");
  FRESHET_JSON(pairs->elements.reset().error(), bad_json);
  for (auto entry : pairs->elements) {
    ondemand::value value;
    ondemand::object object;
    std::string_view raw;
    FRESHET_JSON(entry.get(value), bad_json);
    if (value.get_object().get(object) != simdjson::SUCCESS) {
      refuse_raw(parsed_, parsed_.item_count++, "bad_item", "a pair must be a JSON object",
                 trim_right(value.raw_json_token()), 0);
      continue;
    }
    FRESHET_JSON(object.raw_json().get(raw), bad_json);
    FRESHET_JSON(object.reset().error(), bad_json);
    Item item = begin(trim_right(raw));
    FRESHET_TRY(end(item, merge_pair(item, object), "{\"merge_data\":[" + std::string(item.raw) + "]}"));
  }
  return {};
}

Outcome DataApiParser::merge_pair(Item& item, ondemand::object object) {
  Text merged, retained;
  FRESHET_ITEM(each_field(item, object, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "merged_user") return read_scalar(item, value, merged);
    if (name == "retained_user") return read_scalar(item, value, retained);
    return Outcome::kOk;
  }));
  // A bad pair is skipped and the others are merged, as the data API has it.
  if (!merged || !retained)
    return item.reject("missing_identifier", "a pair needs \"merged_user\" and \"retained_user\"",
                       merged ? "retained_user" : "merged_user");
  if (model::normalize_identifier(model::kUserId, *merged) == model::normalize_identifier(model::kUserId, *retained))
    return item.reject("bad_merge", "\"merged_user\" and \"retained_user\" are the same", "merged_user");
  // The retained user comes first: it is the record's own identifier, the merged one its `other`.
  add_optional_identifier(item, v1::ENTITY_KIND_USER, model::kUserId, retained);
  add_optional_identifier(item, v1::ENTITY_KIND_USER, model::kUserId, merged);
  if (item.envelope.user().size() != 2)
    return reject_unusable(item, "\"merged_user\" or \"retained_user\" is a value that nobody has", "merge_data");
  *item.envelope.mutable_other() = item.envelope.user(1);
  item.envelope.mutable_user()->RemoveLast();
  item.envelope.set_kind(v1::Envelope::MERGE);
  item.envelope.set_time_us(context_.received_at_us);
  return set_message_id(item, {}, false, {});
}

Status DataApiParser::remove(ondemand::object root, std::string_view raw) {
  Item item = begin(raw);
  Text type, value_text;
  Outcome outcome = each_field(item, root, [&](std::string_view name, ondemand::value value) -> Outcome {
    if (name == "identity_type") return read_scalar(item, value, type);
    if (name == "identity_value") return read_scalar(item, value, value_text);
    return Outcome::kOk;
  });
  // moengage_id names a profile in MoEngage; here nobody has one.
  if (outcome == Outcome::kOk && type != "customer_id")
    outcome = item.reject("unknown_identifier_type", "\"identity_type\" must be customer_id", "identity_type");
  if (outcome == Outcome::kOk) {
    add_optional_identifier(item, v1::ENTITY_KIND_USER, model::kUserId, value_text);
    item.envelope.set_kind(v1::Envelope::ERASE);
    item.envelope.set_time_us(context_.received_at_us);
    outcome = finish_identifiers(item);
  }
  if (outcome == Outcome::kOk) outcome = set_message_id(item, {}, false, {});
  return end(item, outcome, raw);
}

Status parse_part(DataApiParser& parser, std::string_view text, std::string_view call) {
  JsonBody json(JsonBuffer::kBody, text);
  ondemand::document document;
  ondemand::object root;
  std::string_view raw;
  FRESHET_JSON(json.open(json.text(), document, root, raw), bad_json);
  if (call == "transition") return parser.transition(root);
  if (call == "merge") return parser.merge(root);
  if (call == "delete") return parser.remove(root, raw);
  return parser.element(root, raw, call == "element" ? std::string_view() : call);
}

void DataApiParser::go_back(const Mark& mark) {
  FRESHET_ASSERT(mark.items <= parsed_.item_count && mark.envelopes <= parsed_.envelopes.size());
  parsed_.item_count = mark.items;
  parsed_.envelopes.resize(mark.envelopes);
  parsed_.items.resize(mark.envelopes);
  parsed_.rejected.resize(mark.rejected);
  parsed_.warnings.resize(mark.warnings);
  context_.schema.drop();
}

// A body that is damaged somewhere. What is sent as a list goes in part by part; a part is a request of its own here,
// as it would be as a dead letter.
class DamagedBody {
 public:
  explicit DamagedBody(DataApiParser& parser) : parser_(parser) {}

  // False: it is no list of parts.
  [[nodiscard]] bool take(std::string_view body, std::string_view call);

 private:
  bool take_list(std::string_view body, std::string_view list, std::string_view call);
  void take_alone(std::string_view alone, std::string_view part, std::string_view call);
  bool take_actions(std::string_view element, std::string_view call);

  DataApiParser& parser_;
};

bool DamagedBody::take(std::string_view body, std::string_view call) {
  if (call == "transition") return take_list(body, "elements", "element");
  if (call == "merge") return take_list(body, "merge_data", "merge");
  return (call == "event" || call == "element") && take_actions(body, call);
}

bool DamagedBody::take_list(std::string_view body, std::string_view list, std::string_view call) {
  const auto bounds = list_bounds(body, list, kElementsMax);
  const bool pairs = call == "merge";
  // What is around the list must be sound, or nothing says what it is a list of.
  if (!bounds || !parse_part(parser_, bounds->with({}), pairs ? "merge" : "transition")) return false;
  // A second list, whose name is spelled with escapes, is none of those bounds.
  if (parser_.mark().items != 0) return parser_.go_back({}), false;
  for (const std::string_view part : bounds->elements) {
    const std::string alone = pairs ? "{\"merge_data\":[" + std::string(part) + "]}" : std::string(part);
    take_alone(alone, part, call);
  }
  return true;
}

// Takes a part, which is a request of its own as `alone`, or rejects it, and an event action by action.
void DamagedBody::take_alone(std::string_view alone, std::string_view part, std::string_view call) {
  const auto before = parser_.mark();
  const Status status = parse_part(parser_, alone, call);
  if (status) return;
  parser_.go_back(before);
  if (call == "element" && take_actions(part, call)) return;
  parser_.refuse_damaged(alone, part, status.error());
}

// What the actions share is read again for each, so it is bounded, and they are.
bool DamagedBody::take_actions(std::string_view element, std::string_view call) {
  const auto bounds = list_bounds(element, "actions", kElementsMax);
  if (!bounds || bounds->elements.size() < 2 || bounds->before.size() + bounds->after.size() > kItemBytesMax)
    return false;
  for (const std::string_view action : bounds->elements) {
    const std::string alone = bounds->with(action);
    const auto before = parser_.mark();
    const Status status = parse_part(parser_, alone, call);
    if (status) continue;
    parser_.go_back(before);
    parser_.refuse_damaged(alone, action, status.error());
  }
  return true;
}

}  // namespace

ParseResult parse_data_api(std::string_view body, std::string_view call, const AdapterContext& context,
                           google::protobuf::Arena& arena) {
  DataApiParser parser(context, arena);
  const Status sound = parse_part(parser, body, call);
  if (sound) return parser.take();
  // One damaged element, pair or action does not cost the others.
  context.schema.drop();
  DataApiParser parts(context, arena);
  if (DamagedBody(parts).take(without_mark(body), call)) return parts.take();
  return bad_body(body, sound.error());
}

}  // namespace freshet::ingest
