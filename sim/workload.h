// What clients send in a run, and under which rules. A workload is confluent (its end is the oracle's, whatever
// happened in between) or contended (limits, refusals, shared identifiers, erasing: what holds then is conservation and
// agreement).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "dice.h"
#include "items.h"
#include "model/tenant.h"

namespace freshet::sim {

class End;  // end.h

struct RulesChange {
  size_t after_request = 0;
  std::vector<model::Tenant> tenants;
  bool ingest_too = false;  // a node is restarted with them, action hears of them in `actions`
};

struct Scenario {
  uint32_t partitions = 3;
  uint32_t ingest_nodes = 1;
  std::vector<std::vector<model::Tenant>> tenants;  // as each ingest node is configured; action begins with the first's
  std::vector<RulesChange> rules;                   // by after_request
  std::vector<Request> requests;
};

struct Size {
  size_t records = 500;
  uint32_t partitions = 0;  // 0: the seed decides
};

class Workload {
 public:
  virtual ~Workload() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::string_view text() const = 0;
  [[nodiscard]] virtual bool confluent() const = 0;
  // The rules and the cluster.
  virtual void setup(Dice& dice, const Size& size, Scenario& scenario) const = 0;
  // What is sent.
  virtual void start(Dice& dice, const Size& size, Scenario& scenario) const = 0;
  // What only this one promises; throws Violation. What every run promises is in checks.h.
  virtual void check(const End& end) const = 0;
};

[[nodiscard]] const std::vector<std::unique_ptr<Workload>>& workloads();
[[nodiscard]] const Workload* find_workload(std::string_view name);

}  // namespace freshet::sim
