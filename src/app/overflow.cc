#include "app/overflow.h"

#include <limits>
#include <utility>

#include "app/stages.h"

namespace freshet::app {

using eventlog::Topic;

Result<std::unique_ptr<Overflow>> Overflow::start(const Config& config, eventlog::EventLog& log, env::Clock& clock,
                                                  std::function<bool()> has_room) {
  auto made = std::make_unique<Overflow>();
  const auto waits = lag_of(log, ingest::kDrainGroup, Topic::kOverflow);
  ingest::LanesOptions lanes;
  lanes.clock = &clock;
  lanes.partitions = log.partitions(Topic::kOverflow);
  lanes.records_max = config.overflow.count;
  lanes.bytes_max = config.overflow.bytes;
  lanes.left_over = waits.value_or(1) > 0;
  made->lanes_ = std::make_shared<ingest::Lanes>(lanes);
  made->lanes_->know(config.tenants);
  ingest::DrainOptions drain;
  drain.log = &log;
  drain.clock = &clock;
  drain.lanes = made->lanes_.get();
  drain.partitions = config.log.partitions;
  drain.room = [has_room = std::move(has_room)] { return has_room() ? std::numeric_limits<size_t>::max() : size_t{0}; };
  FRESHET_ASSIGN(made->drainer_, ingest::Drainer::start(drain));
  return made;
}

console::Waiting Overflow::waiting(const std::string& tenant) {
  console::Waiting out;
  for (const auto kind : {ingest::LaneKind::kLive, ingest::LaneKind::kBackfill}) {
    const ingest::LaneDepth depth = lanes_->depth(tenant, kind);
    out.records += depth.records;
    out.bytes += depth.bytes;
    if (out.oldest_us == 0 || (depth.oldest_us != 0 && depth.oldest_us < out.oldest_us))
      out.oldest_us = depth.oldest_us;
  }
  return out;
}

}  // namespace freshet::app
