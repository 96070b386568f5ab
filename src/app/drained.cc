// What partitions say to one another goes through `actions`, so if nothing is left there, nothing is on its way between
// them either. A record that was left would be routed by the old number of partitions and be lost.
#include "app/drained.h"

#include <fmt/core.h>

#include "app/log.h"
#include "app/profiles.h"
#include "base/assert.h"
#include "freshet/v1/overflow.pb.h"
#include "ingest/overflow/lane_key.h"
#include "ingest/overflow/lane_queues.h"
#include "reaction/reactor_options.h"

namespace freshet::app {

using eventlog::Fetched;
using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

namespace {

constexpr const char* kHowToDrain =
    "stop what sends, or have it send to the new topics (`freshet checkpoint prepare`), let the processes with this "
    "configuration go on until /v1/status shows no lag, stop them, `freshet checkpoint create`, and try again";

// Only counts are of interest.
constexpr size_t kWindowBytes = 1;

}  // namespace

Result<bool> has_more(eventlog::EventLog& log, TopicPartition of, Offset from) {
  bool found = false;
  const auto read = read_to_end(log, of, from, [&](const Fetched&) -> Result<bool> {
    found = true;
    return false;
  });
  if (!read) return tl::unexpected(read.error());
  return found;
}

Result<uint64_t> waiting_in_overflow(eventlog::EventLog& log, uint32_t partition, Offset from) {
  const TopicPartition of{Topic::kOverflow, partition};
  ingest::LaneQueues queues(from);
  const auto learned = read_to_end(log, of, from, [&](const Fetched& fetched) -> Result<bool> {
    v1::OverflowProgress progress;
    for (const eventlog::RecordView& record : fetched.records)
      if (record.key.empty() && progress.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())))
        queues.learn(progress);
    return true;
  });
  if (!learned) return tl::unexpected(learned.error());
  const auto taken = read_to_end(log, of, from, [&](const Fetched& fetched) -> Result<bool> {
    for (const eventlog::RecordView& record : fetched.records)
      if (!record.key.empty()) static_cast<void>(queues.take(record, kWindowBytes));
    return true;
  });
  if (!taken) return tl::unexpected(taken.error());
  uint64_t waiting = 0;
  for (const auto& [name, lane] : queues.lanes()) waiting += lane.records;
  return waiting;
}

Status check_drained(eventlog::EventLog& log, const Config& config, const std::vector<Offset>& states) {
  FRESHET_ASSERT(states.size() == config.log.partitions);
  const bool reads_state = profiles_kind(config) == Config::Profiles::Kind::kState;
  FRESHET_ASSIGN(const auto written, log.all_committed(reaction::kReactionGroup, Topic::kChanges));
  FRESHET_ASSIGN(const auto moved, log.all_committed(ingest::kDrainGroup, Topic::kOverflow));
  for (uint32_t p = 0; p < config.log.partitions; ++p) {
    FRESHET_ASSIGN(const auto unread, has_more(log, {Topic::kActions, p}, states[p]));
    if (unread)
      return fail(Code::kConflict,
                  fmt::format("partition {}: its newest checkpoint stands for offset {}, and `actions` has records "
                              "after that: {}",
                              p, states[p], kHowToDrain));
    FRESHET_ASSIGN(const auto waiting, waiting_in_overflow(log, p, moved[p].value_or(0)));
    if (waiting > 0)
      return fail(Code::kConflict,
                  fmt::format("partition {}: {} records wait in `overflow`, for which a process with role ingest and "
                              "this configuration has to run: {}",
                              p, waiting, kHowToDrain));
    if (reads_state) continue;  // Nobody needs what changes say.
    FRESHET_ASSIGN(const auto unwritten, has_more(log, {Topic::kChanges, p}, written[p].value_or(0)));
    if (unwritten)
      return fail(
          Code::kConflict,
          fmt::format("partition {}: `changes` has records that are not in the profile store: {}", p, kHowToDrain));
  }
  return {};
}

}  // namespace freshet::app
