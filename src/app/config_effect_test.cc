// No key that does nothing: each key of the description changes the configuration, and what it changes is read by code
// that is not the configuration's own. And the documents have what the description says.
#include <gtest/gtest.h>

#include "app/config.h"
#include "app/config_fields.h"
#include "testing/file.h"
#include "testing/key_effects.h"
#include "yaml/field_table.h"

namespace freshet::app {
namespace {

constexpr KeyEffect kEffects[] = {
    {"revision", "app/tenant_ledger.cc", "config.revision"},
    {"data_dir", "app/server.cc", "config_.data_dir"},
    {"roles", "app/server.cc", "config_.roles."},
    {"ingest.listen", "app/listeners.cc", "at.listen"},
    {"ingest.tls.cert", "app/listeners.cc", "at.tls.cert"},
    {"ingest.tls.key", "app/listeners.cc", "at.tls.key"},
    {"ingest.connections", "app/listeners.cc", "at.connections;"},
    {"ingest.connections_per_address", "app/listeners.cc", "at.connections_per_address"},
    {"admin.listen", "app/listeners.cc", "at.listen"},
    {"admin.token", "app/server.cc", "config_.admin.token"},
    {"admin.tokens", "app/server.cc", "config_.admin.tokens"},
    {"admin.tokens[].name", "console/admin.cc", "visitor.name"},
    {"admin.tokens[].token", "console/access.cc", "token.secret"},
    {"admin.tokens[].role", "console/admin.cc", "visitor.role"},
    {"admin.tls.cert", "app/listeners.cc", "at.tls.cert"},
    {"admin.tls.key", "app/listeners.cc", "at.tls.key"},
    {"log.kind", "app/log.cc", "config.log.kind"},
    {"log.partitions", "app/server.cc", "config_.log.partitions"},
    {"log.kafka.brokers", "app/log.cc", "config.log.brokers"},
    {"log.kafka.topic_prefix", "app/log.cc", "config.log.topic_prefix"},
    {"log.kafka.properties", "app/log.cc", "config.log.properties"},
    {"log.kafka.disk_reserve", "app/log_disks.cc", "log_.disk_reserve_bytes"},
    {"state.memory", "app/server.cc", "config.state.memory_bytes"},
    {"state.standbys", "app/server.cc", "slots_of(config_)"},
    {"state.slots", "app/server.cc", "slots_of(config_)"},
    {"state.standby_after", "app/log.cc", "config.state.standby_after_us"},
    {"profiles.kind", "app/profiles.cc", "profiles_kind(config)"},
    {"profiles.changes", "app/state_profiles.cc", "config.profiles.changes"},
    {"profiles.mongodb.uri", "app/profiles.cc", "config.profiles.mongodb_uri"},
    {"profiles.split.mongodb.uri", "app/profiles.cc", "config.profiles.mongodb_uri"},
    {"profiles.split.indexed", "app/profiles.cc", "config.profiles.indexed"},
    {"checkpoints.to", "app/checkpoints.cc", "config.checkpoints.to"},
    {"checkpoints.endpoint", "app/checkpoints.cc", "config.checkpoints.endpoint"},
    {"checkpoints.interval", "app/checkpoints.cc", "config_.checkpoints.interval_us"},
    {"checkpoints.min_pause", "app/checkpoints.cc", "config_.checkpoints.min_pause_us"},
    {"checkpoints.keep", "app/checkpoints.cc", "config_.checkpoints.keep"},
    {"checkpoints.concurrency", "app/checkpoints.cc", "config_.checkpoints.concurrency"},
    {"checkpoints.bandwidth", "app/checkpoints.cc", "config_.checkpoints.bytes_per_s"},
    {"events.format", "action/identity/host.cc", "events_as_protobuf()"},
    {"events.keep", "app/log.cc", "events_kept_us(config)"},
    {"retention.events", "app/log.cc", "events_kept_us(config)"},
    {"retention.changes", "app/log.cc", "kept.changes_us"},
    {"retention.deadletters", "app/letters.cc", "config.retention.deadletters_us"},
    {"logs.bandwidth", "app/server.cc", "config_.logs.bytes_per_s"},
    {"retention.imports", "app/server.cc", "config_.retention.imports_us"},
    {"retention.logs", "app/log.cc", "kept.logs_us"},
    {"deadletters.count", "app/letters.cc", "config.deadletters.count"},
    {"deadletters.bytes", "app/letters.cc", "config.deadletters.bytes"},
    {"overflow.count", "app/overflow.cc", "config.overflow.count"},
    {"overflow.bytes", "app/overflow.cc", "config.overflow.bytes"},
    {"objective.within", "app/objectives.cc", "objective.within_us"},
    {"objective.share", "app/objectives.cc", "objective.share"},
    {"objective.over", "app/objectives.cc", "objective.over_us"},
    {"tracing.otlp", "app/server.cc", "config_.tracing.otlp"},
    {"tracing.ca", "app/otlp_sender.cc", "configured.ca"},
    {"tracing.headers", "app/otlp_sender.cc", "configured.headers"},
    {"tracing.sample", "app/server.cc", "config.tracing.sample"},
    {"tracing.slow", "app/server.cc", "config.tracing.slow_us"},
    {"console.fleet", "app/server.cc", ".fleet = at.fleet"},
    {"console.peers", "app/server.cc", ".peers = at.peers"},
    {"console.token", "app/server.cc", ".token = at.token"},
    {"telemetry.otlp", "app/server.cc", "config_.telemetry.otlp"},
    {"telemetry.ca", "app/otlp_sender.cc", "configured.ca"},
    {"telemetry.headers", "app/otlp_sender.cc", "configured.headers"},
    {"telemetry.interval", "app/server.cc", "config_.telemetry.interval_us"},
    {"canary", "app/server.cc", "config_.canary_us"},
    {"logging.level", "app/run_command.cc", "config.logging.level"},
    {"logging.format", "app/run_command.cc", "config.logging.format"},
    {"tenants", "app/tenant_ledger.cc", "config.tenants"},
    {"tenants[].name", "ingest/items/item.cc", "context.tenant.name"},
    {"tenants[].write_keys", "ingest/auth.cc", "tenant.write_keys"},
    {"tenants[].server_keys", "ingest/auth.cc", "tenant.server_keys"},
    {"tenants[].data_api.app_id", "ingest/auth.cc", "tenant.app_id"},
    {"tenants[].data_api.secret", "ingest/auth.cc", "tenant.app_secret"},
    {"tenants[].rate.events_per_second", "ingest/overflow/lanes.cc", "rate.events_per_second"},
    {"tenants[].rate.burst", "ingest/overflow/lanes.cc", "rate.burst"},
    {"tenants[].objective.within", "app/objectives.cc", "tenant.objective"},
    {"tenants[].objective.share", "app/objectives.cc", "tenant.objective"},
    {"tenants[].objective.over", "app/objectives.cc", "tenant.objective"},
    {"tenants[].limits.event_names", "schema/registry.cc", "limits.event_names"},
    {"tenants[].limits.user_attributes", "schema/registry.cc", "limits.user_attributes"},
    {"tenants[].limits.event_attributes", "schema/registry.cc", "limits.event_attributes"},
    {"tenants[].limits.name_length", "ingest/items/item.cc", "limits.name_length"},
    {"tenants[].limits.value_length", "ingest/items/properties.cc", "limits.value_length"},
    {"tenants[].limits.list_length", "ingest/items/properties.cc", "limits.list_length"},
    {"tenants[].limits.depth", "ingest/items/properties.cc", "limits.depth"},
    {"tenants[].limits.identifiers_per_type", "action/identity/links.cc", "identifier_limit("},
    {"tenants[].limits.identifiers", "action/identity/merging.cc", "identifiers_max("},
    {"tenants[].limits.merges", "action/identity/merging.cc", "merges_max("},
    {"tenants[].limits.claimants", "action/identity/claims.cc", "claimants_max("},
    {"tenants[].limits.person.per_minute", "action/events/person_limits.cc", "limits.per_minute()"},
    {"tenants[].limits.person.per_hour", "action/events/person_limits.cc", "limits.per_hour()"},
    {"tenants[].limits.person.per_day", "action/events/person_limits.cc", "limits.per_day()"},
    {"tenants[].identity.priority", "model/identifier.cc", "user_priority()"},
    {"tenants[].identity.shared", "model/identifier.cc", "shared()"},
    {"tenants[].identity.blocked_values", "model/identifier.cc", "blocked_values()"},
    {"tenants[].identity.on_conflict", "model/identifier.cc", "conflict_move()"},
    {"tenants[].identity.phone.spelling", "model/identifier.cc", "phones.in_force()"},
    {"tenants[].identity.phone.default_country", "model/identifier.cc", "phones.default_country"},
    {"tenants[].devices.priority", "model/identifier.cc", "device_priority()"},
    {"tenants[].sessions.gap", "model/session_gap.h", "session_gap_s()"},
    {"tenants[].computed", "action/rules.cc", "computed()"},
    {"tenants[].computed[].name", "action/events/computed.cc", "rule.name()"},
    {"tenants[].computed[].count", "action/events/computed.cc", "Rule::COUNT"},
    {"tenants[].computed[].sum", "action/events/computed.cc", "Rule::SUM"},
    {"tenants[].computed[].min", "action/events/computed.cc", "Rule::MIN"},
    {"tenants[].computed[].max", "action/events/computed.cc", "Rule::MAX"},
    {"tenants[].computed[].first", "action/events/computed.cc", "Rule::FIRST"},
    {"tenants[].computed[].last", "action/events/computed.cc", "Rule::LAST"},
    {"tenants[].computed[].unique", "action/events/computed.cc", "Rule::UNIQUE"},
    {"tenants[].computed[].over", "action/rules.cc", "rule.event()"},
    {"tenants[].computed[].where", "action/events/computed.cc", "rule.where()"},
    {"tenants[].audiences", "action/audience_rules.cc", "rules.audiences()"},
    {"tenants[].audiences[].name", "action/audience_rules.cc", "rule->name()"},
    {"tenants[].audiences[].where", "action/audience_rules.cc", "rule->where()"},
    {"tenants[].enrich", "action/events/profile.cc", "enrich()"},
    {"tenants[].plan", "ingest/items/item.cc", "tenant.plan"},
    {"tenants[].schema.mode", "schema/registry.cc", "strict_schema"},
    {"tenants[].schema.conflicts", "ingest/items/typing.cc", "tenant.conflicts"},
    {"tenants[].sinks", "app/sinks.cc", "tenant->sinks"},
    {"tenants[].webhook_rate", "app/sinks.cc", "tenant->webhooks_per_second"},
    {"tenants[].sinks[].name", "sinks/runner_loop.cc", "sink.name"},
    {"tenants[].sinks[].kind", "sinks/sinks.cc", "sink.kind"},
    {"tenants[].sinks[].on", "sinks/runner_loop.cc", "sink.on"},
    {"tenants[].sinks[].start", "sinks/runner_loop.cc", "sink.start"},
    {"tenants[].sinks[].event", "sinks/selector.cc", "sink_.event"},
    {"tenants[].sinks[].where", "sinks/selector.cc", "sink_.where"},
    {"tenants[].sinks[].every", "sinks/runner_loop.cc", "sink.every_us"},
    {"tenants[].sinks[].url", "sinks/webhook/webhook.cc", "sink.url"},
    {"tenants[].sinks[].secret", "sinks/webhook/webhook.cc", "sink.secret"},
    {"tenants[].sinks[].ca", "sinks/webhook/webhook.cc", "sink.ca"},
    {"tenants[].sinks[].concurrency", "sinks/webhook/webhook.cc", "sink.concurrency"},
    {"tenants[].sinks[].rate", "sinks/webhook/webhook.cc", "sink.per_second"},
    {"tenants[].sinks[].timeout", "sinks/webhook/webhook.cc", "sink.timeout_us"},
    {"tenants[].sinks[].to", "sinks/files/files.cc", "sink.to"},
    {"tenants[].sinks[].endpoint", "sinks/files/files.cc", "sink.endpoint"},
    {"tenants[].sinks[].compression", "sinks/files/files.cc", "sink.compression"},
    {"tenants[].sinks[].split_by", "sinks/files/files.cc", "sink.split_by"},
    {"tenants[].sinks[].format", "sinks/files/files.cc", "sink.format"},
    {"tenants[].sinks[].file_bytes", "sinks/files/files.cc", "sink.file_bytes"},
    {"tenants[].sinks[].uri", "sinks/postgres/postgres.cc", "sink.uri"},
    {"tenants[].sinks[].table", "sinks/postgres/tables.cc", "sink_.table"},
    {"tenants[].sinks[].columns", "sinks/postgres/tables.cc", "sink_.columns"},
    {"tenants[].sinks[].part_by", "sinks/postgres/tables.cc", "sink_.part_by"},
    {"tenants[].sinks[].brokers", "sinks/topic/topic.cc", "sink.brokers"},
    {"tenants[].sinks[].topic", "sinks/topic/topic.cc", "sink.topic"},
    {"tenants[].sinks[].properties", "sinks/topic/topic.cc", "sink.properties"},
    {"tenants[].sinks[].replication", "sinks/topic/topic.cc", "sink.replication"},
};

// Every key of the file has a value here that is not its default; some exclude each other.
constexpr const char* kEverything[] = {
    R"(
revision: 2
data_dir: /data
roles: [action, reaction]
ingest: {listen: "127.0.0.1:1", tls: {cert: c, key: k}, connections: 100, connections_per_address: 7}
admin: {listen: "127.0.0.1:2", token: t, tls: {cert: c, key: k}, tokens: [{name: n, token: u, role: operate}]}
log: {kind: kafka, partitions: 8, kafka: {brokers: "h:1", topic_prefix: x., properties: {linger.ms: 3}, disk_reserve: 2GiB}}
state: {memory: 64MiB, standbys: 1, slots: 3, standby_after: 10s}
profiles: {mongodb: {uri: "mongodb://h"}}
checkpoints: {to: "s3://bucket", endpoint: "http://h:1", interval: 5s, min_pause: 1s, keep: 2, concurrency: 4, bandwidth: 8MiB}
events: {format: protobuf, keep: 1d}
logs: {bandwidth: 8MiB}
retention: {events: 1d, changes: 2h, deadletters: 3d, logs: 4d, imports: 5d}
deadletters: {count: 1000, bytes: 2MiB}
overflow: {count: 1000, bytes: 2MiB}
tracing: {otlp: "http://h:1", ca: ca.pem, headers: {x-key: k}, sample: 0.5, slow: 2s}
console: {fleet: ["http://h:2"], peers: ["https://h:3"], token: t}
telemetry: {otlp: "http://h:1", ca: ca.pem, headers: {x-key: k}, interval: 20s}
canary: 2s
objective: {within: 2s, share: 0.99, over: 7d}
logging: {level: debug, format: json}
tenants:
  - name: acme
    write_keys: [k]
    server_keys: [sk]
    data_api: {app_id: a, secret: s}
    rate: {events_per_second: 10, burst: 20}
    objective: {within: 3s, share: 0.98, over: 8d}
    limits:
      {event_names: 1, user_attributes: 1, event_attributes: 1, name_length: 1, value_length: 1, list_length: 1,
       depth: 1, identifiers_per_type: {email: 7}, identifiers: 1, merges: 1, claimants: 1,
       person: {per_minute: 1, per_hour: 2, per_day: 3}}
    identity: {priority: [user_id, email], shared: [email], blocked_values: [NOBODY],
               phone: {spelling: both, default_country: "91"}}
    devices: {priority: [device_id]}
    sessions: {gap: 5m}
    computed:
      - {name: a, count: E, where: {p: 1}}
      - {name: b, sum: p, over: E}
      - {name: c, min: p, over: E}
      - {name: d, max: p, over: E}
      - {name: e, first: p, over: E}
      - {name: f, last: p, over: E}
      - {name: g, unique: p, over: E}
    audiences: [{name: vip, where: {city: Pune}}]
    enrich: [email]
    plan: {events: {E: {required: [p]}}}
    schema: {mode: strict, conflicts: coerce}
)",
    R"(
profiles: {split: {mongodb: {uri: "mongodb://h"}, indexed: [city]}}
tenants: [{name: acme, identity: {on_conflict: {email: move}}}]
)",
    R"(
profiles: {changes: written}
tenants:
  - name: acme
    sinks:
      - {name: a, kind: files, on: changes, start: now, where: {p: 1}, every: 2s, to: "s3://bucket", endpoint: "http://h:1",
         compression: zstd, file_bytes: 1MiB}
)",
    R"(
tenants:
  - name: acme
    sinks: [{name: a, kind: files, to: "file:///d", event: E, split_by: event, format: parquet}]
)",
    R"(
tenants:
  - name: acme
    sinks: [{name: a, kind: webhook, url: "https://h/p", secret: s, ca: c, concurrency: 2, rate: 3, timeout: 2s}]
    webhook_rate: 20
)",
    R"(
tenants:
  - name: acme
    sinks: [{name: a, kind: postgres, uri: u, table: t, columns: [c], part_by: day}]
)",
    R"(
tenants:
  - name: acme
    sinks: [{name: a, kind: topic, on: changes, brokers: "h:1", topic: t, properties: {sasl.username: u}, replication: 2}]
)"};

std::vector<yaml::FieldRow> rows_of(Config config) {
  yaml::FieldTable table;
  describe(table, config);
  return table.rows();
}

std::vector<yaml::FieldRow> rows_of(const char* text) {
  yaml::Problems problems("f");
  const auto config = parse_config(text, nullptr, problems);
  EXPECT_TRUE(config) << problems.text();
  return rows_of(config.value_or(Config{}));
}

TEST(ConfigKeys, EachChangesTheConfiguration) {
  std::vector<std::vector<yaml::FieldRow>> read;
  for (const char* text : kEverything) read.push_back(rows_of(text));
  expect_each_key_changes(rows_of(Config{}), read);
}

TEST(ConfigKeys, EachIsReadByCodeThatIsNotTheConfigurations) {
  expect_each_key_is_read(rows_of(Config{}), kEffects, "app/config");
}

TEST(ConfigKeys, AreDocumentedAsDescribed) {
  const std::string document = fleet::file_text("docs/configuration.md");
  for (const std::string_view name : kKeyTables) {
    const std::string command = "freshet check --keys \"" + std::string(name) + "\"";
    const std::string begin = "<!-- keys of " + std::string(name) + ": " + command + " -->\n";
    EXPECT_NE(document.find(begin + config_keys(name) + "<!-- end -->\n"), std::string::npos)
        << "docs/configuration.md: write what is between the markers by: " << command;
  }
}

TEST(ConfigKeys, TheSchemaIsPublishedAsDescribed) {
  EXPECT_EQ(fleet::file_text("docs/freshet.schema.json"), config_schema()) << "write it by: freshet check --schema";
}

}  // namespace
}  // namespace freshet::app
