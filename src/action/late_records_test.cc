#include "action/late_records.h"

#include <gtest/gtest.h>

#include "env/clock.h"
#include "model/identifier.h"
#include "testing/action/cluster.h"

namespace freshet::action {
namespace {

v1::LateRecords records_in(const v1::DeadLetter& letter) {
  v1::LateRecords records;
  EXPECT_EQ(letter.body_type(), v1::DeadLetter::LATE_RECORDS);
  EXPECT_TRUE(records.ParseFromString(letter.body()));
  return records;
}

TEST(LateRecords, AreToldByTenantAndWhatCouldNotBeSentIsToldAgain) {
  LateRecordCounter counter;
  EXPECT_TRUE(counter.take(1, env::real_random()).empty());
  counter.add({{{"a", hash128("x")}, 2}, {{"b", hash128("y")}, 1}});
  counter.add({{{"a", hash128("x")}, 1}, {{"a", hash128("z")}, 4}});
  auto letters = counter.take(7, env::real_random());
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].tenant(), "a");
  EXPECT_EQ(letters[0].received_at_us(), 7);
  EXPECT_EQ(letters[0].uncounted(), 7u);
  EXPECT_EQ(records_in(letters[0]).of_size(), 2);
  EXPECT_EQ(letters[1].tenant(), "b");
  counter.add({{{"a", hash128("x")}, 10}});
  counter.put_back(letters);
  letters = counter.take(8, env::real_random());
  ASSERT_EQ(letters.size(), 2u);
  EXPECT_EQ(letters[0].uncounted(), 17u);
  EXPECT_TRUE(counter.take(9, env::real_random()).empty());
}

// Whoever knows many that were erased makes no record grow with how many they are.
TEST(LateRecords, OfManyIdentifiersOnlyTheSumIsTold) {
  LateRecordCounter counter;
  LateRecords many;
  for (size_t i = 0; i < 3 * kLateValuesMax; ++i) add_late(many, "a", hash128(std::to_string(i)), 1);
  EXPECT_LE(many.size(), kLateValuesMax + 1);
  counter.add(many);
  counter.add(many);
  const auto letters = counter.take(1, env::real_random());
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].uncounted(), 6 * kLateValuesMax);
  EXPECT_LE(letters[0].body().size(), 40 * kLateValuesMax);
  uint64_t others = 0;
  const v1::LateRecords told = records_in(letters[0]);
  for (const auto& one : told.of())
    if (one.value().empty()) others += one.count();
  EXPECT_EQ(others, 4 * kLateValuesMax + 2) << "the entry that stands for all others takes a place, too";
}

// Each by the identifier that it was routed by; not those that the person had before, nor what is done again silently.
TEST(LateRecords, AreThoseThatComeAfterTheErasure) {
  testing::TestCluster cluster(1, 5);
  cluster.send(testing::make_record("m1", {{"user_id", "u"}, {"email", "e"}}, 1, "E"));
  cluster.send(testing::make_erase("x", "user_id", "u", 2));
  cluster.run();
  EXPECT_TRUE(cluster.take_late(0).empty());
  for (const char* id : {"m2", "m3"}) cluster.send(testing::make_record(id, {{"user_id", "u"}}, 3, "E"));
  cluster.send(testing::make_record("m4", {{"email", "e"}}, 3, "E"));
  cluster.run();
  const LateRecords late = cluster.take_late(0);
  ASSERT_EQ(late.size(), 2u);
  uint64_t sum = 0;
  for (const auto& [of, count] : late) {
    EXPECT_EQ(of.first, "t");
    sum += count;
  }
  EXPECT_EQ(sum, 3u);
  EXPECT_TRUE(cluster.take_late(0).empty());
}

}  // namespace
}  // namespace freshet::action
