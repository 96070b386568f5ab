// Identity under random interleavings and crashes: what the model (DESIGN, Identity across partitions) checks, on the
// real engine. The cases by name are in cases_*_test.cc.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <random>

#include "base/text.h"
#include "testing/action/checks.h"
#include "testing/action/random_records.h"

namespace freshet::action::testing {
namespace {

constexpr StepBounds kTiny = {.chunk_bytes = 40, .bytes = 120, .messages = 2};

TEST_P(IdentityCases, RepeatedMessagesCountOnce) {
  TestCluster cluster(GetParam(), 5);
  for (int i = 0; i < 3; ++i) cluster.send(make_record("m1", {{"user_id", "u"}}, 1, "E"));
  cluster.run(0.3);
  ASSERT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(live(cluster)[0].messages(), 1u);
  EXPECT_EQ(cluster.events().size(), 1u);
}

TEST_P(IdentityCases, AnUnknownTenantIsADeadLetterAndNoPhantom) {
  TestCluster cluster(GetParam(), 5);
  v1::Envelope stranger = make_record("m1", {{"user_id", "u"}}, 1, "E");
  stranger.set_tenant("nobody");
  cluster.send(stranger);
  cluster.send(stranger);
  cluster.run();
  EXPECT_TRUE(cluster.entities().empty());
  EXPECT_EQ(cluster.dead_letters().size(), 2u);
}

// ---- random workloads ---------------------------------------------------------------------------------------------

// Whatever the order, the batches, the partitions and the crashes: the profiles of the persons.
TEST(IdentityRandomTest, ConfluentInputEndsInOneProfileAPerson) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    std::mt19937_64 rng(seed);
    const std::vector<v1::Envelope> records = confluent_records(rng);
    const std::string expected = joined(oracle(records), "\n");
    for (const uint32_t partitions : {1u, 3u, 5u}) {
      std::vector<v1::Envelope> arriving = records;
      arriving.insert(arriving.end(), records.begin(), records.begin() + 4);
      std::shuffle(arriving.begin(), arriving.end(), rng);
      TestCluster cluster(partitions, seed, model::default_tenant("t"), seed % 2 == 0 ? kTiny : StepBounds{});
      for (const auto& r : arriving) cluster.send(r);
      cluster.run(partitions == 3 ? 0.0 : 0.1, 1 + seed % 8);
      check_end(cluster);
      EXPECT_EQ(cluster.events().size(), records.size());
      const std::string got = joined(profiles(cluster), "\n");
      ASSERT_EQ(got, expected) << "seed " << seed << ", " << partitions << " partitions";
    }
  }
}

// Shared e-mails and devices, refusals, moves, merges, erases, unlinks, stricter rules: nothing lost, nothing twice,
// all of it agreed on.
TEST(IdentityRandomTest, ContendedInputConservesAndAgrees) {
  for (uint64_t seed = 1; seed <= 600; ++seed) {
    std::mt19937_64 rng(seed);
    TestCluster cluster(seed % 4 == 0 ? 1 : static_cast<uint32_t>(1 + seed % 5), seed, contended_tenant(seed),
                        seed % 3 == 1 ? kTiny : StepBounds{});
    const int n = 20;
    for (int k = 0; k < n; ++k) {
      v1::Envelope record = random_record(rng, k, true);
      if (rng() % 2 == 0) record = on_some_device(std::move(record), rng);
      cluster.send(record);
      if (rng() % 8 == 0) cluster.send(record);
      if (const auto command = random_command(rng, k, record)) cluster.send(*command);
      if (k == n / 2 && seed % 4 == 1) cluster.change_rules(contended_tenant(seed + 1));
      if (rng() % 3 == 0) cluster.run(0.05, 4);
    }
    cluster.run(0.1, 4);
    check_end(cluster);
    std::map<std::string, int> places;
    for (const auto& e : live(cluster))
      for (const auto& named : e.events()) places[named.name()] += static_cast<int>(named.stats().count());
    EXPECT_EQ(messages_of(cluster) + cluster.erased_messages(), static_cast<uint64_t>(n)) << "messages lost or doubled";
    for (const auto& [name, count] : places) EXPECT_EQ(count, 1) << name;
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

// Invariant 3: the same records in the same order end in the same bytes, however they are cut into batches.
TEST(IdentityRandomTest, BatchesLeaveNoTrace) {
  std::mt19937_64 rng(11);
  std::vector<v1::Envelope> records;
  for (int k = 0; k < 60; ++k) records.push_back(random_record(rng, k, true));
  std::vector<std::map<std::string, std::string, std::less<>>> first;
  std::vector<std::string> events;
  for (const size_t batch_max : {1u, 3u, 60u}) {
    TestCluster cluster(1, 1, model::default_tenant("t"), kTiny);
    for (const auto& r : records) cluster.send(r);
    cluster.run(batch_max == 3 ? 0.2 : 0.0, batch_max);
    if (first.empty()) {
      first = cluster.rows();
      events = cluster.events();
    }
    EXPECT_TRUE(cluster.rows() == first) << "batches of up to " << batch_max;
    EXPECT_TRUE(cluster.events() == events) << "batches of up to " << batch_max;
  }
}

}  // namespace
}  // namespace freshet::action::testing
