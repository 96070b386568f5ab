// What an ingest node has of rates: it puts what is over them into topic `overflow`, and drains its part of that topic.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.h"
#include "console/freshness.h"
#include "ingest/overflow/drainer.h"
#include "ingest/overflow/lanes.h"

namespace freshet::app {

class Overflow {
 public:
  // `backlog`: how many records the stages behind have not done, nullopt if the log does not say; asked on the drain's
  // thread. Log and clock outlive it.
  using Tenants = std::vector<std::shared_ptr<const model::Tenant>>;
  [[nodiscard]] static Result<std::unique_ptr<Overflow>> start(const Config& config, const Tenants& tenants,
                                                               eventlog::EventLog& log, env::Clock& clock,
                                                               std::function<std::optional<int64_t>()> backlog);

  // The tenants are others now: what of them waits goes on at the rates that they have from here on.
  void use(const Tenants& tenants) { lanes_->know(tenants); }

  [[nodiscard]] std::shared_ptr<ingest::Lanes> lanes() { return lanes_; }
  // What waits of a tenant, as far as this node knows; and of all of them, in records. nullopt: what is left over from
  // an earlier life is not read yet, so that only the log can tell.
  [[nodiscard]] console::Waiting waiting(const std::string& tenant);
  [[nodiscard]] std::optional<int64_t> waiting() {
    return lanes_->is_settled() ? std::optional(static_cast<int64_t>(lanes_->waiting())) : std::nullopt;
  }

  void stop() { drainer_->stop(); }
  [[nodiscard]] Status status() { return drainer_->status(); }

 private:
  std::shared_ptr<ingest::Crowd> crowd_;
  std::shared_ptr<ingest::Lanes> lanes_;  // of appends that are under way, too
  std::unique_ptr<ingest::Drainer> drainer_;
};

}  // namespace freshet::app
