// The rules of `schema.conflicts` on the way of a value. Which types hold which values is schema/type.h.

#include "ingest/items/typing.h"

#include <charconv>
#include <cmath>

#include "base/assert.h"
#include "base/json_writer.h"
#include "ingest/items/properties.h"
#include "model/json.h"
#include "model/whole_number.h"

namespace freshet::ingest {
namespace {

using model::TypeConflicts;
using schema::Type;

constexpr std::string_view kCoercedRule = "coerced", kWidenedRule = "widened";

// It is told to the tenant when the item has ended: until then it has no id, and it may be rejected for something else.
void note_conflict(Item& item, const Question& question, std::string_view rule) {
  item.conflicts.push_back({std::string(question.of),
                            std::string(question.name),
                            std::string(rule),
                            {},
                            std::string(name_of(question.type)),
                            question.subject});
}

// What strict tenants know was meant so, so another type is the sender's mistake, unless a plan says more of it.
bool refuses(const model::Tenant& tenant) {
  return tenant.conflicts == TypeConflicts::kRefuse || (tenant.strict_schema && tenant.plan == nullptr);
}

// The value is of no type that could be expected. Without a rule that says otherwise it is taken as sent: what is lost
// by a refusal is worse than a mixed column. What the plan says of it, the plan tells.
Outcome take_as_sent(Item& item, const Question& question, const Advice& advice) {
  if (!advice.expected.by_plan) {
    note_conflict(item, question, kWrongType);
    if (refuses(item.context.tenant))
      return item.reject(kWrongType,
                         std::string(question.where) + "\"" + std::string(question.name) + "\" is known with type " +
                             std::string(name_of(advice.expected.type)) + ", and came as " +
                             std::string(name_of(question.type)),
                         question.name);
  }
  item.warn(kWrongType);
  return Outcome::kOk;
}

// Whether a value of the expected type may be made of the one that came. To widen never makes a value narrower.
bool may_convert(const model::Tenant& tenant, Type came, Type expected) {
  if (!schema::is_scalar(came) || (!schema::is_scalar(expected) && expected != Type::kList)) return false;
  if (tenant.conflicts == TypeConflicts::kWiden) return schema::widened(expected, came) == expected;
  return tenant.conflicts == TypeConflicts::kCoerce;
}

}  // namespace

Outcome ask_schema(Item& item, const Question& question, Advice& advice) {
  advice = {};
  const bool of_event = question.subject == schema::Subject::kEventAttribute;
  switch (item.context.schema.check(question.subject, question.of, question.name, question.type)) {
    case schema::Verdict::kOverLimit:
      item.warn(of_event ? "too_many_event_attributes" : "too_many_attributes");
      advice.kept = false;
      return Outcome::kOk;
    case schema::Verdict::kUnplanned:
      return item.reject("unplanned_attribute",
                         std::string(question.where) + "the tracking plan does not have the attribute \"" +
                             std::string(question.name) + "\"; add it there, or leave it out",
                         question.name);
    case schema::Verdict::kWrongType: break;
    case schema::Verdict::kWidened:
      note_conflict(item, question, kWidenedRule);
      item.warn(kWidenedRule);
      advice.widened = true;
      break;
    default: return Outcome::kOk;
  }
  advice.expected = item.context.schema.expected();
  if (advice.expected.type == question.type) return Outcome::kOk;  // it was widened to what came
  advice.converts = may_convert(item.context.tenant, question.type, advice.expected.type);
  return advice.converts ? Outcome::kOk : take_as_sent(item, question, advice);
}

Outcome convert_scalar(Item& item, const Question& question, const Advice& advice, std::string_view sent, Scalar& out) {
  FRESHET_ASSERT(advice.converts && schema::is_scalar(question.type));
  const bool in_list = advice.expected.type == Type::kList;
  std::optional<std::string> text;
  if (!in_list) text = schema::coerced(question.type, sent, advice.expected.type);
  if (!in_list && !text) {
    out = {question.type, std::string(sent), false};
    return take_as_sent(item, question, advice);
  }
  out =
      in_list ? Scalar{question.type, std::string(sent), true} : Scalar{advice.expected.type, std::move(*text), false};
  if (advice.widened) return Outcome::kOk;
  note_conflict(item, question, kCoercedRule);
  item.warn(kCoercedRule);
  return Outcome::kOk;
}

void put_number(std::string_view text, double number, v1::Value& out) {
  constexpr double kExact = 1LL << 53;  // Beyond, a double may stand for another number than the text.
  if (std::abs(number) < kExact && number == std::trunc(number)) return out.set_integer(static_cast<int64_t>(number));
  model::set_number(out, model::without_zero_fraction(text), number);
}

void put_scalar(Item& item, const Scalar& scalar, v1::Value& out, bool& kept) {
  kept = true;
  v1::Value& value = scalar.alone_in_list ? *out.mutable_list()->add_values() : out;
  std::string_view text = scalar.text;
  switch (scalar.type) {
    case Type::kNumber: {
      double number = 0;
      std::from_chars(text.data(), text.data() + text.size(), number);
      return put_number(text, number, value);
    }
    case Type::kBoolean: return value.set_boolean(text == "true");
    case Type::kTime: return value.set_time_us(model::parse_time(text).value_or(0));
    default: kept = limit_text(item, text); value.set_text(text.data(), text.size());
  }
}

void append_scalar(Item& item, const Scalar& scalar, std::string& json, bool& kept) {
  kept = true;
  std::string_view text = scalar.text;
  if (scalar.alone_in_list) json += '[';
  if (scalar.type == Type::kNumber || scalar.type == Type::kBoolean) {
    json += text;
  } else {
    kept = limit_text(item, text);
    append_json_string(json, text);
  }
  if (scalar.alone_in_list) json += ']';
}

}  // namespace freshet::ingest
