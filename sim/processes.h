// The processes of the pipeline. Each is the product's own code in simulated surroundings: it is
// started, makes steps, and dies at any call to its surroundings. What dies leaves only what its
// disk has.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "action/profile_reads.h"
#include "action/worker_loop.h"
#include "ingest/overflow/drain_loop.h"
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

  // Handles a request, after a restart if the node is down. `respond` is dropped if it dies
  // meanwhile.
  void handle(http::Request request, http::Respond respond);
  // Lets the log answer; false if nothing is under way.
  bool tick();
  // Moves what waits in its part of `overflow`.
  void drain();
  [[nodiscard]] bool idle() const { return !log_ || log_->idle(); }
  // From its next start on it has these tenants.
  void restart_with(std::vector<model::Tenant> tenants);

 private:
  // Makes the service anew, from what the log has.
  void start();
  void start_drain();
  // Does `work`; if the process dies in it, or is fenced, it is thrown away.
  void guarded(const std::function<Status()>& work);
  void die();

  Stage& stage_;
  const uint32_t number_;
  std::vector<model::Tenant> tenants_;
  CrashPoint crash_;
  std::unique_ptr<schema::Registry> registry_;
  std::unique_ptr<SimLog> log_;
  std::shared_ptr<ingest::Lanes> lanes_;  // null, as the two below, unless tenants have rates
  std::unique_ptr<eventlog::Consumer> drained_;
  std::unique_ptr<ingest::DrainLoop> drain_;
  std::unique_ptr<ingest::Service> service_;
};

// Makes states durable when the scheduler says so, so that a crash can come between the two halves.
class SimPersistence final : public action::Persistence {
 public:
  explicit SimPersistence(SimLog& log) : log_(log) {}

  [[nodiscard]] Status finish(uint32_t partition, state::PartitionState& state, action::Upkeep upkeep,
                              uint64_t round) override;
  [[nodiscard]] Status status() override { return {}; }
  [[nodiscard]] Status wait() override;
  // Does the second half of one persist; false if there is none.
  bool tick();
  [[nodiscard]] bool idle() const { return jobs_.empty(); }

 private:
  SimLog& log_;
  struct Job {
    state::PartitionState* state = nullptr;
    action::Upkeep upkeep = action::Upkeep::kNone;
  };
  [[nodiscard]] Status do_job(uint32_t partition, const Job& job);

  std::map<uint32_t, Job> jobs_;
};

// An action worker.
class WorkerProcess {
 public:
  WorkerProcess(Stage& stage, uint32_t number);

  // Does one step of the worker's loop, after a start if it is down.
  void step();
  // Lets its disk work; false if it has nothing to do.
  bool tick();
  // Lets it finish and commit what it has, as a clean stop does.
  void drain();
  [[nodiscard]] std::optional<MemberId> member() const;
  // It has replayed to where its group has committed.
  [[nodiscard]] bool caught_up() const { return loop_ && loop_->caught_up(); }
  [[nodiscard]] bool follows_closely() const;
  // Where its states are read; null while it is down, or if nobody reads them.
  [[nodiscard]] action::ProfileReads* reads() const { return reads_.get(); }
  // What its partitions' states are on: its own disks, or those of the machine that all workers
  // share.
  [[nodiscard]] const Disks& disks() const { return stage_.faults.own_disks ? own_disks_ : stage_.shared_disks; }
  std::shared_ptr<kv::MemoryDisk>& disk(uint32_t partition);

 private:
  void start();
  void guarded(uint32_t crash_permille, const std::function<Status()>& work);
  void stop();
  // The disks keep what their faults leave of them; everything else of the process is gone.
  void die();
  void damage_disks(MemberId member);

  Stage& stage_;
  const uint32_t number_;
  const env::TimeUs persist_interval_us_;
  const size_t gather_rows_max_;
  const size_t memory_bytes_;
  CrashPoint crash_;
  Disks own_disks_;
  // Of a disk, as it was some time ago.
  std::map<uint32_t, decltype(kv::MemoryDisk::rows)> images_;
  std::unique_ptr<action::ProfileReads> reads_;
  std::unique_ptr<SimLog> log_;
  std::unique_ptr<eventlog::Consumer> consumer_;
  std::unique_ptr<SimPersistence> persistence_;
  std::unique_ptr<action::WorkerLoop> loop_;
};

// A reactor.
class ReactorProcess {
 public:
  ReactorProcess(Stage& stage, uint32_t number);

  void step();
  // Lets the log answer.
  bool tick();
  // Also called when the store dies, which lives in the same process.
  void die();

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
