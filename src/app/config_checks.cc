// Each check names the key that is to be mended, at the place of the value that makes the problem, or of the map that
// lacks it.
#include "app/config_checks.h"

#include <fmt/core.h>

#include <set>

#include "base/names.h"
#include "objectstore/object_store.h"

namespace freshet::app {
namespace {

using yaml::Node;
using yaml::Problems;

void check_admin(const Node& root, const Config::Admin& admin, Problems& problems) {
  std::set<std::string> names;
  const Node* const tokens = root.find({"admin", "tokens"});
  for (size_t i = 0; i < admin.tokens.size(); ++i)
    if (!names.insert(admin.tokens[i].name).second)
      problems.add(tokens->items[i].at, "admin.tokens: two tokens are named " + admin.tokens[i].name +
                                            "; each needs its own name, because the audit log calls its holder so");
  if (root.find({"admin", "token"}) != nullptr || !admin.tokens.empty() || is_loopback(admin.listen)) return;
  problems.add(root.place_of({"admin", "listen"}),
               "admin.token: is required, because admin.listen " + admin.listen +
                   " can be reached from other machines; set one, or listen on 127.0.0.1");
}

void check_log(const Node& root, const Config::Log& log, Problems& problems) {
  const Node* kafka = root.find({"log", "kafka"});
  if (kafka != nullptr && log.kind == Config::LogKind::kEmbedded)
    problems.add(kafka->at, "log.kafka: only for log.kind: kafka");
  if (log.kind == Config::LogKind::kKafka && log.brokers.empty())
    problems.add(root.place_of({"log"}),
                 "log.kafka.brokers: is required for log.kind: kafka, as in \"host:9092,host:9092\"");
  const Node* properties = root.find({"log", "kafka", "properties"});
  if (properties == nullptr) return;
  for (const auto& property : log.properties) {
    const Status usable = eventlog::check_kafka_properties({property});
    if (usable) continue;
    for (const Node& key : properties->keys) {
      if (key.text == property.first) problems.add(key.at, "log.kafka.properties." + usable.error().message);
    }
  }
}

// kind may be left out: the section says it.
void check_profiles(const Node& root, const Config::Profiles& profiles, Problems& problems) {
  using Kind = Config::Profiles::Kind;
  const Node* const changes = root.find({"profiles", "changes"});
  if (changes != nullptr && profiles.kind != Kind::kState)
    problems.add(changes->at, "profiles.changes: only for profiles.kind: state; elsewhere they are always written");
  for (const Kind kind : {Kind::kMongodb, Kind::kSplit}) {
    const std::string name(name_of(kind));
    const Node* found = root.find({"profiles", name});
    if (found != nullptr && kind != profiles.kind) {
      problems.add(found->at, "profiles." + name + ": only for profiles.kind: " + name);
    } else if (found == nullptr && kind == profiles.kind) {
      problems.add(root.place_of({"profiles"}), "profiles." + name + ": is missing, because profiles.kind is " + name);
    }
  }
}

void check_events(const Node& root, const Config& config, Problems& problems) {
  constexpr int64_t kLeastUs = 3'600'000'000;  // as other retentions have it
  const Node* const keep = root.find({"events", "keep"});
  if (keep == nullptr || config.events_keep_us <= 0) return;
  if (config.events_keep_us < kLeastUs)
    problems.add(keep->at, "events.keep: must be 1h at least, or 0s for events that nobody reads not to be written");
  if (root.find({"retention", "events"}) != nullptr && config.retention.events_us != config.events_keep_us)
    problems.add(keep->at, "events.keep: retention.events says something else: leave that one out");
}

void check_address(const Node& root, const Config::Checkpoints& checkpoints, Problems& problems) {
  if (checkpoints.to.empty()) return;
  if (const Status usable = objectstore::check_address(checkpoints.to, checkpoints.endpoint); !usable)
    problems.add(root.place_of({"checkpoints", "to"}), "checkpoints.to: " + usable.error().message);
}

}  // namespace

void check_config(const Node& root, const Config& config, Problems& problems) {
  check_admin(root, config.admin, problems);
  check_log(root, config.log, problems);
  check_profiles(root, config.profiles, problems);
  check_address(root, config.checkpoints, problems);
  check_events(root, config, problems);
  for (const Status& status : {check_checkpoints(config), check_standbys(config)}) {
    if (!status) problems.add(root.at, status.error().message);
  }
}

// A worker's disk may be gone tomorrow, and nobody else knows when the topic may be trimmed.
Status check_checkpoints(const Config& config) {
  if (config.log.kind != Config::LogKind::kKafka || !config.roles.action || !config.checkpoints.to.empty()) return {};
  return fail(Code::kInvalid,
              "checkpoints.to: is required for log.kind: kafka where the role action runs: s3://bucket/prefix, or "
              "file:///… on a "
              "disk that all workers share");
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

// Whoever has no action beside him could only read what it has persisted, and whoever has no console need not read.
Config::Profiles::Kind profiles_kind(const Config& config) {
  using Kind = Config::Profiles::Kind;
  const bool possible = config.log.kind == Config::LogKind::kEmbedded && config.roles.action && config.roles.console;
  if (config.profiles.kind != Kind::kState || config.profiles.kind_said || possible) return config.profiles.kind;
  return Kind::kEmbedded;
}

Status check_roles(const Config& config) {
  const Config::Profiles::Kind kind = profiles_kind(config);
  if (kind == Config::Profiles::Kind::kState &&
      (config.log.kind != Config::LogKind::kEmbedded || !config.roles.action || !config.roles.console))
    return fail(Code::kInvalid,
                "profiles.kind: state is for log.kind: embedded, where one process plays action and console: leave it "
                "out, or profiles: {kind: embedded}");
  const bool on_disk = kind != Config::Profiles::Kind::kMongodb;
  if (config.log.kind != Config::LogKind::kKafka || !on_disk || config.roles.reaction == config.roles.console)
    return {};
  return fail(
      Code::kInvalid,
      "roles: embedded (and split) profiles are on the disk of the process that writes them: reaction and console "
      "must be played by the same one (roles: [reaction, console]). Apart they need profiles: {mongodb: {uri: …}}");
}

}  // namespace freshet::app
