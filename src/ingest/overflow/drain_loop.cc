#include "ingest/overflow/drain_loop.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mutant.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::ingest {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

namespace {

constexpr size_t kWindowBytesMin = FRESHET_BOUND(4u << 10, 1u << 10);
constexpr env::TimeUs kShowUs = 1'000'000;
// With more lanes a transaction takes longer to gather, and so does looking for those to close: both are then done less
// often.
constexpr env::TimeUs kPausePerLaneUs = 10;

env::TimeUs pause_for(env::TimeUs pause_us, size_t lanes) {
  return pause_us + kPausePerLaneUs * static_cast<env::TimeUs>(lanes);
}

// Of which something waits, or of which a successor would have to be told.
template <class Parts>
size_t lanes_in(const Parts& parts) {
  size_t lanes = 0;
  for (const auto& [partition, part] : parts) lanes += part.queues.count();
  return lanes;
}

struct DrainMetrics {
  telemetry::Counter& moved = telemetry::counter("freshet_overflow_moved_total", "Records moved on to actions.");
  telemetry::Counter& commits = telemetry::counter("freshet_overflow_commits_total", "Transactions that moved some.");
  telemetry::Counter& aborts =
      telemetry::counter("freshet_overflow_aborts_total", "Transactions that failed; their records are moved again.");
  telemetry::Counter& strange = telemetry::counter("freshet_overflow_strange_total",
                                                   "Records of topic overflow that are none of Freshet's: left out.");
};

DrainMetrics& drain_metrics() {
  static DrainMetrics metrics;
  return metrics;
}

eventlog::RecordBatch& batch_for(std::vector<eventlog::Produce>& outputs, TopicPartition to) {
  for (eventlog::Produce& produce : outputs)
    if (produce.to == to) return produce.records;
  return outputs.emplace_back(eventlog::Produce{to, {}}).records;
}

}  // namespace

struct DrainLoop::Move {
  struct Sum {
    uint64_t records = 0;
    uint64_t bytes = 0;
  };
  eventlog::Transaction transaction;
  std::map<uint32_t, std::map<LaneName, Sum>> moved;  // by partition
  std::map<std::string, uint64_t> tokens;             // left, of the tenants that had a turn
  size_t records = 0;
  size_t records_max = 0;
  size_t bytes = 0;
};

DrainLoop::DrainLoop(DrainOptions options, eventlog::Consumer& consumer)
    : options_(std::move(options)), consumer_(consumer) {
  FRESHET_ASSERT(options_.log != nullptr && options_.clock != nullptr && options_.lanes != nullptr);
  FRESHET_ASSERT(options_.partitions > 0 && options_.quantum_bytes > 0);
  (void)drain_metrics();
}

Status DrainLoop::step() {
  auto polled = consumer_.poll(options_.fetch_bytes_max, patience());
  if (!polled && polled.error().code != Code::kRetry) return tl::unexpected(polled.error());
  if (polled) FRESHET_TRY(take_up(*polled));
  observe();
  FRESHET_TRY(move());
  FRESHET_TRY(close_lanes());
  show();
  return trim();
}

bool DrainLoop::idle() const {
  return waiting_.empty() && !parts_.empty() && std::all_of(parts_.begin(), parts_.end(), [](const auto& p) {
           return p.second.told && p.second.queues.empty() && p.second.committed == p.second.queues.tail();
         });
}

// ---- reading --------------------------------------------------------------------------------------------------------

env::TimeUs DrainLoop::patience() const {
  const bool waits = !waiting_.empty() || std::any_of(parts_.begin(), parts_.end(), [](const auto& p) {
    return !p.second.told || !p.second.queues.empty();
  });
  const bool looks = options_.crowd != nullptr && options_.crowd->wants_observation();
  return waits || looks || options_.lanes->any_open() ? options_.poll_waiting_us : options_.poll_us;
}

Status DrainLoop::take_up(const eventlog::PollResult& polled) {
  for (const TopicPartition of : polled.revoked) {
    parts_.erase(of.partition);
    std::erase(waiting_, of.partition);
  }
  for (const TopicPartition of : polled.assigned) waiting_.push_back(of.partition);
  for (const uint32_t partition : std::exchange(waiting_, {})) FRESHET_TRY(begin({Topic::kOverflow, partition}));
  if (!polled.revoked.empty() || !polled.assigned.empty()) {
    std::vector<uint32_t> owned;
    for (const auto& [partition, part] : parts_) owned.push_back(partition);
    owned.insert(owned.end(), waiting_.begin(), waiting_.end());
    options_.lanes->own(std::move(owned));
  }
  for (const eventlog::Fetched& fetched : polled.fetched)
    if (const auto found = parts_.find(fetched.from.partition); found != parts_.end()) read(found->second, fetched);
  for (auto& [partition, part] : parts_) turn({Topic::kOverflow, partition}, part);
  const bool all_told = std::all_of(parts_.begin(), parts_.end(), [](const auto& p) { return p.second.told; });
  if (all_told && waiting_.empty() && !parts_.empty()) options_.lanes->settle();
  return {};
}

Status DrainLoop::begin(TopicPartition of) {
  parts_.erase(of.partition);
  const auto committed = consumer_.committed(of);
  const auto marks = committed ? options_.log->watermarks(of) : Result<eventlog::Watermarks>{};
  const bool later = !committed ? committed.error().code == Code::kRetry : !marks && marks.error().code == Code::kRetry;
  if (later) {
    // Nothing is read meanwhile: the position is not known.
    consumer_.pause(of, true);
    waiting_.push_back(of.partition);
    return {};
  }
  if (!committed) return tl::unexpected(committed.error());
  if (!marks) return tl::unexpected(marks.error());
  const Offset begin = std::max(committed->value_or(marks->low), marks->low);
  Part& part = parts_.emplace(of.partition, Part(begin)).first->second;
  part.recovered_to = std::max(marks->high, begin);
  part.trimmed = marks->low;
  consumer_.pause(of, false);
  consumer_.seek(of, begin);
  return {};
}

void DrainLoop::read(Part& part, const eventlog::Fetched& fetched) {
  for (const eventlog::RecordView& record : fetched.records) {
    if (record.key.empty()) {
      v1::OverflowProgress progress;
      if (part.learning && progress.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())))
        part.queues.learn(progress);
      continue;
    }
    if (part.learning || part.queues.take(record, window())) continue;
    drain_metrics().strange.add();
    log::warn("overflow: the record at offset {} is none of Freshet's; it is left out", record.offset);
  }
  part.cursor = fetched.next;
  if (!part.learning) part.queues.passed(fetched.next);
}

// Where the cursor goes next: after all positions are learned, back to the beginning; then as the queues want it.
void DrainLoop::turn(TopicPartition of, Part& part) {
  const auto go_to = [&](Offset next) {
    if (part.cursor == next) return;
    part.cursor = next;
    consumer_.seek(of, next);
  };
  if (part.learning) {
    if (part.cursor < part.recovered_to) return;
    part.learning = false;
    go_to(part.committed);
  }
  if (const auto next = part.queues.turn(window())) go_to(*next);
  if (!part.told && part.queues.tail() >= part.recovered_to) tell_found(of.partition, part);
}

void DrainLoop::tell_found(uint32_t partition, Part& part) {
  part.told = true;
  for (const auto& [name, lane] : part.queues.lanes())
    if (lane.records > 0) options_.lanes->found(name, partition, lane.records, lane.bytes);
}

size_t DrainLoop::window() const { return std::max(kWindowBytesMin, options_.held_bytes_max / (lanes_in(parts_) + 1)); }

// ---- moving ---------------------------------------------------------------------------------------------------------

Status DrainLoop::move() {
  const env::TimeUs now = options_.clock->monotonic_us();
  const size_t lanes = lanes_in(parts_);
  if (now - moved_at_us_ < pause_for(options_.pause_us, lanes)) return {};
  Move move;
  if (lanes > 0) {
    ++turn_;
    move.records_max = options_.crowd == nullptr ? std::numeric_limits<size_t>::max() : options_.crowd->room();
    gather(LaneKind::kLive, move);
    gather(LaneKind::kBackfill, move);
  }
  return commit(move);
}

// Lanes with something in memory take turns until nothing more may be moved. A tenant's old records wait for all that
// is live of it, also for what is not in memory yet: else they would take what its rate gives from those.
void DrainLoop::gather(LaneKind kind, Move& move) {
  struct Turn {
    uint32_t partition;
    const LaneName* name;
    LaneQueues::Lane* lane;
  };
  std::vector<Turn> turns;
  for (auto& [partition, part] : parts_) {
    if (!part.told) continue;
    for (auto& [name, lane] : part.queues.lanes()) {
      if (name.kind != kind || lane.held.empty()) continue;
      if (kind == LaneKind::kBackfill && part.queues.waits({name.tenant, LaneKind::kLive})) continue;
      turns.push_back({partition, &name, &lane});
    }
  }
  if (turns.empty()) return;
  std::rotate(turns.begin(), turns.begin() + static_cast<std::ptrdiff_t>(turn_ % turns.size()), turns.end());
  for (size_t before = move.bytes + 1; before != move.bytes;) {
    before = move.bytes;
    for (const Turn& one : turns) take_turn(one.partition, *one.name, *one.lane, move);
  }
}

void DrainLoop::take_turn(uint32_t partition, const LaneName& name, LaneQueues::Lane& lane, Move& move) {
  if (lane.held.empty()) return;
  if (move.records >= move.records_max || move.bytes >= options_.move_bytes_max) return;
  const auto known = move.tokens.find(name.tenant);
  uint64_t& tokens = known != move.tokens.end()
                         ? known->second
                         : move.tokens.emplace(name.tenant, options_.lanes->available(name.tenant)).first->second;
  if (tokens == 0) return;
  LaneQueues& queues = parts_.at(partition).queues;
  lane.deficit += options_.quantum_bytes;
  while (!lane.held.empty() && lane.deficit >= lane.held.front().bytes() && tokens > 0 &&
         move.records < move.records_max && move.bytes < options_.move_bytes_max) {
    const HeldRecord record = queues.pop(lane);
    OverflowKey key;
    const bool parsed = parse_overflow_key(record.key, key);
    FRESHET_ASSERT(parsed && key.tenant == name.tenant && key.kind == name.kind);
    const uint32_t to = partition_of(key.key_in_actions, options_.partitions);
    batch_for(move.transaction.outputs, {Topic::kActions, to}).add(key.key_in_actions, record.value);
    Move::Sum& sum = move.moved[partition][name];
    ++sum.records;
    sum.bytes += record.bytes();
    ++move.records;
    move.bytes += record.bytes();
    lane.deficit -= record.bytes();
    --tokens;
  }
  // What a lane could have had, and has nothing for, is not kept for later.
  if (lane.held.empty() || tokens == 0) lane.deficit = 0;
}

// What a successor goes on from: how far each lane is that moved something, and how far each partition is done, be it
// by records of others.
void DrainLoop::add_positions(Move& move) {
  for (auto& [partition, part] : parts_) {
    if (!part.told) continue;
    const Offset base = part.queues.base();
    const auto moved = move.moved.find(partition);
    const bool ended = part.queues.empty() && base > part.committed;
    if (moved == move.moved.end() && !ended) continue;
    v1::OverflowProgress progress;
    if (moved != move.moved.end()) {
      for (const auto& [name, sum] : moved->second) {
        const auto next = part.queues.progress_of(part.queues.lanes().at(name), base);
        if (!next) continue;
        v1::OverflowProgress::Lane& lane = *progress.add_lanes();
        lane.set_tenant(name.tenant);
        lane.set_backfill(name.kind == LaneKind::kBackfill);
        lane.set_next(*next);
      }
    }
    if (progress.lanes_size() > 0)
      batch_for(move.transaction.outputs, {Topic::kOverflow, partition}).add({}, progress.SerializeAsString());
    move.transaction.done.push_back({{Topic::kOverflow, partition}, base});
  }
}

Status DrainLoop::commit(Move& move) {
  add_positions(move);
  if (move.transaction.done.empty()) return {};
  const std::vector<eventlog::Position> done = move.transaction.done;
  const Status committed = consumer_.commit(std::move(move.transaction));
  moved_at_us_ = options_.clock->monotonic_us();
  if (!committed && committed.error().code != Code::kConflict && committed.error().code != Code::kRetry)
    return committed;
  if (!committed) {
    // Whether it took effect is asked of the log, by reading again from what it says is done.
    drain_metrics().aborts.add();
    for (const eventlog::Position& position : done) FRESHET_TRY(begin(position.of));
    return {};
  }
  drain_metrics().commits.add();
  drain_metrics().moved.add(move.records);
  for (const eventlog::Position& position : done) {
    Part& part = parts_.at(position.of.partition);
    part.committed = position.next;
    part.queues.forget(position.next);
  }
  for (const auto& [partition, lanes] : move.moved)
    for (const auto& [name, sum] : lanes) options_.lanes->moved(name, sum.records, sum.bytes);
  if (options_.crowd != nullptr) options_.crowd->went(move.records);
  return {};
}

Status DrainLoop::trim() {
  const env::TimeUs now = options_.clock->monotonic_us();
  if (now - trimmed_at_us_ < options_.trim_us) return {};
  trimmed_at_us_ = now;
  for (auto& [partition, part] : parts_) {
    // A sweep that is under way reads on from its cursor, though what it was for may be moved by now.
    const Offset before = std::min(part.committed, part.cursor);
    if (before <= part.trimmed) continue;
    const Status trimmed = options_.log->trim({Topic::kOverflow, partition}, before);
    if (!trimmed && trimmed.error().code != Code::kRetry) return trimmed;
    if (trimmed) part.trimmed = before;
  }
  return {};
}

// ---- closing lanes --------------------------------------------------------------------------------------------------

Status DrainLoop::close_lanes() {
  const env::TimeUs now = options_.clock->monotonic_us();
  if (now - looked_at_us_ < pause_for(options_.pause_us, lanes_in(parts_))) return {};
  looked_at_us_ = now;
  // Of partitions of other nodes the brokers are asked, so seldom.
  const bool asks = now - asked_at_us_ >= options_.away_us;
  if (asks) asked_at_us_ = now;
  std::map<uint32_t, bool> answers;
  for (const Lanes::Open& lane : options_.lanes->quiet()) {
    FRESHET_ASSIGN(const bool moved, is_moved(lane, asks, answers));
    if (moved) options_.lanes->close(lane);
  }
  return {};
}

// The end of the partition is read after the lane's last append was answered, so whoever has seen all up to there, and
// moved it, has moved the lane's.
Result<bool> DrainLoop::is_moved(const Lanes::Open& lane, bool asks, std::map<uint32_t, bool>& answers) {
  const TopicPartition of{Topic::kOverflow, lane.partition};
  const auto part = parts_.find(lane.partition);
  const bool here = part != parts_.end();
  if (here ? !part->second.told || part->second.queues.waits(lane.lane) : !asks) return false;
  if (const auto known = answers.find(lane.partition); known != answers.end()) return known->second;
  bool& answer = answers[lane.partition];
  const auto marks = options_.log->watermarks(of);
  if (!marks && marks.error().code == Code::kRetry) return false;
  if (!marks) return tl::unexpected(marks.error());
  if (here) {
    answer = part->second.queues.tail() >= marks->high;
    return answer;
  }
  const auto committed = options_.log->committed(kDrainGroup, of);
  if (!committed && committed.error().code != Code::kRetry) return tl::unexpected(committed.error());
  answer = committed && std::max(committed->value_or(marks->low), marks->low) >= marks->high;
  return answer;
}

void DrainLoop::observe() {
  const env::TimeUs now = options_.clock->monotonic_us();
  if (options_.crowd == nullptr || !options_.backlog || now - observed_at_us_ < options_.observe_us) return;
  observed_at_us_ = now;
  if (const auto backlog = options_.backlog())
    options_.crowd->observe(static_cast<uint64_t>(std::max<int64_t>(*backlog, 0)));
}

void DrainLoop::show() {
  const env::TimeUs now = options_.clock->monotonic_us();
  if (now - shown_at_us_ < kShowUs) return;
  shown_at_us_ = now;
  std::map<LaneName, LaneDepth> depths;
  for (auto& [partition, part] : parts_)
    if (part.told) part.queues.add_depths(depths);
  options_.lanes->show(std::move(depths));
}

}  // namespace freshet::ingest
