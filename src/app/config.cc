#include "app/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "app/config_tenants.h"
#include "http/address.h"
#include "objectstore/object_store.h"
#include "yaml/reader.h"

namespace freshet::app {
namespace {

using yaml::MapReader;
using yaml::Node;
using yaml::Problems;

const std::vector<std::string> kRoles = {"ingest", "action", "reaction", "console"};
constexpr uint64_t kMiB = 1ull << 20;
constexpr uint32_t kSlots = 8;

void set_role(Roles& roles, size_t index) {
  bool* const flags[] = {&roles.ingest, &roles.action, &roles.reaction, &roles.console};
  *flags[index] = true;
}

void read_listen(MapReader& map, std::string& listen, Problems& problems) {
  const Node* node = map.find("listen");
  if (node == nullptr || !yaml::read_text(*node, map.path_of("listen"), problems, listen)) return;
  if (http::parse_address(listen)) return;
  problems.add(node->at, map.path_of("listen") +
                             ": must be host:port with a port from 0 to 65535, as in 127.0.0.1:8080 or [::1]:8080");
}

// The section `key`, if it is there.
template <class Read>
void section(MapReader& config, const std::string& key, Problems& problems, const Read& read) {
  const Node* node = config.find(key);
  if (node == nullptr) return;
  MapReader map(*node, config.path_of(key), problems);
  read(map, *node);
  map.finish();
}

void read_roles(MapReader& config, Roles& roles, Problems& problems) {
  const Node* list = config.find("roles");
  if (list == nullptr) return;
  roles = {};
  for (const Node* item : config.texts("roles")) {
    size_t index = 0;
    if (yaml::read_choice(*item, "roles", kRoles, problems, index)) set_role(roles, index);
  }
  if (list->kind == Node::Kind::kList && list->items.empty()) {
    problems.add(list->at, "roles: must name one at least of " + yaml::join_names(kRoles));
  }
}

void read_ingest(MapReader& config, Config::Ingest& ingest, Problems& problems) {
  section(config, "ingest", problems, [&](MapReader& map, const Node&) {
    read_listen(map, ingest.listen, problems);
    section(map, "tls", problems, [&](MapReader& tls, const Node& node) {
      tls.text("cert", ingest.tls_cert);
      tls.text("key", ingest.tls_key);
      if (tls.is_map() && (ingest.tls_cert.empty() || ingest.tls_key.empty())) {
        problems.add(node.at, "ingest.tls: needs both cert and key (PEM files)");
      }
    });
  });
}

void read_admin(MapReader& config, Config::Admin& admin, Problems& problems) {
  section(config, "admin", problems, [&](MapReader& map, const Node& node) {
    read_listen(map, admin.listen, problems);
    map.text("token", admin.token);
    if (!map.is_map() || node.find("token") != nullptr || is_loopback(admin.listen)) return;
    const Node* listen = node.find("listen");
    problems.add(listen == nullptr ? node.at : listen->at,
                 "admin.token: is required, because admin.listen " + admin.listen +
                     " can be reached from other machines; set one, or listen on 127.0.0.1");
  });
}

// Topics, groups and transactional ids begin with it.
bool is_topic_prefix(std::string_view text) {
  constexpr size_t kLengthMax = 100;
  return text.size() <= kLengthMax && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

void read_properties(MapReader& kafka, Config::Log& log, Problems& problems) {
  const Node* properties = kafka.find("properties");
  if (properties == nullptr) return;
  if (properties->kind != Node::Kind::kMap)
    return problems.add(properties->at, "log.kafka.properties: must be a map of librdkafka's properties");
  for (size_t i = 0; i < properties->keys.size(); ++i) {
    const std::string& name = properties->keys[i].text;
    std::string value;
    if (!yaml::read_text(properties->items[i], "log.kafka.properties." + name, problems, value)) continue;
    log.properties.emplace_back(name, value);
    if (const Status usable = eventlog::check_kafka_properties({log.properties.back()}); !usable)
      problems.add(properties->keys[i].at, "log.kafka.properties." + usable.error().message);
  }
}

void read_kafka(MapReader& map, const Node& log_node, Config::Log& log, Problems& problems) {
  section(map, "kafka", problems, [&](MapReader& kafka, const Node& node) {
    kafka.text("brokers", log.brokers);
    if (kafka.text("topic_prefix", log.topic_prefix) && !is_topic_prefix(log.topic_prefix))
      problems.add(node.find("topic_prefix")->at, "log.kafka.topic_prefix: up to 100 of a-z A-Z 0-9 . _ -");
    read_properties(kafka, log, problems);
    if (log.kind == Config::LogKind::kEmbedded) problems.add(node.at, "log.kafka: only for log.kind: kafka");
  });
  if (log.kind == Config::LogKind::kKafka && log.brokers.empty())
    problems.add(log_node.at, "log.kafka.brokers: is required for log.kind: kafka, as in \"host:9092,host:9092\"");
}

void read_log(MapReader& config, Config::Log& log, Problems& problems) {
  section(config, "log", problems, [&](MapReader& map, const Node& node) {
    size_t kind = 0;
    if (map.choice("kind", {"embedded", "kafka"}, kind)) log.kind = static_cast<Config::LogKind>(kind);
    map.count("partitions", 1, kPartitionsMax, log.partitions);
    read_kafka(map, node, log, problems);
  });
}

void read_checkpoints(MapReader& config, Config::Checkpoints& checkpoints, Problems& problems) {
  constexpr int64_t kSecond = 1'000'000;
  section(config, "checkpoints", problems, [&](MapReader& map, const Node&) {
    const Node* to = map.require("to", "file:///DIRECTORY or s3://BUCKET/PREFIX");
    map.text("to", checkpoints.to);
    map.text("endpoint", checkpoints.endpoint);
    map.duration_us("interval", kSecond, 24 * 3600 * kSecond, checkpoints.interval_us);
    map.duration_us("min_pause", 0, 24 * 3600 * kSecond, checkpoints.min_pause_us);
    map.count("keep", 1, 1000, checkpoints.keep);
    map.count("concurrency", 1, 64, checkpoints.concurrency);
    map.bytes("bandwidth", kMiB, 1ull << 40, checkpoints.bytes_per_s);
    if (to == nullptr || checkpoints.to.empty()) return;
    if (const Status usable = objectstore::check_address(checkpoints.to, checkpoints.endpoint); !usable)
      problems.add(to->at, map.path_of("to") + ": " + usable.error().message);
  });
}

void read_mongodb(MapReader& parent, Config::Profiles& profiles, Problems& problems) {
  section(parent, "mongodb", problems, [&](MapReader& map, const Node&) {
    const Node* node = map.require("uri", "mongodb://HOST:PORT");
    std::string& uri = profiles.mongodb_uri;
    if (node == nullptr || !map.text("uri", uri)) return;
    if (uri.starts_with("mongodb://") || uri.starts_with("mongodb+srv://")) return;
    problems.add(node->at,
                 map.path_of("uri") + ": must begin with mongodb:// or mongodb+srv://");  // it may have a password
  });
}

void read_split(MapReader& config, Config::Profiles& profiles, Problems& problems) {
  section(config, "split", problems, [&](MapReader& split, const Node& node) {
    read_mongodb(split, profiles, problems);
    if (node.find("mongodb") == nullptr) problems.add(node.at, split.path_of("mongodb") + ": is missing: {uri: …}");
    for (const Node* name : split.texts("indexed")) profiles.indexed.push_back(name->text);
  });
}

// kind may be left out: the section says it.
void read_profiles(MapReader& config, Config::Profiles& profiles, Problems& problems) {
  using Kind = Config::Profiles::Kind;
  const std::vector<std::string> kinds = {"embedded", "mongodb", "split"};
  section(config, "profiles", problems, [&](MapReader& map, const Node& node) {
    read_mongodb(map, profiles, problems);
    read_split(map, profiles, problems);
    size_t kind = node.find("mongodb") != nullptr ? 1 : node.find("split") != nullptr ? 2 : 0;
    map.choice("kind", kinds, kind);
    profiles.kind = static_cast<Kind>(kind);
    for (size_t i = 1; i < kinds.size(); ++i) {
      const Node* found = node.find(kinds[i]);
      if (found != nullptr && i != kind) {
        problems.add(found->at, map.path_of(kinds[i]) + ": only for profiles.kind: " + kinds[i]);
      } else if (found == nullptr && i == kind) {
        problems.add(node.at, map.path_of(kinds[i]) + ": is missing, because profiles.kind is " + kinds[i]);
      }
    }
  });
}

void read_events(MapReader& config, Config& out, Problems& problems) {
  section(config, "events", problems, [&](MapReader& map, const Node&) {
    size_t format = 0;
    if (map.choice("format", {"json", "protobuf"}, format)) out.events_as_protobuf = format == 1;
  });
}

void read_tracing(MapReader& config, Config::Tracing& tracing, Problems& problems) {
  section(config, "tracing", problems, [&](MapReader& map, const Node&) {
    const Node* otlp = map.require("otlp", "http://host:port of an OpenTelemetry collector");
    map.number("sample", 0, 1, tracing.sample);
    if (otlp == nullptr || !map.text("otlp", tracing.otlp) || http::parse_plain_url(tracing.otlp)) return;
    problems.add(otlp->at, map.path_of("otlp") +
                               ": must be http://host:port, as in http://127.0.0.1:4318 (OTLP over HTTP; for TLS let a "
                               "collector beside Freshet send it on)");
  });
}

}  // namespace

Config default_config() {
  Config config;
  model::Tenant& demo = config.tenants.emplace_back(model::default_tenant("demo"));
  demo.write_keys = {"demo-write-key"};
  demo.app_id = "demo";
  demo.app_secret = "demo-secret";
  return config;
}

std::optional<Config> parse_config(std::string_view text, const yaml::Environment& environment, Problems& problems) {
  yaml::ParseOptions options;
  options.environment = environment;
  const auto root = yaml::parse(text, options, problems);
  if (!root) return std::nullopt;
  Config config;
  MapReader map(*root, "", problems);
  map.count("revision", 1, uint64_t{1} << 62, config.revision);
  map.text("data_dir", config.data_dir);
  read_roles(map, config.roles, problems);
  read_ingest(map, config.ingest, problems);
  read_admin(map, config.admin, problems);
  read_log(map, config.log, problems);
  section(map, "state", problems, [&](MapReader& state, const Node&) {
    state.bytes("memory", 64 * kMiB, 1ull << 42, config.state.memory_bytes);
    state.count("standbys", 0, 1, config.state.standbys);
    state.count("slots", 1, 1024, config.state.slots);
    state.duration_us("standby_after", 2'000'000, 60'000'000, config.state.standby_after_us);
  });
  read_checkpoints(map, config.checkpoints, problems);
  read_profiles(map, config.profiles, problems);
  read_events(map, config, problems);
  read_tracing(map, config.tracing, problems);
  if (const Status whole = check_checkpoints(config); !whole) problems.add(map.at(), whole.error().message);
  if (const Status standbys = check_standbys(config); !standbys) problems.add(map.at(), standbys.error().message);
  config.tenants = read_tenants(map, problems);
  map.finish();
  if (!problems.empty()) return std::nullopt;
  return config;
}

// A worker's disk may be gone tomorrow, and nobody else knows when the topic may be trimmed.
Status check_checkpoints(const Config& config) {
  if (config.log.kind != Config::LogKind::kKafka || !config.roles.action || !config.checkpoints.to.empty()) return {};
  return fail(Code::kInvalid,
              "checkpoints.to: is required for log.kind: kafka where the role action runs: s3://bucket/prefix, or "
              "file:///… on a "
              "disk that all workers share");
}

uint32_t slots_of(const Config& config) {
  if (config.state.standbys == 0) return 0;
  return config.state.slots > 0 ? config.state.slots : std::min(config.log.partitions, kSlots);
}

Status check_standbys(const Config& config) {
  if (config.state.standbys > 0 && config.log.kind != Config::LogKind::kKafka)
    return fail(Code::kInvalid,
                "state.standbys: is for log.kind: kafka only: nobody else can go on with an embedded log");
  for (const auto& [name, given] :
       {std::pair{"slots", config.state.slots > 0}, std::pair{"standby_after", config.state.standby_after_us > 0}}) {
    if (given && config.state.standbys == 0)
      return fail(Code::kInvalid, fmt::format("state.{}: is for state.standbys: 1 only", name));
  }
  if (slots_of(config) <= config.log.partitions) return {};
  return fail(Code::kInvalid, fmt::format("state.slots: {} slots, but only {} partitions (log.partitions) to share out",
                                          config.state.slots, config.log.partitions));
}

Result<Config> load_config(const std::string& path, const yaml::Environment& environment) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf()))
    return fail(Code::kInvalid, path + ": can't be read: it must be a configuration file (YAML)");
  Problems problems(path);
  auto config = parse_config(text.str(), environment, problems);
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
  Roles roles;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    const std::string name(list.substr(begin, end - begin));
    const auto found = std::find(kRoles.begin(), kRoles.end(), name);
    if (found == kRoles.end()) {
      return fail(Code::kInvalid, "\"" + name + "\" is not a role" + yaml::did_you_mean(name, kRoles) +
                                      " Allowed, separated by commas: " + yaml::join_names(kRoles));
    }
    set_role(roles, static_cast<size_t>(found - kRoles.begin()));
    begin = end + 1;
  }
  return roles;
}

std::string text_of(const Roles& roles) {
  const bool played[] = {roles.ingest, roles.action, roles.reaction, roles.console};
  std::string out;
  for (size_t i = 0; i < kRoles.size(); ++i)
    if (played[i]) out += (out.empty() ? "" : ",") + kRoles[i];
  return out;
}

Status check_roles(const Config& config) {
  const bool on_disk = config.profiles.kind != Config::Profiles::Kind::kMongodb;
  if (config.log.kind != Config::LogKind::kKafka || !on_disk || config.roles.reaction == config.roles.console)
    return {};
  return fail(
      Code::kInvalid,
      "roles: embedded (and split) profiles are on the disk of the process that writes them: reaction and console "
      "must be played by the same one (roles: [reaction, console]). Apart they need profiles: {mongodb: {uri: …}}");
}

bool is_loopback(std::string_view listen) {
  const auto parts = http::parse_address(listen);
  if (!parts) return false;
  return parts->host == "localhost" || parts->host == "::1" || parts->host.starts_with("127.");
}

}  // namespace freshet::app
