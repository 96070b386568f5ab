// Traces through action: what carries their context on, what does not, and that nothing else follows from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"
#include "testing/action/cluster.h"

namespace freshet::action {
namespace {

using ::testing::HasSubstr;
using testing::make_record;
using ::testing::Not;
using testing::TestCluster;

constexpr const char* kSampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
constexpr const char* kUnsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

v1::Envelope traced(v1::Envelope record, const char* trace_parent = kSampled) {
  record.set_trace_parent(trace_parent);
  return record;
}

TEST(ActionTrace, AWantedTraceGoesOnUnchangedToChangesAndEvents) {
  TestCluster cluster(1, 1);
  cluster.send(traced(make_record("m1", {{"user_id", "u1"}, {"email", "e"}}, 10, "E")));
  cluster.run();
  ASSERT_EQ(cluster.traced_changes().size(), 1u);
  EXPECT_EQ(cluster.traced_changes()[0].trace_parent(), kSampled);
  EXPECT_THAT(cluster.events().at(0), HasSubstr(std::string(R"("traceparent":")") + kSampled + R"(")"));
  const std::vector<TracedRecord> records = cluster.take_traced(0);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].parent, *telemetry::parse_trace_parent(kSampled));
  EXPECT_EQ(records[0].tenant, "t");
  EXPECT_STREQ(records[0].outcome, "processed");
  // The next one is not of this trace.
  cluster.send(make_record("m2", {{"user_id", "u1"}}, 11, "E"));
  cluster.run();
  EXPECT_EQ(cluster.traced_changes().size(), 1u);
  EXPECT_TRUE(cluster.take_traced(0).empty());
}

TEST(ActionTrace, WhatIsNotWantedEndsHere) {
  TestCluster cluster(1, 1);
  cluster.send(traced(make_record("m1", {{"user_id", "u1"}}, 10, "E"), kUnsampled));
  cluster.send(traced(make_record("m2", {{"user_id", "u1"}}, 11, "E"), "00-a-b-01"));
  cluster.run();
  EXPECT_TRUE(cluster.traced_changes().empty());
  EXPECT_TRUE(cluster.take_traced(0).empty());
  for (const std::string& event : cluster.events()) EXPECT_THAT(event, Not(HasSubstr("traceparent")));
}

// Over partitions: the device's part of a user's record, and records that reach a profile which was merged into
// another.
TEST(ActionTrace, MessagesThatCarryTheRecordCarryItsTrace) {
  const model::Tenant tenant = model::default_tenant("t");
  TestCluster cluster(7, 3, tenant);
  const v1::Envelope user = traced(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.send(testing::with_device(user, {{"device_id", "d1"}}));
  cluster.run();
  int devices = 0;
  for (const v1::Change& change : cluster.traced_changes()) devices += change.kind() == v1::ENTITY_KIND_DEVICE ? 1 : 0;
  EXPECT_EQ(devices, 1);
  cluster.send(make_record("m2", {{"anonymous_id", "a1"}}, 11, "E"));
  cluster.run();
  cluster.send(make_record("m3", {{"user_id", "u1"}, {"anonymous_id", "a1"}}, 12, "E"));
  cluster.run();
  const size_t before = cluster.traced_changes().size();
  cluster.send(traced(make_record("m4", {{"anonymous_id", "a1"}}, 13, "E")));
  cluster.run();
  EXPECT_EQ(cluster.traced_changes().size(), before + 1);
}

TEST(ActionTrace, OutcomesAreTold) {
  TestCluster cluster(1, 1);
  const v1::Envelope record = traced(make_record("m1", {{"user_id", "u1"}}, 10, "E"));
  cluster.send(record);
  cluster.send(record);
  v1::Envelope stranger = traced(make_record("m2", {{"user_id", "u1"}}, 10, "E"));
  stranger.set_tenant("nobody");
  cluster.send_to(0, stranger);
  cluster.run();
  std::vector<std::string> outcomes;
  for (const TracedRecord& one : cluster.take_traced(0)) outcomes.emplace_back(one.outcome);
  EXPECT_EQ(outcomes, (std::vector<std::string>{"processed", "duplicate", "dead_letter"}));
}

// Invariant 3: a replay says the same, with traces too, and they change nothing of the profiles.
TEST(ActionTrace, CrashesAndTracesChangeNothing) {
  std::vector<v1::Envelope> records;
  for (int i = 0; i < 60; ++i) {
    const std::string n = std::to_string(i % 7);
    v1::Envelope record = make_record("m" + std::to_string(i), {{"user_id", "u" + n}, {"email", "e" + n}}, 10 + i, "E");
    if (i % 3 == 0) record = testing::with_device(record, {{"device_id", "d" + n}});
    records.push_back(std::move(record));
  }
  const auto run = [&](bool with_traces, double crash_rate) {
    TestCluster cluster(1, 5);
    for (size_t i = 0; i < records.size(); ++i)
      cluster.send(with_traces && i % 2 == 0 ? traced(records[i]) : records[i]);
    cluster.run(crash_rate);
    std::string changes;
    for (const v1::Change& change : cluster.traced_changes()) changes += to_hex(change.SerializeAsString()) + "\n";
    std::string documents;
    for (const auto& [key, document] : cluster.documents()) documents += key + document.ShortDebugString() + "\n";
    EXPECT_EQ(changes.empty(), !with_traces);
    return std::pair(changes, documents);
  };
  const auto plain = run(false, 0), calm = run(true, 0), stormy = run(true, 0.3);
  EXPECT_EQ(calm.second, plain.second);
  EXPECT_EQ(stormy, calm);
}

}  // namespace
}  // namespace freshet::action
