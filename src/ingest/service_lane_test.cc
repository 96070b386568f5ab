// Logs and imports share the front door with what customers do, and never the lane: what they cost, a tenant's events
// don't wait for.
#include <gtest/gtest.h>

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "env/cpu_time.h"
#include "ingest/service.h"
#include "ingest/sources/logs/logs.h"
#include "testing/ingest_service.h"

namespace freshet::ingest {
namespace {

constexpr const char* kServerKey = "Bearer demo-server-key";
constexpr const char* kLog = R"({"msg":"started"})";

// Whoever this is put down to has its next requests run beside the server's threads.
void take_long() {
  const env::TimeUs end = env::thread_cpu_us() + 2 * CpuShares::kLongUs;
  while (env::thread_cpu_us() < end) {
  }
}

class SlowLog final : public eventlog::FakeLog {
 public:
  void append(std::vector<eventlog::Produce>, eventlog::AppendDone done) override {
    take_long();
    done({});
  }
};

// Keeps a lane's thread until it is told to go on. It outlives the lane.
class LaneHold {
 public:
  void hold(Lane& lane) {
    EXPECT_TRUE(lane.run({"held"}, 1, [this] {
      entered_.set_value();
      go_on_.get_future().wait();
    }));
    entered_.get_future().wait();
  }
  void open() { go_on_.set_value(); }

 private:
  std::promise<void> entered_, go_on_;
};

TEST_F(ServiceTest, WhatLogsAndImportsCostTheirTenantsEventsDontWaitFor) {
  SlowLog slow;
  Logs logs(slow, clock, {});
  LaneHold held, hold_of_logs;
  Lane lane(64u << 20), logs_lane(64u << 20);
  options.lane = &lane;
  options.logs = &logs;
  options.logs_lane = &logs_lane;
  options.imports = [](const Sender&, http::Request, const http::Respond& respond) {
    take_long();
    respond({});
  };
  EXPECT_EQ(send("POST", "/v1/logs/lines", kLog, kWriteKey).status, 200);
  EXPECT_EQ(send("GET", "/v1/imports", "", kServerKey).status, 200);
  held.hold(lane);
  hold_of_logs.hold(logs_lane);
  EXPECT_EQ(send("POST", "/v1/track", kTrack, kWriteKey).status, 200) << "an event runs here";
  EXPECT_EQ(send("POST", "/v1/logs/lines", kLog, kWriteKey).status, 0) << "logs wait, for logs";
  EXPECT_EQ(send("GET", "/v1/imports", "", kServerKey).status, 0) << "imports wait, for imports";
  held.open();
  hold_of_logs.open();
}

TEST_F(ServiceTest, InTheLaneAnImportDoesNotStandBeforeItsTenantsEvents) {
  std::vector<std::string> order;  // written by the lane's one thread
  std::promise<void> all;
  const auto came = [&](const char* what) {
    order.emplace_back(what);
    if (order.size() == 4) all.set_value();
  };
  LaneHold held;
  Lane lane(64u << 20);
  options.lane = &lane;
  options.imports = [&](const Sender&, http::Request, const http::Respond& respond) {
    came("import");
    respond({});
  };
  held.hold(lane);
  const std::string large(100'000, ' ');
  for (int i = 0; i < 3; ++i) (void)send("PATCH", "/v1/imports/0123456789abcdef0123456789abcdef", large, kServerKey);
  http::Request request{"POST", "/v1/track", "", {{"authorization", kWriteKey}}, kTrack + large, "192.0.2.1"};
  service().handle(std::move(request), [&](const http::Response&) { came("event"); });
  held.open();
  all.get_future().wait();
  EXPECT_NE(order.back(), "event") << "it takes turns with the three imports that came before it";
}

TEST_F(ServiceTest, WhoseKeyIsInASmallBodyDoesNotWaitBehindStrangers) {
  LaneHold held;
  Lane lane(64u << 20);
  options.lane = &lane;
  options.cores = 0.05;  // so that strangers have soon used more than their share
  const std::string with_key = R"({"userId":"u","event":"E","writeKey":"demo-write-key"})";
  const std::string nothing = gzip(std::string(60'000, ' '));
  EXPECT_EQ(send("POST", "/v1/track", with_key).status, 200);
  held.hold(lane);
  int answered = 0;
  const auto strange = [&] { return send("POST", "/v1/track", nothing, "", {{"content-encoding", "gzip"}}).status; };
  while (strange() != 0 && answered < 100'000) ++answered;
  EXPECT_LT(answered, 100'000) << "strangers wait for their turn";
  EXPECT_EQ(send("POST", "/v1/track", kTrack).status, 0) << "and so does who shows none";
  EXPECT_EQ(send("POST", "/v1/track", with_key).status, 200) << "who shows a key is no stranger";
  held.open();
}

}  // namespace
}  // namespace freshet::ingest
