#include "action/worker_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

#include "base/mutant.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::action {

using eventlog::Fetched;
using eventlog::Topic;
using eventlog::TopicPartition;

struct WorkerLoop::Metrics {
  explicit Metrics(uint32_t member) {
    const telemetry::Labels labels{{"worker", std::to_string(member)}};
    partitions = &telemetry::gauge("freshet_action_partitions", "Partitions that are processed here.", labels);
    followed = &telemetry::gauge("freshet_action_partitions_followed",
                                 "Partitions that are read along here, as a standby.", labels);
    behind = &telemetry::gauge("freshet_action_partitions_behind",
                               "Partitions that are ours, but wait to begin or replay what was committed.", labels);
  }
  telemetry::Gauge* partitions = nullptr;
  telemetry::Gauge* behind = nullptr;
  telemetry::Gauge* followed = nullptr;
  telemetry::Counter& records = telemetry::counter("freshet_action_records_total", "Records of `actions` processed.");
  telemetry::Counter& duplicates =
      telemetry::counter("freshet_action_duplicates_total", "Records dropped: their message id was seen before.");
  telemetry::Counter& loops =
      telemetry::counter("freshet_action_loop_messages_total", "Messages between partitions processed.");
  telemetry::Counter& dead =
      telemetry::counter("freshet_action_dead_letters_total", "Records that could not be processed.");
  telemetry::Counter& replayed =
      telemetry::counter("freshet_action_replayed_total", "Records processed again after a start, outputs suppressed.");
  telemetry::Counter& commits = telemetry::counter("freshet_action_commits_total", "Transactions committed.");
  telemetry::Counter& aborts =
      telemetry::counter("freshet_action_aborts_total", "Transactions aborted, or their outcome not known: replayed.");
  telemetry::Counter& persists =
      telemetry::counter("freshet_action_persists_total", "Times that a partition's state was made durable.");
  telemetry::Counter& created = telemetry::counter("freshet_identity_created_total", "Profiles created.");
  telemetry::Counter& linked = telemetry::counter("freshet_identity_linked_total", "Identifiers linked to a profile.");
  telemetry::Counter& merged = telemetry::counter("freshet_identity_merged_total", "Profiles merged into another.");
  telemetry::Counter& erased = telemetry::counter("freshet_identity_erased_total", "Profiles erased.");
  telemetry::Counter& erased_messages =
      telemetry::counter("freshet_identity_erased_messages_total", "Messages of erased profiles.");
  telemetry::Histogram& commit_us = telemetry::histogram("freshet_action_commit_us", "Time of a commit.");
  telemetry::Histogram& process_us = telemetry::histogram("freshet_action_batch_us", "Time to process a batch.");
};

namespace {

constexpr env::TimeUs kAgainFirstUs = 20'000;  // doubled with each try
constexpr env::TimeUs kAgainMaxUs = 5'000'000;
constexpr env::TimeUs kIdleUs = 10'000'000;  // a group has shared its partitions out by then

void add_output(std::vector<eventlog::Produce>& outputs, eventlog::Produce&& produce) {
  const auto same = std::find_if(outputs.begin(), outputs.end(), [&](const auto& p) { return p.to == produce.to; });
  if (same == outputs.end()) {
    outputs.push_back(std::move(produce));
  } else {
    same->records.append(produce.records);
  }
}

}  // namespace

WorkerLoop::WorkerLoop(const WorkerOptions& options, eventlog::Consumer& consumer, Persistence& persistence)
    : options_(options),
      consumer_(consumer),
      persistence_(persistence),
      partitions_(options.log->partitions(Topic::kActions)),
      started_(options.clock->monotonic_us()),
      spans_(*options.clock),
      metrics_(std::make_unique<Metrics>(options.member)) {}

WorkerLoop::~WorkerLoop() = default;

Status WorkerLoop::step(env::TimeUs poll_us) {
  FRESHET_TRY(begin_those_due());
  auto polled = consumer_.poll(options_.batch_bytes_max, poll_us);
  if (!polled && polled.error().code == Code::kRetry) {
    spdlog::warn("{}", polled.error().message);
    options_.clock->sleep_us(poll_us);
    return {};
  }
  if (!polled) return tl::unexpected(std::move(polled).error());
  if (!polled->revoked.empty()) FRESHET_TRY(persistence_.wait());
  for (const TopicPartition& gone : polled->revoked) {
    slots_.erase(gone.partition);
    waiting_.erase(gone.partition);
  }
  for (const TopicPartition& theirs : polled->followed) FRESHET_TRY(take_over(theirs, true));
  for (const TopicPartition& mine : polled->assigned) FRESHET_TRY(take_over(mine, false));
  if (!polled->fetched.empty()) FRESHET_TRY(process_all(polled->fetched));
  return look_after_states();
}

Status WorkerLoop::drain() {
  FRESHET_TRY(persistence_.wait());
  for (auto& [partition, slot] : slots_) FRESHET_TRY(persist(slot));
  return persistence_.wait();
}

bool WorkerLoop::caught_up() const {
  if (!waiting_.empty()) return false;
  const auto is_ours = [](const auto& s) { return !s.second.following; };
  if (std::none_of(slots_.begin(), slots_.end(), is_ours)) return options_.clock->monotonic_us() - started_ >= kIdleUs;
  return std::none_of(slots_.begin(), slots_.end(), [](const auto& s) { return s.second.behind(); });
}

// ---- partitions ---------------------------------------------------------------------------------------------------

Status WorkerLoop::take_over(TopicPartition mine, bool following) {
  Waiting waiting;
  // Of one that was followed the state is here.
  if (auto followed = slots_.extract(mine.partition); !followed.empty()) waiting.slot = std::move(followed.mapped());
  if (auto waits = waiting_.extract(mine.partition); !waits.empty()) waiting.slot = std::move(waits.mapped().slot);
  waiting.slot.of = mine;
  waiting.slot.following = following || (FRESHET_MUTANT(kStandbyStaysSilent) && waiting.slot.following);
  waiting.pause_us = kAgainFirstUs;
  return begin(std::move(waiting));
}

// To work, or (again) among those that wait.
Status WorkerLoop::begin(Waiting waiting) {
  const TopicPartition mine = waiting.slot.of;
  Status begun = waiting.slot.state != nullptr ? Status{} : open_state(waiting.slot);
  if (begun) begun = begin_replay(waiting.slot);
  if (begun) {
    consumer_.pause(mine, false);
    slots_.insert_or_assign(mine.partition, std::move(waiting.slot));
    return {};
  }
  const bool in_use = begun.error().code == Code::kConflict && waiting.slot.state == nullptr;
  if (begun.error().code != Code::kRetry && !in_use) return begun;
  spdlog::warn("partition {} waits, again in {} ms: {}", mine.partition, waiting.pause_us / 1000,
               begun.error().message);
  consumer_.pause(mine, true);
  waiting.due = options_.clock->monotonic_us() + waiting.pause_us;
  waiting.pause_us = std::min(waiting.pause_us * 2, kAgainMaxUs);
  waiting_.insert_or_assign(mine.partition, std::move(waiting));
  return {};
}

Status WorkerLoop::begin_those_due() {
  if (waiting_.empty()) return {};
  const env::TimeUs now = options_.clock->monotonic_us();
  std::vector<Waiting> due;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    const bool is_due = at->second.due <= now;
    if (is_due) due.push_back(std::move(at->second));
    at = is_due ? waiting_.erase(at) : std::next(at);
  }
  for (Waiting& one : due) FRESHET_TRY(begin(std::move(one)));
  return {};
}

Status WorkerLoop::open_state(Slot& slot) {
  const uint32_t partition = slot.of.partition;
  FRESHET_ASSIGN(auto state, options_.open_state(partition));
  slot.state = std::move(state);
  // Partitions persist in turn: spread over the interval, so that no flush is large.
  slot.persist_due = options_.clock->monotonic_us() + options_.persist_interval_us * (partition + 1) / partitions_;
  return {};
}

// From what the state stands for up to what is committed. The engine is made anew: it may have known rules that were dropped.
Status WorkerLoop::begin_replay(Slot& slot) {
  if (slot.following) {
    slot.committed = std::numeric_limits<eventlog::Offset>::max();
  } else {
    FRESHET_ASSIGN(auto committed, consumer_.committed(slot.of));
    slot.committed = committed.value_or(0);
  }
  if (slot.state->offset() > slot.committed)
    return fail(
        Code::kCorrupt,
        fmt::format("the state of partition {} stands for offset {}, but the log knows only {} as committed: log and "
                    "state do not belong together; restore both from the same backup",
                    slot.of.partition, slot.state->offset(), slot.committed));
  if (slot.behind())
    spdlog::info("partition {}: replaying offsets {} to {}", slot.of.partition, slot.state->offset(), slot.committed);
  const bool skips = FRESHET_MUTANT(kGapNotReplayed) && !slot.following;
  consumer_.seek(slot.of, skips ? slot.committed : slot.state->offset());
  slot.out = std::make_unique<Outputs>(slot.of.partition, partitions_);
  slot.engine = std::make_unique<Engine>(slot.of.partition, partitions_, *slot.state, *slot.out);
  slot.counted = {};
  slot.identity_counted = {};
  return {};
}

// ---- records ------------------------------------------------------------------------------------------------------

// Process everything fetched, then commit all of it in one transaction.
Status WorkerLoop::process_all(const std::vector<Fetched>& fetched) {
  eventlog::Transaction transaction;
  const env::TimeUs begin = options_.clock->monotonic_us();
  spans_.begin();
  for (const Fetched& batch : fetched) {
    Slot& slot = slots_.at(batch.from.partition);
    FRESHET_TRY(process(slot, batch));
    if (FRESHET_MUTANT(kFlushBeforeCommit)) FRESHET_TRY(slot.state->persist());
    if (batch.next <= slot.committed) continue;
    for (eventlog::Produce& produce : slot.out->take()) add_output(transaction.outputs, std::move(produce));
    transaction.done.push_back({batch.from, batch.next});
  }
  metrics_->process_us.record(options_.clock->monotonic_us() - begin);
  return transaction.done.empty() ? Status{} : commit(std::move(transaction));
}

// Up to the committed offset with outputs suppressed, from there on for real; a batch may lie on both sides.
Status WorkerLoop::process(Slot& slot, const Fetched& batch) {
  const std::span<const eventlog::RecordView> records(batch.records);
  const auto first_new =
      std::partition_point(records.begin(), records.end(), [&](const auto& r) { return r.offset < slot.committed; });
  const auto old_count = static_cast<size_t>(first_new - records.begin());
  if (old_count > 0) {
    slot.out->suppress(!FRESHET_MUTANT(kReplaySpeaks));
    FRESHET_TRY(slot.engine->process(records.first(old_count)));
    slot.out->suppress(false);
    metrics_->replayed.add(old_count);
  }
  if (old_count < records.size()) FRESHET_TRY(slot.engine->process(records.subspan(old_count)));
  slot.state->advance(batch.next);
  spans_.add(slot.of.partition, slot.engine->take_traced());
  count(slot);
  return {};
}

Status WorkerLoop::commit(eventlog::Transaction transaction) {
  const env::TimeUs began = options_.clock->monotonic_us();
  const std::vector<eventlog::Position> done = transaction.done;
  const Status committed = consumer_.commit(std::move(transaction));
  const bool is_lost =
      !committed && (committed.error().code == Code::kConflict || committed.error().code == Code::kRetry);
  if (!committed && !is_lost) return committed;
  if (is_lost && !FRESHET_MUTANT(kAbortIgnored)) {
    metrics_->aborts.add();
    spans_.end("aborted");
    FRESHET_TRY(persistence_.wait());  // of what was committed before
    for (const eventlog::Position& position : done) {
      auto lost = slots_.extract(position.of.partition);
      Waiting again{std::move(lost.mapped()), 0, kAgainFirstUs};
      if (!FRESHET_MUTANT(kAbortKeepsMemory)) FRESHET_TRY(again.slot.state->drop());
      FRESHET_TRY(begin(std::move(again)));
    }
    return {};
  }
  metrics_->commit_us.record(options_.clock->monotonic_us() - began);
  metrics_->commits.add();
  spans_.end({});
  for (const eventlog::Position& position : done) slots_.at(position.of.partition).committed = position.next;
  return {};
}

// ---- states -------------------------------------------------------------------------------------------------------

// Everything in memory is committed here: between steps.
Status WorkerLoop::look_after_states() {
  show_partitions();
  const env::TimeUs now = options_.clock->monotonic_us();
  for (auto& [partition, slot] : slots_) {
    slot.state->settle();
    if (slot.state->must_persist()) FRESHET_TRY(persistence_.wait());
    if (now >= slot.persist_due || slot.state->wants_persist()) {
      FRESHET_TRY(persist(slot));
      slot.persist_due = now + options_.persist_interval_us;
    }
  }
  return {};
}

Status WorkerLoop::persist(Slot& slot) {
  if (slot.state->offset() == slot.state->durable_offset()) return {};
  metrics_->persists.add();
  return persistence_.persist(slot.of.partition, *slot.state, slot.following ? Upkeep::kNone : Upkeep::kTrim);
}

void WorkerLoop::show_partitions() {
  const auto behind = std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s.second.behind(); });
  const auto followed = std::count_if(slots_.begin(), slots_.end(), [](const auto& s) { return s.second.following; });
  metrics_->partitions->set(static_cast<double>(slots_.size()) - static_cast<double>(behind + followed));
  metrics_->followed->set(static_cast<double>(followed));
  metrics_->behind->set(static_cast<double>(waiting_.size()) + static_cast<double>(behind));
}

void WorkerLoop::count(Slot& slot) {
  const EngineCounters now = slot.engine->counters();
  EngineCounters& was = slot.counted;
  metrics_->records.add(now.records - was.records);
  metrics_->duplicates.add(now.duplicates - was.duplicates);
  metrics_->loops.add(now.loops - was.loops);
  metrics_->dead.add(now.dead_letters - was.dead_letters);
  was = now;
  const ProtocolCounters identity = slot.engine->identity();
  ProtocolCounters& before = slot.identity_counted;
  metrics_->created.add(identity.created - before.created);
  metrics_->linked.add(identity.linked - before.linked);
  metrics_->merged.add(identity.merged - before.merged);
  metrics_->erased.add(identity.erased - before.erased);
  metrics_->erased_messages.add(identity.erased_messages - before.erased_messages);
  count_reasons(identity, before);
  before = identity;
}

}  // namespace freshet::action
