// Valijson says what is wrong in English, and where by a list of names; the rule is found by how its sentences begin.
// model/plan_test.cc has a case for each rule, so another version of the library that says it otherwise is noticed.
#include "model/plan.h"

// Without, it ends the process where it can't go on.
#define VALIJSON_USE_EXCEPTIONS 1

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "base/assert.h"

namespace freshet::model {

struct Plan::Schemas {
  std::map<std::string, valijson::Schema, std::less<>> of_event;
  std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> types;  // by event and property
};

namespace {

using nlohmann::json;
using Target = valijson::adapters::NlohmannJsonAdapter;

// How a sentence begins, and the rule that it is about.
struct Sentence {
  std::string_view begin;
  std::string_view rule;
};
constexpr std::array<Sentence, 23> kSentences = {{
    {"Missing required property", "required"},
    {"Value type not permitted", "type"},
    {"Failed to match against any enum", "enum"},
    {"Failed to match expected value", "const"},
    {"Expected number less than or equal", "maximum"},
    {"Expected number less than", "exclusiveMaximum"},
    {"Expected number greater than or equal", "minimum"},
    {"Expected number greater than", "exclusiveMinimum"},
    {"Value should be a multiple", "multipleOf"},
    {"Value could not be converted", "multipleOf"},
    {"String should be no more", "maxLength"},
    {"String should be no fewer", "minLength"},
    {"Array should contain no more", "maxItems"},
    {"Array should contain no fewer", "minItems"},
    {"Object should have no more", "maxProperties"},
    {"Object should have no fewer", "minProperties"},
    {"Object contains a property", "additionalProperties"},
    {"Failed to validate against additional properties", "additionalProperties"},
    {"Failed to validate against any schemas allowed by anyOf", "anyOf"},
    {"Failed to validate against any child", "oneOf"},
    {"Failed to validate against exactly one", "oneOf"},
    {"Target should not validate", "not"},
    {"Failed to validate against child schema", "allOf"},
}};

std::string_view rule_of(std::string_view sentence) {
  for (const Sentence& known : kSentences)
    if (sentence.starts_with(known.begin)) return known.rule;
  return "schema";
}

// The name between quotes at the end: of a property that is missing, or one too many.
std::string quoted_name(std::string_view sentence) {
  const size_t end = sentence.rfind('\'');
  const size_t begin = end == std::string_view::npos || end == 0 ? end : sentence.rfind('\'', end - 1);
  if (begin == std::string_view::npos) return "";
  return std::string(sentence.substr(begin + 1, end - begin - 1));
}

// {"<root>", "[items]", "[2]"} as items[2].
std::string path_of_context(const std::vector<std::string>& context) {
  std::string path;
  for (size_t i = 1; i < context.size(); ++i) {
    std::string_view part = context[i];
    if (part.starts_with('[') && part.ends_with(']')) part = part.substr(1, part.size() - 2);
    const bool is_number = !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_number && i > 1) {
      path.append(1, '[').append(part).append(1, ']');
    } else {
      path.append(path.empty() ? 0 : 1, '.').append(part);
    }
  }
  return path;
}

// The types that an event's schema gives its properties, where it gives one.
std::map<std::string, std::string, std::less<>> types_of(const json& schema) {
  std::map<std::string, std::string, std::less<>> types;
  if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].is_object()) return types;
  for (const auto& [name, property] : schema["properties"].items()) {
    if (!property.is_object() || !property.contains("type")) continue;
    json type = property["type"];
    if (type.is_array()) {
      type.erase(std::remove(type.begin(), type.end(), json("null")), type.end());
      if (type.size() == 1) type = json(type.front());
    }
    if (type.is_string()) types[name] = type.get<std::string>();
  }
  return types;
}

// To JSON Schema 1.0 is an integer, to the library it is none.
void make_whole(json& value) {
  if (value.is_structured()) {
    for (json& item : value) make_whole(item);
  } else if (value.is_number_float()) {
    constexpr double kExactMax = 9'007'199'254'740'992.0;
    const double number = value.get<double>();
    if (std::abs(number) <= kExactMax && std::trunc(number) == number) value = static_cast<int64_t>(number);
  }
}

// The first error is the innermost one of the first that failed.
PlanViolation violation_of(valijson::ValidationResults& results) {
  valijson::ValidationResults::Error error;
  if (!results.popError(error)) return {"", "schema"};
  PlanViolation violation{path_of_context(error.context), std::string(rule_of(error.description))};
  if (violation.rule == "required" || error.description.starts_with("Object contains a property")) {
    const std::string name = quoted_name(error.description);
    violation.property.append(violation.property.empty() || name.empty() ? 0 : 1, '.').append(name);
  }
  return violation;
}

}  // namespace

Plan::Plan(std::unique_ptr<const Schemas> schemas) : schemas_(std::move(schemas)) {}
Plan::~Plan() = default;

Result<std::shared_ptr<const Plan>> Plan::compile(std::string_view text) {
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains("events") || !root["events"].is_object())
    return fail(Code::kInvalid, "a plan is {\"events\":{NAME:SCHEMA}}");
  auto schemas = std::make_unique<Schemas>();
  for (const auto& [name, schema] : root["events"].items()) {
    try {
      valijson::SchemaParser parser;
      parser.populateSchema(Target(schema), schemas->of_event[name]);
      schemas->types[name] = types_of(schema);
    } catch (const std::exception& e) {
      return fail(Code::kInvalid, "events." + name + ": " + e.what());
    }
  }
  return std::shared_ptr<const Plan>(new Plan(std::move(schemas)));
}

bool Plan::knows(std::string_view event) const { return schemas_->of_event.contains(event); }

std::string_view Plan::type_of(std::string_view event, std::string_view property) const {
  const auto types = schemas_->types.find(event);
  if (types == schemas_->types.end()) return "";
  const auto type = types->second.find(property);
  return type == types->second.end() ? std::string_view() : type->second;
}

std::optional<PlanViolation> Plan::check(std::string_view event, std::string_view properties) const {
  const auto schema = schemas_->of_event.find(event);
  if (schema == schemas_->of_event.end()) return std::nullopt;
  json value = json::parse(properties.empty() ? std::string_view("{}") : properties, nullptr, false);
  FRESHET_ASSERT(!value.is_discarded());  // Ingest has written it.
  make_whole(value);
  try {
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema->second, Target(value), &results)) return std::nullopt;
    return violation_of(results);
  } catch (const std::exception&) {
    return PlanViolation{"", "schema"};
  }
}

}  // namespace freshet::model
