#include "sinks/postgres/profile_batch.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/hash.h"
#include "model/document.h"
#include "sinks/postgres/event_rows.h"
#include "testing/sink_log.h"

namespace freshet::sinks {
namespace {

const std::string kId(16, 'i');

v1::Change set_city(uint64_t version, const std::string& city) {
  v1::Change change;
  change.set_tenant("acme");
  change.set_kind(v1::ENTITY_KIND_USER);
  change.set_id(kId);
  change.set_version(version);
  change.set_received_at_us(1'767'323'045'000'000);
  v1::ChangeOp& op = *change.add_ops();
  op.set_type(v1::ChangeOp::SET);
  op.set_section(v1::ATTRIBUTES);
  op.set_name("city");
  op.mutable_value()->set_text(city);
  return change;
}

struct ProfileRows : ::testing::Test {
  ProfileRows() {
    log.around.sink.columns = {"city", "computed.n"};
    log.around.read_profile = [this](const v1::Change&, auto, auto,
                                     ProfileAs as) -> Result<std::optional<v1::Document>> {
      EXPECT_EQ(as, ProfileAs::kSettled);
      ++asked;
      return stored;
    };
  }
  // The rows after the changes, where the table has `known`.
  Status apply(const std::vector<v1::Change>& changes, const v1::Document* known = nullptr) {
    std::vector<Item> items;
    for (const v1::Change& change : changes) items.push_back({1, 0, kId, change.SerializeAsString()});
    const Batch batch{{eventlog::Topic::kChanges, 0}, 1, 2, items};
    profiles = std::make_unique<ProfileBatch>(log.around);
    FRESHET_ASSIGN(const std::string ids, profiles->begin(batch));
    EXPECT_EQ(ids, "[\"" + to_hex(kId) + "\"]");
    if (known != nullptr) FRESHET_TRY(profiles->know(to_hex(kId), to_hex(known->SerializeAsString())));
    return profiles->apply(batch);
  }
  [[nodiscard]] std::string member(const char* name) const {
    simdjson::dom::parser parser;
    const std::string rows = profiles->rows();
    if (rows.empty()) return "no row";
    return simdjson::minify(parser.parse(rows).at(0)[name].value());
  }
  SinkLog log;
  std::optional<v1::Document> stored;
  int asked = 0;
  std::unique_ptr<ProfileBatch> profiles;
};

TEST_F(ProfileRows, FoldsWhatFollows) {
  ASSERT_TRUE(apply({set_city(1, "Pune"), set_city(2, "Oslo")}));
  EXPECT_EQ(member("city"), "\"Oslo\"");
  EXPECT_EQ(member("computed.n"), "null");
  EXPECT_EQ(member("version"), "2");
  EXPECT_EQ(asked, 0);
  EXPECT_EQ(profiles->removed(), "");
  v1::Document document;
  model::apply_change(document, set_city(1, "Pune"));
  model::apply_change(document, set_city(2, "Oslo"));
  EXPECT_EQ(member("state"), "\"" + to_hex(document.SerializeAsString()) + "\"");
  ASSERT_TRUE(apply({set_city(2, "Lima")}, &document));
  EXPECT_EQ(member("city"), "no row");  // It is stale.
}

TEST_F(ProfileRows, TakesWhatTheTableLacksFromTheStore) {
  stored.emplace();
  model::apply_change(*stored, set_city(1, "Pune"));
  stored->set_version(9);
  ASSERT_TRUE(apply({set_city(5, "Oslo"), set_city(6, "Lima")}));
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(member("version"), "9");
  EXPECT_EQ(member("city"), "\"Pune\"");
  stored.reset();  // It was removed since.
  ASSERT_TRUE(apply({set_city(5, "Oslo")}));
  EXPECT_EQ(member("city"), "no row");
}

TEST_F(ProfileRows, RemovesAndRevives) {
  v1::Change remove = set_city(2, "");
  remove.clear_ops();
  remove.set_remove(true);
  ASSERT_TRUE(apply({set_city(1, "Pune"), remove}));
  EXPECT_EQ(member("city"), "no row");
  EXPECT_EQ(profiles->removed(), "[\"" + to_hex(kId) + "\"]");
  v1::Change whole = set_city(3, "Oslo");
  whole.set_whole(true);
  ASSERT_TRUE(apply({set_city(1, "Pune"), remove, whole}));
  EXPECT_EQ(member("city"), "\"Oslo\"");
  EXPECT_EQ(profiles->removed(), "");
}

// Whose removals were among changes that were lost: a profile that is said whole names them.
TEST_F(ProfileRows, RemovesWhoWasMergedIntoOneThatIsWhole) {
  const std::string loser(32, '7');
  v1::Change whole = set_city(3, "Oslo");
  whole.set_whole(true);
  v1::ChangeOp& op = *whole.add_ops();
  op.set_type(v1::ChangeOp::ADD_TO_SET);
  op.set_section(v1::MERGED_FROM);
  op.mutable_value()->mutable_list()->add_values()->set_text(loser);
  ASSERT_TRUE(apply({whole}));
  EXPECT_EQ(member("city"), "\"Oslo\"");
  EXPECT_EQ(profiles->removed(), "[\"" + loser + "\"]");
  stored.emplace();
  model::apply_change(*stored, whole);
  ASSERT_TRUE(apply({set_city(9, "Lima")}));
  EXPECT_EQ(profiles->removed(), "[\"" + loser + "\"]");
}

TEST_F(ProfileRows, RefusesAStateThatIsNone) {
  std::vector<Item> items = {{1, 0, kId, set_city(1, "Pune").SerializeAsString()}};
  const Batch batch{{eventlog::Topic::kChanges, 0}, 1, 2, items};
  ProfileBatch rows(log.around);
  ASSERT_TRUE(rows.begin(batch));
  for (const char* state : {"", "zz", "00"}) EXPECT_FALSE(rows.know(to_hex(kId), state)) << state;
}

TEST(EventRows, HaveAColumnForEachThatIsAskedFor) {
  const std::vector<Item> items = {
      {7, 1'767'323'045'000'000, "u",
       R"({"message_id":"m","tenant":"acme","user":"u","event":"E","properties":{"total":12.5,"s":"x","o":{"a":1}},"timestamp":"2026-01-02T03:04:05.678Z","received_at":"2026-01-02T03:04:05.000Z","source":"records"})"}};
  const auto rows = rows_of_events({{eventlog::Topic::kEvents, 3}, 7, 8, items}, {"total", "s", "o", "none"});
  ASSERT_TRUE(rows);
  EXPECT_EQ(
      *rows,
      R"([{"received_at":"2026-01-02T03:04:05.000Z","log_partition":3,"log_offset":7,"message_id":"m","event":"E",)"
      R"("happened_at":"2026-01-02T03:04:05.678Z","user_profile":"u","device_profile":null,"source":"records",)"
      R"("properties":{"total":12.5,"s":"x","o":{"a":1}},"enriched":{},"total":"12.5","s":"x","o":"{\"a\":1}","none":null}])");
  const std::vector<Item> bad = {{7, 0, "u", "[]"}};
  EXPECT_FALSE(rows_of_events({{eventlog::Topic::kEvents, 3}, 7, 8, bad}, {}));
}

}  // namespace
}  // namespace freshet::sinks
