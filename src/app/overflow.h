// What an ingest node has of rates: it puts what is over them into topic `overflow`, and drains its part of that topic.
#pragma once

#include <functional>
#include <memory>

#include "app/config.h"
#include "console/freshness.h"
#include "ingest/overflow/drainer.h"
#include "ingest/overflow/lanes.h"

namespace freshet::app {

class Overflow {
 public:
  // `has_room`: the stages behind are not too far behind; asked on the drain's thread. Log and clock outlive it.
  [[nodiscard]] static Result<std::unique_ptr<Overflow>> start(const Config& config, eventlog::EventLog& log,
                                                               env::Clock& clock, std::function<bool()> has_room);

  [[nodiscard]] std::shared_ptr<ingest::Lanes> lanes() { return lanes_; }
  // What waits of a tenant, as far as this node knows; and of all of them, in records.
  [[nodiscard]] console::Waiting waiting(const std::string& tenant);
  [[nodiscard]] int64_t waiting() { return static_cast<int64_t>(lanes_->waiting()); }

  void stop() { drainer_->stop(); }
  [[nodiscard]] Status status() { return drainer_->status(); }

 private:
  std::shared_ptr<ingest::Lanes> lanes_;  // of appends that are under way, too
  std::unique_ptr<ingest::Drainer> drainer_;
};

}  // namespace freshet::app
