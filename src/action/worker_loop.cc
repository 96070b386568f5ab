// The commit protocol of action. For each partition three offsets are told apart, and they never change places:
//
//   durable      what the state on disk stands for: a crash goes back to here
//   committed    what the log knows as done, with its outputs
//   state        what memory stands for
//
// durable <= committed <= state while it works. In between lies, after a crash, the replay from durable to committed,
// which must end in the state from before and say nothing.
#include "action/worker_loop.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>

#include "action/late_records.h"
#include "action/profile_reads.h"
#include "base/assert.h"
#include "base/mutant.h"
#include "base/saturated.h"
#include "state/checkpoint/keeper.h"
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
  telemetry::Counter& limited = telemetry::counter(
      "freshet_person_limited_total", "Records set aside, as their persons had too many events (limits.person).");
  telemetry::Counter& changes = telemetry::counter(
      "freshet_action_changes_total", "Changes of profiles committed, where profiles are read from action's state.");
  std::map<std::string, telemetry::Histogram*> freshness;  // by tenant
  telemetry::Counter& entered =
      telemetry::counter("freshet_audience_entered_total", "Profiles that entered an audience.");
  telemetry::Counter& left = telemetry::counter("freshet_audience_left_total", "Profiles that left an audience.");
  telemetry::Histogram& commit_us = telemetry::histogram("freshet_action_commit_us", "Time of a commit.");
  telemetry::Histogram& process_us = telemetry::histogram("freshet_action_batch_us", "Time to process a batch.");
};

namespace {

// Pauses between the tries of a partition that can't begin: each is twice the one before.
constexpr env::TimeUs kAgainFirstUs = 20'000;
constexpr env::TimeUs kAgainMaxUs = 5'000'000;
constexpr env::TimeUs kIdleUs = 10'000'000;  // A group has shared its partitions out by then.
constexpr size_t kAllRows = SIZE_MAX;

// Several partitions of this worker may write to one target: their records go in one batch.
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
      metrics_(std::make_unique<Metrics>(options.member)) {
  FRESHET_ASSERT(partitions_ > 0 && options_.open_state);
}

WorkerLoop::~WorkerLoop() = default;

Status WorkerLoop::step(env::TimeUs poll_us) {
  FRESHET_TRY(begin_those_due());
  auto polled = consumer_.poll(options_.batch_bytes_max, reads_left_ || gathering_ ? 0 : poll_us);
  if (!polled && polled.error().code == Code::kRetry) {
    log::warn("{}", polled.error().message);
    options_.clock->sleep_us(poll_us);
    return {};
  }
  if (!polled) return tl::unexpected(std::move(polled).error());
  // The persister's thread may still work on the state of a partition that is taken away now.
  if (!polled->revoked.empty()) FRESHET_TRY(persistence_.wait());
  for (const TopicPartition& gone : polled->revoked) {
    working_.erase(gone.partition);
    waiting_.erase(gone.partition);
  }
  for (const TopicPartition& theirs : polled->followed) FRESHET_TRY(take_over(theirs, true));
  for (const TopicPartition& mine : polled->assigned) FRESHET_TRY(take_over(mine, false));
  if (!polled->fetched.empty()) FRESHET_TRY(process_all(polled->fetched));
  FRESHET_TRY(look_after_states());
  answer_reads();
  return {};
}

Status WorkerLoop::drain() {
  for (auto& [partition, part] : working_) FRESHET_TRY(make_room(part));
  FRESHET_TRY(persistence_.wait());
  for (auto& [partition, part] : working_) {
    FRESHET_TRY(begin_persist(part));
    FRESHET_TRY(go_on_persisting(part, kAllRows));
  }
  return persistence_.wait();
}

bool WorkerLoop::caught_up() const {
  if (!waiting_.empty()) return false;
  const auto is_ours = [](const auto& s) { return !s.second.following; };
  if (std::none_of(working_.begin(), working_.end(), is_ours))
    return options_.clock->monotonic_us() - started_ >= kIdleUs;
  return std::none_of(working_.begin(), working_.end(), [](const auto& s) { return s.second.behind(); });
}

// ---- partitions ---------------------------------------------------------------------------------------------------

// A standby that becomes the owner has the state open already, at an offset that its owner had committed: it goes on
// from there instead of restoring anything.
Status WorkerLoop::take_over(TopicPartition mine, bool following) {
  FRESHET_ASSERT(mine.topic == Topic::kActions);
  Waiting waiting;
  if (auto followed = working_.extract(mine.partition); !followed.empty()) waiting.part = std::move(followed.mapped());
  if (auto waits = waiting_.extract(mine.partition); !waits.empty()) waiting.part = std::move(waits.mapped().part);
  waiting.part.of = mine;
  waiting.part.following = following || (FRESHET_MUTANT(kStandbyStaysSilent) && waiting.part.following);
  waiting.pause_us = kAgainFirstUs;
  return begin(std::move(waiting));
}

// Puts a partition to work, or (again) among those that wait. What others will bring to an end by themselves is waited
// for; anything else ends the worker.
Status WorkerLoop::begin(Waiting waiting) {
  const TopicPartition mine = waiting.part.of;
  FRESHET_ASSERT(!working_.contains(mine.partition) && !waiting_.contains(mine.partition));
  Status begun = waiting.part.state != nullptr ? Status{} : open_state(waiting.part);
  if (begun) begun = begin_replay(waiting.part);
  if (begun) {
    consumer_.pause(mine, false);
    working_.insert_or_assign(mine.partition, std::move(waiting.part));
    return {};
  }
  const bool in_use = begun.error().code == Code::kConflict && waiting.part.state == nullptr;
  if (begun.error().code != Code::kRetry && !in_use) return begun;
  log::warn("partition {} waits, again in {} ms: {}", mine.partition, waiting.pause_us / 1000, begun.error().message);
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

Status WorkerLoop::open_state(Partition& part) {
  const uint32_t partition = part.of.partition;
  FRESHET_ASSIGN(auto state, options_.open_state(partition));
  part.state = std::move(state);
  // Partitions persist in turn, spread over the interval, so that the disk never gets all of them at once.
  part.persist_due = options_.clock->monotonic_us() + options_.persist_interval_us * (partition + 1) / partitions_;
  return {};
}

// Somebody who reads with our group has moved our place. To believe it would skip what nobody has processed; so what
// counts is what this process itself has committed last, or the state's own place. That is the last commit, unless
// another process of ours has died since without persisting: then the outputs of its last seconds are published again.
void WorkerLoop::go_on_despite(Partition& part, eventlog::Offset foreign) {
  static telemetry::Counter& counter = telemetry::counter(
      "freshet_action_foreign_offsets_total", "Offsets of action's group that somebody else had committed; not taken.");
  counter.add();
  log::error(
      "partition {}: somebody else reads with action's group and has committed offset {}; it is not taken, and we go "
      "on at {}. Give that reader another group (docs/operations/outages.md)",
      part.of.partition, foreign, std::max(part.committed, part.state->offset()));
  part.committed = std::max(part.committed, part.state->offset());
}

// Begins with the record after those that the state stands for; up to what is committed it is a replay. The engine is
// made anew, because it may know rules that came with a batch which was aborted since.
Status WorkerLoop::begin_replay(Partition& part) {
  FRESHET_ASSERT(part.state->durable_offset() <= part.state->offset());
  if (part.following) {
    part.committed = std::numeric_limits<eventlog::Offset>::max();
  } else {
    FRESHET_ASSIGN(auto committed, consumer_.committed(part.of));
    part.committed = committed.value_or(0);
    if (const auto foreign = consumer_.foreign_place(part.of)) go_on_despite(part, *foreign);
  }
  if (options_.accept_loss && part.state->offset() > part.committed) {
    log::error(
        "partition {}: its state stands for offset {}, the log knows only {} as committed: what was said of "
        "the records in between is lost",
        part.of.partition, part.state->offset(), part.committed);
    part.committed = part.state->offset();
  }
  if (part.state->offset() > part.committed)
    return fail(
        Code::kCorrupt,
        fmt::format("the state of partition {} stands for offset {}, but the log knows only {} as committed: log and "
                    "state do not belong together; restore both from the same backup, or start once with --accept-loss",
                    part.of.partition, part.state->offset(), part.committed));
  if (part.behind())
    log::info("partition {}: replaying offsets {} to {}", part.of.partition, part.state->offset(), part.committed);
  const bool skips = FRESHET_MUTANT(kGapNotReplayed) && !part.following;
  consumer_.seek(part.of, skips ? part.committed : part.state->offset());
  part.out = std::make_unique<Outputs>(part.of.partition, partitions_);
  part.out->note_changes(options_.reads != nullptr);
  part.engine = std::make_unique<Engine>(part.of.partition, partitions_, *part.state, *part.out);
  part.counted = {};
  part.identity_counted = {};
  return {};
}

// ---- records ------------------------------------------------------------------------------------------------------

// Processes everything that was fetched, then commits all of it in one transaction. What is replayed is not committed
// again.
Status WorkerLoop::process_all(const std::vector<Fetched>& fetched) {
  eventlog::Transaction transaction;
  const env::TimeUs begin = options_.clock->monotonic_us();
  spans_.begin();
  for (const Fetched& batch : fetched) {
    Partition& part = working_.at(batch.from.partition);
    FRESHET_TRY(process(part, batch));
    if (FRESHET_MUTANT(kFlushBeforeCommit) && !part.state->is_persisting()) FRESHET_TRY(part.state->persist());
    if (batch.next <= part.committed) continue;
    FRESHET_ASSERT(!part.following);  // A standby that spoke would say what its owner says.
    for (eventlog::Produce& produce : part.out->take()) add_output(transaction.outputs, std::move(produce));
    transaction.done.push_back({batch.from, batch.next});
  }
  metrics_->process_us.record(options_.clock->monotonic_us() - begin);
  if (FRESHET_MUTANT(kReadUncommitted)) answer_reads();
  return transaction.done.empty() ? Status{} : commit(std::move(transaction));
}

// Processes a batch: up to the committed offset with outputs suppressed, from there on for real. A batch may lie on
// both sides of it, because it is the log that decides where batches end.
Status WorkerLoop::process(Partition& part, const Fetched& batch) {
  const std::span<const eventlog::RecordView> records(batch.records);
  // Offsets never go back: a record that was processed twice would be counted twice wherever it has no message id, as
  // the messages between partitions.
  FRESHET_ASSERT(batch.next >= part.state->offset());
  FRESHET_ASSERT(records.empty() ||
                 (records.front().offset >= part.state->offset() && records.back().offset < batch.next));
  const auto first_new =
      std::partition_point(records.begin(), records.end(), [&](const auto& r) { return r.offset < part.committed; });
  const auto old_count = static_cast<size_t>(first_new - records.begin());
  if (old_count > 0) {
    part.out->suppress(!FRESHET_MUTANT(kReplaySpeaks));
    FRESHET_TRY(part.engine->process(records.first(old_count)));
    part.out->suppress(false);
    metrics_->replayed.add(old_count);
  }
  part.out->say_changes(options_.says_changes == nullptr || *options_.says_changes);
  if (old_count < records.size()) FRESHET_TRY(part.engine->process(records.subspan(old_count)));
  part.state->advance(batch.next);
  spans_.add(part.of.partition, part.engine->take_traced(), part.engine->take_untraced());
  count(part);
  return {};
}

// Commits, or goes back to what is durable. Only the partitions of this transaction are lost with it.
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
    FRESHET_TRY(persistence_.wait());  // It may be at work on what was committed before: that stays durable.
    for (const eventlog::Position& position : done) {
      auto lost = working_.extract(position.of.partition);
      FRESHET_ASSERT(!lost.empty());
      Waiting again{std::move(lost.mapped()), 0, kAgainFirstUs};
      if (!FRESHET_MUTANT(kAbortKeepsMemory)) {
        FRESHET_TRY(again.part.state->drop());
        again.part.gathering = false;
      }
      FRESHET_TRY(begin(std::move(again)));
    }
    return {};
  }
  metrics_->commit_us.record(options_.clock->monotonic_us() - began);
  metrics_->commits.add();
  spans_.end({}, options_.reads != nullptr);
  for (const eventlog::Position& position : done) {
    Partition& part = working_.at(position.of.partition);
    FRESHET_ASSERT(position.next >= part.committed && position.next == part.state->offset());
    part.committed = position.next;
    if (options_.reads != nullptr) note_readable(part);
    if (options_.late_records != nullptr) options_.late_records->add(part.out->take_late());
  }
  return {};
}

// ---- readers ------------------------------------------------------------------------------------------------------

// A partition that replays has less than was readable before the crash, so it is silent until it has caught up. Nor
// does one answer that is read along: how far its owner is only the owner knows.
void WorkerLoop::answer_reads() {
  reads_left_ = false;
  if (options_.reads == nullptr || !options_.reads->any()) return;
  for (const auto& [partition, part] : working_) {
    if (part.following || (part.behind() && !FRESHET_MUTANT(kReadWhileReplaying))) continue;
    const bool all = options_.reads->answer(partition, [&at = part](const ProfileQuestion& question) {
      return answer_from(*at.state, at.engine->rules(), question);
    });
    reads_left_ = reads_left_ || !all;
  }
  options_.reads->expire();
}

// What was committed just now can be read from here on: that is its freshness.
void WorkerLoop::note_readable(Partition& part) {
  const env::TimeUs now = options_.clock->now_us();
  for (const Outputs::Noted& noted : part.out->take_noted()) {
    metrics_->changes.add(noted.received_at_us.size());
    telemetry::Histogram*& histogram = metrics_->freshness[noted.tenant];
    if (histogram == nullptr)
      histogram =
          &telemetry::histogram("freshet_freshness_us", "From the receipt of a record until the profile could be read.",
                                {{"tenant", noted.tenant}});
    for (const int64_t received_at_us : noted.received_at_us)
      histogram->record(saturated_difference(now, received_at_us));
  }
}

// ---- states -------------------------------------------------------------------------------------------------------

// Here, between steps, everything in memory is committed: so this is the one place where it may be made durable.
Status WorkerLoop::look_after_states() {
  show_partitions();
  FRESHET_TRY(persistence_.status());
  const env::TimeUs now = options_.clock->monotonic_us();
  gathering_ = false;
  note_round();
  for (auto& [partition, part] : working_) {
    part.state->settle();
    FRESHET_TRY(go_on_persisting(part, options_.gather_rows_max));
    if (part.state->must_persist()) FRESHET_TRY(make_room(part));
    const bool asked_for = part.round < round_ && !part.following;
    if ((now >= part.persist_due || part.state->wants_persist() || asked_for) && !part.state->is_persisting()) {
      part.round = round_;
      FRESHET_TRY(begin_persist(part));
      part.persist_due = now + options_.persist_interval_us;
    }
    gathering_ = gathering_ || part.gathering;
  }
  return {};
}

// Somebody may have asked for checkpoints of what is there now.
void WorkerLoop::note_round() {
  const uint64_t round = options_.checkpoints != nullptr ? options_.checkpoints->round() : 0;
  if (round == round_) return;
  round_ = round;
  std::vector<uint32_t> mine;
  for (const auto& [partition, part] : working_)
    if (!part.following) mine.push_back(partition);
  for (const auto& [partition, waiting] : waiting_)
    if (!waiting.part.following) mine.push_back(partition);
  options_.checkpoints->takes_part(round, options_.member, mine);
}

Status WorkerLoop::begin_persist(Partition& part) {
  if (part.state->offset() == part.state->durable_offset()) {
    const bool tells = options_.checkpoints != nullptr && !part.following;
    if (tells) (void)options_.checkpoints->persisted(part.of.partition, *part.state, part.round);
    return {};
  }
  // Were it ahead of the commit, a crash now would leave a state that has records whose outputs nobody ever said.
  FRESHET_ASSERT(part.state->offset() <= part.committed);
  metrics_->persists.add();
  FRESHET_TRY(part.state->begin_persist());
  part.gathering = true;
  return {};
}

// Copies more of what the persist writes that has begun; with the last of it the slow half begins.
Status WorkerLoop::go_on_persisting(Partition& part, size_t rows_max) {
  if (!part.gathering || !part.state->gather(rows_max)) return {};
  part.gathering = false;
  return persistence_.finish(part.of.partition, *part.state, part.following ? Upkeep::kNone : Upkeep::kTrim,
                             part.round);
}

// The next persist can't begin before the last one is done. Here it is waited for, as long as that may take.
Status WorkerLoop::make_room(Partition& part) {
  FRESHET_TRY(go_on_persisting(part, kAllRows));
  return persistence_.wait();
}

void WorkerLoop::show_partitions() {
  const auto behind = std::count_if(working_.begin(), working_.end(), [](const auto& s) { return s.second.behind(); });
  const auto followed =
      std::count_if(working_.begin(), working_.end(), [](const auto& s) { return s.second.following; });
  metrics_->partitions->set(static_cast<double>(working_.size()) - static_cast<double>(behind + followed));
  metrics_->followed->set(static_cast<double>(followed));
  metrics_->behind->set(static_cast<double>(waiting_.size()) + static_cast<double>(behind));
}

// Adds what an engine has counted since it was last asked to the metrics.
void WorkerLoop::count(Partition& part) {
  const EngineCounters now = part.engine->counters();
  EngineCounters& was = part.counted;
  metrics_->records.add(now.records - was.records);
  for (const auto& [tenant, n] : part.engine->take_duplicates())
    telemetry::counter("freshet_action_duplicates_total", "Records dropped: their message id was seen before.",
                       {{"tenant", tenant}})
        .add(n);
  metrics_->loops.add(now.loops - was.loops);
  metrics_->dead.add(now.dead_letters - was.dead_letters);
  was = now;
  const ProtocolCounters identity = part.engine->identity();
  ProtocolCounters& before = part.identity_counted;
  metrics_->created.add(identity.created - before.created);
  metrics_->linked.add(identity.linked - before.linked);
  metrics_->merged.add(identity.merged - before.merged);
  metrics_->erased.add(identity.erased - before.erased);
  metrics_->erased_messages.add(identity.erased_messages - before.erased_messages);
  metrics_->limited.add(identity.limited - before.limited);
  metrics_->entered.add(identity.audiences.entered - before.audiences.entered);
  metrics_->left.add(identity.audiences.left - before.audiences.left);
  count_reasons(identity, before);
  before = identity;
}

}  // namespace freshet::action
