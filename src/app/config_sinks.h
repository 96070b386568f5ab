// The part of the configuration that is about sinks: what config_tenants.h is for tenants. Private to the
// configuration.
#pragma once

#include <string>

#include "app/config_tenants.h"
#include "model/sink.h"
#include "model/tenant.h"
#include "yaml/fields.h"

namespace freshet::app {

inline constexpr size_t kSinksMax = 16;  // of a tenant
inline constexpr size_t kSinkColumnsMax = 200;

extern const yaml::TextRule kWebhookUrl, kSinkSecret, kSinkTo, kSqlName, kSinkTopic;

template <class V>
void describe(V& v, model::Sink& sink) {
  using yaml::kAnyText;
  constexpr int64_t kSinkSecondUs = 1'000'000;
  v.text("name", sink.name, kTenantName, "Each its own; its place in the log has this name", yaml::Need::kRequired);
  v.choice("kind", sink.kind, "What it is; required. The keys below are each of one kind, where they say so");
  v.choice("on", sink.on, "What it gets: `events`, or `changes` of profiles");
  v.choice("start", sink.start, "Of a new one: with the oldest record that is kept, or with what comes from now on");
  v.text("event", sink.event, kAnyText, "Only events of this name");
  v.custom("where", &write_filters_schema, "map of names to values or tests", text_of_filters(sink.where),
           "Only what passes all of these tests, up to 16: [conditions](sinks.md#conditions)",
           [&sink](const yaml::Node& node, const std::string& path, yaml::Problems& problems) {
             read_filters(node, path, problems, sink.where);
           });
  v.duration(
      "every", sink.every_us, kSinkSecondUs / 10, 3600 * kSinkSecondUs,
      "How long records wait for others at most. Default: files `1m`, topic `1s`, postgres `200ms`, webhook not at "
      "all");
  v.text("url", sink.url, kWebhookUrl, "webhook: where to; required");
  v.text("secret", sink.secret, kSinkSecret,
         "webhook: what requests are signed with; required, never shown. `env:NAME` and `file:PATH` say where the "
         "process that sends finds it");
  v.text("ca", sink.ca, kAnyText,
         "webhook: PEM file of the authority of its certificate. Default: those of the system");
  v.count("concurrency", sink.concurrency, 1, 64, "webhook: requests at a time; those of one person come in order");
  v.count("rate", sink.per_second, 1, 1'000'000, "webhook: requests a second. Default: as many as it takes");
  v.duration("timeout", sink.timeout_us, kSinkSecondUs, 60 * kSinkSecondUs,
             "webhook: for each of connecting, sending and the answer; whole seconds");
  v.text("to", sink.to, kSinkTo, "files: `file:///DIRECTORY` or `s3://BUCKET/PREFIX`; required");
  v.text("endpoint", sink.endpoint, kAnyText,
         "files: of S3, `http://host:port` or `https://host:port`; credentials come from the environment or a file "
         "(`AWS_…`)");
  v.choice("compression", sink.compression, "files: of each file");
  v.choice("split_by", sink.split_by, "files: `event` makes files of their own for each name of events");
  v.choice("format", sink.format, "files: lines of JSON, or Parquet, whose `compression` is that of its pages");
  v.bytes("file_bytes", sink.file_bytes, 64ull << 10, 256ull << 20,
          "files: a partition's records are written when they are so many bytes, uncompressed, or after `every`");
  v.text("uri", sink.uri, kSinkSecret,
         "postgres: a connection string, such as `postgresql://user@host/db`; required, never shown. `env:NAME` and "
         "`file:PATH` as above");
  v.text("table", sink.table, kSqlName, "postgres: its table, `TABLE` or `SCHEMA.TABLE`; required");
  v.texts("columns", sink.columns, kAnyText,
          "postgres: attributes, properties, or `computed.NAME`, that get a column (of type text) of their own. "
          "files with `format: parquet`: properties or `enriched.NAME`, each `NAME` or `NAME:TYPE`; types are text, "
          "number, integer, boolean, time and json",
          yaml::Items(yaml::Need::kOptional, 0, kSinkColumnsMax));
  v.choice("part_by", sink.part_by, "postgres: events are partitioned by the month or the day of `received_at`");
  v.text("brokers", sink.brokers, kAnyText, "topic: `\"host:9092,host:9092\"` of its cluster; required");
  v.text("topic", sink.topic, kSinkTopic, "topic: its name; required. No other sink writes it");
  v.map("properties", "NAME", text_of_properties(sink.properties),
        "topic: librdkafka's, of `security.protocol`, `sasl.…` and `ssl.…`; values are never shown. `env:NAME` and "
        "`file:PATH` as above",
        [&sink](auto& properties, const std::string& name) {
          std::string value;
          if (properties.text(name, value, kSinkSecret, "")) sink.properties.emplace_back(name, value);
        });
  v.count("replication", sink.replication, 0, 100,
          "topic: of the one that is made; 0: three, if there are so many brokers");
}

// Adds problems of what must be so between the keys of a tenant's sinks. `path` as in finish_tenant().
void check_sinks(const yaml::Node& tenant_node, const std::string& path, const model::Tenant& tenant,
                 yaml::Problems& problems);
// The same of names that nothing of the tenant has: a test of one never passes, or always does, and nobody hears of it.
// Not of what was put before, by a release that did not look.
void check_names_in_sinks(const yaml::Node& tenant_node, const std::string& path, const model::Tenant& tenant,
                          yaml::Problems& problems);

}  // namespace freshet::app
