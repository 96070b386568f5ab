// The processes of the pipeline, each of them the product's own code in simulated surroundings. A process is started,
// makes steps, and dies at any call to its surroundings; what dies leaves only what its disk has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "action/worker_loop.h"
#include "ingest/service.h"
#include "reaction/reactor_loop.h"
#include "sim_log.h"
#include "stage.h"

namespace freshet::sim {

// An ingest node.
class IngestProcess {
 public:
  IngestProcess(Stage& stage, uint32_t number, std::vector<model::Tenant> tenants)
      : stage_(stage), number_(number), tenants_(std::move(tenants)) {}

  // Restarts it if it is down. `respond` is dropped if it dies.
  void handle(http::Request request, http::Respond respond);
  bool tick();  // the log answers; false: nothing is under way
  [[nodiscard]] bool idle() const { return !log_ || log_->idle(); }
  // Its next start is with these.
  void restart_with(std::vector<model::Tenant> tenants);

 private:
  void start();
  void guarded(const std::function<void()>& work);
  void die();

  Stage& stage_;
  const uint32_t number_;
  std::vector<model::Tenant> tenants_;
  CrashPoint crash_;
  std::unique_ptr<schema::Registry> registry_;
  std::unique_ptr<SimLog> log_;
  std::unique_ptr<ingest::Service> service_;
};

// Persists when the scheduler says so, so that a crash can come between.
class SimPersistence final : public action::Persistence {
 public:
  explicit SimPersistence(SimLog& log) : log_(log) {}

  [[nodiscard]] Status persist(uint32_t partition, state::PartitionState& state, action::Upkeep upkeep) override;
  [[nodiscard]] Status wait() override;
  bool tick();  // the second half of one; false: there is none
  [[nodiscard]] bool idle() const { return jobs_.empty(); }

 private:
  SimLog& log_;
  struct Job {
    state::PartitionState* state = nullptr;
    action::Upkeep upkeep = action::Upkeep::kNone;
  };
  [[nodiscard]] Status finish(uint32_t partition, const Job& job);

  std::map<uint32_t, Job> jobs_;
};

class WorkerProcess {
 public:
  WorkerProcess(Stage& stage, uint32_t number);

  void step();
  bool tick();  // its disk works; false: it has nothing to do
  void drain();
  [[nodiscard]] std::optional<MemberId> member() const;
  [[nodiscard]] bool caught_up() const { return loop_ && loop_->caught_up(); }
  [[nodiscard]] bool follows_closely() const;
  [[nodiscard]] const Disks& disks() const { return stage_.faults.own_disks ? own_disks_ : stage_.shared_disks; }
  std::shared_ptr<kv::MemoryDisk>& disk(uint32_t partition);

 private:
  void start();
  void guarded(uint32_t crash_permille, const std::function<Status()>& work);
  void stop();
  void die();
  void damage_disks(MemberId member);

  Stage& stage_;
  const uint32_t number_;
  const env::TimeUs persist_interval_us_;
  const size_t memory_bytes_;
  CrashPoint crash_;
  Disks own_disks_;
  std::map<uint32_t, decltype(kv::MemoryDisk::rows)> images_;  // of a disk, some time ago
  std::unique_ptr<SimLog> log_;
  std::unique_ptr<eventlog::Consumer> consumer_;
  std::unique_ptr<SimPersistence> persistence_;
  std::unique_ptr<action::WorkerLoop> loop_;
};

class ReactorProcess {
 public:
  ReactorProcess(Stage& stage, uint32_t number);

  void step();
  bool tick();  // the log answers
  void die();   // also when the store dies, which lives in the same process

 private:
  void start();
  void guarded(const std::function<Status()>& work);

  Stage& stage_;
  const uint32_t number_;
  reaction::ReactorOptions options_;
  CrashPoint crash_;
  uint64_t lives_ = 0;
  std::unique_ptr<SimLog> log_;
  std::unique_ptr<SimStore> store_;
  std::unique_ptr<eventlog::Consumer> consumer_;
  std::unique_ptr<reaction::ReactorLoop> loop_;
};

}  // namespace freshet::sim
