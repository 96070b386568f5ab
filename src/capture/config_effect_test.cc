// No key of capture.yaml that does nothing.
#include <gtest/gtest.h>

#include "capture/config.h"
#include "capture/fields.h"
#include "testing/key_effects.h"

namespace freshet::capture {
namespace {

constexpr KeyEffect kCaptureEffects[] = {
    {"name", "capture/loop.cc", "parts_.config.name"},
    {"source.uri", "docstore/mongo/change_reader.cc", "options.uri"},
    {"source.database", "docstore/mongo/change_reader.cc", "options_.database"},
    {"source.collections", "docstore/mongo/change_reader.cc", "options_.collections"},
    {"source.read", "docstore/mongo/change_reader.cc", "options_.source"},
    {"source.before", "docstore/mongo/stream_tail.cc", "options_.before"},
    {"target.brokers", "cluster/stream/client.cc", "connection.bootstrap"},
    {"target.properties", "cluster/stream/client.cc", "connection.properties"},
    {"topic", "capture/config.cc", "std::string out = config.topic"},
    {"prefix", "capture/config.cc", "config.prefix + \".position\""},
    {"partitions", "capture/topics.cc", "config_.partitions"},
    {"replication", "capture/topics.cc", "config_.replication"},
    {"deletes", "capture/loop.cc", "parts_.config.deletes"},
    {"commit_every", "capture/loop.cc", "parts_.config.commit_us"},
};

constexpr const char* kEveryCaptureKey = R"(
name: c
source: {uri: "mongodb://h/", database: d, collections: [a], read: oplog, before: available}
target: {brokers: "b:1", properties: {linger.ms: "1"}}
topic: t
prefix: p
partitions: 3
replication: 1
deletes: tombstone
commit_every: 20ms
)";

std::vector<yaml::FieldRow> rows_of(Config config) {
  yaml::FieldTable table;
  describe(table, config);
  return table.rows();
}

TEST(CaptureKeys, EachChangesTheConfiguration) {
  yaml::Problems problems("capture.yaml");
  const auto config = parse_config(kEveryCaptureKey, {}, problems);
  ASSERT_TRUE(config) << problems.text();
  expect_each_key_changes(rows_of(Config{}), {rows_of(*config)});
}

TEST(CaptureKeys, EachIsReadByCodeThatIsNotTheDescription) {
  expect_each_key_is_read(rows_of(Config{}), kCaptureEffects, "capture/fields");
}

}  // namespace
}  // namespace freshet::capture
