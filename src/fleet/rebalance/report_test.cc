#include "fleet/rebalance/report.h"

#include <gtest/gtest.h>

namespace freshet::fleet::rebalance {
namespace {

State three_brokers() {
  State state;
  for (int32_t id = 1; id <= 3; ++id) state.brokers.push_back({id, "", {{"/d", 100e9, 0, true}}});
  state.brokers[0].dirs[0].used_bytes = 10e9;
  Partition partition;
  partition.topic = "clicks";
  partition.leader = 1;
  partition.replicas = {{{1, 0}, 10e9}};
  state.partitions = {partition};
  return state;
}

TEST(MovesReport, ForPeople) {
  const State state = three_brokers();
  const Limits limits;
  const auto plan = plan_waves(state, moves_of(state, {{{2, 0}}}), limits);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  EXPECT_EQ(text_of_plan(state, *plan, limits),
            "1 move in 1 wave, 10.0 GB between brokers, at 50.0 MB/s a broker: at most 7 min\n"
            "\n"
            "wave 1: at most 7 min\n"
            "  clicks[0]                        broker 1 -> 2 (/d)  10.0 GB\n"
            "\n"
            "log dirs at their fullest\n"
            "  broker 1 /d: 10.0 GB of 100 GB (10.0 GB today, 100 GB allowed), at second 0\n"
            "  broker 2 /d: 10.0 GB of 100 GB (0 B today, 90.0 GB allowed), at second 495\n");
  EXPECT_EQ(text_of_plan(state, Plan{}, limits), "nothing to move\n");
}

TEST(MovesReport, ForMachines) {
  const State state = three_brokers();
  const Limits limits;
  const auto plan = plan_waves(state, moves_of(state, {{{2, 0}}}), limits);
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  std::string out;
  {
    JsonWriter json(out);
    write_plan(json, state, *plan, limits);
  }
  EXPECT_EQ(out,
            R"({"duration_s":405,"network_bytes":10000000000,"throttle_bytes_per_s":50000000,"waves":[{"begin_s":0,)"
            R"("duration_s":405,"waits_s":0,"moves":[{"topic":"clicks","partition":0,"bytes":10000000000,)"
            R"("from":{"broker":1,"dir":"/d"},"to":{"broker":2,"dir":"/d"},"replicas":[2]}]}],)"
            R"("log_dirs":[{"broker":1,"dir":"/d","total_bytes":100000000000,"used_bytes":10000000000,)"
            R"("used_bytes_max":10000000000,"at_s":0,"limit_bytes":100000000000},{"broker":2,"dir":"/d",)"
            R"("total_bytes":100000000000,"used_bytes":0,"used_bytes_max":10000000000,"at_s":495,)"
            R"("limit_bytes":90000000000}]})");
}

TEST(MovesReport, AJournal) {
  Journal journal;
  journal.waves.resize(3);
  journal.wave = 1;
  journal.settings.resize(2);
  EXPECT_EQ(text_of_journal(journal), "running: 1 of 3 waves done, 2 settings to put back");
}

}  // namespace
}  // namespace freshet::fleet::rebalance
