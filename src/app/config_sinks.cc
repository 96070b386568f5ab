#include "app/config_sinks.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "cluster/topic_name.h"
#include "http/address.h"
#include "objectstore/object_store.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

using model::SinkKind;
using yaml::Node;
using yaml::Problems;

constexpr size_t kUrlBytesMax = 2000;

bool is_webhook_url(std::string_view text) {
  const size_t authority = text.find("//");
  if (authority == std::string_view::npos || text.size() > kUrlBytesMax) return false;
  if (std::any_of(text.begin(), text.end(), [](char c) { return c <= ' ' || c >= 0x7f || c == '#'; })) return false;
  const size_t path = std::min(text.find_first_of("/?", authority + 2), text.size());
  return http::parse_url(text.substr(0, path)).has_value();
}

bool is_sink_secret(std::string_view text) { return !trim(text).empty() && text != "env:" && text != "file:"; }

bool is_sink_to(std::string_view text) { return text.starts_with("file:///") || text.starts_with("s3://"); }

bool is_sql_word(std::string_view text) {
  constexpr size_t kSqlNameBytesMax = 50;  // partitions of a table have a longer name, of up to 63
  return !text.empty() && text.size() <= kSqlNameBytesMax && !is_digit(text[0]) &&
         std::all_of(text.begin(), text.end(), [](char c) { return is_name_char(c) && !(c >= 'A' && c <= 'Z'); });
}

bool is_sql_name(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return is_sql_word(text);
  return is_sql_word(text.substr(0, dot)) && is_sql_word(text.substr(dot + 1));
}

bool is_sink_topic(std::string_view text) { return text != "." && text != ".." && cluster::is_name_in_topics(text); }

// Of the tables themselves (docs/sinks.md).
constexpr std::string_view kColumnsOfEvents[] = {"received_at", "log_partition", "log_offset",   "message_id",
                                                 "event",       "happened_at",   "user_profile", "device_profile",
                                                 "source",      "properties",    "enriched"};
constexpr std::string_view kColumnsOfProfiles[] = {"id", "kind", "version", "updated_at", "profile", "state"};
constexpr std::string_view kColumnsOfFiles[] = {"log_partition", "log_offset", "message_id", "tenant",
                                                "user",          "device",     "event",      "timestamp",
                                                "received_at",   "source",     "properties", "enriched"};
constexpr size_t kColumnBytesMax = 63;  // PostgreSQL cuts longer names

struct KeyOfKind {
  std::string_view key;
  SinkKind kind;
  bool required = false;
  bool of_files_too = false;
};
constexpr KeyOfKind kKeysOfKinds[] = {
    {"url", SinkKind::kWebhook, true},    {"secret", SinkKind::kWebhook, true},
    {"ca", SinkKind::kWebhook},           {"concurrency", SinkKind::kWebhook},
    {"rate", SinkKind::kWebhook},         {"timeout", SinkKind::kWebhook},
    {"to", SinkKind::kFiles, true},       {"endpoint", SinkKind::kFiles},
    {"compression", SinkKind::kFiles},    {"split_by", SinkKind::kFiles},
    {"file_bytes", SinkKind::kFiles},     {"uri", SinkKind::kPostgres, true},
    {"table", SinkKind::kPostgres, true}, {"part_by", SinkKind::kPostgres},
    {"format", SinkKind::kFiles},         {"columns", SinkKind::kPostgres, false, true},
    {"brokers", SinkKind::kTopic, true},  {"topic", SinkKind::kTopic, true},
    {"properties", SinkKind::kTopic},     {"replication", SinkKind::kTopic},
};

// Who may change tenants need not be able to have this process load a library, run a program or open any file that
// librdkafka has a property for.
constexpr std::string_view kPropertiesOfTopics[] = {"security.protocol",
                                                    "sasl.mechanism",
                                                    "sasl.mechanisms",
                                                    "sasl.username",
                                                    "sasl.password",
                                                    "ssl.ca.location",
                                                    "ssl.ca.pem",
                                                    "ssl.certificate.location",
                                                    "ssl.certificate.pem",
                                                    "ssl.key.location",
                                                    "ssl.key.pem",
                                                    "ssl.key.password",
                                                    "ssl.endpoint.identification.algorithm"};

class SinkChecks {
 public:
  SinkChecks(const Node& node, std::string path, const model::Sink& sink, Problems& problems)
      : node_(node), path_(std::move(path)), sink_(sink), problems_(problems) {}

  void run() {
    if (node_.find("kind") == nullptr) return problem("kind", "is missing: " + yaml::join_names(kinds()));
    for (const KeyOfKind& one : kKeysOfKinds) {
      const bool given = node_.find(one.key) != nullptr;
      if (given && one.kind != sink_.kind && !(one.of_files_too && sink_.kind == SinkKind::kFiles))
        problem(one.key, "is of kind " + std::string(name_of(one.kind)) + ", and this is " + kind());
      if (!given && one.required && one.kind == sink_.kind)
        problem(one.key, "is missing: kind " + kind() + " needs it");
    }
    if (sink_.on == model::SinkOn::kChanges && !sink_.event.empty())
      problem("event", "is for `on: events`; a change of a profile has none");
    if (sink_.kind == SinkKind::kPostgres && sink_.on == model::SinkOn::kChanges && sink_.where.where_size() > 0)
      problem("where", "a table of profiles has all of them, or it would keep what no longer passes");
    if (sink_.kind == SinkKind::kPostgres) check_columns();
    if (sink_.kind == SinkKind::kTopic) check_topic();
    if (sink_.kind == SinkKind::kFiles && !sink_.columns.empty()) check_file_columns();
    if (sink_.kind == SinkKind::kFiles && is_sink_to(sink_.to))
      if (const Status fits = objectstore::check_address(sink_.to, sink_.endpoint); !fits)
        problem("to", fits.error().message);
  }

 private:
  void check_columns() {
    std::set<std::string_view> names(std::begin(kColumnsOfProfiles), std::end(kColumnsOfProfiles));
    if (sink_.on == model::SinkOn::kEvents) names = {std::begin(kColumnsOfEvents), std::end(kColumnsOfEvents)};
    for (const std::string& name : sink_.columns) {
      if (name.size() > kColumnBytesMax)
        problem("columns", "\"" + name + "\" is longer than the 63 bytes that PostgreSQL has for a name");
      if (!names.insert(name).second) problem("columns", "\"" + name + "\" is a column already");
    }
  }
  // What stands behind the last colon is a type and nothing else, or a slip of the pen would be the name of a property.
  void check_file_columns() {
    if (sink_.format != model::FileFormat::kParquet) problem("columns", "are for `format: parquet`; lines have it all");
    if (sink_.on != model::SinkOn::kEvents) problem("columns", "are for `on: events`; a change has `ops`");
    std::set<std::string_view> names(std::begin(kColumnsOfFiles), std::end(kColumnsOfFiles));
    for (const std::string& text : sink_.columns) {
      const model::FileColumn column = model::file_column(text);
      if (!column.known)
        problem("columns", "\"" + text + "\": behind the last colon stands a type: " +
                               yaml::join_names(names_as_list<model::ColumnType>()));
      if (column.name.empty()) problem("columns", "\"" + text + "\" has no name");
      if (!names.insert(column.name).second)
        problem("columns", "\"" + std::string(column.name) + "\" is a column already");
    }
  }
  void check_topic() {
    if (sink_.on != model::SinkOn::kChanges) problem("on", "a topic has states of profiles: `on: changes`");
    if (sink_.where.where_size() > 0)
      problem("where", "a topic has all profiles, or it would keep what no longer passes");
    if (sink_.start != model::SinkStart::kOldest)
      problem("start", "a topic has all profiles, so it begins with them, whenever they changed last");
    const std::vector<std::string_view> allowed(std::begin(kPropertiesOfTopics), std::end(kPropertiesOfTopics));
    for (const auto& [name, value] : sink_.properties)
      if (std::find(allowed.begin(), allowed.end(), name) == allowed.end())
        problem("properties", "\"" + name + "\" can't be set here: " + yaml::join_names(allowed));
  }
  template <class Enum>
  static std::vector<std::string_view> names_as_list() {
    const auto names = all_names<Enum>();
    return {names.begin(), names.end()};
  }
  static std::vector<std::string_view> kinds() { return names_as_list<SinkKind>(); }
  [[nodiscard]] std::string kind() const { return std::string(name_of(sink_.kind)); }
  void problem(std::string_view key, const std::string& text) {
    const Node* const at = node_.find(key);
    problems_.add(at != nullptr ? at->at : node_.at, path_ + "." + std::string(key) + ": " + text);
  }

  const Node& node_;
  const std::string path_;
  const model::Sink& sink_;
  Problems& problems_;
};

constexpr std::string_view kEnrichedPrefix = "enriched.";
constexpr std::string_view kComputedPrefix = "computed.";

// What is wrong with a name that a sink tests; "": nothing.
std::string wrong_with(std::string_view name, const model::Sink& sink, const v1::TenantRules& rules) {
  const auto has = [](const auto& names, std::string_view of) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& one) { return one == of; });
  };
  const auto is_computed = [&](std::string_view of) {
    return std::any_of(rules.computed().begin(), rules.computed().end(),
                       [&](const v1::ComputedRule& rule) { return rule.name() == of; });
  };
  const bool events = sink.on == model::SinkOn::kEvents;
  const std::string quoted = "\"" + std::string(name) + "\" ";
  if (events && name.starts_with(kEnrichedPrefix) && !has(rules.enrich(), name.substr(kEnrichedPrefix.size())))
    return quoted + "is on no event: `enrich` of the tenant names what is";
  if (!name.starts_with(kComputedPrefix)) return "";
  const bool known = is_computed(name.substr(kComputedPrefix.size()));
  if (events && known) return quoted + "is on no event: a sink `on: changes` has computed attributes";
  if (!events && !known) return quoted + "is no computed attribute of the tenant: `computed` names them";
  return "";
}

}  // namespace

const yaml::TextRule kWebhookUrl = {"^https?://[!-~]+$", "http:// or https://, a host, and a path if need be",
                                    is_webhook_url};
// What is wrong with one is not shown.
const yaml::TextRule kSinkSecret = {"\\S", "a text that is not blank, env:NAME or file:PATH", is_sink_secret};
const yaml::TextRule kSinkTopic = {"^[a-zA-Z0-9._-]{1,150}$", "up to 150 of a-z, A-Z, 0-9, ., _ and -", is_sink_topic};
const yaml::TextRule kSinkTo = {"^(file:///|s3://)", "file:///DIRECTORY or s3://BUCKET/PREFIX", is_sink_to};
const yaml::TextRule kSqlName = {"^[a-z_][a-z0-9_]{0,49}(\\.[a-z_][a-z0-9_]{0,49})?$",
                                 "up to 50 of a-z, 0-9 and _, not beginning with a digit; with a schema and a dot "
                                 "before it, if need be",
                                 is_sql_name};

void check_sinks(const Node& tenant_node, const std::string& path, const model::Tenant& tenant, Problems& problems) {
  const Node* const list = tenant_node.find("sinks");
  if (list == nullptr || list->kind != Node::Kind::kList || list->items.size() != tenant.sinks.size()) return;
  std::set<std::string> names;
  for (size_t i = 0; i < tenant.sinks.size(); ++i) {
    const std::string key = (path.empty() ? "" : path + ".") + "sinks[" + std::to_string(i) + "]";
    const model::Sink& sink = tenant.sinks[i];
    if (!sink.name.empty() && !names.insert(sink.name).second)
      problems.add(list->items[i].at, key + ".name: \"" + sink.name + "\" is there twice");
    SinkChecks(list->items[i], key, sink, problems).run();
  }
}

void check_names_in_sinks(const Node& tenant_node, const std::string& path, const model::Tenant& tenant,
                          Problems& problems) {
  const Node* const list = tenant_node.find("sinks");
  if (list == nullptr || list->kind != Node::Kind::kList || list->items.size() != tenant.sinks.size()) return;
  for (size_t i = 0; i < tenant.sinks.size(); ++i) {
    const model::Sink& sink = tenant.sinks[i];
    for (const auto& filter : sink.where.where()) {
      const std::string wrong = wrong_with(filter.property(), sink, tenant.rules);
      const Node* const at = list->items[i].find("where");
      if (!wrong.empty())
        problems.add(at != nullptr ? at->at : list->items[i].at,
                     fmt::format("{}sinks[{}].where: {}", path.empty() ? "" : path + ".", i, wrong));
    }
  }
}

}  // namespace freshet::app
