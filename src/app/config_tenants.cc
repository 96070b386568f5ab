#include "app/config_tenants.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "model/identifier.h"

namespace freshet::app {
namespace {

using yaml::MapReader;
using yaml::Node;
using yaml::Problems;

constexpr size_t kTenantsMax = 10'000;
constexpr size_t kNameBytesMax = 50;  // the database freshet_<name> must fit into 63
constexpr size_t kComputedMax = 200;
constexpr size_t kFiltersMax = 16;
constexpr size_t kEnrichMax = 100;
constexpr uint32_t kMany = 1'000'000;

bool is_name(std::string_view text) {
  return text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
         });
}

bool is_type_name(std::string_view text) {
  return text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  c == '.';
         });
}

// What can stand in HTTP Basic before the colon, and in an address.
bool is_key(std::string_view text) {
  return text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) {
           return c > ' ' && c < 0x7f && c != ':' && c != '/' && c != '?' && c != '#' && c != '%';
         });
}

template <class Names>
std::vector<std::string> copy(const Names& names) {
  return {names.begin(), names.end()};
}

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class TenantReader {
 public:
  TenantReader(const Node& node, const std::string& path, Problems& problems)
      : node_(node), map_(node, path, problems), problems_(problems) {}

  model::Tenant read() {
    std::string name;
    if (const Node* found = map_.require("name", "lower-case letters, digits, _ and -")) {
      if (yaml::read_text(*found, map_.path_of("name"), problems_, name) && !is_name(name)) {
        problems_.add(found->at,
                      map_.path_of("name") + ": must be at most 50 of a-z, 0-9, _ and -, not \"" + name + "\"");
      }
    }
    tenant_ = model::default_tenant(name);
    read_keys();
    read_rate();
    read_limits();
    section("identity", [&](MapReader& map, const Node&) { read_identity(map); });
    section("devices", [&](MapReader& map, const Node&) { read_devices(map); });
    read_identifier_limits();
    read_computed();
    for (const Node* item : map_.texts("enrich")) tenant_.rules.add_enrich(item->text);
    if (static_cast<size_t>(tenant_.rules.enrich_size()) > kEnrichMax)
      problem("enrich", "at most " + std::to_string(kEnrichMax));
    section("schema", [&](MapReader& map, const Node&) {
      size_t mode = 0;
      if (map.choice("mode", {"discover", "strict"}, mode)) tenant_.strict_schema = mode == 1;
    });
    map_.finish();
    return std::move(tenant_);
  }

 private:
  template <class Read>
  void section(const std::string& key, const Read& read) {
    const Node* node = map_.find(key);
    if (node == nullptr) return;
    MapReader map(*node, map_.path_of(key), problems_);
    read(map, *node);
    map.finish();
  }

  void problem(const std::string& key, const std::string& text) {
    const Node* found = node_.find(key);
    problems_.add(found == nullptr ? node_.at : found->at, map_.path_of(key) + ": " + text);
  }

  void read_keys() {
    for (const Node* item : map_.texts("write_keys")) {
      if (!is_key(item->text))
        problems_.add(item->at,
                      map_.path_of("write_keys") + ": a key has printable characters without blanks and : / ? # %");
      tenant_.write_keys.push_back(item->text);
    }
    section("data_api", [&](MapReader& map, const Node& node) {
      map.text("app_id", tenant_.app_id);
      map.text("secret", tenant_.app_secret);
      if (!map.is_map()) return;
      if (!is_key(tenant_.app_id))
        problems_.add(node.at,
                      map_.path_of("data_api.app_id") + ": has printable characters without blanks and : / ? # %");
      if (tenant_.app_id.empty() || tenant_.app_secret.empty())
        problems_.add(node.at, map_.path_of("data_api") + ": needs both app_id and secret");
    });
  }

  void read_rate() {
    section("rate", [&](MapReader& map, const Node& node) {
      map.number("events_per_second", 0.001, 1e9, tenant_.events_per_second);
      tenant_.burst = std::max(1.0, tenant_.events_per_second);
      map.number("burst", 1, 1e9, tenant_.burst);
      if (map.is_map() && node.find("events_per_second") == nullptr)
        problems_.add(node.at, map_.path_of("rate.events_per_second") + ": is missing: a number");
    });
  }

  void read_limits() {
    section("limits", [&](MapReader& map, const Node&) {
      model::Limits& limits = tenant_.limits;
      map.count("event_names", 1, kMany, limits.event_names);
      map.count("user_attributes", 1, 10'000, limits.user_attributes);
      map.count("event_attributes", 1, 10'000, limits.event_attributes);
      map.count("name_length", 1, 1000, limits.name_length);
      map.count("value_length", 1, 65'536, limits.value_length);
      map.count("list_length", 1, 10'000, limits.list_length);
      map.count("depth", 1, 32, limits.depth);
      (void)map.find("identifiers_per_type");
      read_profile_limits(map);
    });
    tenant_.rules.set_user_attributes_max(tenant_.limits.user_attributes);
    tenant_.rules.set_event_names_max(tenant_.limits.event_names);
  }

  void read_profile_limits(MapReader& map) {
    uint32_t identifiers = 0;  // 0: what is usual
    uint32_t merges = 0;
    uint32_t claimants = 0;
    map.count("identifiers", 1, 10'000, identifiers);
    map.count("merges", 1, 10'000, merges);
    map.count("claimants", 1, 1000, claimants);
    tenant_.rules.set_identifiers_max(identifiers);
    tenant_.rules.set_merges_max(merges);
    tenant_.rules.set_claimants_max(claimants);
  }

  void read_priority(MapReader& map, bool users) {
    const Node* list = map.find("priority");
    if (list == nullptr) return;
    auto& types = users ? *tenant_.rules.mutable_user_priority() : *tenant_.rules.mutable_device_priority();
    types.Clear();
    for (const Node* item : map.texts("priority")) {
      if (!is_type_name(item->text))
        problems_.add(item->at, map.path_of("priority") + ": a type has letters, digits, _, - and .");
      *types.Add() = item->text;
    }
    if (list->kind != Node::Kind::kList) return;
    if (users && (types.empty() || types[0] != model::kUserId)) {
      problems_.add(list->at, map.path_of("priority") +
                                  ": user_id must come first: records are routed by their first identifier, so with "
                                  "another one in front an "
                                  "event naming a user_id would land in another profile");
    }
    if (!users && types.empty()) problems_.add(list->at, map.path_of("priority") + ": must name one type at least");
  }

  void read_identity(MapReader& map) {
    v1::TenantRules& rules = tenant_.rules;
    read_priority(map, true);
    if (map.find("shared") != nullptr) rules.clear_shared();
    for (const Node* item : map.texts("shared")) {
      if (item->text == model::kUserId) {
        problems_.add(item->at, map.path_of("shared") + ": user_id can't be shared: it is what tells persons apart");
      } else if (check_type(*item, map.path_of("shared"))) {
        rules.add_shared(item->text);
      }
    }
    drop_default_shared(map);
    for (const Node* item : map.texts("blocked_values")) {
      std::string low = item->text;
      for (char& c : low) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      }
      rules.add_blocked_values(low);
    }
    read_conflicts(map);
  }

  // Without a list of its own, what is shared by default and not a type of this tenant is not shared.
  void drop_default_shared(MapReader& map) {
    if (map.find("shared") != nullptr) return;
    const auto shared = copy(tenant_.rules.shared());
    tenant_.rules.clear_shared();
    for (const std::string& type : shared) {
      if (contains(tenant_.rules.user_priority(), type)) tenant_.rules.add_shared(type);
    }
  }

  void read_conflicts(MapReader& map) {
    const Node* node = map.find("on_conflict");
    if (node == nullptr) return;
    const std::string path = map.path_of("on_conflict");
    const MapReader shape(*node, path, problems_);
    for (size_t i = 0; i < node->keys.size(); ++i) {
      const Node& type = node->keys[i];
      size_t choice = 0;
      static const std::vector<std::string> kChoices = {"stay", "move"};
      const bool read = yaml::read_choice(node->items[i], path + "." + type.text, kChoices, problems_, choice);
      if (!check_type(type, path)) continue;
      if (type.text == model::kUserId) {
        problems_.add(type.at, path + ": user_id never moves");
      } else if (contains(tenant_.rules.shared(), type.text)) {
        problems_.add(type.at, path + ": " + type.text + " is shared: it goes to whoever used it last");
      } else if (read && choice == 1) {
        tenant_.rules.add_conflict_move(type.text);
      }
    }
  }

  bool check_type(const Node& node, const std::string& path) {
    const auto known = copy(tenant_.rules.user_priority());
    if (contains(known, node.text)) return true;
    problems_.add(node.at, path + ": \"" + node.text + "\" is not in identity.priority" +
                               yaml::did_you_mean(node.text, known) + " (" + yaml::join_names(known) + ")");
    return false;
  }

  void read_devices(MapReader& map) {
    read_priority(map, false);
    for (const std::string& type : copy(tenant_.rules.device_priority())) {
      if (!contains(tenant_.rules.user_priority(), type)) continue;
      problems_.add(map.at(), map.path_of("priority") + ": " + type +
                                  " is in identity.priority too: a type belongs to users or to devices");
    }
  }

  void read_identifier_limits() {
    const Node* limits = node_.find("limits");
    const Node* node = limits == nullptr ? nullptr : limits->find("identifiers_per_type");
    if (node == nullptr) return;
    const std::string path = map_.path_of("limits.identifiers_per_type");
    const MapReader shape(*node, path, problems_);
    std::vector<std::string> known = copy(tenant_.rules.user_priority());
    for (const std::string& type : tenant_.rules.device_priority()) known.push_back(type);
    known.emplace_back("default");
    for (size_t i = 0; i < node->keys.size(); ++i) {
      const Node& type = node->keys[i];
      if (!contains(known, type.text)) {
        problems_.add(type.at, path + ": unknown identifier type \"" + type.text + "\"" +
                                   yaml::did_you_mean(type.text, known) + " Known: " + yaml::join_names(known));
      }
      uint64_t limit = 0;
      if (!yaml::read_count(node->items[i], path + "." + type.text, 1, 1000, problems_, limit)) continue;
      model::set_identifier_limit(tenant_.rules, type.text, static_cast<uint32_t>(limit));
    }
  }

  void read_computed() {
    const auto items = map_.list("computed");
    if (items.size() > kComputedMax) problem("computed", "at most " + std::to_string(kComputedMax));
    std::set<std::string> names;
    for (size_t i = 0; i < items.size() && i < kComputedMax; ++i) {
      const std::string path = map_.path_of("computed") + "[" + std::to_string(i) + "]";
      MapReader map(*items[i], path, problems_);
      v1::ComputedRule& rule = *tenant_.rules.add_computed();
      read_rule(map, *items[i], path, rule);
      map.finish();
      if (!rule.name().empty() && !names.insert(rule.name()).second)
        problems_.add(items[i]->at, map.path_of("name") + ": \"" + rule.name() + "\" is there twice");
    }
  }

  void read_rule(MapReader& map, const Node& node, const std::string& path, v1::ComputedRule& rule) {
    static const std::vector<std::string> kOps = {"count", "sum", "min", "max", "first", "last", "unique"};
    if (const Node* name = map.require("name", "of the computed attribute"))
      yaml::read_text(*name, map.path_of("name"), problems_, *rule.mutable_name());
    size_t ops = 0;
    for (size_t i = 0; i < kOps.size(); ++i) {
      const Node* operand = map.find(kOps[i]);
      if (operand == nullptr) continue;
      ++ops;
      rule.set_op(static_cast<v1::ComputedRule::Op>(i + 1));
      yaml::read_text(*operand, map.path_of(kOps[i]), problems_,
                      i == 0 ? *rule.mutable_event() : *rule.mutable_property());
    }
    if (ops != 1 && map.is_map()) problems_.add(node.at, path + ": must have exactly one of " + yaml::join_names(kOps));
    if (rule.op() == v1::ComputedRule::COUNT) {
      if (const Node* over = map.find("over"))
        problems_.add(over->at, map.path_of("over") +
                                    ": not with count, which names the event itself: {count: \"Order Completed\"}");
    } else if (const Node* over = map.require("over", "the name of the event")) {
      yaml::read_text(*over, map.path_of("over"), problems_, *rule.mutable_event());
    }
    read_filters(map, rule);
  }

  void read_filters(MapReader& map, v1::ComputedRule& rule) {
    const Node* where = map.find("where");
    if (where == nullptr) return;
    const std::string path = map.path_of("where");
    const MapReader shape(*where, path, problems_);
    if (where->keys.size() > kFiltersMax)
      problems_.add(where->at, path + ": at most " + std::to_string(kFiltersMax) + " tests");
    for (size_t i = 0; i < where->keys.size() && i < kFiltersMax; ++i) {
      read_filter(where->keys[i].text, where->items[i], path + "." + where->keys[i].text, rule);
    }
  }

  // EUR, or {gt: 5, le: 10}
  void read_filter(const std::string& property, const Node& node, const std::string& path, v1::ComputedRule& rule) {
    static const std::vector<std::string> kTests = {"eq", "ne", "lt", "le", "gt", "ge", "exists"};
    if (node.kind != Node::Kind::kMap) return add_filter(property, v1::ComputedRule::EQ, node, path, rule);
    if (node.keys.empty()) problems_.add(node.at, path + ": must have a test: " + yaml::join_names(kTests));
    for (size_t i = 0; i < node.keys.size() && i < kTests.size(); ++i) {
      size_t test = 0;
      if (!yaml::read_choice(node.keys[i], path, kTests, problems_, test)) continue;
      add_filter(property, static_cast<v1::ComputedRule::Test>(test + 1), node.items[i], path + "." + kTests[test],
                 rule);
    }
  }

  void add_filter(const std::string& property, v1::ComputedRule::Test test, const Node& node, const std::string& path,
                  v1::ComputedRule& rule) {
    v1::Value value;
    if (test == v1::ComputedRule::EXISTS) {
      bool exists = false;
      if (!yaml::read_boolean(node, path, problems_, exists)) return;
      value.set_boolean(exists);
    } else if (!read_value(node, path, value)) {
      return;
    }
    const bool ordered = test == v1::ComputedRule::LT || test == v1::ComputedRule::LE || test == v1::ComputedRule::GT ||
                         test == v1::ComputedRule::GE;
    if (ordered && value.kind_case() != v1::Value::kInteger && value.kind_case() != v1::Value::kNumber) {
      problems_.add(node.at, path + ": must be a number, not \"" + node.text + "\"");
    }
    v1::ComputedRule::Filter& filter = *rule.add_where();
    filter.set_property(property);
    filter.set_test(test);
    *filter.mutable_value() = value;
  }

  // In quotes it is text; else true, false and numbers are what they look like.
  bool read_value(const Node& node, const std::string& path, v1::Value& value) {
    if (node.kind != Node::Kind::kScalar) {
      problems_.add(node.at, path + ": must be text, a number, true or false, or a test such as {gt: 5}");
      return false;
    }
    const char* const end = node.text.data() + node.text.size();
    int64_t integer = 0;
    double number = 0;
    if (node.quoted) {
      value.set_text(node.text);
    } else if (node.text == "true" || node.text == "false") {
      value.set_boolean(node.text == "true");
    } else if (const auto r = std::from_chars(node.text.data(), end, integer); r.ec == std::errc() && r.ptr == end) {
      value.set_integer(integer);
    } else if (const auto d = std::from_chars(node.text.data(), end, number); d.ec == std::errc() && d.ptr == end) {
      value.set_number(number);
    } else {
      value.set_text(node.text);
    }
    return true;
  }

  const Node& node_;
  MapReader map_;
  Problems& problems_;
  model::Tenant tenant_;
};

// Each key leads to one tenant: `seen` says whose it is. The key itself is a secret and stays out of the message.
void check_unique(const std::string& key, const std::string& what, const Node& node, const std::string& tenant,
                  std::map<std::string, std::string>& seen, Problems& problems) {
  const auto [other, is_new] = seen.emplace(key, tenant);
  if (!is_new)
    problems.add(node.at,
                 "tenants: " + what + " of " + tenant + " is that of " + other->second + " too; each must be its own");
}

}  // namespace

std::vector<model::Tenant> read_tenants(MapReader& config, Problems& problems) {
  std::vector<model::Tenant> tenants;
  const Node* list = config.require("tenants", "a list; the smallest one: [{name: acme, write_keys: [a-secret-key]}]");
  if (list == nullptr) return tenants;
  const auto items = config.list("tenants");
  if (items.empty() && list->kind == Node::Kind::kList) problems.add(list->at, "tenants: must have one at least");
  if (items.size() > kTenantsMax) problems.add(list->at, "tenants: at most " + std::to_string(kTenantsMax));
  std::map<std::string, std::string> names, keys, app_ids;
  for (size_t i = 0; i < items.size() && i < kTenantsMax; ++i) {
    model::Tenant tenant = TenantReader(*items[i], "tenants[" + std::to_string(i) + "]", problems).read();
    if (!tenant.name.empty()) check_unique(tenant.name, "the name", *items[i], tenant.name, names, problems);
    for (const std::string& key : tenant.write_keys)
      check_unique(key, "a write key", *items[i], tenant.name, keys, problems);
    if (!tenant.app_id.empty()) check_unique(tenant.app_id, "the app_id", *items[i], tenant.name, app_ids, problems);
    tenants.push_back(std::move(tenant));
  }
  std::sort(tenants.begin(), tenants.end(),
            [](const model::Tenant& a, const model::Tenant& b) { return a.name < b.name; });
  return tenants;
}

}  // namespace freshet::app
