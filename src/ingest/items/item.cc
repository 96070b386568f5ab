// What all adapters do with one item. The rules are the same for every source: a part that can't be
// used is left out with a warning, a whole item is refused only where it would mislead, and only
// damaged JSON stops the body.

#include "ingest/items/item.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/assert.h"
#include "base/text.h"
#include "ingest/items/characters.h"
#include "ingest/items/identity.h"
#include "ingest/items/json_fault.h"
#include "model/padding.h"
#include "model/plan.h"
#include "model/spellings.h"
#include "model/whole_number.h"

namespace freshet::ingest {
namespace {

// The rule that an event breaks which its plan does not have.
constexpr std::string_view kUnplannedEvent = "unplanned_event";

bool is_blank(std::string_view text) { return trim(without_mark(text), " \t\r\n").empty(); }

std::string words_of(simdjson::error_code error) {
  switch (error) {
    // simdjson says this where the document itself is no object.
    case simdjson::INCORRECT_TYPE: return "a JSON object is expected";
    case simdjson::CAPACITY: return "the text is too large for the parser";
    default: return std::string("not valid JSON: ") + simdjson::error_message(error);
  }
}

constexpr std::array<Promotion, 2> kUserPromotionList = {{{"email", "email"}, {"phone", "phone"}}};

// In strict mode a violation rejects the item.
Outcome check_plan(Item& item) {
  const model::Tenant& tenant = item.context.tenant;
  if (tenant.plan == nullptr) return Outcome::kOk;
  for (const v1::Event& event : item.envelope.events()) {
    auto violation = tenant.plan->check(event.name(), event.properties());
    if (!tenant.plan->knows(event.name())) violation = model::PlanViolation{"", std::string(kUnplannedEvent)};
    if (!violation) continue;
    item.parsed.miss({event.name(), violation->property, violation->rule, item.envelope.message_id()});
    if (!tenant.strict_schema) continue;
    const std::string what = violation->property.empty() ? "its properties are" : violation->property + " is";
    return item.reject("plan_violation",
                       "event \"" + event.name() + "\": " + what + " not as the tracking plan says: " + violation->rule,
                       violation->property);
  }
  return Outcome::kOk;
}

Outcome check_repeat(Item& item) {
  const auto other = item.parsed.ids.other_with_id(item.parsed.envelopes, item.envelope);
  if (!other) return Outcome::kOk;
  return item.reject("repeated_id",
                     "the message id is that of item " + std::to_string(item.parsed.items[*other]) +
                         ", which says something else of the same person; each message has an id of its own",
                     "messageId");
}

// What is rejected for something else teaches nothing of its types.
void tell_conflicts(Item& item, Outcome outcome) {
  if (item.conflicts.empty()) return;
  const bool all = outcome == Outcome::kOk;
  if (!all && item.rejection.code != kWrongType) return;
  for (size_t i = all ? 0 : item.conflicts.size() - 1; i < item.conflicts.size(); ++i) {
    item.conflicts[i].message_id = item.envelope.message_id();
    item.parsed.miss(std::move(item.conflicts[i]));
  }
}

// Nobody may be left under a spelling of before who is to be forgotten, or may come back.
void respell_order(Item& item) {
  const v1::Envelope& order = item.envelope;
  if (order.kind() != v1::Envelope::ERASE && order.kind() != v1::Envelope::UNSUPPRESS) return;
  const v1::Identifier& named = order.user().empty() ? order.device(0) : order.user(0);
  for (const std::string& spelling : model::all_spellings(item.context.tenant, named.type(), item.named_as)) {
    if (spelling == named.value() || fault_of_name(spelling)) continue;
    v1::Envelope& again = *google::protobuf::Arena::CreateMessage<v1::Envelope>(order.GetArena());
    again = order;
    (again.user().empty() ? again.mutable_device(0) : again.mutable_user(0))->set_value(spelling);
    item.parsed.respelled.push_back(&again);
  }
}

void accept(Item& item) {
  FRESHET_ASSERT(!item.envelope.user().empty() || !item.envelope.device().empty());
  FRESHET_ASSERT(item.envelope.kind() != v1::Envelope::KIND_UNSPECIFIED);
  FRESHET_ASSERT(!item.envelope.message_id().empty());
  item.parsed.envelopes.push_back(&item.envelope);
  item.parsed.items.push_back(item.index);
  item.parsed.ids.add(item.parsed.envelopes);
  respell_order(item);
  item.context.schema.keep();
}

void refuse(Item& item, std::string_view sent, int64_t sent_at_us) {
  FRESHET_ASSERT(!item.rejection.code.empty());
  // A broken integration that is rejected again and again must not use the tenant's names up.
  item.context.schema.drop();
  Rejection& rejection = item.parsed.rejected.emplace_back(std::move(item.rejection));
  rejection.index = item.index;
  rejection.item = sent;
  rejection.sent_at_us = sent_at_us;
  rejection.message_id = item.envelope.message_id();
}

// Only where the log takes less than it should: else nothing that gets here is too large for it.
Outcome check_size(Item& item) {
  const size_t most = item.context.record_bytes_max;
  if (most == std::numeric_limits<size_t>::max()) return Outcome::kOk;
  const size_t bytes = item.envelope.ByteSizeLong();
  if (bytes <= most) return Outcome::kOk;
  return item.reject("too_large", "it makes a record of " + std::to_string(bytes) + " bytes, and the log takes " +
                                      std::to_string(most) + " at most, as somebody has lowered max.message.bytes");
}

// Steps behind a container that was just opened. On-demand counts brackets and does not compare them, so that it takes
// for the end of a damaged one where the container around it ends; the bracket there tells.
template <class Container>
Outcome step_behind(Item& item, Container& container, char bracket, std::string_view& raw) {
  FRESHET_JSON(container.raw_json().get(raw), item.broken);
  raw = trim_right(raw);
  return raw.ends_with(bracket) ? Outcome::kOk : item.broken(simdjson::TAPE_ERROR);
}

}  // namespace

const Promotions kUserPromotions = {v1::ENTITY_KIND_USER, schema::Subject::kUserAttribute, kUserPromotionList};

Item::Item(const AdapterContext& context_in, Parsed& parsed_in, google::protobuf::Arena& arena, std::string_view source,
           size_t index_in, std::string_view raw_in)
    : context(context_in),
      limits(context_in.tenant.limits),
      parsed(parsed_in),
      envelope(*google::protobuf::Arena::CreateMessage<v1::Envelope>(&arena)),
      index(index_in),
      raw(raw_in) {
  envelope.set_tenant(context.tenant.name);
  envelope.set_source(source.data(), source.size());
  envelope.set_received_at_us(context.received_at_us);
  if (!context.trace_parent.empty())
    envelope.set_trace_parent(context.trace_parent.data(), context.trace_parent.size());
}

Outcome Item::reject(std::string_view code, std::string message, std::string_view attribute) {
  rejection.code = code;
  FRESHET_ASSERT(!code.empty());
  rejection.message = std::move(message);
  rejection.attribute = attribute;
  return Outcome::kRejected;
}

Outcome Item::broken(simdjson::error_code what) {
  FRESHET_ASSERT(what != simdjson::SUCCESS);
  error = what;
  return Outcome::kBroken;
}

Outcome end_item(Item& item, Outcome outcome, std::string_view sent, int64_t sent_at_us) {
  FRESHET_ASSERT(outcome != Outcome::kBroken);
  if (outcome == Outcome::kOk) outcome = check_size(item);
  if (outcome == Outcome::kOk) outcome = check_plan(item);
  if (outcome == Outcome::kOk) outcome = check_repeat(item);
  tell_conflicts(item, outcome);
  if (outcome == Outcome::kOk) {
    accept(item);
  } else {
    refuse(item, sent, sent_at_us);
  }
  return outcome;
}

void refuse_raw(Parsed& parsed, size_t index, std::string_view code, std::string message, std::string_view sent,
                int64_t sent_at_us) {
  Rejection& rejection = parsed.rejected.emplace_back();
  rejection.index = index;
  rejection.code = code;
  rejection.message = std::move(message);
  rejection.item = sent;
  rejection.sent_at_us = sent_at_us;
}

std::string json_error(simdjson::error_code error, std::string_view text) {
  if (is_blank(text)) return "the text is empty; a JSON object is expected";
  const auto fault = find_json_fault(text);
  return fault ? fault->text() : words_of(error);
}

tl::unexpected<Error> bad_json(simdjson::error_code error) { return fail(Code::kInvalid, words_of(error)); }

tl::unexpected<Error> bad_body(std::string_view body, Error error) {
  if (is_blank(body)) return fail(Code::kInvalid, "the body is empty; a JSON object is expected");
  if (const auto fault = find_json_fault(body)) error.message = fault->text();
  return tl::unexpected<Error>(std::move(error));
}

Outcome reject_text(Item& item, std::string_view attribute) {
  return item.reject("bad_text", "a text has an escape that JSON does not know, such as \\q; send valid JSON",
                     attribute);
}

Outcome reject_number(Item& item, std::string_view attribute) {
  return item.reject(
      "bad_number", "a number is malformed, or larger than 1.7e308; send it as a text if it is no quantity", attribute);
}

Outcome read_name(Item& item, ondemand::field& field, std::string_view& name) {
  if (const auto error = field.unescaped_key().get(name); error != simdjson::SUCCESS) {
    // simdjson tells a wrong escape (half a surrogate pair) from broken JSON: only the latter ends
    // the document.
    if (error == simdjson::STRING_ERROR)
      return item.reject("bad_name", "a name has an escape that JSON does not know, such as \\q; send valid JSON");
    return item.broken(error);
  }
  if (name.empty()) {
    item.warn("empty_name");
    return Outcome::kOk;
  }
  if (has_control(name)) return item.reject("bad_name", "a name has control characters; use printable ones");
  return Outcome::kOk;
}

Outcome open_for_later(Item& item, ondemand::value value, std::optional<ondemand::object>& out) {
  ondemand::object object;
  std::string_view raw;
  FRESHET_JSON(value.get_object().get(object), item.broken);
  FRESHET_ITEM(step_behind(item, object, '}', raw));
  out = object;
  return Outcome::kOk;
}

Outcome open_for_later(Item& item, ondemand::value value, std::optional<LaterList>& out) {
  ondemand::json_type type{};
  LaterList list;
  out.reset();
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type != ondemand::json_type::array) return Outcome::kOk;
  FRESHET_JSON(value.get_array().get(list.elements), item.broken);
  FRESHET_ITEM(step_behind(item, list.elements, ']', list.raw));
  out = list;
  return Outcome::kOk;
}

Outcome read_object(Item& item, std::string_view name, ondemand::value value, std::optional<ondemand::object>& out) {
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type != ondemand::json_type::object)
    return item.reject("bad_field", "\"" + std::string(name) + "\" must be an object", name);
  return open_for_later(item, value, out);
}

// (is_null() as a bool would throw where it is not.)
Outcome read_null(Item& item, ondemand::value& value) {
  bool is_null = false;
  if (value.is_null().get(is_null) == simdjson::SUCCESS && is_null) return Outcome::kOk;
  return item.broken(simdjson::N_ATOM_ERROR);
}

Outcome read_absent(Item& item, ondemand::value& value, Shape shape, bool& absent) {
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  absent = type == ondemand::json_type::null;
  if (absent) return read_null(item, value);
  if (type != ondemand::json_type::array || shape != Shape::kObject) return Outcome::kOk;
  ondemand::array list;
  FRESHET_JSON(value.get_array().get(list), item.broken);
  FRESHET_JSON(list.is_empty().get(absent), item.broken);
  return Outcome::kOk;
}

Outcome read_scalar(Item& item, ondemand::value value, std::optional<std::string_view>& out) {
  out.reset();
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  switch (type) {
    case ondemand::json_type::string: {
      std::string_view text;
      if (value.get_string().get(text) != simdjson::SUCCESS) return reject_text(item);
      out = text;
      return Outcome::kOk;
    }
    case ondemand::json_type::number: {
      // An identifier such as 00123 or 1e3 must stay the text that was sent, so the token is taken
      // as it stands; the number is read only to check that it is one.
      const std::string_view text = trim_right(value.raw_json_token());
      double number = 0;
      if (value.get_double().get(number) != simdjson::SUCCESS) return reject_number(item);
      out = text_of_number(item, text);
      return Outcome::kOk;
    }
    case ondemand::json_type::null: return read_null(item, value);
    default: item.warn("bad_field"); return Outcome::kOk;
  }
}

std::string_view text_of_number(Item& item, std::string_view token) {
  if (auto whole = model::whole_number_of_power(token))
    return *google::protobuf::Arena::Create<std::string>(item.envelope.GetArena(), std::move(*whole));
  return model::without_zero_fraction(token);
}

Outcome read_time(Item& item, ondemand::value value, std::optional<model::TimeUs>& out) {
  std::optional<std::string_view> text;
  FRESHET_ITEM(read_scalar(item, value, text));
  out.reset();
  if (!text || text->empty()) return Outcome::kOk;
  out = model::parse_time(*text);
  if (!out) item.warn("bad_time");
  return Outcome::kOk;
}

std::optional<bool> flag_of(std::string_view word) {
  constexpr std::array<std::string_view, 7> kYes = {"true", "yes", "on", "1", "t", "y", "1.0"};
  constexpr std::array<std::string_view, 7> kNo = {"false", "no", "off", "0", "f", "n", "0.0"};
  const std::string low = lower_case(model::without_padding(word).substr(0, 16));
  if (std::find(kYes.begin(), kYes.end(), low) != kYes.end()) return true;
  if (std::find(kNo.begin(), kNo.end(), low) != kNo.end()) return false;
  return std::nullopt;
}

Outcome reject_flag(Item& item, std::string_view name) {
  return item.reject("bad_field", "\"" + std::string(name) + "\" must be true or false (or yes, no, on, off, 1, 0)",
                     name);
}

Outcome read_flag(Item& item, std::string_view name, ondemand::value value, bool& out) {
  ondemand::json_type type{};
  FRESHET_JSON(value.type().get(type), item.broken);
  if (type == ondemand::json_type::boolean) {
    FRESHET_JSON(value.get_bool().get(out), item.broken);
    return Outcome::kOk;
  }
  if (type == ondemand::json_type::null) return read_null(item, value);
  if (type == ondemand::json_type::string || type == ondemand::json_type::number) {
    std::optional<std::string_view> text;
    FRESHET_ITEM(read_scalar(item, value, text));
    if (const auto flag = flag_of(text.value_or(""))) return out = *flag, Outcome::kOk;
    if (is_blank(text.value_or(""))) return Outcome::kOk;
  }
  return reject_flag(item, name);
}

Outcome set_event(Item& item, std::optional<std::string_view> name, v1::Event*& event) {
  if (!name || model::without_padding(*name).empty())
    return item.reject("missing_event", "the event has no name; \"event\" must be a text", "event");
  if (has_control(*name))
    return item.reject("bad_name", "the event's name has control characters; use printable ones", "event");
  if (const size_t kept = prefix_of(*name, item.limits.name_length); kept < name->size()) {
    name = name->substr(0, kept);
    item.warn("name_cut");
  }
  // A name beyond the tenant's limit refuses the event: event names that hold ids ("Viewed 4711")
  // would otherwise fill the schema.
  switch (item.context.schema.check(schema::Subject::kEvent, {}, *name, schema::Type::kText)) {
    case schema::Verdict::kOverLimit:
      return item.reject(
          "too_many_event_names",
          "the tenant has " + std::to_string(item.limits.event_names) + " event names already; use one of them",
          "event");
    case schema::Verdict::kUnplanned:
      if (item.context.tenant.plan != nullptr)
        item.parsed.miss({std::string(*name), "", std::string(kUnplannedEvent), item.envelope.message_id()});
      return item.reject("unplanned_event", "the tracking plan has no event of this name; use one of its, or add it",
                         "event");
    default: break;
  }
  event = item.envelope.add_events();
  event->set_name(name->data(), name->size());
  return Outcome::kOk;
}

}  // namespace freshet::ingest
