// The identity protocol under random interleavings and crashes: what the model (DESIGN, Identity across partitions) checks,
// on the real engine.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <set>

#include "action/test_cluster.h"
#include "model/entity_ref.h"

namespace freshet::action::testing {
namespace {

using Ids = std::vector<std::pair<std::string, std::string>>;

std::vector<v1::EntityState> live(TestCluster& cluster) {
  std::vector<v1::EntityState> all;
  for (v1::EntityState& e : cluster.entities())
    if (e.status() == v1::EntityState::LIVE) all.push_back(e);
  return all;
}

bool lists(const v1::EntityState& e, const std::string& type, const std::string& value) {
  return std::any_of(e.identifiers().begin(), e.identifiers().end(),
                     [&](const auto& i) { return i.identifier().type() == type && i.identifier().value() == value; });
}

std::string hex(const v1::EntityRef& ref) { return model::from_proto(ref).id.hex(); }

// What must hold at the end of any run, whatever was refused, erased or moved.
void check_end(TestCluster& cluster) {
  std::map<std::string, v1::EntityState> by_id;
  for (const v1::EntityState& e : cluster.entities()) by_id[hex(e.ref())] = e;
  std::set<std::string> live_ids;
  std::map<std::string, std::string> owner;
  for (const auto& [id, e] : by_id) {
    EXPECT_NE(e.status(), v1::EntityState::LEAVING) << id << " never stops leaving";
    EXPECT_TRUE(e.held().empty() && e.gathered().empty()) << id << " still holds messages";
    std::set<std::string> path;
    for (std::string at = id; by_id[at].status() == v1::EntityState::REDIRECT; at = hex(by_id[at].target()))
      ASSERT_TRUE(path.insert(at).second) << "the redirects of " << id << " form a cycle";
    if (e.status() != v1::EntityState::LIVE) continue;
    live_ids.insert(id);
    for (const auto& i : e.identifiers())
      EXPECT_TRUE(owner.emplace(i.identifier().type() + "=" + i.identifier().value(), id).second)
          << i.identifier().value() << " is listed by two profiles";
  }
  // Aliases lead to exactly what lists them.
  size_t held = 0;
  for (const auto& rows : cluster.rows())
    for (const auto& [key, row] : rows) {
      if (key[0] != 'a') continue;
      v1::AliasRow alias;
      ASSERT_TRUE(alias.ParseFromString(row));
      if (!alias.has_ref()) continue;
      ++held;
      EXPECT_TRUE(live_ids.contains(hex(alias.ref()))) << "an alias leads to what is not live";
    }
  EXPECT_EQ(held, owner.size()) << "aliases held and identifiers listed";
  // The documents are the live profiles.
  std::set<std::string> documents;
  for (const auto& [key, document] : cluster.documents()) documents.insert(key.substr(2));
  for (const std::string& id : live_ids)
    EXPECT_TRUE(by_id[id].version() == 0 || documents.contains(id)) << describe(by_id[id]) << " has no document";
  for (const std::string& id : documents) EXPECT_TRUE(live_ids.contains(id)) << id << " is a ghost";
}

// ---- the cases of an identity engine ------------------------------------------------------------------------------

class IdentityTest : public ::testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Partitions, IdentityTest, ::testing::Values(1, 2, 5, 16));

// All orders of the records (up to 6), or 200 random ones, each with its own interleaving.
void in_every_order(uint32_t partitions, std::vector<v1::Envelope> records,
                    const std::function<void(TestCluster&)>& check) {
  std::vector<size_t> order(records.size());
  std::iota(order.begin(), order.end(), 0u);
  uint64_t seed = 1;
  do {
    TestCluster cluster(partitions, seed++);
    for (const size_t i : order) cluster.send(records[i]);
    cluster.run(seed % 3 == 0 ? 0.2 : 0.0);
    check_end(cluster);
    check(cluster);
    if (::testing::Test::HasFailure()) return;
  } while (seed < 250 && std::next_permutation(order.begin(), order.end()));
}

TEST_P(IdentityTest, TwoAnonymousDevicesAndOneLoginAreOneProfile) {
  in_every_order(
      GetParam(),
      {make_record("m1", {{"anonymous_id", "a1"}}, 1, "View"), make_record("m2", {{"anonymous_id", "a2"}}, 2, "View"),
       make_record("m3", {{"user_id", "u"}, {"anonymous_id", "a1"}}, 3),
       make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a2"}}, 4),
       make_record("m4", {{"user_id", "u"}, {"anonymous_id", "a2"}}, 4)},
      [](TestCluster& c) {
        const auto all = live(c);
        ASSERT_EQ(all.size(), 1u);
        EXPECT_EQ(describe(all[0]), "anonymous_id=a1 anonymous_id=a2 user_id=u | | View=2 1..2 | 1..4 4 messages");
      });
}

TEST_P(IdentityTest, MergesAreTransitiveAndCyclicOnesHarmless) {
  in_every_order(GetParam(),
                 {make_merge("x1", "a", "b", 1), make_merge("x2", "b", "c", 2), make_merge("x3", "c", "a", 3),
                  make_record("m1", {{"user_id", "a"}}, 1, "E"), make_record("m2", {{"user_id", "b"}}, 2, "E"),
                  make_record("m3", {{"user_id", "c"}}, 3, "E")},
                 [](TestCluster& c) {
                   const auto all = live(c);
                   ASSERT_EQ(all.size(), 1u);
                   EXPECT_EQ(describe(all[0]), "user_id=a user_id=b user_id=c | | E=3 1..3 | 1..3 3 messages");
                   EXPECT_EQ(c.events().size(), 3u);
                 });
}

TEST_P(IdentityTest, TwoIdentifiedUsersAreNotMergedByASharedDeviceOrEmail) {
  in_every_order(GetParam(),
                 {make_record("m1", {{"user_id", "u1"}, {"anonymous_id", "tablet"}, {"email", "e"}}, 1, "E"),
                  make_record("m2", {{"user_id", "u2"}, {"anonymous_id", "tablet"}, {"email", "e"}}, 2, "E"),
                  make_record("m3", {{"user_id", "u3"}, {"anonymous_id", "tablet"}}, 3, "E")},
                 [](TestCluster& c) {
                   const auto all = live(c);
                   ASSERT_EQ(all.size(), 3u);
                   for (const auto& e : all) {
                     EXPECT_EQ(e.messages(), 1u) << describe(e);
                     EXPECT_EQ(lists(e, "anonymous_id", "tablet"), lists(e, "user_id", "u3"))
                         << "the tablet is with its last user";
                   }
                 });
}

TEST_P(IdentityTest, AnEventForAMergedIdReachesTheSurvivor) {
  TestCluster cluster(GetParam(), 7);
  cluster.send(make_record("m1", {{"user_id", "a"}}, 1, "E"));
  cluster.send(make_record("m2", {{"user_id", "b"}}, 2, "E"));
  cluster.send(make_merge("x", "a", "b", 3));
  cluster.run();
  for (uint32_t p = 0; p < GetParam(); ++p) cluster.crash(p);
  cluster.send(make_record("m3", {{"user_id", "b"}}, 4, "E"));
  cluster.run();
  check_end(cluster);
  const auto all = live(cluster);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].messages(), 3u);
}

TEST_P(IdentityTest, ErasedStaysErasedUntilToldOtherwise) {
  TestCluster cluster(GetParam(), 3);
  cluster.send(make_record("m1", {{"user_id", "u"}, {"email", "e"}}, 1, "E"));
  cluster.send(make_record("m0", {{"user_id", "u"}, {"email", "e"}}, 1, "E"));
  cluster.run();
  cluster.send(make_erase("x", "user_id", "u", 2));
  cluster.run();
  cluster.send(make_record("m2", {{"user_id", "u"}}, 3, "E"));
  cluster.send(make_record("m3", {{"email", "e"}}, 3, "E"));
  cluster.run(0.1);
  check_end(cluster);
  EXPECT_TRUE(live(cluster).empty());
  EXPECT_TRUE(cluster.documents().empty());
  EXPECT_EQ(cluster.erased_messages(), 4u);
  v1::Envelope again = make_erase("y", "user_id", "u", 4);
  again.set_kind(v1::Envelope::UNSUPPRESS);
  cluster.send(again);
  cluster.run();
  cluster.send(make_record("m4", {{"user_id", "u"}}, 5, "E"));
  cluster.run();
  ASSERT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(live(cluster)[0].messages(), 1u);
}

TEST_P(IdentityTest, RepeatedMessagesCountOnce) {
  TestCluster cluster(GetParam(), 5);
  for (int i = 0; i < 3; ++i) cluster.send(make_record("m1", {{"user_id", "u"}}, 1, "E"));
  cluster.run(0.3);
  ASSERT_EQ(live(cluster).size(), 1u);
  EXPECT_EQ(live(cluster)[0].messages(), 1u);
  EXPECT_EQ(cluster.events().size(), 1u);
}

TEST_P(IdentityTest, AnUnknownTenantIsADeadLetterAndNoPhantom) {
  TestCluster cluster(GetParam(), 5);
  v1::Envelope stranger = make_record("m1", {{"user_id", "u"}}, 1, "E");
  stranger.set_tenant("nobody");
  cluster.send(stranger);
  v1::Envelope nobody = make_record("m2", {{"user_id", "u"}}, 1, "E");
  nobody.clear_user();
  nobody.add_device()->set_type("device_id");
  cluster.send(stranger);
  cluster.run();
  EXPECT_TRUE(cluster.entities().empty());
  EXPECT_EQ(cluster.dead_letters().size(), 2u);
}

// ---- random workloads ---------------------------------------------------------------------------------------------

Ids pool(int group, bool contended) {
  const std::string g = std::to_string(group), x = contended ? "" : g;
  Ids ids = {{"user_id", "u" + g}, {"phone", "p" + x}, {"email", "e" + x + "a"}, {"email", "e" + x + "b"}};
  for (const char* n : {"w", "x", "y", "z"}) ids.emplace_back("anonymous_id", "a" + x + n);
  return ids;
}

v1::Envelope random_record(std::mt19937_64& rng, int k, bool contended) {
  Ids of_group = pool(static_cast<int>(rng() % (contended ? 3 : 2)), contended), ids;
  std::shuffle(of_group.begin(), of_group.end(), rng);
  const size_t n = 1 + rng() % 3;
  ids.assign(of_group.begin(), of_group.begin() + static_cast<std::ptrdiff_t>(n));
  v1::Envelope record =
      make_record(fmt::format("m{:03}", k), ids, static_cast<int64_t>(1 + rng() % 12), fmt::format("E{}", k));
  if (rng() % 2 == 0) {
    v1::AttributeOp& op = *record.add_attributes();
    op.set_name(rng() % 2 == 0 ? "x" : "y");
    op.set_type(rng() % 3 == 0 ? v1::AttributeOp::UNSET : v1::AttributeOp::SET);
    if (op.type() == v1::AttributeOp::SET) op.mutable_value()->set_integer(static_cast<int64_t>(rng() % 3));
  }
  return record;
}

// The simplest possible model: a person is a connected component, its records are applied in order of time.
std::vector<std::string> oracle(const std::vector<v1::Envelope>& records) {
  std::map<std::string, std::string> parent;
  const std::function<std::string(const std::string&)> find = [&](const std::string& x) -> std::string {
    const std::string up = parent.try_emplace(x, x).first->second;
    return up == x ? x : find(up);
  };
  const auto key = [](const v1::Identifier& i) { return i.type() + "=" + i.value(); };
  for (const auto& r : records)
    for (const auto& i : r.user()) parent[find(key(i))] = find(key(r.user(0)));
  struct Person {
    std::set<std::string> identifiers;
    std::map<std::string, std::pair<std::pair<int64_t, std::string>, std::string>> attributes;
    std::map<std::string, int64_t> events;
    int64_t first = INT64_MAX, last = 0;
    uint64_t messages = 0;
  };
  std::map<std::string, Person> persons;
  for (const auto& r : records) {
    Person& p = persons[find(key(r.user(0)))];
    for (const auto& i : r.user()) p.identifiers.insert(key(i));
    for (const auto& op : r.attributes()) {
      auto& slot = p.attributes[op.name()];
      const std::pair<int64_t, std::string> use(r.time_us(), r.message_id());
      if (slot.first <= use) slot = {use, op.type() == v1::AttributeOp::SET ? op.value().ShortDebugString() : ""};
    }
    p.events[r.events(0).name()] = r.time_us();
    p.first = std::min(p.first, r.time_us());
    p.last = std::max(p.last, r.time_us());
    ++p.messages;
  }
  std::vector<std::string> profiles;
  for (const auto& [root, p] : persons) {
    std::string text;
    for (const auto& i : p.identifiers) text += i + " ";
    text += "| ";
    for (const auto& [name, slot] : p.attributes)
      if (!slot.second.empty()) text += fmt::format("{}={} ", name, slot.second);
    text += "| ";
    for (const auto& [name, time] : p.events) text += fmt::format("{}=1 {}..{} ", name, time, time);
    profiles.push_back(text + fmt::format("| {}..{} {} messages", p.first, p.last, p.messages));
  }
  std::sort(profiles.begin(), profiles.end());
  return profiles;
}

// Whatever the order, the batches, the partitions and the crashes: the profiles of the persons.
TEST(IdentityRandomTest, ConfluentInputEndsInOneProfileAPerson) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    std::mt19937_64 rng(seed);
    std::vector<v1::Envelope> records;
    for (int k = 0; k < 16; ++k) records.push_back(random_record(rng, k, false));
    for (int g = 0; g < 2; ++g) {  // ties a person together
      Ids unique = pool(g, false);
      unique.resize(4);
      records.push_back(make_record(fmt::format("t{}", g), unique, 1, fmt::format("T{}", g)));
    }
    const std::string expected = fmt::format("{}", fmt::join(oracle(records), "\n"));
    for (const uint32_t partitions : {1u, 3u, 5u}) {
      std::vector<v1::Envelope> arriving = records;
      arriving.insert(arriving.end(), records.begin(), records.begin() + 4);
      std::shuffle(arriving.begin(), arriving.end(), rng);
      TestCluster cluster(partitions, seed);
      for (const auto& r : arriving) cluster.send(r);
      cluster.run(partitions == 3 ? 0.0 : 0.1, 1 + seed % 8);
      check_end(cluster);
      std::vector<std::string> profiles;
      for (const auto& e : live(cluster)) profiles.push_back(describe(e));
      std::sort(profiles.begin(), profiles.end());
      EXPECT_EQ(cluster.events().size(), records.size());
      const std::string got = fmt::format("{}", fmt::join(profiles, "\n"));
      ASSERT_EQ(got, expected) << "seed " << seed << ", " << partitions << " partitions";
    }
  }
}

// Shared e-mails and devices, refusals, merges, erases, unlinks: nothing lost, nothing twice, all of it agreed on.
TEST(IdentityRandomTest, ContendedInputConservesAndAgrees) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 rng(seed);
    TestCluster cluster(seed % 4 == 0 ? 1 : static_cast<uint32_t>(1 + seed % 5), seed);
    const int n = 20;
    for (int k = 0; k < n; ++k) {
      const v1::Envelope record = random_record(rng, k, true);
      cluster.send(record);
      if (rng() % 8 == 0) cluster.send(record);
      const std::string u = fmt::format("u{}", rng() % 3), v = fmt::format("u{}", rng() % 3);
      if (rng() % 6 == 0 && u != v)
        cluster.send(make_merge(fmt::format("x{}", k), u, v, static_cast<int64_t>(rng() % 12)));
      if (rng() % 10 == 0) cluster.send(make_erase(fmt::format("z{}", k), "user_id", u, 3));
      if (rng() % 8 == 0) {
        v1::Envelope unlink = make_record(fmt::format("k{}", k), {{"user_id", u}}, 3);
        unlink.set_kind(v1::Envelope::UNLINK);
        *unlink.mutable_other() = record.user(record.user_size() - 1);
        cluster.send(unlink);
      }
      if (rng() % 3 == 0) cluster.run(0.05, 4);
    }
    cluster.run(0.1, 4);
    check_end(cluster);
    std::map<std::string, int> places;
    uint64_t counted = cluster.erased_messages();
    for (const auto& e : live(cluster)) {
      counted += e.messages();
      for (const auto& named : e.events()) places[named.name()] += static_cast<int>(named.stats().count());
    }
    EXPECT_EQ(counted, static_cast<uint64_t>(n)) << "messages lost or doubled";
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
    TestCluster cluster(1, 1);
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
