// `where` of a computed attribute.

#include "app/config_tenants.h"
#include "base/number.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

using yaml::Node;
using yaml::Problems;
using Rule = v1::ComputedRule;

constexpr size_t kFiltersMax = 16;

// The tests, as they stand in the file.
constexpr std::array<Name<Rule::Test>, 7> kTests = {{{Rule::EQ, "eq"},
                                                     {Rule::NE, "ne"},
                                                     {Rule::LT, "lt"},
                                                     {Rule::LE, "le"},
                                                     {Rule::GT, "gt"},
                                                     {Rule::GE, "ge"},
                                                     {Rule::EXISTS, "exists"}}};

std::vector<std::string_view> test_names() {
  std::vector<std::string_view> names;
  for (const auto& test : kTests) names.push_back(test.text);
  return names;
}

bool is_ordered(Rule::Test test) {
  return test == Rule::LT || test == Rule::LE || test == Rule::GT || test == Rule::GE;
}

// In quotes it is text; else true, false and numbers are what they look like.
bool read_value(const Node& node, const std::string& path, Problems& problems, v1::Value& value) {
  if (node.kind != Node::Kind::kScalar) {
    problems.add(node.at, path + ": must be text, a number, true or false, or a test such as {gt: 5}");
    return false;
  }
  if (node.quoted) {
    value.set_text(node.text);
  } else if (node.text == "true" || node.text == "false") {
    value.set_boolean(node.text == "true");
  } else if (const auto integer = to_number<int64_t>(node.text)) {
    value.set_integer(*integer);
  } else if (const auto number = to_number<double>(node.text)) {
    value.set_number(*number);
  } else {
    value.set_text(node.text);
  }
  return true;
}

void add_filter(const std::string& property, Rule::Test test, const Node& node, const std::string& path,
                Problems& problems, Rule& rule) {
  v1::Value value;
  if (test == Rule::EXISTS) {
    bool exists = false;
    if (!yaml::read_boolean(node, path, problems, exists)) return;
    value.set_boolean(exists);
  } else if (!read_value(node, path, problems, value)) {
    return;
  }
  if (is_ordered(test) && value.kind_case() != v1::Value::kInteger && value.kind_case() != v1::Value::kNumber)
    problems.add(node.at, path + ": must be a number, not \"" + node.text + "\"");
  Rule::Filter& filter = *rule.add_where();
  filter.set_property(property);
  filter.set_test(test);
  *filter.mutable_value() = value;
}

// EUR, or {gt: 5, le: 10}
void read_filter(const std::string& property, const Node& node, const std::string& path, Problems& problems,
                 Rule& rule) {
  if (node.kind != Node::Kind::kMap) return add_filter(property, Rule::EQ, node, path, problems, rule);
  if (node.keys.empty()) problems.add(node.at, path + ": must have a test: " + yaml::join_names(test_names()));
  for (size_t i = 0; i < node.keys.size() && i < kTests.size(); ++i) {
    size_t test = 0;
    if (!yaml::read_choice(node.keys[i], path, test_names(), problems, test)) continue;
    add_filter(property, kTests[test].value, node.items[i], path + "." + node.keys[i].text, problems, rule);
  }
}

}  // namespace

void read_filters(const Node& where, const std::string& path, Problems& problems, Rule& rule) {
  const yaml::MapReader shape(where, path, problems);
  if (where.keys.size() > kFiltersMax)
    problems.add(where.at, path + ": at most " + std::to_string(kFiltersMax) + " tests");
  for (size_t i = 0; i < where.keys.size() && i < kFiltersMax; ++i)
    read_filter(where.keys[i].text, where.items[i], path + "." + where.keys[i].text, problems, rule);
}

void write_filters_schema(JsonWriter& json) {
  constexpr std::string_view kValue = R"({"type":["string","number","boolean"]})";
  constexpr std::string_view kNumber = R"({"anyOf":[{"type":"number"},{"type":"string","pattern":"\\$\\{"}]})";
  constexpr std::string_view kExists = R"({"anyOf":[{"type":"boolean"},{"type":"string","pattern":"\\$\\{"}]})";
  json.member("type", "object").member("maxProperties", kFiltersMax).key("additionalProperties").begin_object();
  json.key("anyOf").begin_array().raw(kValue).begin_object();
  json.member("type", "object").member("minProperties", 1).member("additionalProperties", false);
  json.key("properties").begin_object();
  for (const auto& [test, name] : kTests)
    json.key(name).raw(is_ordered(test) ? kNumber : test == Rule::EXISTS ? kExists : kValue);
  json.end_object().end_object().end_array().end_object();
}

std::string text_of_filters(const Rule& rule) {
  std::string out;
  for (const Rule::Filter& filter : rule.where()) out += (out.empty() ? "{" : ", ") + filter.property() + ": …";
  return out.empty() ? "" : out + "}";
}

}  // namespace freshet::app
