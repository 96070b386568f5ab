// The keys of mirror.yaml, described once (yaml/fields.h). Private to src/mirror.
#pragma once

#include <string>
#include <string_view>

#include "mirror/config.h"
#include "yaml/fields.h"

namespace freshet::mirror {

extern const yaml::TextRule kMirrorName;
extern const yaml::TextRule kTopicPattern;

template <class V>
void describe(V& v, End& end) {
  v.text("name", end.name, kMirrorName, "What the cluster is called in all mirrors of the fleet",
         yaml::Need::kRequired);
  v.text("brokers", end.at.bootstrap, yaml::kAnyText, "`\"host:9092,host:9092\"`", yaml::Need::kRequired);
  v.map("properties", "NAME", end.at.properties.empty() ? "" : "{…}",
        "librdkafka's, for every client of this cluster; values are never shown",
        [&end](auto& properties, const std::string& name) {
          std::string value;
          if (properties.text(name, value, yaml::kAnyText, "")) end.at.properties.emplace_back(name, value);
        });
}

template <class V>
void describe(V& v, Condition& condition) {
  v.text("field", condition.field, yaml::kAnyText, "A field of the value, which is a JSON object",
         yaml::Need::kRequired);
  v.texts("is", condition.is, yaml::kAnyText, "Texts, numbers or booleans, of which it must be one",
          yaml::Need::kRequired);
}

template <class V>
void describe(V& v, TopicRule& rule) {
  v.text("match", rule.match, kTopicPattern, "Topics of the source: a pattern, `*` stands for any text",
         yaml::Need::kRequired);
  v.text("to", rule.to, kTopicPattern, "The topic in the target; `*` stands for what the first one of `match` did");
  v.count("partitions", rule.partitions, 0, 100'000, "Of the target topic, by key; 0: as the source, one to one");
  v.choice("keyless", rule.keyless, "Records without a key, where the key decides the partition");
  v.choice(
      "producers", rule.producers,
      "How the source's producers place keys, where `partitions` is given: `java` (murmur2) keeps each key's order "
      "while partitions are added there");
  v.choice("priority", rule.priority, "Whose records are taken first");
  v.bytes("bandwidth", rule.bandwidth_bytes_per_s, 0, 1ull << 40, "Bytes a second, of each process; 0: no limit");
  v.choice("on_loss", rule.on_loss, "When the source has deleted what was not mirrored yet");
  v.list("where", rule.where, "Conditions that all must hold; other records are left out",
         yaml::Items(yaml::Need::kOptional, 0, 16));
  v.texts("fields", rule.fields, yaml::kAnyText, "The only fields of the JSON object that are mirrored");
}

template <class V>
void describe(V& v, Config& config) {
  constexpr int64_t kMs = 1000, kS = 1'000'000;
  v.text("name", config.name, kMirrorName, "Of the mirror; all its processes have the same", yaml::Need::kRequired);
  v.text("instance", config.instance, kMirrorName, "Of this process; no two that run have the same");
  v.section(
      "source", "Where records come from", [&](auto& inner) { describe(inner, config.source); }, yaml::Need::kRequired);
  v.section("target", "Where they go", [&](auto& inner) { describe(inner, config.target); }, yaml::Need::kRequired);
  v.text(
      "prefix", config.prefix, kMirrorName,
      "Of the mirror's own topics, its group and its transactional ids in the target; default `freshet.mirror.NAME`");
  v.list("topics", config.topics, "Rules; the first that fits a topic counts", yaml::Need::kRequired);
  v.texts("exclude", config.exclude, kTopicPattern, "Topics that are not mirrored: patterns");
  v.texts("groups", config.groups, yaml::kAnyText, "Consumer groups whose offsets are translated: patterns");
  v.count("replication", config.replication, 0, 100,
          "Of topics that are made; 0: as the source, if the target has so many brokers");
  v.choice("loops", config.loops, "`marked`: records carry where they came from, and none goes back there");
  v.duration("commit_every", config.commit_us, kMs, 10 * kS, "How long a transaction gathers records");
  v.duration("refresh_every", config.refresh_us, 100 * kMs, 3600 * kS,
             "How often new topics and partitions are looked for");
  v.duration("offsets_every", config.offset_sync_us, 100 * kMs, 3600 * kS,
             "How often groups' offsets are translated, and the marks are made that it takes");
  v.duration("switch_over", config.switch_over_us, 0, 24 * 3600 * kS,
             "How long after partitions were added to the source the old ones go first");
  v.duration("heartbeat_every", config.heartbeat_us, 100 * kMs, 3600 * kS, "How often each process says that it lives");
}

}  // namespace freshet::mirror
