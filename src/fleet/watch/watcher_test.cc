// Several clusters at once: one that never answers holds nobody up; and what is shown of all of them.
#include "fleet/watch/watcher.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "fleet/topology_yaml.h"
#include "fleet/watch/gauges.h"

namespace freshet::fleet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr env::TimeUs kPatienceUs = 60'000'000;

Topology three_clusters() {
  yaml::Problems problems("fleet.yaml");
  return parse_topology(
             "fleet: f\nregions: [{name: r, zones: [a]}]\n"
             "clusters: [{name: well, brokers: 1}, {name: stuck, brokers: 1}, {name: dead, brokers: 1}]\n",
             problems)
      .value();
}

// Opens when it is told to.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    opened_.wait(lock, [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
};

class MadeUpSource final : public LookSource {
 public:
  explicit MadeUpSource(Gate* gate) : gate_(gate) {}
  Result<Look> look() override {
    if (gate_ != nullptr) gate_->wait();
    Look look;
    look.at_us = env::real_clock().monotonic_us();
    look.topics = {{"orders", {{0, 100 + 10 * ++looks_, 100'000, 0, 1, 1}}}};
    look.brokers = {{0, "host:9092", 1, 1, {{"/data", 100'000, 1'000'000, 500'000, false}}}};
    look.groups = {{"bill\"ing", "Stable", true, {{0, 0, 50}}}};
    return look;
  }

 private:
  Gate* const gate_;
  int64_t looks_ = 0;
};

class WatcherTest : public testing::Test {
 protected:
  OpenLookSource open() {
    return [this](Index cluster) -> Result<std::unique_ptr<LookSource>> {
      if (cluster == 2) return fail(Code::kRetry, "nobody answers");
      return std::make_unique<MadeUpSource>(cluster == 1 ? &gate_ : nullptr);
    };
  }
  // Until the cluster has had so many looks.
  Watched watched_until(const Watcher& watcher, size_t cluster, uint64_t looks) {
    const env::TimeUs end_us = env::real_clock().monotonic_us() + kPatienceUs;
    while (env::real_clock().monotonic_us() < end_us) {
      Watched watched = watcher.watched();
      if (watched.clusters[cluster]->looks + watched.clusters[cluster]->failures >= looks) return watched;
      env::real_clock().sleep_us(1000);
    }
    ADD_FAILURE() << "cluster " << cluster << " is not looked at";
    return watcher.watched();
  }

  const Topology topology_ = three_clusters();
  Gate gate_;
};

TEST_F(WatcherTest, OneThatIsStuckHoldsNobodyUp) {
  Watcher watcher(topology_, {0, 1, 2}, {.interval_us = 1000, .memory = {.window_us = 10'000}}, open(),
                  env::real_clock());
  watched_until(watcher, 0, 20);
  const Watched watched = watched_until(watcher, 2, 20);
  EXPECT_FALSE(watched.clusters[1]->looked);
  EXPECT_EQ(watched.clusters[2]->error, "nobody answers");
  EXPECT_FALSE(watcher.wait_for_looks(1, 1000));
  gate_.open();
  EXPECT_TRUE(watcher.wait_for_looks(30, kPatienceUs));
}

TEST_F(WatcherTest, ClustersShareAThread) {
  gate_.open();
  Watcher watcher(topology_, {0, 1, 2}, {.interval_us = 1000, .memory = {.window_us = 10'000}, .threads_most = 1},
                  open(), env::real_clock());
  EXPECT_TRUE(watcher.wait_for_looks(5, kPatienceUs));
}

TEST_F(WatcherTest, ShowsWhatItSees) {
  Watcher watcher(topology_, {0, 1, 2}, {.interval_us = 1000, .memory = {.window_us = 10'000}}, open(),
                  env::real_clock());
  watched_until(watcher, 0, 200);
  const Watched watched = watched_until(watcher, 2, 1);
  gate_.open();
  const std::string text = watch_text(watched, 0);
  EXPECT_THAT(text, HasSubstr("CRITICAL  dead: cluster: it can't be looked at: nobody answers"));
  EXPECT_THAT(text, HasSubstr("WARN  well: group bill\"ing, topic orders: it stands still (partition 0)"));
  EXPECT_LT(text.find("CRITICAL"), text.find("WARN"));
  EXPECT_THAT(text, HasSubstr("not seen yet"));
  EXPECT_EQ(std::ranges::count(watch_text(watched, 3), '\n'), 3);
  const std::string json = watch_json(watched);
  EXPECT_THAT(json, HasSubstr(R"("group":"bill\"ing","topic":"orders","verdict":"stall","state":"Stable")"));
  EXPECT_THAT(json, HasSubstr(R"("cluster":"dead","away":true,"looked":false,"error":"nobody answers")"));
  EXPECT_THAT(json, HasSubstr(R"("path":"/data","failed":false,"replica_bytes":100000,"used_bytes":500000)"));
  const std::string metrics = telemetry::render_gauges(watch_gauges(watched));
  EXPECT_THAT(metrics, HasSubstr("freshet_fleet_cluster_up{cluster=\"well\"} 1\n"));
  EXPECT_THAT(metrics, HasSubstr("freshet_fleet_cluster_up{cluster=\"stuck\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("freshet_fleet_group_catch_up_seconds{cluster=\"well\",consumergroup=\"bill\\\"ing\","
                                 "topic=\"orders\"} +Inf\n"));
  EXPECT_THAT(metrics, HasSubstr("freshet_fleet_log_dir_used_bytes{broker=\"0\",cluster=\"well\",directory=\"/data\"} "
                                 "500000\n"));
  EXPECT_THAT(metrics, Not(HasSubstr("freshet_fleet_partitions{cluster=\"stuck\"}")));
}

TEST(WatchGaugesTest, AreBounded) {
  auto standing = std::make_shared<Standing>();
  standing->cluster = "c";
  standing->looked = true;
  for (size_t i = 0; i < kGroupSeriesMost + 7; ++i) {
    GroupStanding& group = standing->groups.emplace_back();
    group.group = std::to_string(i);
    group.topic = "t";
    group.age.seconds = static_cast<double>(i);
  }
  Watched watched;
  watched.clusters = {standing};
  for (const telemetry::GaugeFamily& family : watch_gauges(watched)) EXPECT_LE(family.samples.size(), kGroupSeriesMost);
  const std::string metrics = telemetry::render_gauges(watch_gauges(watched));
  EXPECT_THAT(metrics, HasSubstr("freshet_fleet_groups_left_out{cluster=\"c\"} 7\n"));
  EXPECT_THAT(metrics, HasSubstr("consumergroup=\"2006\""));  // it is furthest behind
  EXPECT_THAT(metrics, Not(HasSubstr("consumergroup=\"6\"")));
}

}  // namespace
}  // namespace freshet::fleet
