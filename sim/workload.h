// What clients send in a run, and under which rules. A workload is confluent (its end is the
// oracle's, whatever happened in between) or contended (with limits, refusals, shared identifiers
// and erasing: what holds then is conservation and agreement).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dice.h"
#include "items.h"
#include "model/tenant.h"

namespace freshet::sim {

class End;  // end.h

// Other rules from some request on.
struct RulesChange {
  size_t after_request = 0;
  std::vector<model::Tenant> tenants;
  // A node is restarted with them too; action always hears of them in `actions`.
  bool ingest_too = false;
};

// All that a run is given.
struct Scenario {
  uint32_t partitions = 3;
  uint32_t ingest_nodes = 1;
  // As each ingest node is configured; action begins with those of the first one.
  std::vector<std::vector<model::Tenant>> tenants;
  std::vector<RulesChange> rules;  // by after_request
  std::vector<Request> requests;
  bool events_if_read = false;  // of tenants that nobody reads events of, none are written
  bool rated = false;           // tenants have rates, and each ingest node drains its part of `overflow`
};

struct Size {
  size_t records = 500;
  uint32_t partitions = 0;  // with 0 the seed decides
};

// One way to use the product. docs/simulator.md tells how they are chosen.
class Workload {
 public:
  virtual ~Workload() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::string_view text() const = 0;
  [[nodiscard]] virtual bool confluent() const = 0;
  // Makes the rules and the cluster.
  virtual void setup(Dice& dice, const Size& size, Scenario& scenario) const = 0;
  // Makes what is sent.
  virtual void start(Dice& dice, const Size& size, Scenario& scenario) const = 0;
  // Checks what only this workload promises; throws Violation. What every run promises is in
  // checks.h.
  virtual void check(const End& end) const = 0;
};

[[nodiscard]] const std::vector<std::unique_ptr<Workload>>& workloads();
[[nodiscard]] const Workload* find_workload(std::string_view name);

}  // namespace freshet::sim
