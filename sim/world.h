// The whole pipeline under one seeded scheduler: at each step one process, the network or a fault
// has its turn. From one seed follows one run, to the byte.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checks.h"
#include "end.h"
#include "moved_records.h"
#include "processes.h"
#include "readers.h"
#include "workload.h"

namespace freshet::sim {

// What makes a run besides its scenario.
struct WorldOptions {
  uint64_t seed = 1;
  bool checks = true;  // without them a run is only good for its hash
  bool trace = false;
  bool from_state = false;  // profiles are read from action's state
};
// One run of one seed.

class World {
 public:
  // The workload outlives it.
  World(const Scenario& scenario, const Workload& workload, const WorldOptions& options);

  // Runs until all is said and done; throws Violation.
  void run();
  [[nodiscard]] const Probes& probes() const { return stage_.probes; }
  // A hash of everything that was written to the log, of the documents and of the time it took.
  [[nodiscard]] std::string hash();

 private:
  struct Flight;  // a request on its way

  // ---- a step
  void step();
  void step_network();
  void step_fault();
  void send_next();
  void deliver();
  void answered(size_t request, const http::Response& response);
  // Messages to a partition that change its rules; `late`: each at a time of its own.
  void change_rules(const RulesChange& change);
  void publish_rules(const std::vector<model::Tenant>& tenants, bool late);
  void deliver_rules();
  void make_zombie();
  void make_standby();

  // Every request was answered with success.
  // ---- the end
  // Why the run is not at rest, or "" if it is.
  [[nodiscard]] bool all_sent() const { return acknowledged_count_ == scenario_.requests.size(); }
  [[nodiscard]] std::string unrest() const;
  void use_one_worker();
  [[nodiscard]] const WorkerProcess* worker_of(std::optional<MemberId> member) const;
  [[nodiscard]] const WorkerProcess* owner_of(uint32_t partition) const;
  // More messages are there than could ever be needed.
  [[nodiscard]] bool circulates() const;
  // Hits the probes that only the end can tell of.
  void come_to_rest();
  void check();
  void count_probes(const End& end);

  const Scenario& scenario_;
  const Workload& workload_;
  Stage stage_;
  std::unique_ptr<Shadow> shadow_;                 // null if nothing is checked
  std::unique_ptr<Readers> readers_;               // null if nobody reads, or nothing is checked
  std::map<std::string, v1::Document> documents_;  // that they read at the end
  MovedRecords lanes_;
  std::deque<IngestProcess> ingests_;
  std::deque<WorkerProcess> workers_;
  std::deque<ReactorProcess> reactors_;
  std::vector<uint32_t> speeds_;  // of workers, then of reactors: how often their turn comes

  // ---- the network: requests are sent again until they are answered
  size_t next_request_ = 0;
  std::vector<size_t> in_flight_;
  std::vector<bool> acknowledged_;
  size_t acknowledged_count_ = 0;
  std::set<std::string> acknowledged_messages_;
  std::set<size_t> waiting_;  // requests that have no answer yet
  size_t window_ = 1;
  size_t next_rules_ = 0;
  // Rules on their way to a partition, by the number of the request that they come before.
  std::multimap<size_t, eventlog::Produce> rules_under_way_;
  uint64_t revision_ = 0;
  uint64_t replayed_before_ = 0, dropped_before_ = 0;  // metrics count over all runs of the process
};

}  // namespace freshet::sim
