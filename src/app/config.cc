// What is described in config_fields.h, put to use: read, and printed as schema and tables.
#include "app/config.h"

#include <algorithm>
#include <cstdlib>

#include "app/config_checks.h"
#include "app/config_fields.h"
#include "app/tenant_document.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"
#include "env/file.h"
#include "http/address.h"
#include "telemetry/canary.h"
#include "yaml/field_reader.h"
#include "yaml/field_schema.h"
#include "yaml/field_table.h"
#include "yaml/writer.h"

namespace freshet::app {
namespace {

constexpr uint32_t kSlots = 8;

constexpr std::string_view kDefaultConfig = R"(
tenants:
  - name: demo
    write_keys: [demo-write-key]
    server_keys: [demo-server-key]
    data_api: {app_id: demo, secret: demo-secret}
)";

bool is_host_and_port(std::string_view text) { return http::parse_address(text).has_value(); }
bool is_collector(std::string_view text) { return http::parse_url(text).has_value(); }

bool is_mongo_uri(std::string_view text) {
  return text.starts_with("mongodb://") || text.starts_with("mongodb+srv://");
}

bool is_topic_prefix(std::string_view text) {
  constexpr size_t kLengthMax = 100;
  return !text.empty() && text.size() <= kLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) || c == '.' || c == '-'; });
}

}  // namespace

const yaml::TextRule kAddress = {"^(\\[[^/?#@ \\[\\]]+\\]|[^/?#@ \\[\\]:]+):[0-9]{1,5}$",
                                 "host:port with a port from 0 to 65535, as in 127.0.0.1:8080 or [::1]:8080",
                                 is_host_and_port};
const yaml::TextRule kCollector = {
    "^https?://(\\[[^/?#@ \\[\\]]+\\]|[^/?#@ \\[\\]:]+)(:[0-9]{1,5})?/?$",
    "http://host:port or https://host:port, as in http://127.0.0.1:4318 (OTLP over HTTP)", is_collector};
const yaml::TextRule kOtherProcess = {kCollector.pattern, "http://host:port or https://host:port", is_collector};
// What is wrong with one is not shown: it may have a password.
const yaml::TextRule kMongoUri = {"^mongodb(\\+srv)?://", "a text that begins with mongodb:// or mongodb+srv://",
                                  is_mongo_uri};
const yaml::TextRule kTopicPrefix = {"^[a-zA-Z0-9._-]{1,100}$", "up to 100 of a-z A-Z 0-9 . _ -", is_topic_prefix};

Config default_config() {
  yaml::Problems problems("the built-in configuration");
  auto config = parse_config(kDefaultConfig, {}, problems);
  FRESHET_ASSERT(config.has_value());
  return std::move(*config);
}

namespace {

// The canary's tenant is one like others, which nobody has a key of.
void add_canary(yaml::Node& root) {
  if (root.find("canary") == nullptr) return;
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text != "tenants" || root.items[i].kind != yaml::Node::Kind::kList) continue;
    root.items[i].items.push_back(yaml::map("name", telemetry::kCanaryTenant));
  }
}

// What says whether the file is as it was.
void note_sections(const yaml::Node& root, Config& config) {
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::string& name = root.keys[i].text;
    if (name == "tenants" || name == "revision") continue;
    // SIGHUP takes the rest of these at once, so it is no reason to start again.
    const std::string_view only = name == "logging" ? "format" : name == "events" ? "keep" : "";
    const yaml::Node* const part = only.empty() ? &root.items[i] : root.items[i].find(only);
    if (part != nullptr) config.section_hashes[name] = hash128(yaml::write(*part)).hex();
  }
  const yaml::Node* const tenants = root.find("tenants");
  for (const yaml::Node& tenant : tenants->items) {
    const std::string& name = tenant.find("name")->text;
    config.tenant_documents[name] = PackedText(document_of(tenant));
  }
}

void give_plans(std::map<std::string, ReadPlan> plans, Config& config) {
  for (model::Tenant& tenant : config.tenants) {
    const auto plan = plans.find(tenant.name);
    if (plan == plans.end()) continue;
    tenant.plan = std::move(plan->second.plan);
    config.tenant_plans[tenant.name] = std::move(plan->second.document);
  }
}

}  // namespace

std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment,
                                   yaml::Problems& problems) {
  yaml::ParseOptions options;
  options.environment = environment;
  auto root = yaml::parse(text, options, problems);
  if (!root) return std::nullopt;
  auto plans = take_plans(*root, problems);
  add_canary(*root);
  Config config;
  yaml::FieldReader reader(*root, "", problems);
  describe(reader, config);
  reader.finish();
  check_config(*root, config, problems);
  finish_tenants(*root, config.tenants, problems);
  if (!problems.empty()) return std::nullopt;
  note_sections(*root, config);
  give_plans(std::move(plans), config);
  return config;
}

std::string config_schema() {
  yaml::SchemaWriter writer(yaml::SchemaWriter::Variables::kAllowed);
  Config config;
  describe(writer, config);
  return yaml::schema_file("The configuration of Freshet (freshet.yaml)", writer);
}

std::string config_keys(std::string_view table) {
  yaml::FieldTable keys;
  Config config;
  describe(keys, config);
  return yaml::markdown_of(keys.rows(), table == kKeyTables[0] ? "" : std::string(table) + ".");
}

// With Kafka others read the topic, and nobody has to tell Freshet of it.
bool writes_unread_events(const Config& config) {
  return config.events_keep_us < 0 ? config.log.kind == Config::LogKind::kKafka : config.events_keep_us > 0;
}

int64_t events_kept_us(const Config& config) {
  return config.events_keep_us > 0 ? config.events_keep_us : config.retention.events_us;
}

uint32_t slots_of(const Config& config) {
  if (config.state.standbys == 0) return 0;
  return config.state.slots > 0 ? config.state.slots : std::min(config.log.partitions, kSlots);
}

Result<Config> load_config(const std::string& path, const yaml::Environment& environment) {
  const auto text = env::read_file(path);
  if (!text || text->empty())
    return fail(Code::kInvalid, path + ": can't be read: it must be a configuration file (YAML)");
  yaml::Problems problems(path);
  auto config = parse_config(*text, environment, problems);
  if (!config) return fail(Code::kInvalid, problems.text());
  return std::move(*config);
}

yaml::Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());  // NOLINT: read at the start, before threads
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<Roles> parse_roles(std::string_view list) {
  std::vector<Role> roles;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string_view name = list.substr(begin, end - begin);
    const auto role = parse_name<Role>(name);
    if (!role) {
      return fail(Code::kInvalid, "\"" + std::string(name) + "\" is not a role" +
                                      yaml::did_you_mean(name, all_names<Role>()) +
                                      " Allowed, separated by commas: " + yaml::join_names(all_names<Role>()));
    }
    roles.push_back(*role);
    begin = end + 1;
  }
  return roles_of(roles);
}

std::vector<Role> list_of(const Roles& roles) {
  std::vector<Role> list;
  if (roles.ingest) list.push_back(Role::kIngest);
  if (roles.action) list.push_back(Role::kAction);
  if (roles.reaction) list.push_back(Role::kReaction);
  if (roles.console) list.push_back(Role::kConsole);
  return list;
}

Roles roles_of(const std::vector<Role>& list) {
  const auto has = [&](Role role) { return std::find(list.begin(), list.end(), role) != list.end(); };
  return {has(Role::kIngest), has(Role::kAction), has(Role::kReaction), has(Role::kConsole)};
}

std::string text_of(const Roles& roles) {
  std::string out;
  for (const Role role : list_of(roles)) out.append(out.empty() ? "" : ",").append(name_of(role));
  return out;
}

bool is_loopback(std::string_view listen) {
  const auto parts = http::parse_address(listen);
  if (!parts) return false;
  return http::is_loopback_host(parts->host);
}

}  // namespace freshet::app
