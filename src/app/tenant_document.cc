// Documents are written by yaml/writer.h, which keeps apart what is quoted and what is not: `where: {size: "5"}` is
// another test than `where: {size: 5}`.
#include "app/tenant_document.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>
#include <vector>

#include "app/config_fields.h"
#include "app/config_tenants.h"
#include "base/assert.h"
#include "base/number.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/utf8.h"
#include "yaml/field_reader.h"
#include "yaml/writer.h"

namespace freshet::app {
namespace {

using yaml::Node;

constexpr std::array<std::string_view, 2> kKeyLists = {"write_keys", "server_keys"};
// Brackets, commas and colons of a body; a token of each is a hundred bytes.
constexpr size_t kTenantStructureMax = 50'000;
constexpr size_t kFingerprintDigits = 12;

Node* find_in(Node& map, std::string_view key) {
  for (size_t i = 0; i < map.keys.size(); ++i)
    if (map.keys[i].text == key) return &map.items[i];
  return nullptr;
}

void take_out(Node& map, std::string_view key) {
  for (size_t i = map.keys.size(); i-- > 0;) {
    if (map.keys[i].text != key) continue;
    map.keys.erase(map.keys.begin() + static_cast<ptrdiff_t>(i));
    map.items.erase(map.items.begin() + static_cast<ptrdiff_t>(i));
  }
}

void hash_secret(Node& node) {
  if (node.kind != Node::Kind::kScalar) return;
  node = yaml::text(SecretHash::of_configured(node.text).configured());
}

bool says_where(const Node& secret) { return secret.text.starts_with("env:") || secret.text.starts_with("file:"); }

// What is used, and not only compared, can't be a hash: it is kept, and not shown. What says where it is, is.
void hide_secrets_of_sink(Node& sink) {
  for (const std::string_view name : {"secret", "uri"}) {
    const Node* const value = find_in(sink, name);
    if (value != nullptr && !says_where(*value)) take_out(sink, name);
  }
  Node* const properties = find_in(sink, "properties");
  if (properties == nullptr) return;
  for (size_t i = properties->keys.size(); i-- > 0;)
    if (const std::string key = properties->keys[i].text; !says_where(properties->items[i])) take_out(*properties, key);
}

void sort_keys(Node& node) {
  for (Node& item : node.items) sort_keys(item);
  if (node.kind != Node::Kind::kMap) return;
  std::vector<size_t> order(node.keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return node.keys[a].text < node.keys[b].text; });
  std::vector<Node> keys, items;
  for (const size_t at : order) {
    keys.push_back(std::move(node.keys[at]));
    items.push_back(std::move(node.items[at]));
  }
  node.keys = std::move(keys);
  node.items = std::move(items);
}

constexpr size_t kEscapeBytes = 6;

// The number in an escape such as \u00e9 that the text begins with.
std::optional<uint32_t> escaped_unit(std::string_view text) {
  if (text.size() < kEscapeBytes || text[0] != '\\' || text[1] != 'u') return std::nullopt;
  return hex_to_number<uint32_t>(text.substr(2, kEscapeBytes - 2));
}

// A plain scalar that is a number or a truth value of JSON stands as it is.
bool is_json_scalar(const Node& node) {
  if (node.quoted || node.text.empty()) return false;
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  if (parser.parse(node.text).get(element) != simdjson::SUCCESS) return false;
  return element.is_number() || element.is_bool();
}

void write_node(JsonWriter& json, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: json.null(); return;
    case Node::Kind::kScalar: is_json_scalar(node) ? json.raw(node.text) : json.value(node.text); return;
    case Node::Kind::kList:
      json.array(node.items, [](JsonWriter& list, const Node& item) { write_node(list, item); });
      return;
    case Node::Kind::kMap:
      json.begin_object();
      for (size_t i = 0; i < node.keys.size(); ++i) write_node(json.key(node.keys[i].text), node.items[i]);
      json.end_object();
      return;
  }
}

void write_fingerprint(JsonWriter& json, const std::string& secret) {
  json.value(SecretHash::of_configured(secret).hex().substr(0, kFingerprintDigits));
}

}  // namespace

std::string document_of(Node tenant) {
  if (tenant.kind != Node::Kind::kMap) return "{}\n";
  take_out(tenant, "name");
  take_out(tenant, "plan");
  for (const std::string_view name : kKeyLists) {
    if (Node* const keys = find_in(tenant, name); keys != nullptr)
      for (Node& key : keys->items) hash_secret(key);
  }
  if (Node* const api = find_in(tenant, "data_api"); api != nullptr)
    if (Node* const secret = find_in(*api, "secret"); secret != nullptr) hash_secret(*secret);
  sort_keys(tenant);
  return yaml::write(tenant);
}

std::optional<TenantText> read_tenant(const std::string& name, std::string_view text, yaml::Problems& problems,
                                      TenantIs is) {
  yaml::ParseOptions options;
  options.bytes_max = kTenantBytesMax;
  options.structure_max = kTenantStructureMax;
  auto root = yaml::parse(without_surrogates(text), options, problems);
  if (!root) return std::nullopt;
  if (root->kind == Node::Kind::kNull) *root = yaml::map();
  if (root->kind == Node::Kind::kMap) {
    const Node* const given = root->find("name");
    if (given == nullptr) {
      yaml::put(*root, "name", name);
    } else if (given->text != name) {
      problems.add(given->at, "name: must be " + name + ", as in the address; or leave it out");
    }
  }
  TenantText out{model::default_tenant(""), "", ""};
  yaml::FieldReader reader(*root, "", problems);
  describe(reader, out.tenant);
  reader.finish();
  finish_tenant(*root, "", out.tenant, problems);
  if (is == TenantIs::kSent) check_names_in_sinks(*root, "", out.tenant, problems);
  if (!problems.empty()) return std::nullopt;
  if (const Node* const plan = root->find("plan"); plan != nullptr) out.plan = json_of(*plan);
  out.document = document_of(std::move(*root));
  return out;
}

std::string without_surrogates(std::string_view text) {
  if (!trim(text, " \t\r\n").starts_with('{')) return std::string(text);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const auto high = escaped_unit(text.substr(i));
    const auto low = high ? escaped_unit(text.substr(i + kEscapeBytes)) : std::nullopt;
    if (high && low && *high >= 0xd800 && *high < 0xdc00 && *low >= 0xdc00 && *low < 0xe000) {
      append_code_point(out, 0x10000 + ((*high - 0xd800) << 10) + (*low - 0xdc00));
      i += 2 * kEscapeBytes;
      continue;
    }
    // What stands behind a backslash is no escape of its own.
    const size_t count = text[i] == '\\' ? std::min<size_t>(2, text.size() - i) : 1;
    out.append(text.substr(i, count));
    i += count;
  }
  return out;
}

std::string sorted_json(Node& node) {
  sort_keys(node);
  std::string out;
  JsonWriter json(out);
  write_node(json, node);
  return out;
}

void write_settings(JsonWriter& json, std::string_view document) {
  yaml::Problems problems("document");
  auto root = yaml::parse(document, {}, problems);
  FRESHET_ASSERT(root && problems.empty());
  for (const std::string_view name : kKeyLists) take_out(*root, name);
  if (Node* const api = find_in(*root, "data_api"); api != nullptr) take_out(*api, "secret");
  if (Node* const list = find_in(*root, "sinks"); list != nullptr)
    for (Node& sink : list->items) hide_secrets_of_sink(sink);
  if (root->kind != Node::Kind::kMap) *root = yaml::map();
  write_node(json, *root);
}

void write_keys(JsonWriter& json, const model::Tenant& tenant) {
  json.begin_object();
  json.key("write_keys").array(tenant.write_keys, write_fingerprint);
  json.key("server_keys").array(tenant.server_keys, write_fingerprint);
  json.key("data_api_secret");
  tenant.app_secret.empty() ? static_cast<void>(json.null()) : write_fingerprint(json, tenant.app_secret);
  json.end_object();
}

}  // namespace freshet::app
