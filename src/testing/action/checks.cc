#include "testing/action/checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "model/entity_ref.h"

namespace freshet::action::testing {
namespace {

using ById = std::map<std::string, v1::EntityState>;

constexpr int kOrdersMax = 720;

void check_is_done(const std::string& id, const v1::EntityState& e) {
  EXPECT_NE(e.status(), v1::EntityState::LEAVING) << id << " never stops leaving";
  EXPECT_TRUE(e.held().empty() && e.gathered().empty() && e.absorbing().empty()) << id << " still holds messages";
  EXPECT_FALSE(e.winding_up() || e.stepping() || e.has_departure()) << id << " is not done";
}

void check_redirects(const std::string& id, ById& by_id) {
  std::set<std::string> path;
  for (std::string at = id; by_id[at].status() == v1::EntityState::REDIRECT; at = hex(by_id[at].target()))
    ASSERT_TRUE(path.insert(at).second) << "the redirects of " << id << " form a cycle";
}

// Aliases lead to exactly what lists them.
void check_aliases(TestCluster& cluster, const std::set<std::string>& live_ids, size_t identifiers) {
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
  EXPECT_EQ(held, identifiers) << "aliases held and identifiers listed";
}

void check_documents(TestCluster& cluster, ById& by_id, const std::set<std::string>& live_ids) {
  std::set<std::string> documents;
  for (const auto& [key, document] : cluster.documents()) documents.insert(key.substr(2));
  for (const std::string& id : live_ids)
    EXPECT_TRUE(by_id[id].version() == 0 || documents.contains(id)) << describe(by_id[id]) << " has no document";
  for (const std::string& id : documents) EXPECT_TRUE(live_ids.contains(id)) << id << " is a ghost";
}

// The list of a document must be what the entity has.
void check_listed_identifiers(TestCluster& cluster, ById& by_id) {
  for (const auto& [key, document] : cluster.documents()) {
    size_t shown = 0;
    for (const v1::Field& field : document.fields())
      if (field.section() == v1::IDENTIFIERS) shown += static_cast<size_t>(field.value().list().values_size());
    const v1::EntityState& e = by_id[key.substr(2)];
    EXPECT_EQ(shown, static_cast<size_t>(e.identifiers_size())) << describe(e);
  }
}

std::string_view word_of(v1::HistoryEntry::What what) {
  constexpr std::string_view kWords[] = {"?", "created", "linked", "merged", "moved", "refused", "unlinked"};
  return kWords[what];
}

}  // namespace

std::vector<v1::EntityState> live(TestCluster& cluster, v1::EntityKind kind) {
  std::vector<v1::EntityState> all;
  for (v1::EntityState& e : cluster.entities())
    if (e.status() == v1::EntityState::LIVE && e.ref().kind() == kind) all.push_back(e);
  return all;
}

bool lists(const v1::EntityState& e, const std::string& type, const std::string& value) {
  return std::any_of(e.identifiers().begin(), e.identifiers().end(),
                     [&](const auto& i) { return i.identifier().type() == type && i.identifier().value() == value; });
}

std::string hex(const v1::EntityRef& ref) { return model::from_proto(ref).id.hex(); }

std::optional<v1::EntityState> owner_of(TestCluster& cluster, const std::string& type, const std::string& value) {
  for (const v1::EntityState& e : cluster.entities())
    if (e.status() == v1::EntityState::LIVE && lists(e, type, value)) return e;
  return std::nullopt;
}

std::vector<std::string> profiles(TestCluster& cluster) {
  std::vector<std::string> all;
  for (const v1::EntityState& e : live(cluster)) all.push_back(describe(e));
  std::sort(all.begin(), all.end());
  return all;
}

uint64_t messages_of(TestCluster& cluster) {
  uint64_t sum = 0;
  for (const v1::EntityState& e : cluster.entities())
    if (e.status() == v1::EntityState::LIVE) sum += e.messages();
  return sum;
}

std::string history_of(const v1::EntityState& e) {
  std::string text;
  for (const v1::HistoryEntry& entry : e.history()) {
    if (!text.empty()) text += ", ";
    text += word_of(entry.what());
    if (entry.has_identifier()) text += " " + entry.identifier().type() + "=" + entry.identifier().value();
    if (!entry.reason().empty()) text += " (" + entry.reason() + ")";
    text += " by " + entry.use().message_id();
  }
  return text;
}

void check_end(TestCluster& cluster) {
  ById by_id;
  for (const v1::EntityState& e : cluster.entities()) by_id[hex(e.ref())] = e;
  std::set<std::string> live_ids;
  std::map<std::string, std::string> owner;
  for (const auto& [id, e] : by_id) {
    check_is_done(id, e);
    check_redirects(id, by_id);
    if (e.status() != v1::EntityState::LIVE) continue;
    live_ids.insert(id);
    for (const auto& i : e.identifiers())
      EXPECT_TRUE(owner.emplace(i.identifier().type() + "=" + i.identifier().value(), id).second)
          << i.identifier().value() << " is listed by two profiles";
  }
  for (const std::string& id : live_ids)
    for (const v1::EntityRef& ref : by_id[id].attached())
      EXPECT_TRUE(live_ids.contains(hex(ref))) << describe(by_id[id]) << " refers to what is not live";
  check_aliases(cluster, live_ids, owner.size());
  check_documents(cluster, by_id, live_ids);
  for (const std::string& bytes : cluster.dead_letters()) {
    v1::DeadLetter letter;
    EXPECT_TRUE(letter.ParseFromString(bytes));
    EXPECT_NE(letter.code(), "bad_message") << letter.reason();
  }
  check_listed_identifiers(cluster, by_id);
}

void in_every_order(uint32_t partitions, const std::vector<v1::Envelope>& records,
                    const std::function<void(TestCluster&)>& check, const model::Tenant& tenant) {
  std::vector<size_t> order(records.size());
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937_64 rng(records.size());
  for (int round = 0; round < kOrdersMax; ++round) {
    TestCluster cluster(partitions, static_cast<uint64_t>(round), tenant);
    for (const size_t i : order) cluster.send(records[i]);
    cluster.run(round % 3 == 2 ? 0.2 : 0.0);
    check_end(cluster);
    check(cluster);
    if (::testing::Test::HasFailure()) {
      for (const size_t i : order) ADD_FAILURE() << "in this order: " << records[i].message_id();
      return;
    }
    if (records.size() > 6) {
      std::shuffle(order.begin(), order.end(), rng);
    } else if (!std::next_permutation(order.begin(), order.end())) {
      return;
    }
  }
}

void in_this_order(TestCluster& cluster, const std::vector<v1::Envelope>& records) {
  for (const v1::Envelope& record : records) {
    cluster.send(record);
    cluster.run();
  }
  check_end(cluster);
}

INSTANTIATE_TEST_SUITE_P(Partitions, IdentityCases, ::testing::Values(1, 2, 5, 16),
                         [](const auto& partitions) { return fmt::format("On{}", partitions.param); });

}  // namespace freshet::action::testing
