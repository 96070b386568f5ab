// Opens the log and makes its topics, with the retention that each of them needs.

#include "app/log.h"

#include <fmt/core.h>

#include <algorithm>
#include <future>
#include <utility>

#include "action/worker_options.h"
#include "app/rebuild.h"
#include "app/what_is_left.h"
#include "eventlog/embedded/embedded_log.h"
#include "eventlog/kafka/kafka_log.h"
#include "ingest/overflow/lane_key.h"
#include "kv/store.h"
#include "reaction/reactor_options.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

using eventlog::Topic;
using Log = Result<std::unique_ptr<eventlog::EventLog>>;

constexpr size_t kReadBytes = 1u << 20;

telemetry::Counter& lost_rows() {
  static telemetry::Counter& rows = telemetry::counter(
      "freshet_log_lost_rows_total", "Rows of the embedded log that were synced and are gone: see --accept-loss.");
  return rows;
}

// Partitions of a log that has lost records go on at an offset that was never given away: the second of the clock,
// with room for 65,536 records each.
constexpr int kOffsetsOfSecondBits = 16;

Log open_embedded(const Config& config, env::Clock& clock) {
  kv::Options options;
  options.path = log_directory(config);
  options.memory = kv::make_memory_budget(96u << 20);
  // Chunks are large, written once and read in order, so the store is set up for that: decision
  // 0002.
  options.large_values = true;
  options.log_like = true;
  options.point_reads = false;
  options.bloom_bits = 0;
  options.open_files_max = config.store_files;
  options.note_synced = true;
  static_cast<void>(lost_rows());  // It is shown from the start.
  WhatIsLeft left;
  if (config.accept_loss) {
    FRESHET_ASSIGN(left, open_what_is_left(options));
  } else {
    auto store = kv::open_rocks(options);
    if (!store) return tl::unexpected(with_way_on(std::move(store).error()));
    left.store = std::move(*store);
  }
  eventlog::EmbeddedLogOptions log;
  if (left.lost_rows > 0) {
    lost_rows().add(left.lost_rows);
    FRESHET_TRY(mark_rebuild(config.data_dir, RebuildReason::kAfterLoss));
    log.skip_to = clock.now_us() / 1'000'000 << kOffsetsOfSecondBits;
  }
  return eventlog::open_embedded_log(std::move(left.store), clock, log);
}

}  // namespace

eventlog::KafkaOptions kafka_options(const Config& config, const std::string& name) {
  eventlog::KafkaOptions options;
  options.brokers = config.log.brokers;
  options.topic_prefix = config.log.topic_prefix;
  options.properties = config.log.properties;
  options.client_id = "freshet-" + name;
  if (config.state.standby_after_us > 0) options.silence_us = config.state.standby_after_us;
  return options;
}

std::string log_directory(const Config& config) { return config.data_dir + "/log"; }

std::string log_name(const Config& config) {
  return fmt::format("{}/{}", config.log.topic_prefix, config.log.partitions);
}

Log open_log(const Config& config, const std::string& name, env::Clock& clock) {
  return config.log.kind == Config::LogKind::kKafka ? eventlog::open_kafka_log(kafka_options(config, name), clock)
                                                    : open_embedded(config, clock);
}

std::vector<eventlog::WantedTopic> topics_of(const Config& config) {
  const uint32_t partitions = config.log.partitions;
  const Config::Retention& kept = config.retention;
  std::vector<eventlog::WantedTopic> topics = {
      // actions has no retention by itself: action trims what no state needs any more.
      {Topic::kActions, {partitions, 0, 0, {action::kActionGroup}}},
      // A reader that was away for an hour beyond its last commit would miss changes, so nothing that is not committed
      // is deleted.
      {Topic::kChanges, {partitions, (1ull << 30) / partitions, kept.changes_us, {reaction::kReactionGroup}}},
      {Topic::kEvents, {partitions, (8ull << 30) / partitions, events_kept_us(config), {}}},
      {Topic::kDeadLetters, {1, 1ull << 30, kept.deadletters_us, {}}},
      // Like actions: the drain trims what it has moved.
      {Topic::kOverflow, {partitions, 0, 0, {ingest::kDrainGroup}}},
      {Topic::kLogs, {partitions, (2ull << 30) / partitions, kept.logs_us, {}}},
      // One partition, because its order is what processes agree by.
      {Topic::kSchema, {1, 0, 0, {}}},
  };
  // The embedded log has one ingest node, which needs to tell nobody.
  if (config.log.kind == Config::LogKind::kKafka) topics.push_back({Topic::kImports, {1, 0, 0, {}, true}});
  return topics;
}

Status create_topics(eventlog::EventLog& log, const Config& config) {
  for (const eventlog::WantedTopic& wanted : topics_of(config))
    FRESHET_TRY(log.create_topic(wanted.topic, wanted.options));
  return {};
}

Status append(eventlog::EventLog& log, std::vector<eventlog::Produce> batches) {
  std::promise<Status> done;
  log.append(std::move(batches), [&](Status status) { done.set_value(std::move(status)); });
  return done.get_future().get();
}

Result<eventlog::Offset> read_to_end(eventlog::EventLog& log, eventlog::TopicPartition of, eventlog::Offset from,
                                     const VisitFetched& visit) {
  FRESHET_ASSIGN(const auto marks, log.watermarks(of));
  eventlog::Offset next = std::max(from, marks.low);
  while (next < marks.high) {
    FRESHET_ASSIGN(const auto fetched, log.read(of, next, kReadBytes));
    // Nothing more can be read now, though the watermark promised it; the caller goes on later.
    if (fetched.next <= next) break;
    next = fetched.next;
    if (fetched.records.empty()) continue;
    FRESHET_ASSIGN(const auto more, visit(fetched));
    if (!more) break;
  }
  return next;
}

}  // namespace freshet::app
