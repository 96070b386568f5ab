// The keys of freshet.yaml, described once (yaml/fields.h) for the parser, the JSON Schema (docs/freshet.schema.json)
// and the tables of docs/configuration.md, which the tests compare. What depends on several keys is in config_checks.cc
// and config_tenants.cc. Private to the configuration.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "app/config.h"
#include "app/config_sinks.h"
#include "app/config_tenants.h"
#include "app/plan_document.h"
#include "console/lookout.h"
#include "model/identifier.h"
#include "model/session_gap.h"
#include "model/tenant.h"
#include "yaml/fields.h"

namespace freshet::app {

using yaml::Items;
using yaml::kAnyText;
using yaml::Need;

inline constexpr uint64_t kMiB = 1ull << 20;
inline constexpr int64_t kSecondUs = 1'000'000;
inline constexpr int64_t kHourUs = 3600 * kSecondUs;
inline constexpr int64_t kYearUs = 366 * 24 * kHourUs;
inline constexpr size_t kTokensMax = 100;
inline constexpr size_t kComputedMax = 200;
inline constexpr size_t kAudiencesMax = 100;
inline constexpr size_t kEnrichMax = 100;

extern const yaml::TextRule kAddress, kToken, kCollector, kOtherProcess, kMongoUri, kTopicPrefix;

template <class V>
void describe(V& v, v1::ComputedRule& rule) {
  v.text("name", *rule.mutable_name(), kAnyText, "Name of the attribute; each its own", Need::kRequired);
  std::vector<std::string_view> names;
  for (const Operation& operation : kOperations) {
    const bool counts = operation.op == v1::ComputedRule::COUNT;
    std::string operand = rule.op() == operation.op ? (counts ? rule.event() : rule.property()) : "";
    if (v.text(operation.name, operand, kAnyText, operation.doc)) {
      rule.set_op(operation.op);
      (counts ? *rule.mutable_event() : *rule.mutable_property()) = operand;
    }
    names.push_back(operation.name);
  }
  v.exactly_one_of(names);
  std::string event = rule.op() == v1::ComputedRule::COUNT ? "" : rule.event();
  if (v.text("over", event, kAnyText, "Name of the event; required but with `count`, which names it itself"))
    rule.set_event(event);
  v.custom("where", &write_filters_schema, "map of properties' names to values or tests", text_of_filters(rule),
           "Tests of the event's properties that all must pass, up to 16",
           [&rule](const yaml::Node& node, const std::string& path, yaml::Problems& problems) {
             read_filters(node, path, problems, rule);
           });
}

template <class V>
void describe(V& v, v1::AudienceRule& rule) {
  v.text("name", *rule.mutable_name(), kTenantName, "Each its own; profiles and events have this name",
         Need::kRequired);
  v1::ComputedRule tests;
  *tests.mutable_where() = rule.where();
  v.custom("where", &write_filters_schema, "map of names to values or tests", text_of_filters(tests),
           "Who passes all of these tests is in it, up to 16: of attributes, and of `computed.NAME`; required",
           [&rule](const yaml::Node& node, const std::string& path, yaml::Problems& problems) {
             v1::ComputedRule read;
             read_filters(node, path, problems, read);
             rule.mutable_where()->Swap(read.mutable_where());
           });
}

template <class V>
void describe_audiences(V& v, v1::TenantRules& rules) {
  std::vector<v1::AudienceRule> audiences(rules.audiences().begin(), rules.audiences().end());
  if (v.list("audiences", audiences, "[Audiences](audiences.md): who meets a condition, at most 100",
             Items(Need::kOptional, 0, kAudiencesMax), v1::AudienceRule(),
             [](auto& inner, v1::AudienceRule& rule) { describe(inner, rule); }))
    assign(audiences, *rules.mutable_audiences());
}

template <class V>
void describe_person_limits(V& v, v1::TenantRules& rules) {
  constexpr uint32_t kEventsMax = 100'000'000;
  uint32_t minute = rules.person_limits().per_minute();
  uint32_t hour = rules.person_limits().per_hour();
  uint32_t day = rules.person_limits().per_day();
  if (v.count("per_minute", minute, 0, kEventsMax, "In a minute; 0: as many as there are"))
    rules.mutable_person_limits()->set_per_minute(minute);
  if (v.count("per_hour", hour, 0, kEventsMax, "In an hour; 0: as many as there are"))
    rules.mutable_person_limits()->set_per_hour(hour);
  if (v.count("per_day", day, 0, kEventsMax, "In a day of UTC; 0: as many as there are"))
    rules.mutable_person_limits()->set_per_day(day);
}

template <class V>
void describe_limits(V& v, model::Tenant& tenant) {
  constexpr uint32_t kMany = 1'000'000;
  model::Limits& limits = tenant.limits;
  v1::TenantRules& rules = tenant.rules;
  v.count("event_names", limits.event_names, 1, kMany, "Names of events");
  v.count("user_attributes", limits.user_attributes, 1, 10'000, "Names of attributes");
  v.count("event_attributes", limits.event_attributes, 1, 10'000, "Names of properties, per event");
  v.count("name_length", limits.name_length, 1, 1000, "Characters; longer names are cut");
  v.count("value_length", limits.value_length, 1, 65'536, "Characters; longer text is cut, a longer URL left out");
  v.count("list_length", limits.list_length, 1, 10'000, "Items; the rest is left out");
  v.count("depth", limits.depth, 1, 32, "Levels of nested JSON");
  v.map("identifiers_per_type", "TYPE", text_of_identifier_limits(rules),
        "How many a profile has of each type; the type `default` is for the rest",
        [&rules](auto& types, const std::string& type) {
          uint32_t max = 0;
          if (types.count(type, max, 1, 1000, "")) model::set_identifier_limit(rules, type, max);
        });
  // What is not given stays 0 in the rules, whose bytes say whether two processes have the same.
  uint32_t identifiers = model::identifiers_max(rules);
  uint32_t merges = model::merges_max(rules);
  uint32_t claimants = model::claimants_max(rules);
  if (v.count("identifiers", identifiers, 1, 10'000, "Identifiers of a profile, of all types"))
    rules.set_identifiers_max(identifiers);
  if (v.count("merges", merges, 1, 10'000, "Profiles merged into one")) rules.set_merges_max(merges);
  if (v.count("claimants", claimants, 1, 1000,
              "Profiles that claim one identifier before it is [common](identity.md#limits) and nobody has it"))
    rules.set_claimants_max(claimants);
  v.section("person", "Events of one person that are taken, by when they were received: [rates](operations/rates.md)",
            [&rules](auto& person) { describe_person_limits(person, rules); });
}

template <class V>
void describe_phones(V& v, model::PhoneRule& phones) {
  model::PhoneSpelling spelling = phones.in_force();
  if (v.choice(
          "spelling", spelling,
          "Which spelling phone numbers have as identifiers: the [normal](identity.md#phone-numbers) one, the one that "
          "was sent, or both, which joins profiles from before. Installations that were made by a release before "
          "this key go on `as_sent` until it, or `default_country`, is given"))
    phones.spelling = spelling;
  v.text("default_country", phones.default_country, kCallingCode,
         "Calling code of the country that numbers without one belong to, such as `91`");
}

template <class V>
void describe_identity(V& v, model::Tenant& tenant) {
  v1::TenantRules& rules = tenant.rules;
  std::vector<std::string> types = list_of(rules.user_priority());
  if (v.texts("priority", types, kTypeName,
              "Types of users, the most telling first. `user_id` must come first: records are routed by their first "
              "identifier, so otherwise an event naming a user_id would land in another profile",
              Items(Need::kOptional, 1)))
    assign(types, *rules.mutable_user_priority());
  std::vector<std::string> shared = list_of(rules.shared());
  if (v.texts("shared", shared, kTypeName,
              "Types of the list above that several persons may use: they go to whoever used them last. Never "
              "`user_id`"))
    assign(shared, *rules.mutable_shared());
  std::vector<std::string> blocked = list_of(rules.blocked_values());
  if (v.texts("blocked_values", blocked, kAnyText,
              "Values that are never identifiers, beside the built-in ones (`null`, `undefined`, `0`, …); case does "
              "not count"))
    assign(in_lower_case(std::move(blocked)), *rules.mutable_blocked_values());
  v.map("on_conflict", "TYPE", text_of_conflicts(rules),
        "For each type whether an identifier whose join was refused stays with its holder (as without this key) or "
        "moves to whoever used it last. Not for `user_id` and shared types",
        [&rules](auto& conflicts, const std::string& type) {
          OnConflict choice = OnConflict::kStay;
          if (conflicts.choice(type, choice, "") && choice == OnConflict::kMove) rules.add_conflict_move(type);
        });
  v.section("phone", "How phone numbers are compared",
            [&tenant](auto& phone) { describe_phones(phone, tenant.phones); });
}

template <class V>
void describe_objective(V& v, model::Objective& objective) {
  constexpr int64_t kDayUs = 24 * 3600 * kSecondUs;
  v.duration("within", objective.within_us, kSecondUs / 100, 24 * 3600 * kSecondUs,
             "From the receipt of a record until its profile can be read");
  v.number("share", objective.share, 0.5, 0.99999, "Share of the records of which that must be true");
  v.duration("over", objective.over_us, kDayUs, 90 * kDayUs, "Of the records of so long a time");
}

template <class V>
void describe_schema_rules(V& v, model::Tenant& tenant) {
  v.section(
      "schema", "What is done with names that were not seen before, or were with another type", [&](auto& schema) {
        SchemaMode mode = tenant.strict_schema ? SchemaMode::kStrict : SchemaMode::kDiscover;
        if (schema.choice("mode", mode,
                          "`discover`: what comes is learned within the limits, and what the plan has against it is "
                          "counted; `strict`: "
                          "only what is known, or what the plan has, is taken"))
          tenant.strict_schema = mode == SchemaMode::kStrict;
        schema.choice(
            "conflicts", tenant.conflicts,
            "What becomes of a value of [another type](operations/schema.md) than its name was learned with: taken "
            "as sent (`keep`), or both types widened to one, or the value coerced to the known type, or its item "
            "refused");
      });
}

template <class V>
void describe(V& v, model::Tenant& tenant) {
  v1::TenantRules& rules = tenant.rules;
  v.text("name", tenant.name, kTenantName, "Name of the tenant; each its own", Need::kRequired);
  v.texts("write_keys", tenant.write_keys, kSecretKey,
          "Keys of web pages and apps: they send, and read nothing. Each is of one tenant only, and may stand here as "
          "itself or as its hash (`sha256-` and the 64 digits of `printf %s KEY | sha256sum`)");
  v.texts("server_keys", tenant.server_keys, kSecretKey,
          "Keys of backends: they command, too (`merge`, `erase`, `unsuppress`, `unlink`), so by the API only the role "
          "`erase` adds one. With one of these here, CSV "
          "imports want it as well. As themselves or as hashes");
  v.section("data_api", "Who may use the data API", [&](auto& api) {
    api.text("app_id", tenant.app_id, kKey, "Who sends by the data API; of one tenant only", Need::kRequired);
    api.text("secret", tenant.app_secret, kSecret, "What it proves itself by, or the hash of it; never shown",
             Need::kRequired);
  });
  v.section("rate", "How much it may send, over all ingest nodes: [rates](operations/rates.md)", [&](auto& rate) {
    rate.count(
        "events_per_second", tenant.rate.events_per_second, 1, 100'000'000,
        "Records; what is over it waits and goes in later. Required in `rate`; without `rate` there is no limit");
    rate.count("burst", tenant.rate.burst, 1, 1'000'000'000,
               "Records that may come at once, after a pause. Default: those of a second");
    rate.exactly_one_of(std::vector<std::string_view>{"events_per_second"});
  });
  v.section("objective", "How fresh its profiles are promised to be, where that is not what `objective` of all says",
            [&](auto& objective) { describe_objective(objective, tenant.objective); });
  v.section("limits", "How much a tenant may have", [&](auto& limits) { describe_limits(limits, tenant); });
  v.section("identity", "How persons are told apart", [&](auto& identity) { describe_identity(identity, tenant); });
  v.section("devices", "How devices are told apart", [&](auto& devices) {
    std::vector<std::string> types = list_of(rules.device_priority());
    if (devices.texts("priority", types, kTypeName,
                      "Types of devices, the most telling first; none of them a type of users",
                      Items(Need::kOptional, 1)))
      assign(types, *rules.mutable_device_priority());
  });
  v.section("sessions", "[Sessions](profiles.md#sessions) of its customers", [&](auto& sessions) {
    int64_t gap_us = model::session_gap_us(rules);
    if (sessions.duration("gap", gap_us, 10 * kSecondUs, 24 * 3600 * kSecondUs,
                          "Without an event so long, a session is over; whole seconds"))
      rules.set_session_gap_s(static_cast<uint32_t>(gap_us / kSecondUs));
  });
  std::vector<v1::ComputedRule> computed(rules.computed().begin(), rules.computed().end());
  if (v.list("computed", computed, "[Computed attributes](#computed-attributes), at most 200",
             Items(Need::kOptional, 0, kComputedMax), v1::ComputedRule(),
             [](auto& inner, v1::ComputedRule& rule) { describe(inner, rule); }))
    assign(computed, *rules.mutable_computed());
  describe_audiences(v, rules);
  std::vector<std::string> enrich = list_of(rules.enrich());
  if (v.texts("enrich", enrich, kAnyText, "Identifiers and attributes to add to each event of the topic `events`",
              Items(Need::kOptional, 0, kEnrichMax)))
    assign(enrich, *rules.mutable_enrich());
  v.custom(
      "plan", &write_plan_schema, "a map, or the path of a file", tenant.plan == nullptr ? "" : "{events: …}",
      "The tracking plan: `{events: {NAME: SCHEMA}}` with a JSON Schema of each event's properties, or a file with "
      "that. [Tracking plans](operations/plans.md)",
      [&tenant](const yaml::Node& node, const std::string& path, yaml::Problems& problems) {
        if (auto plan = read_plan(node, path, problems)) tenant.plan = std::move(plan->plan);
      });
  v.list("sinks", tenant.sinks, "[Sinks](sinks.md): who gets its events and changes, at most 16",
         Items(Need::kOptional, 0, kSinksMax), model::Sink(),
         [](auto& inner, model::Sink& sink) { describe(inner, sink); });
  v.count("webhook_rate", tenant.webhooks_per_second, 1, 1'000'000,
          "Requests a second that all its [webhooks](sinks.md#webhook) together send, over all processes. Default: as "
          "many as their receivers take");
  describe_schema_rules(v, tenant);
}

template <class V>
void describe_log(V& v, Config::Log& log) {
  v.choice("kind", log.kind, "`embedded`: in the data directory of the one process; `kafka`: shared by many");
  v.count("partitions", log.partitions, 1, kPartitionsMax,
          "Fixed once there is data, but for [this](operations/checkpoints.md#another-number-of-partitions)");
  v.section("kafka", "Of kind `kafka`", [&](auto& kafka) {
    kafka.text("brokers", log.brokers, kAnyText, "`\"host:9092,host:9092\"`; required for `kind: kafka`");
    kafka.text("topic_prefix", log.topic_prefix, kTopicPrefix, "Topics, groups and transactional ids begin with it");
    kafka.map("properties", "NAME", text_of_properties(log.properties),
              "[librdkafka's](#kafka), for every client; values are never shown",
              [&log](auto& properties, const std::string& name) {
                std::string value;
                if (properties.text(name, value, kAnyText, "")) log.properties.emplace_back(name, value);
              });
    kafka.bytes("disk_reserve", log.disk_reserve_bytes, 0, 1ull << 50,
                "With less free on a broker's disk that has our topics ingest answers 503; 0: never. "
                "[The disk is full](operations/machine.md#the-disk-is-full)");
  });
}

template <class V>
void describe_state(V& v, Config::State& state) {
  v.bytes("memory", state.memory_bytes, 64 * kMiB, 1ull << 42, "All caches and write buffers together");
  v.count("standbys", state.standbys, 0, 1,
          "On Kafka, with 1: another process reads along and takes over within seconds. "
          "[Standbys](operations/workers.md#standbys)");
  v.count("slots", state.slots, 1, 1024,
          "With standbys, in how many parts the work is shared out: at most `log.partitions`, the same for all "
          "processes. Default: 8, or `log.partitions` if that is less");
  v.duration("standby_after", state.standby_after_us, 2 * kSecondUs, 60 * kSecondUs,
             "With standbys, after how long a silent owner's work is taken over. More where brokers answer after "
             "seconds. Default: `2500ms`");
}

template <class V>
void describe_mongodb(V& v, Config::Profiles& profiles) {
  v.text("uri", profiles.mongodb_uri, kMongoUri,
         "`mongodb://HOST:PORT`, with credentials if need be; never shown. [Profiles in MongoDB](#profiles-in-mongodb)",
         Need::kRequired);
}

template <class V>
void describe_profiles(V& v, Config::Profiles& profiles) {
  using Kind = Config::Profiles::Kind;
  const bool said = v.choice(
      "kind", profiles.kind,
      "`state`: read from what action knows, which nobody writes a second time; for `log.kind: embedded` with "
      "action and console in one process, elsewhere the default is `embedded`. `split`: whole profiles embedded, "
      "what is searched by in MongoDB. May be left out beside its section. "
      "[Where profiles are](profiles.md#where-profiles-are)");
  v.choice(
      "changes", profiles.changes,
      "Of kind `state`: `written`: topic `changes` is there for `GET …/changes` and `freshet tail`; `if_read`: only "
      "while a sink reads it");
  const bool mongodb =
      v.section("mongodb", "Of kind `mongodb`", [&](auto& section) { describe_mongodb(section, profiles); });
  const bool split = v.section("split", "Of kind `split`", [&](auto& section) {
    section.section("mongodb", "{uri: …}", [&](auto& inner) { describe_mongodb(inner, profiles); }, Need::kRequired);
    section.texts("indexed", profiles.indexed, kAnyText, "The attributes that MongoDB has, beside identifiers");
  });
  profiles.kind_said = said;
  if (!said && mongodb) profiles.kind = Kind::kMongodb;
  if (!said && !mongodb && split) profiles.kind = Kind::kSplit;
}

template <class V>
void describe_checkpoints(V& v, Config::Checkpoints& checkpoints) {
  constexpr int64_t kDayUs = 86'400 * kSecondUs;
  v.text("to", checkpoints.to, kAnyText,
         "`file:///DIRECTORY` or `s3://BUCKET/PREFIX`; the section is required where action runs on Kafka. "
         "[Checkpoints](operations/checkpoints.md)",
         Need::kRequired);
  v.text("endpoint", checkpoints.endpoint, kAnyText,
         "S3: `http://host:port` or `https://host:port`, path-style; without it Amazon's. Credentials and region come "
         "from the environment or a file (`AWS_…`)");
  v.duration("interval", checkpoints.interval_us, kSecondUs, kDayUs, "From one checkpoint of a partition to its next");
  v.duration("min_pause", checkpoints.min_pause_us, 0, kDayUs, "Between the end of one and the begin of the next");
  v.count("keep", checkpoints.keep, 1, 1000, "Of each partition");
  v.count("concurrency", checkpoints.concurrency, 1, 64, "Partitions at a time");
  v.bytes("bandwidth", checkpoints.bytes_per_s, kMiB, 1ull << 40,
          "Bytes a second that are read and sent, of the process");
}

template <class V>
void describe_retention(V& v, Config::Retention& retention) {
  v.duration("events", retention.events_us, kHourUs, kYearUs,
             "Of topic `events`, if `events.keep` does not say it, and at most 8 GiB of it");
  v.duration("changes", retention.changes_us, kHourUs, kYearUs,
             "Of topic `changes`, once they are read, and at most 1 GiB of it; on Kafka a week at least");
  v.duration("deadletters", retention.deadletters_us, kHourUs, kYearUs,
             "Of dead letters, in their topic and where the console keeps them");
  v.duration("imports", retention.imports_us, kHourUs, kYearUs,
             "Of what is known of a complete import: its name, its counts, and where rows were rejected");
  v.duration("logs", retention.logs_us, kHourUs, kYearUs, "Of topic `logs`, and at most 2 GiB of it");
}

template <class V>
void describe_deadletters(V& v, Config::DeadLetters& letters) {
  v.count("count", letters.count, 100, 100'000'000, "Letters; beyond it the oldest of that tenant go");
  v.bytes("bytes", letters.bytes, kMiB, 1ull << 40, "Of all of them; the same");
}

template <class V>
void describe_overflow(V& v, Config::Overflow& overflow) {
  v.count("count", overflow.count, 1, 1'000'000'000,
          "Records; beyond it, and beyond what its rate moves in 12 hours, the tenant gets 429");
  v.bytes("bytes", overflow.bytes, kMiB, 1ull << 40, "Of all of them; the same");
}

template <class V>
void describe(V& v, console::Token& token) {
  v.text("name", token.name, kTenantName, "What the audit log calls its holder; each its own", Need::kRequired);
  v.text("token", token.secret, kToken, "The token or its hash; never shown", Need::kRequired);
  v.choice("role", token.role,
           "`read` looks (metrics, profiles, dead letters), `operate` replays, forgets names and changes tenants, too, "
           "`erase` may everything, as adding server keys and sinks");
}

template <class V>
void describe(V& v, Config::Tls& tls) {
  v.text("cert", tls.cert, kAnyText, "A file (PEM), beside its key; read again on SIGHUP", Need::kRequired);
  v.text("key", tls.key, kAnyText, "A file (PEM), beside its certificate", Need::kRequired);
}

template <class V>
void describe_console(V& v, Config::Console& shown) {
  v.texts("fleet", shown.fleet, kOtherProcess,
          "`http://HOST:PORT` of `--listen` of `freshet fleet watch`, `mirror` and `capture`: page Fleet shows them",
          Items(Need::kOptional, 0, console::kWatchedMax));
  v.texts("peers", shown.peers, kOtherProcess,
          "Of admin listeners of processes that play other roles: page Flow shows each by its name",
          Items(Need::kOptional, 0, console::kWatchedMax));
  v.text("token", shown.token, kToken, "An admin token of the role `read` that `peers` ask for; never shown");
}

template <class V>
void describe_collector(V& v, Config::Collector& collector, const char* otlp) {
  v.text("otlp", collector.otlp, kCollector, otlp, Need::kRequired);
  v.text("ca", collector.ca, kAnyText,
         "A file (PEM) with the authorities that the collector's certificate must be of. Default: those of the system");
  v.map("headers", "NAME", text_of_properties(collector.headers),
        "Sent with each request: each value is what is sent, or better `env:NAME` or `file:PATH`, which the process "
        "reads when it starts; never shown",
        [&collector](auto& headers, const std::string& name) {
          std::string value;
          if (headers.text(name, value, kSinkSecret, "")) collector.headers.emplace_back(name, value);
        });
}

// What a process tells of itself.
template <class V>
void describe_telling(V& v, Config& config) {
  v.section("tracing", "Traces of requests", [&](auto& tracing) {
    describe_collector(tracing, config.tracing,
                       "An OpenTelemetry collector; without it nothing is traced. [Traces](operations/tracing.md)");
    tracing.number("sample", config.tracing.sample, 0, 1,
                   "Share of requests without a `traceparent` of their own that are traced");
    tracing.duration("slow", config.tracing.slow_us, 0, 3600 * kSecondUs,
                     "What takes longer than this from its receipt is shown whatever the share is, as is what failed; "
                     "`0s`: no matter how long it takes");
  });
  v.duration(
      "canary", config.canary_us, kSecondUs, 60 * kSecondUs,
      "So often a process that ingests sends a record of its own through the whole pipeline, as the tenant "
      "`freshet-canary`, and its freshness is measured: `1s`. The same for all processes; without it none is sent");
  v.section("objective",
            "The [freshness](operations/console.md#freshness-objective) that is promised to every tenant that has no "
            "other",
            [&](auto& objective) { describe_objective(objective, config.objective); });
  v.section("telemetry", "Metrics and the log to a collector: [telemetry](operations/telemetry.md)", [&](auto& sent) {
    describe_collector(sent, config.telemetry, "An OpenTelemetry collector; without it neither is sent");
    sent.duration("interval", config.telemetry.interval_us, kSecondUs, 3600 * kSecondUs, "From metrics to metrics");
  });
  v.section("logging", "This process's own log, on standard error", [&](auto& logging) {
    logging.choice("level", config.logging.level,
                   "What is logged; `PUT /v1/logging` and SIGHUP change it while it runs, `--log-level` overrules it");
    logging.choice("format", config.logging.format,
                   "Lines for people, or a JSON object each; `--log-json` overrules it");
  });
}

template <class V>
void describe(V& v, Config& config) {
  v.count("revision", config.revision, 1, model::kRevisionMost,
          "Raise it with every change of tenants or rules: the highest that was started is in force, a lower one is an "
          "error");
  v.text("data_dir", config.data_dir, kAnyText, "A directory; made if missing");
  std::vector<Role> roles = list_of(config.roles);
  if (v.choices("roles", roles, "What this process does: [roles apart](#roles-apart)", Items(Need::kOptional, 1)))
    config.roles = roles_of(roles);
  v.section("ingest", "Where data comes in", [&](auto& ingest) {
    ingest.text("listen", config.ingest.listen, kAddress, "Port 0 picks one");
    ingest.section("tls", "Both or none", [&](auto& tls) { describe(tls, config.ingest.tls); });
    ingest.count("connections", config.ingest.connections, 16, 1'000'000,
                 "At a time; less where the process may open fewer files. [Strangers](operations/strangers.md)");
    ingest.count("connections_per_address", config.ingest.connections_per_address, 1, 1'000'000,
                 "Of one address (of IPv6: a /64), and of the memory for bodies the same part, or a quarter. Raise it "
                 "behind a proxy, which speaks for many. Default: a quarter of `connections`");
  });
  v.section("admin", "Health, metrics and the console", [&](auto& admin) {
    admin.text("listen", config.admin.listen, kAddress,
               "Of every process: health and metrics, and the console's addresses where it plays that role");
    admin.text("token", config.admin.token, kToken,
               "May everything; never shown. If `admin.listen` is not loopback, this or one of `tokens` is required");
    admin.list("tokens", config.admin.tokens,
               "Further tokens, each with a role: `[{name: grafana, token: ${GRAFANA_TOKEN}, role: read}]`",
               Items(Need::kOptional, 0, kTokensMax), console::Token(),
               [](auto& inner, console::Token& token) { describe(inner, token); });
    admin.section("tls", "Both or none", [&](auto& tls) { describe(tls, config.admin.tls); });
  });
  v.section("console", "Other processes that [the console](operations/console.md#other-processes) shows",
            [&](auto& section) { describe_console(section, config.console); });
  v.section("log", "Where records wait", [&](auto& log) { describe_log(log, config.log); });
  v.section("state", "What action remembers", [&](auto& state) { describe_state(state, config.state); });
  v.section("profiles", "Where profiles are", [&](auto& profiles) { describe_profiles(profiles, config.profiles); });
  v.section("checkpoints", "Copies of the state that outlive the disk",
            [&](auto& checkpoints) { describe_checkpoints(checkpoints, config.checkpoints); });
  v.section("events", "The topic `events`", [&](auto& events) {
    EventsFormat format = config.events_as_protobuf ? EventsFormat::kProtobuf : EventsFormat::kJson;
    if (events.choice("format", format, "Of the values of the topic `events`"))
      config.events_as_protobuf = format == EventsFormat::kProtobuf;
    events.duration(
        "keep", config.events_keep_us, 0, kYearUs,
        "All events are written and kept so long, in place of `retention.events`; `0s`: only those of tenants "
        "with a sink that takes them. Default: all with Kafka, `0s` with the embedded log. [Who reads "
        "them](format/events.md#whether-they-are-written)");
  });
  v.section("logs", "The topic `logs`: [logs](sources/logs.md)", [&](auto& logs) {
    logs.bytes("bandwidth", config.logs.bytes_per_s, 64ull << 10, 1ull << 40,
               "Bytes a second of log records that are taken, of the process; more is refused with 429");
  });
  v.section("retention", "How long copies are kept: [erasure](operations/erasure.md)",
            [&](auto& retention) { describe_retention(retention, config.retention); });
  v.section("deadletters", "How much is kept of the dead letters of each tenant",
            [&](auto& letters) { describe_deadletters(letters, config.deadletters); });
  v.section("overflow", "How much of each tenant may wait that is over its [rate](operations/rates.md)",
            [&](auto& overflow) { describe_overflow(overflow, config.overflow); });
  describe_telling(v, config);
  v.list("tenants", config.tenants,
         "Whose data it is, a list; the smallest: `[{name: acme, write_keys: [a-secret-key]}]`",
         Items(Need::kRequired, 1, kTenantsMax), model::default_tenant(""),
         [](auto& inner, model::Tenant& tenant) { describe(inner, tenant); });
}

}  // namespace freshet::app
