// Leaders evened on states at random, and carried out on a cluster that only knows orders and elections.
#include "fleet/rebalance/leaders.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

#include "testing/clock.h"

namespace freshet::fleet::rebalance {
namespace {

State state_of_leaders(int32_t brokers) {
  State state;
  for (int32_t id = 1; id <= brokers; ++id) state.brokers.push_back({id, "", {{"/d", 1e12, 0, true}}});
  return state;
}

void add_led(State& state, std::vector<int32_t> brokers, double in_bytes_per_s) {
  Partition& partition = state.partitions.emplace_back();
  partition.topic = "t";
  partition.index = static_cast<int32_t>(state.partitions.size()) - 1;
  partition.leader = brokers.at(0);
  partition.in_bytes_per_s = in_bytes_per_s;
  for (const int32_t broker : brokers) partition.replicas.push_back({{broker, 0}, 1e6});
}

class OrdersOnly final : public Port {
 public:
  explicit OrdersOnly(State& state) : state_(state) {}
  Result<std::string> cluster_id() override { return std::string("c"); }
  Result<State> look() override { return state_; }
  Result<std::vector<Moving>> moving() override { return others; }
  Result<Seen> fares(const std::vector<Moving>&) override { return Seen{}; }
  Result<std::optional<std::string>> setting(Setting::Kind, const std::string&, const std::string&) override {
    return std::optional<std::string>();
  }
  Status change(const std::vector<Change>&) override { return fail(Code::kFatal, "no setting has to change"); }
  Status place(const std::vector<Placement>&) override { return fail(Code::kFatal, "nothing has to move"); }
  Status assign(const std::vector<Assignment>& assignments) override {
    largest_request = std::max(largest_request, assignments.size());
    for (const Assignment& one : assignments) {
      std::vector<Replica>& replicas = state_.partitions[static_cast<size_t>(one.partition)].replicas;
      EXPECT_EQ(one.replicas->size(), replicas.size());
      for (size_t i = 0; i < replicas.size(); ++i) replicas[i].place.broker = one.replicas->at(i);
    }
    return {};
  }
  Status elect(const std::vector<Assignment>& partitions) override {
    for (const Assignment& one : partitions) {
      Partition& partition = state_.partitions[static_cast<size_t>(one.partition)];
      partition.leader = partition.replicas[0].place.broker;
    }
    return {};
  }
  std::vector<Moving> others;
  size_t largest_request = 0;

 private:
  State& state_;
};

TEST(Leaders, AreEvenedInNumber) {
  State state = state_of_leaders(3);
  for (int i = 0; i < 9; ++i) add_led(state, {1, 2, 3}, 0);
  const LeadersPlan plan = plan_leaders(state, 0.1);
  EXPECT_EQ(plan.reordered.size(), 6u);
  EXPECT_EQ(plan.before.at(1).partitions, 9u);
  for (int32_t broker = 1; broker <= 3; ++broker) EXPECT_EQ(plan.after.at(broker).partitions, 3u);
  EXPECT_TRUE(plan_leaders(state_of_leaders(3), 0.1).reordered.empty());
}

TEST(Leaders, WhoLeadsAHotPartitionLeadsFewOthers) {
  State state = state_of_leaders(2);
  add_led(state, {1, 2}, 100e6);
  for (int i = 0; i < 7; ++i) add_led(state, {1, 2}, 10e6);
  const LeadersPlan plan = plan_leaders(state, 0.1);
  const Leads& one = plan.after.at(1);
  const Leads& two = plan.after.at(2);
  const Leads& hot = one.in_bytes_per_s >= two.in_bytes_per_s ? one : two;
  EXPECT_EQ(hot.in_bytes_per_s, 110e6) << text_of_leaders(plan);
  EXPECT_EQ(hot.partitions, 2u) << "the other broker has six";
}

TEST(Leaders, AreElectedAFewAtATime) {
  State state = state_of_leaders(2);
  for (int i = 0; i < 1001; ++i) add_led(state, {1, 2}, 1);
  state.partitions[0].leader = 2;  // an election has left it there
  const LeadersPlan plan = plan_leaders(state, 0.1);
  OrdersOnly port(state);
  env::FakeClock clock;
  port.others = {{"x", 0, {1}, {2}, -1, ""}};
  EXPECT_EQ(move_leaders(port, clock, plan, [](const std::string&) {}).error().code, Code::kConflict);
  port.others.clear();
  ASSERT_TRUE(move_leaders(port, clock, plan, [](const std::string&) {}));
  EXPECT_EQ(port.largest_request, 200u);
  std::map<int32_t, int> leads;
  for (const Partition& partition : state.partitions) {
    EXPECT_EQ(partition.leader, partition.replicas[0].place.broker);
    ++leads[partition.leader];
  }
  EXPECT_NEAR(leads[1], leads[2], 55) << "within a tenth";
  EXPECT_TRUE(plan_leaders(state, 0.1).reordered.empty()) << "done again there is nothing to do";
}

RC_GTEST_PROP(Leaders, StayAmongTheirReplicasAndNobodyLeadsMoreThanTheBusiestDid, ()) {
  const auto brokers = *rc::gen::inRange<int32_t>(1, 7);
  State state = state_of_leaders(brokers);
  const int partitions = *rc::gen::inRange(0, 40);
  for (int i = 0; i < partitions; ++i) {
    const auto first = *rc::gen::inRange<int32_t>(0, brokers);
    std::vector<int32_t> places;
    const auto replicas = *rc::gen::inRange<int32_t>(1, std::min(4, brokers + 1));
    for (int32_t k = 0; k < replicas; ++k) places.push_back(1 + (first + k) % brokers);
    add_led(state, places, *rc::gen::inRange(0, 100));
  }
  const LeadersPlan plan = plan_leaders(state, 0.1);
  for (const Assignment& one : plan.reordered) {
    const Partition& partition = state.partitions[static_cast<size_t>(one.partition)];
    std::set<int32_t> was;
    for (const Replica& replica : partition.replicas) was.insert(replica.place.broker);
    RC_ASSERT(std::set<int32_t>(one.replicas->begin(), one.replicas->end()) == was);
    RC_ASSERT(one.replicas->front() != partition.replicas[0].place.broker);
  }
  double in = 0;
  for (const Partition& partition : state.partitions) in += partition.in_bytes_per_s;
  const double each = in > 0 ? in / static_cast<double>(state.partitions.size()) / 2 : 1;
  const auto busiest = [each](const std::map<int32_t, Leads>& all) {
    double most = 0;
    for (const auto& [broker, leads] : all) most = std::max(most, leads.in_bytes_per_s + each * leads.partitions);
    return most;
  };
  RC_ASSERT(busiest(plan.after) <= busiest(plan.before) * (1 + 1e-9));
}

}  // namespace
}  // namespace freshet::fleet::rebalance
