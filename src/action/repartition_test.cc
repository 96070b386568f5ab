// Invariants 6 and 7 over a change of the number of partitions: records, drained, the states rebuilt for another
// number, more records.
#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <random>

#include "base/text.h"
#include "testing/action/checks.h"
#include "testing/action/random_records.h"

namespace freshet::action::testing {
namespace {

uint32_t some_partitions(std::mt19937_64& rng) { return static_cast<uint32_t>(1 + rng() % 7); }

// The same profiles as without: by the oracle, whatever was sent before and after, repetitions included.
TEST(RepartitionTest, ConfluentInputEndsInOneProfileAPerson) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 rng(seed);
    const std::vector<v1::Envelope> records = confluent_records(rng);
    std::vector<v1::Envelope> arriving = records;
    arriving.insert(arriving.end(), records.begin(), records.end());
    std::shuffle(arriving.begin(), arriving.end(), rng);
    auto cluster = std::make_unique<TestCluster>(some_partitions(rng), seed);
    for (int times = 0; times < 3; ++times) {
      const size_t part = arriving.size() / 3;
      for (size_t i = 0; i < part; ++i) cluster->send(arriving[static_cast<size_t>(times) * part + i]);
      cluster->run(0.1);
      check_end(*cluster);
      cluster = std::make_unique<TestCluster>(*cluster, some_partitions(rng), seed);
      check_end(*cluster);
    }
    for (size_t i = arriving.size() / 3 * 3; i < arriving.size(); ++i) cluster->send(arriving[i]);
    cluster->run(0.1);
    check_end(*cluster);
    EXPECT_EQ(cluster->events().size(), records.size());
    ASSERT_EQ(joined(profiles(*cluster), "\n"), joined(oracle(records), "\n")) << "seed " << seed;
  }
}

std::map<std::string, uint64_t> versions(TestCluster& cluster) {
  std::map<std::string, uint64_t> all;
  for (const v1::EntityState& e : cluster.entities()) all[hex(e.ref())] = e.version();
  return all;
}

// Nothing that an id names is forgotten, no version goes back: documents stay as they are.
void expect_later(const std::map<std::string, uint64_t>& before, const std::map<std::string, uint64_t>& after) {
  for (const auto& [id, version] : before) {
    ASSERT_TRUE(after.contains(id)) << id;
    EXPECT_GE(after.at(id), version) << id;
  }
}

// Shared identifiers, devices, refusals, moves, merges, erases, unlinks, other rules.
TEST(RepartitionTest, ContendedInputConservesAndAgrees) {
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 rng(seed);
    auto cluster = std::make_unique<TestCluster>(some_partitions(rng), seed, contended_tenant(seed));
    std::vector<v1::Envelope> sent;
    const int n = 24;
    for (int k = 0; k < n; ++k) {
      v1::Envelope record = random_record(rng, k, true);
      if (rng() % 2 == 0) record = on_some_device(std::move(record), rng);
      cluster->send(record);
      sent.push_back(record);
      if (rng() % 4 == 0) cluster->send(sent[rng() % sent.size()]);
      if (const auto command = random_command(rng, k, record)) cluster->send(*command);
      if (k == n / 2 && seed % 4 == 1) cluster->change_rules(contended_tenant(seed + 1));
      if (rng() % 6 != 0) continue;
      cluster->run(0.05, 4);
      const auto before = versions(*cluster);
      const uint64_t erased = cluster->erased_messages();
      cluster = std::make_unique<TestCluster>(*cluster, some_partitions(rng), seed);
      EXPECT_EQ(versions(*cluster), before);
      EXPECT_EQ(cluster->erased_messages(), erased);
      check_end(*cluster);
      expect_later(before, versions(*cluster));
    }
    cluster->run(0.1, 4);
    check_end(*cluster);
    EXPECT_TRUE(cluster->dead_letters().empty());
    EXPECT_EQ(messages_of(*cluster) + cluster->erased_messages(), static_cast<uint64_t>(n)) << "lost or doubled";
    for (const auto& e : live(*cluster))
      for (const auto& named : e.events()) EXPECT_EQ(named.stats().count(), 1u) << named.name();
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed;
  }
}

// Rows of people that were processed on N from the start are where those of P partitions go.
TEST(RepartitionTest, TheSameAsOnThatNumberFromTheStart) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 rng(seed);
    const uint32_t before = some_partitions(rng), after = some_partitions(rng);
    TestCluster old(before, seed), wanted(after, seed);
    for (int k = 0; k < 10; ++k) {
      const v1::Envelope record = make_record(fmt::format("m{}", k), {{"user_id", fmt::format("u{}", k % 7)}}, k, "E");
      old.send(record);
      wanted.send(record);
    }
    old.run();
    wanted.run();
    TestCluster made(old, after, seed);
    auto got = made.rows(), should = wanted.rows();
    const auto kept = [](const auto& row) { return row.first[0] != 'm' && row.first[0] != 's'; };
    for (uint32_t p = 0; p < after; ++p) {
      std::map<std::string, std::string> a, b;
      std::copy_if(got[p].begin(), got[p].end(), std::inserter(a, a.end()), kept);
      std::copy_if(should[p].begin(), should[p].end(), std::inserter(b, b.end()), kept);
      ASSERT_EQ(a, b) << "seed " << seed << ", partition " << p;
    }
  }
}

// A record in a partition that is not its identifier's home would make a second profile of it: never, and it is told.
TEST(RepartitionTest, ARecordInTheWrongPartitionIsADeadLetter) {
  TestCluster cluster(4, 1);
  for (int i = 0; i < 4; ++i) cluster.send_to(static_cast<uint32_t>(i), make_record("m", {{"user_id", "u"}}, 1, "E"));
  cluster.run();
  check_end(cluster);
  EXPECT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(messages_of(cluster), 1u);
  EXPECT_EQ(cluster.dead_letters().size(), 3u);
}

}  // namespace
}  // namespace freshet::action::testing
