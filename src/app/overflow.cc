#include "app/overflow.h"

#include <utility>

#include "app/stages.h"
#include "telemetry/metrics.h"

namespace freshet::app {

using eventlog::Topic;

namespace {

// On Kafka it takes several round trips to ask what is done, so it is asked less often, and more may be under way.
constexpr env::TimeUs kObserveKafkaUs = 50'000;
constexpr env::TimeUs kCrowdKafkaUs = 300'000;

}  // namespace

Result<std::unique_ptr<Overflow>> Overflow::start(const Config& config, const Tenants& tenants, eventlog::EventLog& log,
                                                  env::Clock& clock, std::function<std::optional<int64_t>()> backlog) {
  auto made = std::make_unique<Overflow>();
  const auto waits = lag_of(log, ingest::kDrainGroup, Topic::kOverflow);
  ingest::CrowdOptions crowd;
  crowd.clock = &clock;
  crowd.tenants = tenants.size();
  if (config.log.kind == Config::LogKind::kKafka) crowd.time_us = kCrowdKafkaUs;
  made->crowd_ = std::make_shared<ingest::Crowd>(crowd);
  ingest::LanesOptions lanes;
  lanes.clock = &clock;
  lanes.crowd = made->crowd_;
  lanes.partitions = log.partitions(Topic::kOverflow);
  lanes.records_max = config.overflow.count;
  lanes.bytes_max = config.overflow.bytes;
  telemetry::gauge("freshet_overflow_limit_records", "Records of each tenant that may wait in overflow.")
      .set(static_cast<double>(config.overflow.count));
  telemetry::gauge("freshet_overflow_limit_bytes", "Their bytes.").set(static_cast<double>(config.overflow.bytes));
  lanes.left_over = waits.value_or(1) > 0;
  made->lanes_ = std::make_shared<ingest::Lanes>(lanes);
  made->lanes_->know(tenants);
  ingest::DrainOptions drain;
  drain.log = &log;
  drain.clock = &clock;
  drain.lanes = made->lanes_.get();
  drain.partitions = config.log.partitions;
  drain.crowd = made->crowd_.get();
  drain.backlog = std::move(backlog);
  if (config.log.kind == Config::LogKind::kKafka) drain.observe_us = kObserveKafkaUs;
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
