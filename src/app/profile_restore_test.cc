#include "app/profile_restore.h"

#include <gtest/gtest.h>

#include "model/document.h"
#include "sinks/topic/record.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/document_changes.h"
#include "testing/sink_log.h"
#include "testing/temporary_store.h"

namespace freshet::app {
namespace {

using eventlog::Topic;

constexpr const char* kRestoredTopic = "crm.people";
const std::string kIdC = "cccccccccccccccc";

struct Lost {
  Lost() {
    log.around.sink.on = model::SinkOn::kChanges;
    cluster.make(kRestoredTopic, sinks::SinkLog::kPartitions);
  }
  void change(const v1::Change& change) {
    if (change.tenant() == "acme") model::apply_change(wanted[change.id()], change);
    log.append({Topic::kChanges, 0}, change.id(), change.SerializeAsString());
  }
  // What the topic has of it now.
  void state(const std::string& id) {
    const auto record = sinks::state_record("acme", v1::ENTITY_KIND_USER, id, wanted.at(id));
    testing::FakeRecord out{1, record.key, record.value, {}};
    for (const cluster::Header& header : record.headers())
      out.headers.emplace_back(std::string(header.name), std::string(*header.value));
    cluster.produce(kRestoredTopic, 0, std::move(out));
  }
  // The sink is at the end of what there is.
  void sink_is_here() {
    const auto high = log.log->watermarks({Topic::kChanges, 0});
    ASSERT_TRUE(high);
    auto consumer = log.consumer();
    ASSERT_TRUE(consumer->poll(1, 0));
    ASSERT_TRUE(consumer->commit({{}, {{{Topic::kChanges, 0}, high->high}}}));
  }
  Result<ProfilesRestored> restore() {
    const auto admin = cluster.admin();
    const auto reader = cluster.reader();
    return restore_profiles({"acme", "s", kRestoredTopic, *admin, *reader, *log.log, *store.store, log.clock,
                             [this](uint64_t done, uint64_t total) { shown = done == total; }});
  }
  void expect_all() {
    for (const auto& [id, document] : wanted) {
      const auto found = store.store->get({"acme", v1::ENTITY_KIND_USER, Hash128::from(id)});
      ASSERT_TRUE(found);
      EXPECT_EQ(found->has_value(), !document.removed());
      if (*found) {
        EXPECT_EQ((*found)->document.ShortDebugString(), document.ShortDebugString());
      }
    }
  }

  sinks::SinkLog log;
  testing::FakeCluster cluster{log.clock};
  docstore::TemporaryStore store;
  std::map<std::string, v1::Document> wanted;
  bool shown = false;
};

// A profile has older states in the topic until it is compacted; the sink may be behind reaction.
TEST(ProfileRestore, MakesTheStoreOfStatesAndOfTheChangesBehindThem) {
  using namespace docstore;
  Lost lost;
  lost.change(change_of("acme", kIdA, 1, {city("Pune"), email(ChangeOp::SET, {"a@b.c"})}));
  lost.state(kIdA);
  lost.change(change_of("acme", kIdB, 1, {city("Rome")}));
  lost.state(kIdB);
  lost.change(change_of("acme", kIdA, 2, {city("Oslo")}));
  lost.state(kIdA);
  lost.change(removal_of("acme", kIdB, 2));
  lost.state(kIdB);
  lost.cluster.produce(kRestoredTopic, 1, {1, "x", "somebody else's", {}});
  lost.sink_is_here();
  lost.change(change_of("acme", kIdA, 3, {tags(ChangeOp::ADD_TO_SET, {"x"})}));
  lost.change(change_of("acme2", kIdC, 1, {city("Lima")}));
  lost.change(change_of("acme", kIdA, 4, {tags(ChangeOp::ADD_TO_SET, {"y"})}));
  lost.change(change_of("acme", kIdC, 1, {city("Quito")}));
  for (int i = 0; i < 2; ++i) {  // again, as after it was broken off
    const auto restored = lost.restore();
    ASSERT_TRUE(restored) << restored.error().message;
    EXPECT_EQ(restored->states, 2u);
    EXPECT_EQ(restored->changes, 3u);
    EXPECT_EQ(restored->foreign, 1u);
    EXPECT_TRUE(lost.shown);
    lost.expect_all();
    lost.store.open();
    lost.expect_all();
  }
  EXPECT_FALSE(lost.store.store->get({"acme2", v1::ENTITY_KIND_USER, Hash128::from(kIdC)})->has_value());
}

TEST(ProfileRestore, RefusesWhereChangesAreInNeither) {
  using namespace docstore;
  Lost lost;
  lost.change(change_of("acme", kIdA, 1, {city("Pune")}));
  lost.state(kIdA);
  const auto never = lost.restore();
  ASSERT_FALSE(never);
  EXPECT_NE(never.error().message.find("has never run"), std::string::npos) << never.error().message;
  lost.sink_is_here();
  lost.change(change_of("acme", kIdA, 2, {city("Oslo")}));
  lost.change(change_of("acme", kIdA, 3, {city("Rome")}));
  const auto marks = lost.log.log->watermarks({Topic::kChanges, 0});
  ASSERT_TRUE(lost.log.log->trim({Topic::kChanges, 0}, marks->high - 1));
  const auto gap = lost.restore();
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code, Code::kInvalid);
  EXPECT_NE(gap.error().message.find("what lies between is in neither"), std::string::npos) << gap.error().message;
  EXPECT_FALSE(lost.store.store->get({"acme", v1::ENTITY_KIND_USER, Hash128::from(kIdA)})->has_value());
}

}  // namespace
}  // namespace freshet::app
