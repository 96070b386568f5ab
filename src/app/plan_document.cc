// What a schema may say is bounded here: no regular expressions and no references, so what a check costs is known.
#include "app/plan_document.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "app/tenant_document.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

using yaml::Node;
using yaml::Problems;

constexpr size_t kEventNameBytesMax = 1000;
constexpr size_t kEnumMax = 1000;
constexpr size_t kPlanStructureMax = 100'000;

// What may stand behind a keyword.
enum class Says : uint8_t { kAnything, kTypes, kNames, kValues, kNumber, kCount, kSchema, kSchemas, kSchemaMap, kNote };
struct Keyword {
  std::string_view name;
  Says says;
};
constexpr Keyword kKeywords[] = {{"additionalProperties", Says::kSchema},
                                 {"allOf", Says::kSchemas},
                                 {"anyOf", Says::kSchemas},
                                 {"const", Says::kAnything},
                                 {"default", Says::kNote},
                                 {"description", Says::kNote},
                                 {"enum", Says::kValues},
                                 {"examples", Says::kNote},
                                 {"exclusiveMaximum", Says::kNumber},
                                 {"exclusiveMinimum", Says::kNumber},
                                 {"format", Says::kNote},
                                 {"items", Says::kSchema},
                                 {"maxItems", Says::kCount},
                                 {"maxLength", Says::kCount},
                                 {"maxProperties", Says::kCount},
                                 {"maximum", Says::kNumber},
                                 {"minItems", Says::kCount},
                                 {"minLength", Says::kCount},
                                 {"minProperties", Says::kCount},
                                 {"minimum", Says::kNumber},
                                 {"multipleOf", Says::kNumber},
                                 {"not", Says::kSchema},
                                 {"oneOf", Says::kSchemas},
                                 {"properties", Says::kSchemaMap},
                                 {"required", Says::kNames},
                                 {"title", Says::kNote},
                                 {"type", Says::kTypes},
                                 {"$comment", Says::kNote},
                                 {"$schema", Says::kNote}};

std::vector<std::string_view> keyword_names() {
  std::vector<std::string_view> names;
  for (const Keyword& keyword : kKeywords) names.push_back(keyword.name);
  return names;
}

std::vector<std::string_view> json_types() {
  return {"array", "boolean", "integer", "null", "number", "object", "string"};
}

bool is_truth(const Node& node) {
  return node.kind == Node::Kind::kScalar && !node.quoted && (node.text == "true" || node.text == "false");
}

// Reads one event's schema against what is checked and bounded.
class SchemaReader {
 public:
  explicit SchemaReader(Problems& problems) : problems_(problems) {}

  // Takes notes out of `node`, which the library would read otherwise.
  void schema(Node& node, const std::string& path, size_t depth) {
    if (is_truth(node)) return;
    if (node.kind != Node::Kind::kMap) return problem(node, path, "must be a schema: a map, or true or false");
    if (++parts_ == model::kPlanPartsMax + 1)
      problem(node, path, "too many schemas within one: at most " + std::to_string(model::kPlanPartsMax));
    if (depth > model::kPlanDepthMax)
      return problem(node, path, "nested deeper than " + std::to_string(model::kPlanDepthMax) + " schemas");
    if (parts_ > model::kPlanPartsMax) return;
    for (size_t i = 0; i < node.keys.size(); ++i) keyword(node.keys[i], node.items[i], path, depth);
    drop_notes(node);
  }

 private:
  void problem(const Node& node, const std::string& path, const std::string& text) {
    problems_.add(node.at, path + ": " + text);
  }

  void keyword(const Node& name, Node& value, const std::string& path, size_t depth) {
    const auto* const known = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                           [&](const Keyword& keyword) { return keyword.name == name.text; });
    if (known == std::end(kKeywords)) return unknown(name, path);
    const std::string at = path + "." + name.text;
    switch (known->says) {
      case Says::kAnything:
      case Says::kNote: return;
      case Says::kTypes: return types(value, at);
      case Says::kNames: return names(value, at);
      case Says::kValues:
        if (value.kind != Node::Kind::kList || value.items.empty() || value.items.size() > kEnumMax)
          problem(value, at, "must be a list of 1 to " + std::to_string(kEnumMax) + " values");
        return;
      case Says::kNumber: {
        double number = 0;
        static_cast<void>(yaml::read_number(value, at, -1e300, 1e300, problems_, number));
        if (name.text == "multipleOf" && number <= 0) problem(value, at, "must be above 0");
        return;
      }
      case Says::kCount: {
        uint64_t count = 0;
        static_cast<void>(yaml::read_count(value, at, 0, 1'000'000'000, problems_, count));
        return;
      }
      case Says::kSchema: return schema(value, at, depth + 1);
      case Says::kSchemas:
        if (value.kind != Node::Kind::kList || value.items.empty())
          return problem(value, at, "must be a list of schemas");
        for (size_t i = 0; i < value.items.size(); ++i)
          schema(value.items[i], at + "[" + std::to_string(i) + "]", depth + 1);
        return;
      case Says::kSchemaMap:
        if (value.kind != Node::Kind::kMap) return problem(value, at, "must be a map from names to schemas");
        for (size_t i = 0; i < value.items.size(); ++i)
          schema(value.items[i], at + "." + value.keys[i].text, depth + 1);
        return;
    }
  }

  void unknown(const Node& name, const std::string& path) {
    if (name.text == "pattern" || name.text == "patternProperties")
      return problem(name, path,
                     name.text +
                         " is not supported: what a regular expression costs has no bound; use enum, "
                         "minLength and maxLength");
    problem(name, path,
            "unknown keyword \"" + name.text + "\"" + yaml::did_you_mean(name.text, keyword_names()) +
                " Known: " + yaml::join_names(keyword_names()));
  }

  void types(const Node& value, const std::string& at) {
    size_t index = 0;
    if (value.kind != Node::Kind::kList) {
      static_cast<void>(yaml::read_choice(value, at, json_types(), problems_, index));
      return;
    }
    if (value.items.empty()) problem(value, at, "must name a type");
    for (const Node& type : value.items) static_cast<void>(yaml::read_choice(type, at, json_types(), problems_, index));
  }

  void names(const Node& value, const std::string& at) {
    if (value.kind != Node::Kind::kList) return problem(value, at, "must be a list of names");
    for (const Node& name : value.items)
      if (name.kind != Node::Kind::kScalar) problem(name, at, "must be a list of names");
  }

  static void drop_notes(Node& node) {
    for (size_t i = node.keys.size(); i-- > 0;) {
      const auto* const known = std::find_if(std::begin(kKeywords), std::end(kKeywords),
                                             [&](const Keyword& keyword) { return keyword.name == node.keys[i].text; });
      if (known == std::end(kKeywords) || known->says != Says::kNote) continue;
      node.keys.erase(node.keys.begin() + static_cast<ptrdiff_t>(i));
      node.items.erase(node.items.begin() + static_cast<ptrdiff_t>(i));
    }
  }

  Problems& problems_;
  size_t parts_ = 0;
};

// Whether it is a map with one key, events, which is a map of not too many.
bool has_events(const Node& plan, const std::string& path, Problems& problems) {
  yaml::MapReader reader(plan, path, problems);
  const Node* const events = reader.require("events", "a map from names of events to JSON Schemas of their properties");
  reader.finish();
  if (events == nullptr) return false;
  if (events->kind == Node::Kind::kMap && events->items.size() <= model::kPlanEventsMax) return true;
  problems.add(events->at, reader.path_of("events") +
                               ": must be a map from names of events to JSON Schemas of their properties, at most " +
                               std::to_string(model::kPlanEventsMax));
  return false;
}

}  // namespace

std::optional<PlanText> read_plan(Node plan, const std::string& path, Problems& problems) {
  const size_t before = problems.sorted().size();
  if (!has_events(plan, path, problems) || problems.sorted().size() > before) return std::nullopt;
  PlanText out;
  out.document = sorted_json(plan);
  const std::string at = path.empty() ? "events" : path + ".events";
  if (out.document.size() > model::kPlanBytesMax)
    problems.add(plan.at, at + ": at most " + std::to_string(model::kPlanBytesMax >> 10) + " KiB");
  Node& events = plan.items.front();
  for (size_t i = 0; i < events.items.size(); ++i) {
    const std::string& name = events.keys[i].text;
    if (name.empty() || name.size() > kEventNameBytesMax)
      problems.add(events.keys[i].at, at + ": the name of an event has 1 to 1000 bytes");
    SchemaReader(problems).schema(events.items[i], at + "." + name, 1);
  }
  if (problems.sorted().size() > before) return std::nullopt;
  auto compiled = model::Plan::compile(out.document, sorted_json(plan));
  if (!compiled) {
    problems.add(plan.at, at + ": " + compiled.error().message);
    return std::nullopt;
  }
  out.plan = std::move(*compiled);
  return out;
}

std::optional<PlanText> read_plan(std::string_view text, Problems& problems) {
  yaml::ParseOptions options;
  options.bytes_max = model::kPlanBytesMax;
  options.structure_max = kPlanStructureMax;
  auto root = yaml::parse(without_surrogates(text), options, problems);
  if (!root || !problems.empty()) return std::nullopt;
  return read_plan(std::move(*root), "", problems);
}

std::shared_ptr<const model::Plan> plan_of_document(std::string_view document, Problems& problems) {
  if (auto known = model::Plan::find(document)) return known;
  auto read = read_plan(document, problems);
  return read ? std::move(read->plan) : nullptr;
}

}  // namespace freshet::app
