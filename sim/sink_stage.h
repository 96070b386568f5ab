// What everybody in the world of sinks shares: chance, time, the log, and the four systems that sinks write to.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "broker.h"
#include "model/sink.h"
#include "other_run.h"
#include "sink_targets.h"
#include "testing/cluster/fake_cluster.h"
#include "testing/memory_object_store.h"

namespace freshet::sim {

inline constexpr const char* kSinkTenant = "acme";
inline constexpr uint32_t kSinkPartitions = 3;
inline constexpr const char* kStatesTopic = "crm.people";
inline constexpr int64_t kPoisonEvery = 23;  // of events; the webhook's receiver refuses these

struct SinkStage : OtherStage {
  explicit SinkStage(const OtherRun& with) : OtherStage(with), broker(dice, faults, probes), entropy(with.seed + 1) {}

  Faults faults;
  Broker broker;
  SimRandom entropy;
  testing::FakeCluster states{clock};
  objectstore::MemoryStore lake;
  MemoryDatabase database;
  std::vector<Delivery> deliveries;
  std::vector<model::Sink> sinks;
  std::atomic<bool> stopping{false};
  // Called within each call to a target, which may end its process. Not ok: there is no answer.
  std::function<Status(const char* call)> at_call;
  // The target has done it: whether its answer is lost.
  std::function<bool()> loses_answer;
  // What the receiver of the webhook answers where nothing is wrong with the request.
  std::function<int()> hook_status;
};

}  // namespace freshet::sim
