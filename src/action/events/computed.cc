// Accumulators of computed attributes, and the reader that gets properties of events for them. Accumulators never look
// back: an event that was counted is not kept, so a new definition begins with the events that come after it.
#include "action/events/computed.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <string>

#include "action/events/attributes.h"
#include "action/events/sorted.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "model/decimal.h"
#include "model/filter.h"
#include "model/json.h"

namespace freshet::action {

// ---- properties ---------------------------------------------------------------------------------------------------

struct PropertyReader::Parser {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  std::string_view text;
  bool keep_digits = false;
  bool parsed = false;
  bool valid = false;
};

PropertyReader::PropertyReader() : parser_(std::make_unique<Parser>()) {}
PropertyReader::~PropertyReader() = default;

void PropertyReader::open(std::string_view properties) {
  parser_->text = properties;
  parser_->parsed = false;
}

void PropertyReader::keep_digits(bool keep) { parser_->keep_digits = keep; }

namespace {

using simdjson::ondemand::json_type;

std::optional<v1::Value> scalar_of(simdjson::ondemand::value json) {
  v1::Value value;
  std::string_view text;
  double number = 0;
  bool flag = false;
  json_type type{};
  if (json.type().get(type) != simdjson::SUCCESS) return std::nullopt;
  if (type == json_type::string && json.get_string().get(text) == simdjson::SUCCESS)
    return value.set_text(std::string(text)), value;
  if (type == json_type::boolean && json.get_bool().get(flag) == simdjson::SUCCESS)
    return value.set_boolean(flag), value;
  if (type != json_type::number) return std::nullopt;
  text = json.raw_json_token();
  text = text.substr(0, text.find_first_of(" \t\r\n"));
  if (json.get_double().get(number) != simdjson::SUCCESS) return std::nullopt;
  model::set_number(value, text, number);
  return value;
}

// The DOM refuses a whole text for one number beyond 64 bits, so this looks at no more than it is asked for. Such
// events are few.
std::optional<v1::Value> find_in_text(std::string_view text, std::string_view name) {
  thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(text);
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
      document.get_object().get(object) != simdjson::SUCCESS)
    return std::nullopt;
  for (auto result : object) {
    simdjson::ondemand::field field;
    std::string_view key;
    if (std::move(result).get(field) != simdjson::SUCCESS || field.unescaped_key().get(key) != simdjson::SUCCESS)
      return std::nullopt;
    if (key == name) return scalar_of(field.value());
  }
  return std::nullopt;
}

}  // namespace

std::optional<v1::Value> PropertyReader::get(std::string_view name) {
  Parser& p = *parser_;
  if (!p.parsed) {
    p.parsed = true;
    p.valid = !p.text.empty() && p.parser.parse(p.text.data(), p.text.size()).get(p.object) == simdjson::SUCCESS;
  }
  simdjson::dom::element element;
  if (!p.valid && p.keep_digits && !p.text.empty()) return find_in_text(p.text, name);
  if (!p.valid || p.object.at_key(name).get(element) != simdjson::SUCCESS) return std::nullopt;
  v1::Value value;
  switch (element.type()) {
    case simdjson::dom::element_type::STRING: value.set_text(std::string(element.get_string().value_unsafe())); break;
    case simdjson::dom::element_type::INT64: value.set_integer(element.get_int64().value_unsafe()); break;
    case simdjson::dom::element_type::UINT64: {  // Only numbers above the largest signed one come as this.
      const uint64_t number = element.get_uint64().value_unsafe();
      p.keep_digits ? value.set_decimal(std::to_string(number)) : value.set_number(static_cast<double>(number));
      break;
    }
    case simdjson::dom::element_type::DOUBLE: value.set_number(element.get_double().value_unsafe()); break;
    case simdjson::dom::element_type::BOOL: value.set_boolean(element.get_bool().value_unsafe()); break;
    default: return std::nullopt;
  }
  return value;
}

// ---- accumulators -------------------------------------------------------------------------------------------------

namespace {

using Rule = v1::ComputedRule;

// By the logic before kLogicOfFilters, in which no test passes where nothing is, but for `ne`.
bool passed_before(const Rule::Filter& filter, const std::optional<v1::Value>& value) {
  if (filter.test() == Rule::EXISTS) return value.has_value();
  if (!value) return filter.test() == Rule::NE;
  return model::passes_by_order(filter.test(), model::compare_values(*value, filter.value()));
}

// A number as the exact decimal that its text is. Text that is a number counts as one, as shops send prices like
// "19.90".
std::optional<model::Decimal> decimal_of(const v1::Value& value) {
  switch (value.kind_case()) {
    case v1::Value::kInteger: return model::Decimal::parse(std::to_string(value.integer()));
    case v1::Value::kNumber: {
      std::string text;
      model::append_json_value(text, value);
      return model::Decimal::parse(text);
    }
    case v1::Value::kText: return model::Decimal::parse(value.text());
    case v1::Value::kDecimal: return model::Decimal::parse(value.decimal());
    default: return std::nullopt;
  }
}

model::Decimal sum_of(const v1::Computed& c) { return model::Decimal::from_words(c.sum_high(), c.sum_low()); }

void set_sum(v1::Computed& c, const model::Decimal& sum) {
  c.set_sum_high(sum.high());
  c.set_sum_low(sum.low());
}

bool keep_extreme(v1::Computed& c, const v1::Value& value, bool lowest) {
  if (c.has_value()) {
    const int order = model::compare_values(value, c.value());
    if (lowest ? order >= 0 : order <= 0) return false;
  }
  *c.mutable_value() = value;
  return true;
}

// Of two events of the same time the message id decides, as everywhere: so first and last do not depend on who came
// first.
bool keep_by_time(v1::Computed& c, const v1::Value& value, const v1::Use& use, bool first) {
  if (c.has_value() && (first ? !earlier(use, c.use()) : !earlier(c.use(), use))) return false;
  *c.mutable_value() = value;
  *c.mutable_use() = use;
  return true;
}

struct ByUniqueValue {
  const v1::Value& value;
  friend bool operator<(const v1::Value& a, const ByUniqueValue& b) { return model::compare_values(a, b.value) < 0; }
};

bool add_unique(v1::Computed& c, const v1::Value& value) {
  const int at =
      lower_bound_of(c.set(), ByUniqueValue{value}, [](const v1::Value& v) -> const v1::Value& { return v; });
  const bool there = at < c.set_size() && model::compare_values(c.set(at), value) == 0;
  if (there || c.set_size() >= kUniqueValuesMax) return false;
  insert_at(*c.mutable_set(), at) = value;
  return true;
}

// Folds one value into an accumulator: a property of an event, or what the accumulator of a merged profile has.
bool fold_value(v1::Computed& c, Rule::Op op, const v1::Value& value, const v1::Use& use) {
  switch (op) {
    case Rule::SUM: {
      const std::optional<model::Decimal> amount = decimal_of(value);
      if (!amount) return false;
      model::Decimal sum = sum_of(c);
      sum += *amount;
      if (FRESHET_MUTANT(kSumAsDouble)) sum = *model::Decimal::parse(fmt::format("{:.9f}", std::stod(sum.text())));
      set_sum(c, sum);
      return true;
    }
    case Rule::MIN: return keep_extreme(c, value, true);
    case Rule::MAX: return keep_extreme(c, value, false);
    case Rule::FIRST: return keep_by_time(c, value, use, true);
    case Rule::LAST: return keep_by_time(c, value, use, false);
    case Rule::UNIQUE: return add_unique(c, value);
    default: return false;
  }
}

// The accumulator of the attribute. One of another definition is cleared: its numbers mean something else.
v1::Computed& accumulator(v1::EntityState& entity, const ComputedAttribute& attribute) {
  bool made = false;
  v1::Computed& c = find_or_add_named(*entity.mutable_computed(), attribute.rule.name(), &made);
  if (made || c.definition() != attribute.definition) {
    c.Clear();
    c.set_name(attribute.rule.name());
    c.set_definition(attribute.definition);
    c.set_since_us(attribute.since_us);
  }
  FRESHET_ASSERT(c.name() == attribute.rule.name() && c.definition() == attribute.definition);
  return c;
}

}  // namespace

bool accumulate(v1::EntityState& entity, const Tenant& tenant, const ComputedAttribute& attribute, const v1::Use& use,
                PropertyReader& properties) {
  const Rule& rule = attribute.rule;
  for (const Rule::Filter& filter : rule.where()) {
    const std::optional<v1::Value> tested = properties.get(filter.property());
    if (!(tenant.knows_absence ? model::passes(filter, tested) : passed_before(filter, tested))) return false;
  }
  std::optional<v1::Value> value;
  if (rule.op() != Rule::COUNT && !(value = properties.get(rule.property()))) return false;
  v1::Computed& c = accumulator(entity, attribute);
  if (rule.op() != Rule::COUNT && !fold_value(c, rule.op(), *value, use)) return false;
  c.set_count(c.count() + 1);
  return true;
}

// What one profile had counted before it was merged is added to what the other one had. The parts of a large
// accumulator come in several chunks, of which only the first has a count.
void absorb_computed(v1::EntityState& entity, const v1::EntityState& from, const Tenant& tenant) {
  for (const v1::Computed& theirs : from.computed()) {
    const ComputedAttribute* attribute = tenant.find_computed(theirs.name());
    if (attribute == nullptr || attribute->definition != theirs.definition()) continue;
    v1::Computed& c = accumulator(entity, *attribute);
    c.set_count(c.count() + theirs.count());
    if (attribute->rule.op() == Rule::SUM) {
      model::Decimal sum = sum_of(c);
      set_sum(c, sum += sum_of(theirs));
    }
    if (theirs.has_value()) fold_value(c, attribute->rule.op(), theirs.value(), theirs.use());
    for (const v1::Value& value : theirs.set()) add_unique(c, value);
  }
}

std::optional<v1::Value> computed_value(const v1::Computed& computed, const ComputedAttribute& attribute) {
  if (computed.definition() != attribute.definition) return std::nullopt;
  v1::Value value;
  switch (attribute.rule.op()) {
    case Rule::COUNT: value.set_integer(static_cast<int64_t>(computed.count())); return value;
    case Rule::SUM: value.set_decimal(sum_of(computed).text()); return value;
    case Rule::UNIQUE: *value.mutable_list()->mutable_values() = computed.set(); return value;
    default: break;
  }
  if (!computed.has_value()) return std::nullopt;
  return computed.value();
}

}  // namespace freshet::action
