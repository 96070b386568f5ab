// The keys of capture.yaml, described once (yaml/fields.h). Private to src/capture.
#pragma once

#include <string>

#include "capture/config.h"
#include "yaml/fields.h"

namespace freshet::capture {

extern const yaml::TextRule kCaptureName;
extern const yaml::TextRule kCapturedTopic;
extern const yaml::TextRule kDatabaseName;

template <class V>
void describe(V& v, docstore::ChangeReaderOptions& source) {
  v.text("uri", source.uri, yaml::kAnyText, "`\"mongodb://USER:PASSWORD@HOST:PORT/?replicaSet=…\"`; it is never shown",
         yaml::Need::kRequired);
  v.text("database", source.database, kDatabaseName, "Its name", yaml::Need::kRequired);
  v.texts("collections", source.collections, yaml::kAnyText, "Patterns of their names: `*` stands for any text",
          yaml::Need::kRequired);
  v.choice("read", source.source, "`auto`: from change streams, or from the oplog of a server that has none");
  v.choice("before", source.before,
           "`available`: records tell the document before the change, too, where the server keeps it");
}

template <class V>
void describe(V& v, Config& config) {
  constexpr int64_t kMs = 1000, kS = 1'000'000;
  v.text("name", config.name, kCaptureName, "Of the capture; one process at a time works for it",
         yaml::Need::kRequired);
  v.section(
      "source", "The MongoDB database", [&](auto& inner) { describe(inner, config.source); }, yaml::Need::kRequired);
  v.section(
      "target", "The Kafka cluster",
      [&](auto& inner) {
        inner.text("brokers", config.target.bootstrap, yaml::kAnyText, "`\"host:9092,host:9092\"`",
                   yaml::Need::kRequired);
        inner.map("properties", "NAME", config.target.properties.empty() ? "" : "{…}",
                  "librdkafka's, for every client of the cluster; values are never shown",
                  [&config](auto& properties, const std::string& name) {
                    std::string value;
                    if (properties.text(name, value, yaml::kAnyText, ""))
                      config.target.properties.emplace_back(name, value);
                  });
      },
      yaml::Need::kRequired);
  v.text("topic", config.topic, kCapturedTopic, "Where changes go; `*` stands for the collection",
         yaml::Need::kRequired);
  v.text("prefix", config.prefix, kCaptureName,
         "Of the capture's own topics and its transactional id; default `freshet.capture.NAME`");
  v.count("partitions", config.partitions, 1, 10'000, "Of topics that are made");
  v.count("replication", config.replication, 0, 100, "Of topics that are made; 0: three, if there are so many brokers");
  v.choice("deletes", config.deletes,
           "What a deleted document leaves: a `record` that says so, a `tombstone`, or both");
  v.duration("commit_every", config.commit_us, kMs, 10 * kS, "How long a transaction gathers changes");
}

}  // namespace freshet::capture
