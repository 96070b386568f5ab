// The rules of identity that hold between keys are checked here, because the order of the keys in the file doesn't
// matter: what is shared or limited must be a type that the tenant has.
#include "app/config_tenants.h"

#include <algorithm>
#include <map>
#include <set>

#include "app/config_fields.h"
#include "base/secret.h"
#include "base/text.h"
#include "model/filter.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

using yaml::Node;
using yaml::Problems;

constexpr size_t kNameBytesMax = 50;  // the database freshet_<name> must fit into 63

bool is_lower_name_char(char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_' || c == '-'; }

bool is_tenant_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax && std::all_of(text.begin(), text.end(), is_lower_name_char);
}

bool is_type_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '-' || c == '.'; });
}

bool is_key(std::string_view text) {
  constexpr size_t kBytesMax = 200;
  return !text.empty() && text.size() <= kBytesMax && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != ':' && c != '/' && c != '?' && c != '#' && c != '%';
  });
}

// What begins like a hash and is none is a slip of the pen: taken as a key itself, it would let nobody in. Blanks are
// one, too: a variable that is empty.
bool is_secret(std::string_view text) {
  return !trim(text).empty() && (!SecretHash::looks_hashed(text) || SecretHash::is_hash(text));
}
// What can stand behind "Bearer" in a header.
bool is_token(std::string_view text) {
  return text.size() <= 500 && is_secret(text) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}
bool is_secret_key(std::string_view text) { return is_key(text) && is_secret(text); }

template <class Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Looks at what one tenant's keys have to do with each other.
class TenantChecks {
 public:
  TenantChecks(const Node& node, std::string path, model::Tenant& tenant, Problems& problems)
      : node_(node), path_(std::move(path)), rules_(tenant.rules), problems_(problems) {}

  void run() {
    drop_default_shared();
    check_priorities();
    check_shared();
    check_conflicts();
    check_identifier_limits();
    check_computed();
    check_audiences();
  }

 private:
  void problem(yaml::Place at, const std::string& key, const std::string& text) {
    problems_.add(at, (path_.empty() ? key : path_ + "." + key) + ": " + text);
  }

  // Without a list of its own, what is shared by default and not a type of this tenant is not shared.
  void drop_default_shared() {
    if (node_.find({"identity", "shared"}) != nullptr) return;
    std::vector<std::string> shared;
    for (const std::string& type : rules_.shared()) {
      if (contains(rules_.user_priority(), type)) shared.push_back(type);
    }
    assign(shared, *rules_.mutable_shared());
  }

  void check_priorities() {
    if (rules_.user_priority().empty() || rules_.user_priority(0) != model::kUserId) {
      problem(node_.place_of({"identity", "priority"}), "identity.priority",
              "user_id must come first: records are routed by their first identifier, so with another one in front an "
              "event naming a user_id would land in another profile");
    }
    for (const std::string& type : rules_.device_priority()) {
      if (!contains(rules_.user_priority(), type)) continue;
      problem(node_.place_of({"devices"}), "devices.priority",
              type + " is in identity.priority too: a type belongs to users or to devices");
    }
  }

  void check_shared() {
    const Node* shared = node_.find({"identity", "shared"});
    if (shared == nullptr) return;
    for (const Node& type : shared->items) {
      if (type.text == model::kUserId) {
        problem(type.at, "identity.shared", "user_id can't be shared: it is what tells persons apart");
      } else {
        check_type(type, "identity.shared");
      }
    }
  }

  void check_conflicts() {
    const Node* conflicts = node_.find({"identity", "on_conflict"});
    if (conflicts == nullptr) return;
    for (const Node& type : conflicts->keys) {
      if (!check_type(type, "identity.on_conflict")) continue;
      if (type.text == model::kUserId) {
        problem(type.at, "identity.on_conflict", "user_id never moves");
      } else if (contains(rules_.shared(), type.text)) {
        problem(type.at, "identity.on_conflict", type.text + " is shared: it goes to whoever used it last");
      }
    }
  }

  bool check_type(const Node& type, const std::string& key) {
    const auto& known = rules_.user_priority();
    if (type.kind != Node::Kind::kScalar || contains(known, type.text)) return true;
    problem(type.at, key,
            "\"" + type.text + "\" is not in identity.priority" + yaml::did_you_mean(type.text, known) + " (" +
                yaml::join_names(known) + ")");
    return false;
  }

  void check_identifier_limits() {
    const Node* limits = node_.find({"limits", "identifiers_per_type"});
    if (limits == nullptr) return;
    std::vector<std::string> known = list_of(rules_.user_priority());
    known.insert(known.end(), rules_.device_priority().begin(), rules_.device_priority().end());
    known.emplace_back("default");
    for (const Node& type : limits->keys) {
      if (contains(known, type.text)) continue;
      problem(type.at, "limits.identifiers_per_type",
              "unknown identifier type \"" + type.text + "\"" + yaml::did_you_mean(type.text, known) +
                  " Known: " + yaml::join_names(known));
    }
  }

  // What an audience reads must be there, or nobody would ever be in it.
  void check_audiences() {
    const Node* list = node_.find("audiences");
    if (list == nullptr || list->kind != Node::Kind::kList) return;
    std::vector<std::string> computed;
    for (const v1::ComputedRule& rule : rules_.computed()) computed.push_back(rule.name());
    std::set<std::string> names;
    for (size_t i = 0; i < list->items.size() && i < kAudiencesMax; ++i) {
      const Node& rule = list->items[i];
      const std::string key = "audiences[" + std::to_string(i) + "]";
      const Node* name = rule.find("name");
      if (name != nullptr && !name->text.empty() && !names.insert(name->text).second)
        problem(rule.at, key + ".name", "\"" + name->text + "\" is there twice");
      const Node* where = rule.find("where");
      if (where == nullptr || (where->kind == Node::Kind::kMap && where->keys.empty())) {
        if (rule.kind == Node::Kind::kMap)
          problem(rule.at, key + ".where", "is missing: a test at least, such as {city: Pune}");
        continue;
      }
      for (const Node& tested : where->keys) check_tested(tested, key + ".where", computed);
    }
  }

  void check_tested(const Node& tested, const std::string& key, const std::vector<std::string>& computed) {
    const auto [section, named] = model::part_named(tested.text);
    const std::string name(named);
    if (section != v1::COMPUTED || contains(computed, name)) return;
    problem(tested.at, key,
            "\"" + name + "\" is not in computed" + yaml::did_you_mean(name, computed) +
                (computed.empty() ? "" : " (" + yaml::join_names(computed) + ")"));
  }

  void check_computed() {
    const Node* list = node_.find("computed");
    if (list == nullptr || list->kind != Node::Kind::kList) return;
    std::set<std::string> names;
    for (size_t i = 0; i < list->items.size() && i < kComputedMax; ++i) {
      const Node& rule = list->items[i];
      const std::string key = "computed[" + std::to_string(i) + "]";
      const Node* name = rule.find("name");
      if (name != nullptr && !name->text.empty() && !names.insert(name->text).second)
        problem(rule.at, key + ".name", "\"" + name->text + "\" is there twice");
      const Node* over = rule.find("over");
      if (rule.find("count") != nullptr) {
        if (over != nullptr)
          problem(over->at, key + ".over",
                  "not with count, which names the event itself: {count: \"Order Completed\"}");
      } else if (over == nullptr && rule.kind == Node::Kind::kMap) {
        problem(rule.at, key + ".over", "is missing: the name of the event");
      }
    }
  }

  const Node& node_;
  const std::string path_;
  v1::TenantRules& rules_;
  Problems& problems_;
};

// Each key leads to one tenant: `seen` says whose it is. The key itself is a secret and stays out of the message.
template <class Key>
void check_unique(const Key& key, const std::string& what, const Node& node, const std::string& tenant,
                  std::map<Key, std::string>& seen, Problems& problems) {
  const auto [other, is_new] = seen.emplace(key, tenant);
  if (!is_new)
    problems.add(node.at,
                 "tenants: " + what + " of " + tenant + " is that of " + other->second + " too; each must be its own");
}

}  // namespace

const yaml::TextRule kTenantName = {"^[a-z0-9_-]{1,50}$", "up to 50 of a-z, 0-9, _ and -", is_tenant_name};
const yaml::TextRule kTypeName = {"^[a-zA-Z0-9_.-]{1,50}$", "up to 50 letters, digits, _, - and .", is_type_name};
const yaml::TextRule kCallingCode = {"^[1-9][0-9]{0,2}$", "1 to 3 digits, the first of them no 0, without +",
                                     model::is_calling_code};
// What can stand in HTTP Basic before the colon, and in an address.
const yaml::TextRule kKey = {"^(?!.*[:/?#%])[!-~]{1,200}$",
                             "up to 200 printable characters without blanks and : / ? # %", is_key};
const yaml::TextRule kSecretKey = {"^(?!.*[:/?#%])[!-~]{1,200}$",
                                   "up to 200 printable characters without blanks and : / ? # %, or sha256- and the 64 "
                                   "hex digits of its hash",
                                   is_secret_key};
const yaml::TextRule kToken = {"^[!-~]{1,500}$",
                               "up to 500 printable characters without blanks, or sha256- and the 64 hex digits of its "
                               "hash",
                               is_token};
const yaml::TextRule kSecret = {"\\S", "a text that is not blank, or sha256- and the 64 hex digits of its hash",
                                is_secret};

std::vector<std::string> in_lower_case(std::vector<std::string> list) {
  for (std::string& text : list) {
    for (char& c : text) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return list;
}

std::string text_of_identifier_limits(const v1::TenantRules& rules) {
  std::string out;
  for (const v1::IdentifierLimit& limit : rules.identifier_limits())
    out += (out.empty() ? "{" : ", ") + limit.type() + ": " + std::to_string(limit.max());
  return out.empty() ? "" : out + "}";
}

std::string text_of_conflicts(const v1::TenantRules& rules) {
  std::string out;
  for (const std::string& type : rules.conflict_move()) out += (out.empty() ? "{" : ", ") + type + ": move";
  return out.empty() ? "" : out + "}";
}

std::string text_of_properties(const eventlog::KafkaProperties& properties) {
  std::string out;
  for (const auto& [name, value] : properties) out += (out.empty() ? "{" : ", ") + name + ": …";
  return out.empty() ? "" : out + "}";
}

void finish_tenant(const Node& node, const std::string& path, model::Tenant& tenant, Problems& problems) {
  tenant.rules.set_name(tenant.name);
  tenant.rules.set_user_attributes_max(tenant.limits.user_attributes);
  tenant.rules.set_event_names_max(tenant.limits.event_names);
  TenantChecks(node, path, tenant, problems).run();
  check_sinks(node, path, tenant, problems);
  const bool read = std::any_of(tenant.sinks.begin(), tenant.sinks.end(),
                                [](const model::Sink& sink) { return sink.on == model::SinkOn::kEvents; });
  tenant.rules.set_events_unread(!read);
}

void finish_tenants(const Node& root, std::vector<model::Tenant>& tenants, Problems& problems) {
  std::map<std::string, std::string> names, app_ids;
  std::map<SecretHash, std::string> keys;
  for (size_t i = 0; i < tenants.size(); ++i) {
    model::Tenant& tenant = tenants[i];
    const Node& node = root.find("tenants")->items[i];
    const std::string path = "tenants[" + std::to_string(i) + "]";
    finish_tenant(node, path, tenant, problems);
    check_names_in_sinks(node, path, tenant, problems);
    if (!tenant.name.empty()) check_unique(tenant.name, "the name", node, tenant.name, names, problems);
    for (const std::string& key : tenant.write_keys)
      check_unique(SecretHash::of_configured(key), "a write key", node, tenant.name, keys, problems);
    for (const std::string& key : tenant.server_keys)
      check_unique(SecretHash::of_configured(key), "a server key", node, tenant.name, keys, problems);
    if (!tenant.app_id.empty()) check_unique(tenant.app_id, "the app_id", node, tenant.name, app_ids, problems);
  }
  std::sort(tenants.begin(), tenants.end(),
            [](const model::Tenant& a, const model::Tenant& b) { return a.name < b.name; });
}

}  // namespace freshet::app
