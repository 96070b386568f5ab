// The description stays a tree of YAML, and an answer is walked along it: a schema is a few keys deep, and an answer of
// a fuzz target a few hundred bytes long.
#include "testing/api_contract.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "base/assert.h"
#include "base/text.h"

namespace freshet {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;
using yaml::Node;

constexpr int kDepthMax = 64;

std::string_view type_of(const element& value) {
  switch (value.type()) {
    case element_type::OBJECT: return "object";
    case element_type::ARRAY: return "array";
    case element_type::STRING: return "string";
    case element_type::BOOL: return "boolean";
    case element_type::NULL_VALUE: return "null";
    case element_type::INT64:
    case element_type::UINT64: return "integer";
    default: return "number";
  }
}

bool is_of_type(const element& value, std::string_view wanted) {
  return type_of(value) == wanted || (wanted == "number" && type_of(value) == "integer");
}

// A scalar as the description writes it.
std::string text_of(const element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::to_string(value);
}

// One call for each value; what is wrong is said with the way to it.
class Checker {
 public:
  explicit Checker(const Node& root) : root_(root) {}

  // The node, or what its $ref leads to.
  [[nodiscard]] const Node& resolved(const Node& node) const {
    const Node* at = &node;
    for (int i = 0; i < kDepthMax; ++i) {
      const Node* const ref = at->find("$ref");
      if (ref == nullptr) return *at;
      at = &root_;
      for (std::string_view left = std::string_view(ref->text).substr(2); !left.empty();) {
        const std::string_view part = left.substr(0, left.find('/'));
        left.remove_prefix(std::min(part.size() + 1, left.size()));
        at = at->find(part);
        FRESHET_ASSERT(at != nullptr);  // a reference that leads nowhere
      }
    }
    FRESHET_ASSERT(false);
    return *at;
  }

  [[nodiscard]] std::string check(const Node& schema_or_ref, const element& value, const std::string& way,
                                  int depth = 0) const {
    if (depth > kDepthMax) return way + ": the description does not end";
    const Node& schema = resolved(schema_or_ref);
    if (std::string fault = check_alternatives(schema, value, way, depth); !fault.empty()) return fault;
    if (std::string fault = check_scalar(schema, value, way); !fault.empty()) return fault;
    if (value.is_object()) return check_object(schema, value, way, depth);
    if (value.is_array()) return check_array(schema, value, way, depth);
    return "";
  }

 private:
  [[nodiscard]] std::string check_alternatives(const Node& schema, const element& value, const std::string& way,
                                               int depth) const {
    if (const Node* const all = schema.find("allOf"); all != nullptr)
      for (const Node& one : all->items)
        if (std::string fault = check(one, value, way, depth + 1); !fault.empty()) return fault;
    const Node* const any = schema.find("anyOf");
    if (any == nullptr) return "";
    std::string faults;
    for (const Node& one : any->items) {
      const std::string fault = check(one, value, way, depth + 1);
      if (fault.empty()) return "";
      faults += " [" + fault + "]";
    }
    return way + ": none of what may be:" + faults;
  }

  [[nodiscard]] std::string check_scalar(const Node& schema, const element& value, const std::string& way) const {
    if (const Node* const type = schema.find("type"); type != nullptr) {
      const bool fits = type->kind == Node::Kind::kScalar
                            ? is_of_type(value, type->text)
                            : std::any_of(type->items.begin(), type->items.end(),
                                          [&](const Node& one) { return is_of_type(value, one.text); });
      if (!fits) return way + ": is of type " + std::string(type_of(value));
    }
    const Node* const only = schema.find("const");
    if (only != nullptr && only->text != text_of(value)) return way + ": is not " + only->text;
    const Node* const list = schema.find("enum");
    if (list != nullptr && std::none_of(list->items.begin(), list->items.end(),
                                        [&](const Node& one) { return one.text == text_of(value); }))
      return way + ": " + text_of(value) + " is none of what may be";
    double number = 0;
    const Node* const least = schema.find("minimum");
    if (least != nullptr && value.get(number) == simdjson::SUCCESS && number < std::stod(least->text))
      return way + ": is less than " + least->text;
    return "";
  }

  [[nodiscard]] std::string check_object(const Node& schema, const element& value, const std::string& way,
                                         int depth) const {
    const simdjson::dom::object object = value;
    if (const Node* const required = schema.find("required"); required != nullptr)
      for (const Node& name : required->items)
        if (object.at_key(name.text).error() != simdjson::SUCCESS) return way + ": has no " + name.text;
    const Node* const properties = schema.find("properties");
    const Node* const others = schema.find("additionalProperties");
    for (const auto [name, member] : object) {
      const Node* const known = properties == nullptr ? nullptr : properties->find(name);
      const Node* const described = known != nullptr ? known : others;
      if (described == nullptr) continue;
      const std::string inner = way + "." + std::string(name);
      if (described->text == "false") return inner + ": is not described";
      if (std::string fault = check(*described, member, inner, depth + 1); !fault.empty()) return fault;
    }
    return "";
  }

  [[nodiscard]] std::string check_array(const Node& schema, const element& value, const std::string& way,
                                        int depth) const {
    const simdjson::dom::array array = value;
    const Node* const most = schema.find("maxItems");
    if (most != nullptr && array.size() > std::stoul(most->text)) return way + ": has more than " + most->text;
    const Node* const items = schema.find("items");
    size_t index = 0;
    for (const element item : array) {
      if (items == nullptr) break;
      const std::string inner = way + "[" + std::to_string(index++) + "]";
      if (std::string fault = check(*items, item, inner, depth + 1); !fault.empty()) return fault;
    }
    return "";
  }

  const Node& root_;
};

bool has_header(const http::Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const auto& header) { return header.first == name; });
}

// What a status promises everywhere.
std::string fault_of_headers(const http::Response& response) {
  const int status = response.status;
  if ((status == 429 || status == 503) && !has_header(response, "Retry-After")) return "has no Retry-After";
  if (status == 401 && !has_header(response, "WWW-Authenticate")) return "has no WWW-Authenticate";
  if (status == 405 && !has_header(response, "Allow")) return "has no Allow";
  return "";
}

// Whether an address refuses any of its methods in this shape: then it refuses a method that it does not take so, too.
bool refuses_so_somewhere(const Node& root, std::string_view path, const std::string& type,
                          const std::optional<element>& json) {
  const Checker checker(root);
  const Node* const methods = root.find({"paths", path});
  if (methods == nullptr) return false;
  for (const Node& method : methods->items) {
    const Node* const answers = method.find("responses");
    if (answers == nullptr) continue;
    for (size_t i = 0; i < answers->keys.size(); ++i) {
      const Node* const described = checker.resolved(answers->items[i]).find({"content", type});
      if (!answers->keys[i].text.starts_with('4') || described == nullptr) continue;
      const Node* const schema = described->find("schema");
      if (schema == nullptr || (json && checker.check(*schema, *json, "body").empty())) return true;
    }
  }
  return false;
}

}  // namespace

ApiContract::ApiContract(std::string_view openapi) {
  yaml::Problems problems("openapi");
  auto root = yaml::parse(openapi, {}, problems);
  FRESHET_ASSERT(root && problems.empty() && root->find("paths") != nullptr);
  root_ = std::move(*root);
}

bool ApiContract::has(std::string_view method, std::string_view path) const {
  return root_.find({"paths", path, lower_case(std::string(method))}) != nullptr;
}

std::string ApiContract::fault_of(std::string_view method, std::string_view path,
                                  const http::Response& response) const {
  const std::string what = std::string(method) + " " + std::string(path) + " answered " +
                           std::to_string(response.status) + " " + response.content_type + " " + response.body + ": ";
  if (const std::string fault = fault_of_headers(response); !fault.empty()) return what + fault;
  const Checker checker(root_);
  const bool is_head = method == "HEAD";
  const bool is_known = !path.empty() && has(is_head ? "GET" : method, path);
  simdjson::dom::parser parser;
  element value;
  const bool is_json =
      response.content_type == "application/json" && parser.parse(response.body).get(value) == simdjson::SUCCESS;
  const Node* const refusal = root_.find({"components", "schemas", "Error"});
  const auto json = is_json ? std::optional(value) : std::nullopt;
  if (response.status == 405 && refuses_so_somewhere(root_, path, response.content_type, json)) return "";
  if (!is_known || response.status == 405) {
    if (response.status < 400 || response.status >= 500) return what + "nothing is at this address";
    if (!is_json || refusal == nullptr) return what + "a refusal must be JSON";
    const std::string fault = checker.check(*refusal, value, "body");
    return fault.empty() ? fault : what + fault;
  }
  const Node& answers = *root_.find({"paths", path, lower_case(std::string(is_head ? "GET" : method)), "responses"});
  const Node* const described = answers.find(std::to_string(response.status));
  if (described == nullptr) return what + "this status is not described";
  const Node* const content = checker.resolved(*described).find("content");
  if (is_head) return "";
  if (content == nullptr) return response.body.empty() ? "" : what + "a body is not described";
  const Node* const type = content->find(response.content_type.substr(0, response.content_type.find(';')));
  if (type == nullptr) return what + "this content type is not described";
  const Node* const schema = type->find("schema");
  if (response.content_type != "application/json" || schema == nullptr) return "";
  if (!is_json) return what + "the body is no JSON";
  const std::string fault = checker.check(*schema, value, "body");
  return fault.empty() ? fault : what + fault;
}

}  // namespace freshet
