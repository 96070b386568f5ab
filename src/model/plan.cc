// A plan keeps the texts of its schemas, packed: compiled, one takes some twenty times the memory of its text, and of
// those of ten thousand tenants few are in use at a time. One is compiled when it is first asked for, and dropped when
// many others were since.
//
// Valijson says what is wrong in English, and where by a list of names; the rule is found by how its sentences begin.
// model/plan_test.cc has a case for each rule, so another version of the library that says it otherwise is noticed.
#include "model/plan.h"

// Without, it ends the process where it can't go on.
#define VALIJSON_USE_EXCEPTIONS 1

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>
#include <vector>

#include "base/assert.h"
#include "base/hash.h"
#include "base/packed_text.h"

namespace freshet::model {

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

// Names of types that are there as long as the process.
constexpr std::array<std::string_view, 7> kTypes = {"string", "number", "integer", "boolean",
                                                    "object", "array",  "null"};
using Types = std::map<std::string, std::string_view, std::less<>>;  // by property

// The types that an event's schema gives its properties, where it gives one.
Types types_of(const json& schema) {
  Types types;
  if (!schema.is_object() || !schema.contains("properties") || !schema["properties"].is_object()) return types;
  for (const auto& [name, property] : schema["properties"].items()) {
    if (!property.is_object() || !property.contains("type")) continue;
    json type = property["type"];
    if (type.is_array()) {
      type.erase(std::remove(type.begin(), type.end(), json("null")), type.end());
      if (type.size() == 1) type = json(type.front());
    }
    if (!type.is_string()) continue;
    const auto* const known = std::find(kTypes.begin(), kTypes.end(), type.get_ref<const std::string&>());
    if (known != kTypes.end()) types[name] = *known;
  }
  return types;
}

struct Compiled {
  valijson::Schema schema;
  Types types;
};

// Throws what the library throws, if it is no schema.
std::shared_ptr<const Compiled> compile_schema(const json& schema) {
  auto compiled = std::make_shared<Compiled>();
  valijson::SchemaParser parser;
  parser.populateSchema(Target(schema), compiled->schema);
  compiled->types = types_of(schema);
  return compiled;
}

// All events of a plan and their schemas, which are one packed text. Thread-safe.
class Texts : public std::enable_shared_from_this<Texts> {
 public:
  // Of the plan's events, by name.
  explicit Texts(const std::map<std::string, std::string>& schemas) {
    std::string texts;
    for (const auto& [name, schema] : schemas) {
      names_.append(name);
      texts.append(schema);
      ends_.push_back({static_cast<uint32_t>(names_.size()), static_cast<uint32_t>(texts.size())});
    }
    FRESHET_ASSERT(texts.size() <= UINT32_MAX && names_.size() <= UINT32_MAX);
    names_.shrink_to_fit();
    ends_.shrink_to_fit();
    texts_ = PackedText(texts);
  }
  [[nodiscard]] bool has(std::string_view event) const { return find(event).has_value(); }
  // Null: there is no such event.
  [[nodiscard]] std::shared_ptr<const Compiled> compiled(std::string_view event);
  // It is compiled anew when it is asked for again.
  void drop(uint32_t number) {
    const std::lock_guard lock(mutex_);
    compiled_.erase(number);
  }

 private:
  struct Ends {
    uint32_t name = 0, schema = 0;
  };
  [[nodiscard]] Ends begin_of(size_t number) const { return number == 0 ? Ends() : ends_[number - 1]; }
  [[nodiscard]] std::string_view name_of(size_t number) const {
    const uint32_t begin = begin_of(number).name;
    return std::string_view(names_).substr(begin, ends_[number].name - begin);
  }
  [[nodiscard]] std::optional<uint32_t> find(std::string_view name) const {
    size_t low = 0;
    for (size_t high = ends_.size(); low < high;) {
      const size_t middle = (low + high) / 2;
      if (name_of(middle) < name) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == ends_.size() || name_of(low) != name) return std::nullopt;
    return static_cast<uint32_t>(low);
  }
  [[nodiscard]] std::shared_ptr<const Compiled> look(uint32_t number) {
    const std::lock_guard lock(mutex_);
    const auto at = compiled_.find(number);
    return at == compiled_.end() ? nullptr : at->second;
  }

  std::string names_;
  std::vector<Ends> ends_;  // of each event's name in names_ and of its schema in texts_, in the order of names
  PackedText texts_;
  std::mutex mutex_;
  std::map<uint32_t, std::shared_ptr<const Compiled>> compiled_;  // by number of the event; guarded by mutex_
};

// Which schemas of all plans are compiled, in the order in which they were. Thread-safe.
class Shelf {
 public:
  // Of all texts that are compiled. These are some 150 MiB of memory then.
  static constexpr size_t kTextBytesMax = 8u << 20;

  void add(std::weak_ptr<Texts> texts, uint32_t number, size_t bytes) {
    std::vector<Book> dropped;
    {
      const std::lock_guard lock(mutex_);
      books_.push_back({std::move(texts), number, bytes});
      bytes_ += bytes;
      for (; bytes_ > kTextBytesMax && books_.size() > 1; books_.pop_front()) {
        bytes_ -= books_.front().bytes;
        dropped.push_back(std::move(books_.front()));
      }
    }
    for (const Book& book : dropped)
      if (const auto of = book.texts.lock()) of->drop(book.number);
  }

 private:
  struct Book {
    std::weak_ptr<Texts> texts;
    uint32_t number = 0;
    size_t bytes = 0;
  };
  std::mutex mutex_;
  std::deque<Book> books_;
  size_t bytes_ = 0;
};

Shelf& shelf() {
  static Shelf all;
  return all;
}

// Two threads that miss the same one at once both compile it, which does no harm.
std::shared_ptr<const Compiled> Texts::compiled(std::string_view event) {
  const auto number = find(event);
  if (!number) return nullptr;
  if (auto known = look(*number)) return known;
  const size_t begin = begin_of(*number).schema, bytes = ends_[*number].schema - begin;
  const std::string texts = texts_.text();
  std::shared_ptr<const Compiled> made = compile_schema(json::parse(std::string_view(texts).substr(begin, bytes)));
  {
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = compiled_.emplace(*number, made);
    if (!is_new) return at->second;
  }
  shelf().add(weak_from_this(), *number, bytes);
  return made;
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

namespace {

// Plans by the hash of their documents: a file and the log say the same of a tenant, and only one has to be made of it.
// Thread-safe.
class Made {
 public:
  [[nodiscard]] std::shared_ptr<const Plan> find(const std::string& hash) {
    const std::lock_guard lock(mutex_);
    const auto at = plans_.find(hash);
    return at == plans_.end() ? nullptr : at->second.lock();
  }
  void add(const std::string& hash, const std::shared_ptr<const Plan>& plan) {
    const std::lock_guard lock(mutex_);
    plans_[hash] = plan;
    if (plans_.size() < look_at_) return;
    std::erase_if(plans_, [](const auto& one) { return one.second.expired(); });
    look_at_ = 2 * plans_.size() + 100;
  }

 private:
  std::mutex mutex_;
  std::map<std::string, std::weak_ptr<const Plan>> plans_;
  size_t look_at_ = 100;  // with so many, those that nobody has any more are forgotten
};

Made& made() {
  static Made all;
  return all;
}

}  // namespace

struct Plan::Schemas {
  std::shared_ptr<Texts> texts;
};

Plan::Plan(std::unique_ptr<const Schemas> schemas) : schemas_(std::move(schemas)) {}
Plan::~Plan() = default;

std::shared_ptr<const Plan> Plan::find(std::string_view document) { return made().find(hash128(document).hex()); }

Result<std::shared_ptr<const Plan>> Plan::compile(std::string_view document, std::string_view text) {
  const std::string hash = hash128(document).hex();
  if (auto known = made().find(hash)) return known;
  const json root = json::parse(text, nullptr, false);
  if (!root.is_object() || !root.contains("events") || !root["events"].is_object())
    return fail(Code::kInvalid, "a plan is {\"events\":{NAME:SCHEMA}}");
  std::map<std::string, std::string> events;
  for (const auto& [name, schema] : root["events"].items()) {
    try {
      (void)compile_schema(schema);  // What can't be is told now.
    } catch (const std::exception& e) {
      return fail(Code::kInvalid, "events." + name + ": " + e.what());
    }
    events.emplace(name, schema.dump());
  }
  auto schemas = std::make_unique<Schemas>();
  schemas->texts = std::make_shared<Texts>(events);
  const std::shared_ptr<const Plan> plan(new Plan(std::move(schemas)));
  made().add(hash, plan);
  return plan;
}

bool Plan::knows(std::string_view event) const { return schemas_->texts->has(event); }

std::string_view Plan::type_of(std::string_view event, std::string_view property) const {
  const std::shared_ptr<const Compiled> schema = schemas_->texts->compiled(event);
  if (schema == nullptr) return "";
  const auto type = schema->types.find(property);
  return type == schema->types.end() ? std::string_view() : type->second;
}

std::optional<PlanViolation> Plan::check(std::string_view event, std::string_view properties) const {
  const std::shared_ptr<const Compiled> schema = schemas_->texts->compiled(event);
  if (schema == nullptr) return std::nullopt;
  json value = json::parse(properties.empty() ? std::string_view("{}") : properties, nullptr, false);
  FRESHET_ASSERT(!value.is_discarded());  // Ingest has written it.
  make_whole(value);
  try {
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema->schema, Target(value), &results)) return std::nullopt;
    return violation_of(results);
  } catch (const std::exception&) {
    return PlanViolation{"", "schema"};
  }
}

}  // namespace freshet::model
