#include "app/config.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "model/identifier.h"
#include "model/plan.h"
#include "testing/project_path.h"

namespace freshet::app {
namespace {

const std::string kTenants = "tenants: [{name: acme, write_keys: [k1]}]\n";

yaml::Environment variables(std::vector<std::pair<std::string, std::string>> all) {
  return [all = std::move(all)](const std::string& name) -> std::optional<std::string> {
    for (const auto& [key, value] : all) {
      if (key == name) return value;
    }
    return std::nullopt;
  };
}

struct Outcome {
  std::optional<Config> config;
  std::string problems;
};

Outcome read(const std::string& text) {
  yaml::Problems problems("f");
  Outcome out;
  out.config = parse_config(text, variables({{"TOKEN", "secret"}}), problems);
  out.problems = problems.text();
  EXPECT_EQ(out.config.has_value(), out.problems.empty());
  return out;
}

// With one good tenant before it, so that only `text` can be wrong.
std::string problems_of(const std::string& text) { return read(kTenants + text).problems; }
// Of a tenant's own keys, given as lines of a flow map.
std::string tenant_problems(const std::string& keys) {
  return read("tenants: [{name: t, write_keys: [k], " + keys + "}]").problems;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST(Config, Tracing) {
  const Outcome out = read(kTenants + "tracing: {otlp: \"http://127.0.0.1:4318\", sample: 0.25}\n");
  ASSERT_TRUE(out.config) << out.problems;
  EXPECT_EQ(out.config->tracing.otlp, "http://127.0.0.1:4318");
  EXPECT_EQ(out.config->tracing.sample, 0.25);
  EXPECT_EQ(default_config().tracing.otlp, "") << "off";
  EXPECT_EQ(problems_of("tracing: {otlp: http://collector:4318}\n"), "");
  EXPECT_EQ(problems_of("tracing: {otlp: \"http://[::1]:4318\", sample: 1}\n"), "");
  EXPECT_EQ(problems_of("tracing: {otlp: http://collector}\n"), "") << "port 80";
  EXPECT_TRUE(has(problems_of("tracing: {sample: 0.5}\n"), "tracing.otlp"));
  EXPECT_TRUE(
      has(problems_of("tracing: {otlp: http://c:1, sample: 1.5}\n"), "tracing.sample: must be a number from 0 to 1"));
  EXPECT_TRUE(has(problems_of("tracing: {otlp: http://c:1, sample: much}\n"), "tracing.sample"));
  EXPECT_TRUE(has(problems_of("tracing: {otlp: http://c:1, samples: 1}\n"), "did you mean \"sample\"?"));
  EXPECT_EQ(problems_of("tracing: {otlp: https://collector}\n"), "");
  for (const char* url : {"ftp://c:4318", "c:4318", "http://c:0", "http://c:4318/v1/traces", "http://c:x",
                          "http://user:pass@c:4318", "http://"})
    EXPECT_TRUE(
        has(problems_of(std::string("tracing: {otlp: \"") + url + "\"}\n"), "tracing.otlp: must be http://host:port"))
        << url;
}

TEST(Config, TheDefault) {
  const Config config = default_config();
  EXPECT_EQ(config.data_dir, "./freshet-data");
  EXPECT_TRUE(config.roles.ingest && config.roles.action && config.roles.reaction && config.roles.console);
  EXPECT_EQ(config.ingest.listen, "127.0.0.1:8080");
  EXPECT_EQ(config.admin.listen, "127.0.0.1:8081");
  EXPECT_EQ(config.log.partitions, 16U);
  EXPECT_EQ(config.state.memory_bytes, 1ull << 30);
  ASSERT_EQ(config.tenants.size(), 1U);
  EXPECT_EQ(config.tenants[0].write_keys, std::vector<std::string>{"demo-write-key"});
  EXPECT_EQ(config.tenants[0].app_id, "demo");
  EXPECT_EQ(config.tenants[0].app_secret, "demo-secret");
}

TEST(Config, TheExampleLoads) {
  const auto config = load_config(project_path("docs/examples/freshet.yaml"), variables({}));
  ASSERT_TRUE(config.has_value()) << config.error().message;
  ASSERT_EQ(config->tenants.size(), 2U);
  const model::Tenant& acme = config->tenants[0];
  EXPECT_EQ(acme.name, "acme");
  EXPECT_EQ(acme.rules.user_priority(1), "email");
  EXPECT_EQ(acme.rules.blocked_values(0), "test");
  EXPECT_EQ(acme.rules.conflict_move_size(), 0);
  ASSERT_EQ(acme.rules.computed_size(), 4);
  EXPECT_EQ(acme.rules.computed(0).op(), v1::ComputedRule::SUM);
  EXPECT_EQ(acme.rules.computed(0).property(), "total");
  EXPECT_EQ(acme.rules.computed(0).event(), "Order Completed");
  EXPECT_EQ(acme.rules.computed(0).where(0).test(), v1::ComputedRule::EQ);
  EXPECT_EQ(acme.rules.computed(0).where(0).value().text(), "EUR");
  EXPECT_EQ(acme.rules.computed(1).op(), v1::ComputedRule::COUNT);
  EXPECT_EQ(acme.rules.computed(1).where(0).test(), v1::ComputedRule::GT);
  EXPECT_EQ(acme.rules.computed(1).where(0).value().integer(), 100);
  EXPECT_EQ(acme.rules.computed(3).op(), v1::ComputedRule::LAST);
  EXPECT_EQ(acme.rules.enrich_size(), 2);
  EXPECT_EQ(config->tenants[1].name, "smallest");
}

// The file of the design, less what this version has not.
TEST(Config, VariablesStandUnquotedInBraces) {
  const Outcome out = read(kTenants + "admin: {listen: \"0.0.0.0:8081\", token: ${TOKEN}}\n");
  ASSERT_TRUE(out.config.has_value()) << out.problems;
  EXPECT_EQ(out.config->admin.token, "secret");
  EXPECT_TRUE(has(problems_of("admin: {token: ${NONE}}\n"), "f:2:16: the environment variable NONE is not set"));
}

TEST(Config, AllErrorsInOneRun) {
  const std::string text = problems_of(
      "data_dirs: x\n"
      "log: {partitions: 0, kin: embedded}\n"
      "state: {memory: 1 lot}\n"
      "roles: [ingest, acton]\n"
      "ingest: {listen: 8080, tls: {cert: c.pem}}\n"
      "events: [json]\n");
  EXPECT_TRUE(has(text, "f:2:1: unknown key \"data_dirs\"; did you mean \"data_dir\"?")) << text;
  EXPECT_TRUE(has(text, "f:3:19: log.partitions: must be a whole number from 1 to 4096, not \"0\"")) << text;
  EXPECT_TRUE(has(text, "f:3:22: log: unknown key \"kin\"; did you mean \"kind\"?")) << text;
  EXPECT_TRUE(has(text, "f:4:17: state.memory: must be a size from 64MiB to 4TiB")) << text;
  EXPECT_TRUE(
      has(text, "f:5:17: roles: must be ingest, action, reaction or console, not \"acton\"; did you mean \"action\"?"))
      << text;
  EXPECT_TRUE(has(text, "f:6:18: ingest.listen: must be host:port")) << text;
  EXPECT_TRUE(has(text, "f:6:29: ingest.tls.key: is missing: A file (PEM)")) << text;
  EXPECT_TRUE(has(text, "f:7:9: events: must be a map")) << text;
}

TEST(Config, ATokenIsRequiredOffLoopback) {
  EXPECT_TRUE(has(problems_of("admin: {listen: \"0.0.0.0:8081\"}\n"), "f:2:17: admin.token: is required"));
  EXPECT_TRUE(has(problems_of("admin: {listen: \"[::]:8081\"}\n"), "admin.token: is required"));
  for (const char* listen : {"127.0.0.1:1", "127.1.2.3:1", "localhost:0", "[::1]:8081"})
    EXPECT_TRUE(is_loopback(listen)) << listen;
  for (const char* listen :
       {"0.0.0.0:1", "10.0.0.1:1", "[::]:1", "example.com:1", "127.0.0.1", "::1:80", "127.0.0.1:99999",
        "127.example.com:1", "127.0.0.1.example.com:1", "localhost.example.com:1"})
    EXPECT_FALSE(is_loopback(listen)) << listen;
  EXPECT_TRUE(has(problems_of("admin: {listen: \"127.example.com:1\"}\n"), "admin.token: is required"));
}

TEST(Config, BlanksAreNoSecret) {
  for (const char* blank : {"\" \"", "\"\\t \"", "\"\""}) {
    EXPECT_TRUE(
        has(problems_of(std::string("admin: {listen: \"0.0.0.0:1\", token: ") + blank + "}\n"), "admin.token: "))
        << blank;
    EXPECT_FALSE(read(std::string("tenants: [{name: a, data_api: {app_id: a, secret: ") + blank + "}}]\n").config)
        << blank;
  }
}

TEST(Config, BothListenersHaveTls) {
  const Outcome out = read(kTenants +
                           "ingest: {tls: {cert: a, key: b}, connections: 100, connections_per_address: 100}\n"
                           "admin: {tls: {cert: c, key: d}}\n");
  ASSERT_TRUE(out.config) << out.problems;
  EXPECT_EQ(out.config->ingest.tls.cert + out.config->ingest.tls.key, "ab");
  EXPECT_EQ(out.config->admin.tls.cert + out.config->admin.tls.key, "cd");
  EXPECT_EQ(out.config->ingest.connections, 100U);
  EXPECT_EQ(out.config->ingest.connections_per_address, 100U);
  EXPECT_TRUE(has(problems_of("admin: {tls: {cert: c}}\n"), "admin.tls.key"));
  EXPECT_TRUE(has(problems_of("ingest: {connections: 3}\n"), "ingest.connections"));
}

TEST(Config, Profiles) {
  using Kind = Config::Profiles::Kind;
  const auto config = [](const std::string& text) {
    return read(text + "tenants: [{name: a, write_keys: [k]}]\n").config;
  };
  EXPECT_EQ(config("profiles: {kind: embedded}\n")->profiles.kind, Kind::kEmbedded);
  EXPECT_EQ(config("profiles: {changes: written}\n")->profiles.changes, Config::Profiles::Changes::kWritten);
  for (const char* text : {"profiles: {mongodb: {uri: \"mongodb://h/?w=1\"}}\n",
                           "profiles: {kind: mongodb, mongodb: {uri: \"mongodb://h/?w=1\"}}\n"}) {
    const auto mongodb = config(text);
    ASSERT_TRUE(mongodb) << text;
    EXPECT_EQ(mongodb->profiles.kind, Kind::kMongodb);
    EXPECT_EQ(mongodb->profiles.mongodb_uri, "mongodb://h/?w=1");
  }
  const auto split = config("profiles: {split: {mongodb: {uri: \"mongodb+srv://h\"}, indexed: [email, city]}}\n");
  ASSERT_TRUE(split);
  EXPECT_EQ(split->profiles.kind, Kind::kSplit);
  EXPECT_EQ(split->profiles.indexed, (std::vector<std::string>{"email", "city"}));
}

TEST(Config, ProfilesAreReadFromTheStateWhereTheyCanBe) {
  using Kind = Config::Profiles::Kind;
  Config config = default_config();
  EXPECT_EQ(profiles_kind(config), Kind::kState);
  config.roles.reaction = false;
  EXPECT_EQ(profiles_kind(config), Kind::kState) << "nobody has to write them";
  config.roles.action = false;
  EXPECT_EQ(profiles_kind(config), Kind::kEmbedded);
  config.roles = {true, true, true, false};
  EXPECT_EQ(profiles_kind(config), Kind::kEmbedded);
  config.roles.console = true;
  config.log.kind = Config::LogKind::kKafka;
  EXPECT_EQ(profiles_kind(config), Kind::kEmbedded);
  EXPECT_TRUE(check_roles(config));
  config.profiles.kind_said = true;
  ASSERT_FALSE(check_roles(config)) << "it was asked for";
  EXPECT_TRUE(has(check_roles(config).error().message, "profiles.kind: state"));
  config.log.kind = Config::LogKind::kEmbedded;
  EXPECT_TRUE(check_roles(config));
}

TEST(Config, ProfilesThatAreWrong) {
  EXPECT_TRUE(has(problems_of("profiles: {kind: embedded, changes: written}\n"), "only for profiles.kind: state"));
  EXPECT_TRUE(has(problems_of("profiles: {kind: mongodb}\n"), "f:2:11: profiles.mongodb: is missing"));
  EXPECT_TRUE(has(problems_of("profiles: {kind: split, mongodb: {uri: \"mongodb://h\"}}\n"),
                  "only for profiles.kind: mongodb"));
  EXPECT_TRUE(has(problems_of("profiles: {mongodb: {}}\n"), "profiles.mongodb.uri: is missing"));
  EXPECT_TRUE(has(problems_of("profiles: {split: {indexed: [city]}}\n"), "profiles.split.mongodb: is missing"));
  const std::string text = problems_of("profiles: {mongodb: {uri: \"user:hunter2@h\"}}\n");
  EXPECT_TRUE(has(text, "must be a text that begins with mongodb://")) << text;
  EXPECT_FALSE(has(text, "hunter2")) << text;
}

TEST(Config, Kafka) {
  yaml::Problems problems("f");
  const auto config =
      parse_config(std::string(kTenants) +
                       "log: {kind: kafka, partitions: 8, kafka: {brokers: \"a:9092,b:9092\", topic_prefix: x.,"
                       " properties: {sasl.username: u, linger.ms: 3}}}\n"
                       "checkpoints: {to: \"s3://bucket\"}\n",
                   nullptr, problems);
  ASSERT_TRUE(config) << problems.text();
  EXPECT_EQ(config->log.kind, Config::LogKind::kKafka);
  EXPECT_EQ(config->log.brokers, "a:9092,b:9092");
  EXPECT_EQ(config->log.topic_prefix, "x.");
  EXPECT_EQ(config->log.properties, (eventlog::KafkaProperties{{"sasl.username", "u"}, {"linger.ms", "3"}}));
  EXPECT_TRUE(has(problems_of("log: {kind: kafka}\n"), "log.kafka.brokers: is required"));
  EXPECT_TRUE(has(problems_of("log: {kafka: {brokers: \"h:9092\"}}\n"), "log.kafka: only for log.kind: kafka"));
  const std::string text = problems_of(
      "log: {kind: kafka, kafka: {brokers: h, topic_prefix: a/b, properties: {acks: 1, a: b, linger.ms: soon}}}\n");
  EXPECT_TRUE(has(text, "log.kafka.topic_prefix: must be up to 100")) << text;
  EXPECT_TRUE(has(text, "log.kafka.properties.acks: is not to be set here")) << text;
  EXPECT_TRUE(has(text, "log.kafka.properties.a: librdkafka 2")) << text;
  EXPECT_TRUE(has(text, "log.kafka.properties.linger.ms: ")) << text;
}

TEST(Config, NoSecretIsRepeated) {
  const std::string text = problems_of(
      "log: {kind: kafka, kafka: {brokers: h, properties: {sasl.passwort: hunter2, ssl.key.pem: hunter2}}}\n");
  EXPECT_FALSE(has(text, "hunter2")) << text;
}

TEST(Config, Checkpoints) {
  const Outcome out =
      read(kTenants +
           "checkpoints: {to: \"s3://bucket/a\", endpoint: \"http://127.0.0.1:9000\", interval: 5s, min_pause: 1s,"
           " keep: 2, concurrency: 4, bandwidth: 8MiB}\n");
  ASSERT_TRUE(out.config) << out.problems;
  const Config::Checkpoints& checkpoints = out.config->checkpoints;
  EXPECT_EQ(checkpoints.to, "s3://bucket/a");
  EXPECT_EQ(checkpoints.interval_us, 5'000'000);
  EXPECT_EQ(checkpoints.min_pause_us, 1'000'000);
  EXPECT_EQ(checkpoints.keep, 2u);
  EXPECT_EQ(checkpoints.concurrency, 4u);
  EXPECT_EQ(checkpoints.bytes_per_s, 8u << 20);
  EXPECT_EQ(problems_of("checkpoints: {to: \"file:///x\"}\n"), "");
}

TEST(Config, CheckpointsThatAreWrong) {
  const std::string text = problems_of("checkpoints: {to: /x, interval: 1ms, keep: 0, concurency: 1}\n");
  EXPECT_TRUE(has(text, "checkpoints.to: must be file:///absolute/path or s3://bucket/prefix")) << text;
  EXPECT_TRUE(has(text, "checkpoints.interval")) << text;
  EXPECT_TRUE(has(text, "checkpoints.keep")) << text;
  EXPECT_TRUE(has(text, "did you mean \"concurrency\"?")) << text;
  EXPECT_TRUE(has(problems_of("checkpoints: {keep: 3}\n"), "checkpoints.to: is missing"));
  EXPECT_TRUE(has(problems_of("checkpoints: {to: \"s3://bucket\", endpoint: \"h:9\"}\n"), "endpoint: must be http://"));
}

TEST(Config, EventsAreWrittenForThoseWhoReadThem) {
  constexpr int64_t kHourOfUs = 3'600'000'000;
  const std::string tenant = "tenants: [{name: a, write_keys: [k]}]\n";
  const auto written = [&](const std::string& text) { return writes_unread_events(*read(text + tenant).config); };
  const std::string kafka = "roles: [ingest]\nlog: {kind: kafka, kafka: {brokers: h}}\n";
  EXPECT_FALSE(written(""));
  EXPECT_TRUE(written(kafka));
  EXPECT_TRUE(written("events: {keep: 7d}\n"));
  EXPECT_FALSE(written(kafka + "events: {keep: 0s}\n"));
  EXPECT_EQ(events_kept_us(*read("events: {keep: 2h}\n" + tenant).config), 2 * kHourOfUs);
  EXPECT_EQ(events_kept_us(*read("events: {keep: 0s}\nretention: {events: 3h}\n" + tenant).config), 3 * kHourOfUs);
  EXPECT_TRUE(has(problems_of("events: {keep: 59m}\n"), "events.keep: must be 1h at least"));
  EXPECT_TRUE(
      has(problems_of("events: {keep: 2h}\nretention: {events: 3h}\n"), "retention.events says something else"));
  EXPECT_EQ(problems_of("events: {keep: 3h}\nretention: {events: 3h}\n"), "");
}

TEST(Config, ActionOnKafkaNeedsCheckpoints) {
  const std::string kafka = "log: {kind: kafka, kafka: {brokers: h}}\n";
  EXPECT_TRUE(has(problems_of(kafka), "checkpoints.to: is required for log.kind: kafka")) << problems_of(kafka);
  EXPECT_EQ(problems_of(kafka + "checkpoints: {to: \"s3://bucket\"}\n"), "");
  EXPECT_EQ(problems_of(kafka + "roles: [ingest]\n"), "");
}

TEST(Config, Standbys) {
  const std::string kafka =
      "log: {kind: kafka, partitions: 4, kafka: {brokers: h}}\ncheckpoints: {to: \"s3://bucket\"}\n";
  EXPECT_EQ(slots_of(*read(kTenants + kafka).config), 0u);
  EXPECT_EQ(slots_of(*read(kTenants + kafka + "state: {standbys: 1}\n").config), 4u);
  EXPECT_EQ(slots_of(*read(kTenants + kafka + "state: {standbys: 1, slots: 3}\n").config), 3u);
  EXPECT_TRUE(
      has(problems_of(kafka + "state: {standbys: 1, slots: 5}\n"), "state.slots: 5 slots, but only 4 partitions"));
  EXPECT_TRUE(has(problems_of(kafka + "state: {slots: 3}\n"), "state.slots: is for state.standbys: 1 only"));
  EXPECT_EQ(read(kTenants + kafka + "state: {standbys: 1, standby_after: 10s}\n").config->state.standby_after_us,
            10'000'000);
  EXPECT_TRUE(has(problems_of(kafka + "state: {standbys: 1, standby_after: 1s}\n"), "state.standby_after"));
  EXPECT_TRUE(
      has(problems_of(kafka + "state: {standby_after: 10s}\n"), "state.standby_after: is for state.standbys: 1 only"));
  EXPECT_TRUE(has(problems_of(kafka + "state: {standbys: 2}\n"), "state.standbys"));
  EXPECT_TRUE(has(problems_of("state: {standbys: 1}\n"), "state.standbys: is for log.kind: kafka only"));
}

TEST(Config, UserIdComesFirst) {
  EXPECT_TRUE(has(tenant_problems("identity: {priority: [email, user_id]}"),
                  "tenants[0].identity.priority: user_id must come first"));
  EXPECT_TRUE(has(tenant_problems("identity: {priority: [email]}"), "would land in another profile"));
  EXPECT_TRUE(has(tenant_problems("identity: {priority: []}"), "user_id must come first"));
  EXPECT_EQ(tenant_problems("identity: {priority: [user_id, email]}"), "");
}

TEST(Config, IdentityRules) {
  EXPECT_TRUE(has(tenant_problems("identity: {shared: [user_id]}"), "user_id can't be shared"));
  EXPECT_TRUE(has(tenant_problems("identity: {shared: [anonymos_id]}"), "did you mean \"anonymous_id\"?"));
  EXPECT_TRUE(has(tenant_problems("identity: {on_conflict: {user_id: move}}"), "user_id never moves"));
  EXPECT_TRUE(has(tenant_problems("identity: {on_conflict: {anonymous_id: move}}"), "is shared"));
  EXPECT_TRUE(has(tenant_problems("identity: {on_conflict: {email: go}}"), "must be stay or move"));
  EXPECT_TRUE(has(tenant_problems("devices: {priority: [email]}"), "a type belongs to users or to devices"));
  EXPECT_TRUE(has(tenant_problems("limits: {identifiers_per_type: {emial: 2}}"), "did you mean \"email\"?"));
  const Outcome out = read(
      "tenants: [{name: t, identity: {priority: [user_id, email], blocked_values: [NoBody], on_conflict: {email: "
      "move}}, limits: {identifiers_per_type: {email: 2}, user_attributes: 7}}]");
  ASSERT_TRUE(out.config.has_value()) << out.problems;
  const v1::TenantRules& rules = out.config->tenants[0].rules;
  EXPECT_EQ(rules.conflict_move(0), "email");
  EXPECT_EQ(rules.blocked_values(0), "nobody");
  EXPECT_EQ(rules.shared_size(), 0);
  EXPECT_EQ(model::identifier_limit("email", rules), 2U);
  EXPECT_EQ(model::identifier_limit("user_id", rules), 1U);
  EXPECT_EQ(rules.user_attributes_max(), 7U);
}

TEST(Config, LimitsOfProfiles) {
  EXPECT_TRUE(has(tenant_problems("limits: {identifiers: 0}"), "tenants[0].limits.identifiers: must be"));
  EXPECT_TRUE(has(tenant_problems("limits: {merges: 10001}"), "tenants[0].limits.merges: must be"));
  EXPECT_TRUE(has(tenant_problems("limits: {claimants: -1}"), "tenants[0].limits.claimants: must be"));
  const Outcome out = read("tenants: [{name: t, limits: {identifiers: 40, merges: 7, claimants: 3}}, {name: u}]");
  ASSERT_TRUE(out.config.has_value()) << out.problems;
  const v1::TenantRules& rules = out.config->tenants[0].rules;
  EXPECT_EQ(model::identifiers_max(rules), 40U);
  EXPECT_EQ(model::merges_max(rules), 7U);
  EXPECT_EQ(model::claimants_max(rules), 3U);
  const v1::TenantRules& usual = out.config->tenants[1].rules;
  EXPECT_EQ(model::identifiers_max(usual), 500U);
  EXPECT_EQ(model::merges_max(usual), 1000U);
  EXPECT_EQ(model::claimants_max(usual), 100U);
}

TEST(Config, Audiences) {
  const auto problems = [](const std::string& audience) {
    return tenant_problems("computed: [{name: spent, sum: t, over: E}], audiences: [" + audience + "]");
  };
  EXPECT_TRUE(has(problems("{where: {city: Pune}}"), "audiences[0].name: is missing"));
  EXPECT_TRUE(has(problems("{name: VIP, where: {city: Pune}}"), "up to 50 of a-z, 0-9, _ and -"));
  EXPECT_TRUE(has(problems("{name: a}"), "audiences[0].where: is missing: a test at least"));
  EXPECT_TRUE(has(problems("{name: a, where: {}}"), "a test at least"));
  EXPECT_TRUE(has(problems("{name: a, where: {x: 1}}, {name: a, where: {y: 1}}"), "\"a\" is there twice"));
  EXPECT_TRUE(has(problems("{name: a, where: {computed.spend: {ge: 5}}}"), "\"spend\" is not in computed"));
  EXPECT_TRUE(has(problems("{name: a, where: {computed.spend: {ge: 5}}}"), "did you mean \"spent\"?"));
  const Outcome out = read(
      "tenants: [{name: t, computed: [{name: n, count: E}], audiences: [{name: vip, where: {computed.n: {ge: 2, lt: "
      "9}, city: Pune}}]}]");
  ASSERT_TRUE(out.config) << out.problems;
  const v1::AudienceRule& vip = out.config->tenants[0].rules.audiences(0);
  EXPECT_EQ(vip.name(), "vip");
  ASSERT_EQ(vip.where_size(), 3);
  EXPECT_EQ(vip.where(1).property(), "computed.n");
  EXPECT_EQ(vip.where(1).test(), v1::ComputedRule::LT);
  EXPECT_EQ(vip.where(2).value().text(), "Pune");
}

TEST(Config, Computed) {
  EXPECT_TRUE(has(tenant_problems("computed: [{sum: total, over: E}]"), "computed[0].name: is missing"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, sum: total}]"), "computed[0].over: is missing"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, over: E}]"), "exactly one of count, sum"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, sum: t, max: t, over: E}]"), "exactly one of"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, count: E, over: E}]"), "not with count"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, count: E}, {name: a, count: F}]"), "\"a\" is there twice"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, count: E, where: {p: {gtt: 5}}}]"), "did you mean \"gt\"?"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, count: E, where: {p: {gt: \"5\"}}}]"), "must be a number"));
  EXPECT_TRUE(has(tenant_problems("computed: [{name: a, summ: t, over: E}]"), "did you mean \"sum\"?"));
  const Outcome out = read(
      "tenants: [{name: t, computed: [{name: a, unique: p, over: E, where: {n: 5, s: \"5\", b: true, d: 0.5, r: {ge: "
      "1, lt: 2.5}, x: {exists: false}}}]}]");
  ASSERT_TRUE(out.config.has_value()) << out.problems;
  const v1::ComputedRule& rule = out.config->tenants[0].rules.computed(0);
  EXPECT_EQ(rule.op(), v1::ComputedRule::UNIQUE);
  ASSERT_EQ(rule.where_size(), 7);
  EXPECT_EQ(rule.where(0).value().integer(), 5);
  EXPECT_EQ(rule.where(1).value().text(), "5");
  EXPECT_TRUE(rule.where(2).value().boolean());
  EXPECT_EQ(rule.where(3).value().number(), 0.5);
  EXPECT_EQ(rule.where(4).test(), v1::ComputedRule::GE);
  EXPECT_EQ(rule.where(5).test(), v1::ComputedRule::LT);
  EXPECT_EQ(rule.where(6).test(), v1::ComputedRule::EXISTS);
}

TEST(Config, WhatTenantsShareIsAnErrorWithoutTheSecret) {
  const std::string text = read(
                               "tenants:\n"
                               "  - {name: b, write_keys: [first-key], data_api: {app_id: x, secret: s}}\n"
                               "  - {name: c, write_keys: [first-key], data_api: {app_id: x, secret: s}}\n"
                               "  - {name: b}\n")
                               .problems;
  EXPECT_TRUE(has(text, "f:3:5: tenants: a write key of c is that of b too")) << text;
  EXPECT_TRUE(has(text, "the app_id of c is that of b too")) << text;
  EXPECT_TRUE(has(text, "f:4:5: tenants: the name of b is that of b too")) << text;
  EXPECT_FALSE(has(text, "first-key")) << text;
}

TEST(Config, Tenants) {
  EXPECT_TRUE(has(read("revision: 2\n").problems, "tenants: is missing"));
  EXPECT_TRUE(has(read("tenants: []\n").problems, "must have one at least"));
  EXPECT_TRUE(has(read("tenants: [{name: Acme Inc}]\n").problems, "a-z, 0-9"));
  EXPECT_TRUE(has(read("tenants: [{write_keys: [k]}]\n").problems, "tenants[0].name: is missing"));
  EXPECT_TRUE(has(tenant_problems("data_api: {app_id: a}"), "tenants[0].data_api.secret: is missing"));
  EXPECT_TRUE(has(tenant_problems("schema: {mode: stric}"), "did you mean \"strict\"?"));
  EXPECT_TRUE(has(read("").problems, "must be a map"));
}

TEST(Config, PlansAreReadWithTheirPlaces) {
  const auto plan_problems = [](const std::string& plan) { return tenant_problems("plan: " + plan); };
  EXPECT_EQ(plan_problems("{events: {E: {type: object, required: [a], properties: {a: {enum: [1, x]}}}, F: true}}"),
            "");
  struct Case {
    const char* plan;
    const char* said;
  };
  const Case cases[] = {
      {"{}", "tenants[0].plan.events: is missing"},
      {"{event: {}}", "did you mean \"events\"?"},
      {"{events: [E]}", "must be a map from names of events"},
      {"{events: {E: 5}}", "events.E: must be a schema"},
      {"{events: {E: {requierd: [a]}}}", "did you mean \"required\"?"},
      {"{events: {E: {pattern: x}}}", "events.E: pattern is not supported"},
      {"{events: {E: {$ref: x}}}", "unknown keyword \"$ref\""},
      {"{events: {E: {uniqueItems: true}}}", "unknown keyword \"uniqueItems\""},
      {"{events: {E: {type: strin}}}", "did you mean \"string\"?"},
      {"{events: {E: {type: []}}}", "must name a type"},
      {"{events: {E: {required: a}}}", "E.required: must be a list of names"},
      {"{events: {E: {enum: []}}}", "E.enum: must be a list of 1"},
      {"{events: {E: {minimum: x}}}", "E.minimum"},
      {"{events: {E: {minLength: -1}}}", "E.minLength"},
      {"{events: {E: {multipleOf: 0}}}", "must be above 0"},
      {"{events: {E: {anyOf: []}}}", "must be a list of schemas"},
      {"{events: {E: {properties: {a: {items: [{}]}}}}}", "E.properties.a.items: must be a schema"},
  };
  for (const Case& one : cases) EXPECT_TRUE(has(plan_problems(one.plan), one.said)) << plan_problems(one.plan);
  std::string deep = "{}";
  for (int i = 0; i < 13; ++i) deep = "{not: " + deep + "}";
  EXPECT_TRUE(has(plan_problems("{events: {E: " + deep + "}}"), "nested deeper than 12"));
  std::string many = "{anyOf: [";
  for (int i = 0; i < 1001; ++i) many += "{}, ";
  EXPECT_TRUE(has(plan_problems("{events: {E: " + many + "{}]}}}"), "too many schemas"));
}

TEST(Config, APlanMayBeInAFile) {
  const std::string path = ::testing::TempDir() + "/plan-of-config-test.yaml";
  std::ofstream(path) << "events:\n  E: {required: [a]}\n";
  const Outcome out = read("tenants: [{name: t, plan: " + path + "}]");
  ASSERT_TRUE(out.config) << out.problems;
  ASSERT_NE(out.config->tenants[0].plan, nullptr);
  EXPECT_TRUE(out.config->tenants[0].plan->knows("E"));
  EXPECT_EQ(out.config->tenant_plans.at("t").text(), R"({"events":{"E":{"required":["a"]}}})")
      << "the path is nothing to others";
  std::ofstream(path) << "events:\n  E: {requierd: [a]}\n";
  EXPECT_TRUE(has(read("tenants: [{name: t, plan: " + path + "}]").problems, path + ":2:7: events.E: unknown keyword"));
  std::remove(path.c_str());
  EXPECT_TRUE(has(read("tenants: [{name: t, plan: " + path + "}]").problems, "can't be read"));
}

TEST(Config, ARateSaysHowManyASecond) {
  const std::string text = tenant_problems("rate: {burst: 5}, raet: 1");
  EXPECT_TRUE(has(text, "tenants[0].rate: must have events_per_second")) << text;
  EXPECT_TRUE(has(text, "unknown key \"raet\"; did you mean \"rate\"?")) << text;
}

TEST(Config, FilesThatCannotBeRead) {
  EXPECT_TRUE(has(load_config("/nowhere/f.yaml", variables({})).error().message, "/nowhere/f.yaml: can't be read"));
}

TEST(Config, ProfilesOnDiskNeedReactionAndConsoleInOneProcess) {
  Config config = default_config();
  config.roles = {true, false, true, false};
  EXPECT_TRUE(check_roles(config)) << "on the embedded log there is one process anyway";
  config.log.kind = Config::LogKind::kKafka;
  const Status apart = check_roles(config);
  ASSERT_FALSE(apart);
  EXPECT_EQ(apart.error().code, Code::kInvalid);
  EXPECT_TRUE(has(apart.error().message, "roles: [reaction, console]"));
  config.roles = {false, false, false, true};
  config.profiles.kind = Config::Profiles::Kind::kSplit;
  EXPECT_FALSE(check_roles(config));
  config.roles = {false, false, true, true};
  EXPECT_TRUE(check_roles(config));
  config.roles = {true, true, false, false};
  EXPECT_TRUE(check_roles(config));
  config.roles = {false, false, false, true};
  config.profiles.kind = Config::Profiles::Kind::kMongodb;
  EXPECT_TRUE(check_roles(config));
}

TEST(Config, RolesOfTheCommandLine) {
  EXPECT_TRUE(parse_roles("ingest,console")->console);
  EXPECT_FALSE(parse_roles("ingest,console")->action);
  EXPECT_TRUE(has(parse_roles("ingest,acton").error().message, "did you mean \"action\"?"));
  EXPECT_FALSE(parse_roles("").has_value());
}

std::string problems_of_sink(const std::string& sink) {
  yaml::Problems problems("f");
  static_cast<void>(parse_config("tenants: [{name: acme, sinks: [" + sink + "]}]\n", nullptr, problems));
  return problems.text();
}

TEST(Config, SinksAreStrict) {
  const std::string hook = "name: h, kind: webhook, url: \"http://h/p?q=1\", secret: s";
  EXPECT_EQ(problems_of_sink("{" + hook + "}"), "");
  EXPECT_TRUE(has(problems_of_sink("{name: h}"), "sinks[0].kind: is missing: "));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", where: {enriched.citty: {ne: x}}}"),
                  "sinks[0].where: \"enriched.citty\" is on no event: `enrich` of the tenant names what is"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", on: changes, where: {computed.spend: {ge: 5}}}"),
                  "sinks[0].where: \"computed.spend\" is no computed attribute of the tenant"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", where: {computed.n: 5}}], computed: [{name: n, count: E}"),
                  "sinks[0].where: \"computed.n\" is on no event: a sink `on: changes` has computed attributes"));
  const std::string fine = problems_of_sink(
      "{" + hook + ", where: {enriched.city: x, computed.other: 1}}], enrich: [city], computed: [{name: n, count: E}");
  EXPECT_FALSE(has(fine, "where")) << fine;
  EXPECT_TRUE(has(problems_of_sink("{name: h, kind: webhook, url: \"http://h\"}"), "sinks[0].secret: is missing"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", to: \"file:///d\"}"), "sinks[0].to: is of kind files"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", on: changes, event: E}"), "sinks[0].event: is for `on: events`"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + "}, {" + hook + "}"), "sinks[1].name: \"h\" is there twice"));
  EXPECT_TRUE(has(problems_of_sink("{" + hook + ", urls: 1}"), "did you mean \"url\"?"));
  for (const char* url : {"ftp://h", "http://", "http://h:0/", "http://u:p@h/", "http://h/ x", "http://h/#f"})
    EXPECT_TRUE(has(problems_of_sink(std::string("{name: h, kind: webhook, secret: s, url: \"") + url + "\"}"),
                    "sinks[0].url: must be http"))
        << url;
  const std::string table = "name: p, kind: postgres, uri: \"postgresql://u:hunter2@h\", table: ";
  EXPECT_EQ(problems_of_sink("{" + table + "crm.people, columns: [city]}"), "");
  EXPECT_TRUE(has(problems_of_sink("{" + table + "\"a;b\"}"), "sinks[0].table: must be up to 50"));
  EXPECT_TRUE(has(problems_of_sink("{" + table + "t, columns: [event]}"), "\"event\" is a column already"));
  EXPECT_TRUE(
      has(problems_of_sink("{" + table + "t, on: changes, where: {a: 1}}"), "sinks[0].where: a table of profiles"));
  EXPECT_FALSE(has(problems_of_sink("{" + table + "\"a;b\"}"), "hunter2"));
  const std::string state = "name: s, kind: topic, brokers: \"h:9092\", topic: crm.people";
  EXPECT_EQ(problems_of_sink("{" + state + ", on: changes, properties: {sasl.password: \"env:P\"}}"), "");
  EXPECT_TRUE(has(problems_of_sink("{" + state + "}"), "sinks[0].on: a topic has states of profiles"));
  EXPECT_TRUE(has(problems_of_sink("{" + state + ", on: changes, start: now}"), "sinks[0].start: a topic has all"));
  EXPECT_TRUE(has(problems_of_sink("{" + state + ", on: changes, where: {a: 1}}"), "sinks[0].where: a topic has all"));
  EXPECT_TRUE(has(problems_of_sink("{" + state + ", on: changes, url: \"http://h\"}"), "is of kind webhook"));
  const std::string plugin =
      problems_of_sink("{" + state + ", on: changes, properties: {plugin.library.paths: hunter2}}");
  EXPECT_TRUE(has(plugin, "sinks[0].properties: \"plugin.library.paths\" can't be set here")) << plugin;
  EXPECT_FALSE(has(plugin, "hunter2"));
  EXPECT_TRUE(has(problems_of_sink("{name: s, kind: topic, on: changes, brokers: h, topic: \"a b\"}"),
                  "sinks[0].topic: must be up to 150"));
  EXPECT_TRUE(has(problems_of_sink("{name: f, kind: files, to: \"gs://b\"}"), "sinks[0].to: must be file:///"));
  const std::string lake = "name: l, kind: files, to: \"file:///d\", columns: ";
  EXPECT_EQ(problems_of_sink("{" + lake + "[city, \"total:number\", \"og:title:text\"], format: parquet}"), "");
  EXPECT_TRUE(has(problems_of_sink("{" + lake + "[city]}"), "sinks[0].columns: are for `format: parquet`"));
  EXPECT_TRUE(has(problems_of_sink("{" + lake + "[c], format: parquet, on: changes}"), "a change has `ops`"));
  EXPECT_TRUE(
      has(problems_of_sink("{" + lake + "[\"a:double\"], format: parquet}"), "behind the last colon stands a type"));
  EXPECT_TRUE(has(problems_of_sink("{" + lake + "[user], format: parquet}"), "\"user\" is a column already"));
  EXPECT_TRUE(has(problems_of_sink("{" + lake + "[\":json\"], format: parquet}"), "has no name"));
}

}  // namespace
}  // namespace freshet::app
