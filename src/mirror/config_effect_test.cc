// No key of mirror.yaml that does nothing.
#include <gtest/gtest.h>

#include "mirror/config.h"
#include "mirror/fields.h"
#include "testing/key_effects.h"

namespace freshet::mirror {
namespace {

constexpr KeyEffect kMirrorEffects[] = {
    {"name", "mirror/loop.cc", "config_.name"},
    {"instance", "mirror/loop.cc", "config_.instance"},
    {"source.name", "mirror/loop.cc", "config_.source.name"},
    {"source.brokers", "cluster/stream/client.cc", "connection.bootstrap"},
    {"source.properties", "cluster/stream/client.cc", "connection.properties"},
    {"target.name", "mirror/loop.cc", "config_.target.name"},
    {"target.brokers", "cluster/admin/handles.cc", "connection.bootstrap"},
    {"target.properties", "cluster/admin/handles.cc", "connection.properties"},
    {"prefix", "mirror/config.cc", "config.prefix + \".progress.\""},
    {"topics", "mirror/config.cc", "config.topics"},
    {"topics[].match", "mirror/config.cc", "match_pattern(rule.match"},
    {"topics[].to", "mirror/config.cc", "chosen{&rule, rule.to.empty()"},
    {"topics[].partitions", "mirror/topics.cc", "topic.rule.partitions"},
    {"topics[].keyless", "mirror/loop.cc", "topic.rule.keyless"},
    {"topics[].producers", "mirror/loop.cc", "topic.rule.follows_keys()"},
    {"topics[].priority", "mirror/lanes.cc", "rule.priority"},
    {"topics[].bandwidth", "mirror/lanes.cc", "rule.bandwidth_bytes_per_s"},
    {"topics[].on_loss", "mirror/shares.cc", "rule.on_loss"},
    {"topics[].where", "mirror/transform.cc", "rule.where"},
    {"topics[].where[].field", "mirror/transform.cc", "condition.field"},
    {"topics[].where[].is", "mirror/transform.cc", "condition.is"},
    {"topics[].fields", "mirror/transform.cc", "rule.fields"},
    {"exclude", "mirror/config.cc", "config.exclude"},
    {"groups", "mirror/offsets.cc", "config.groups"},
    {"replication", "mirror/topics.cc", "config_.replication"},
    {"loops", "mirror/loop.cc", "config_.loops"},
    {"commit_every", "mirror/loop.cc", "config_.commit_us"},
    {"refresh_every", "mirror/loop.cc", "config_.refresh_us"},
    {"offsets_every", "mirror/loop.cc", "config_.offset_sync_us"},
    {"switch_over", "mirror/switch_over.cc", "config_.switch_over_us"},
    {"heartbeat_every", "mirror/loop.cc", "config_.heartbeat_us"},
};

constexpr const char* kEveryMirrorKey = R"(
name: m
instance: "2"
source: {name: a, brokers: "a:1", properties: {linger.ms: "1"}}
target: {name: b, brokers: "b:1", properties: {linger.ms: "1"}}
prefix: p
topics:
  - {match: "x.*", to: "y.*", partitions: 3, keyless: spread, producers: any, priority: high, bandwidth: 1MiB,
     on_loss: skip, where: [{field: f, is: [a]}], fields: [f]}
exclude: [z]
groups: [g]
replication: 1
loops: allowed
commit_every: 20ms
refresh_every: 1s
offsets_every: 1s
switch_over: 1s
heartbeat_every: 1s
)";

std::vector<yaml::FieldRow> rows_of(Config config) {
  yaml::FieldTable table;
  describe(table, config);
  return table.rows();
}

TEST(MirrorKeys, EachChangesTheConfiguration) {
  yaml::Problems problems("mirror.yaml");
  const auto config = parse_config(kEveryMirrorKey, {}, problems);
  ASSERT_TRUE(config) << problems.text();
  expect_each_key_changes(rows_of(Config{}), {rows_of(*config)});
}

TEST(MirrorKeys, EachIsReadByCodeThatIsNotTheDescription) {
  expect_each_key_is_read(rows_of(Config{}), kMirrorEffects, "mirror/fields");
}

}  // namespace
}  // namespace freshet::mirror
