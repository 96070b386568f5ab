#include "action/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "action/engine.h"
#include "action/persister.h"
#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::action {
namespace {

using eventlog::Fetched;
using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

struct Metrics {
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
  telemetry::Counter& flushes = telemetry::counter("freshet_action_flushes_total", "Flushes of a partition's state.");
  telemetry::Counter& created = telemetry::counter("freshet_identity_created_total", "Profiles created.");
  telemetry::Counter& linked = telemetry::counter("freshet_identity_linked_total", "Identifiers linked to a profile.");
  telemetry::Counter& merged = telemetry::counter("freshet_identity_merged_total", "Profiles merged into another.");
  telemetry::Counter& erased = telemetry::counter("freshet_identity_erased_total", "Profiles erased.");
  telemetry::Counter& erased_messages =
      telemetry::counter("freshet_identity_erased_messages_total", "Messages of erased profiles.");
  telemetry::Histogram& commit_us = telemetry::histogram("freshet_action_commit_us", "Time of a commit.");
  telemetry::Histogram& process_us = telemetry::histogram("freshet_action_batch_us", "Time to process a batch.");
};

// One partition in the hands of this worker.
struct Slot {
  uint32_t partition = 0;
  std::unique_ptr<state::PartitionState> state;
  std::unique_ptr<Outputs> out;
  std::unique_ptr<Engine> engine;
  Offset committed = 0;  // replay up to here, outputs suppressed
  env::TimeUs persist_due = 0;
  EngineCounters counted;
  ProtocolCounters identity_counted;
};

class WorkerImpl final : public Worker {
 public:
  WorkerImpl(const WorkerOptions& options, std::unique_ptr<eventlog::Consumer> consumer)
      : options_(options),
        consumer_(std::move(consumer)),
        partitions_(options.log->partitions(Topic::kActions)),
        persister_(*options.log, options.member) {
    thread_ = std::thread([this] {
      env::name_thread(fmt::format("action-{}", options_.member));
      run();
    });
  }

  ~WorkerImpl() override { WorkerImpl::stop(); }

  void stop() override {
    stopping_ = true;
    consumer_->wake();
    std::call_once(joined_, [this] { thread_.join(); });
  }

  Status status() const override {
    const std::lock_guard lock(mutex_);
    return status_;
  }

  bool caught_up() const override { return caught_up_; }

 private:
  void run() {
    Status status = loop();
    if (Status waited = persister_.wait(); status) status = std::move(waited);
    if (status) status = persist_all();
    if (status) return;
    spdlog::error("action worker {} stopped: {}", options_.member, status.error().message);
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }

  Status loop() {
    while (!stopping_) {
      auto polled = consumer_->poll(options_.batch_bytes_max, 100'000);
      if (!polled) return tl::unexpected(std::move(polled).error());
      if (!polled->revoked.empty()) FRESHET_TRY(persister_.wait());
      for (const TopicPartition& gone : polled->revoked) slots_.erase(gone.partition);
      for (const TopicPartition& mine : polled->assigned) FRESHET_TRY(take_over(mine));
      if (!polled->fetched.empty()) FRESHET_TRY(step(polled->fetched));
      FRESHET_TRY(look_after_state());
      update_caught_up();
    }
    return {};
  }

  Status take_over(TopicPartition mine) {
    Slot slot;
    slot.partition = mine.partition;
    auto state = options_.open_state(mine.partition);
    if (!state) return tl::unexpected(std::move(state).error());
    slot.state = std::move(*state);
    auto committed = consumer_->committed(mine);
    if (!committed) return tl::unexpected(std::move(committed).error());
    slot.committed = committed->value_or(0);
    if (slot.state->offset() > slot.committed)
      return fail(
          Code::kCorrupt,
          fmt::format("the state of partition {} stands for offset {}, but the log knows only {} as committed: log and "
                      "state do not belong together; restore both from the same backup",
                      mine.partition, slot.state->offset(), slot.committed));
    if (slot.state->offset() < slot.committed)
      spdlog::info("partition {}: replaying offsets {} to {}", mine.partition, slot.state->offset(), slot.committed);
    consumer_->seek(mine, slot.state->offset());
    slot.out = std::make_unique<Outputs>(mine.partition, partitions_);
    slot.engine = std::make_unique<Engine>(mine.partition, partitions_, *slot.state, *slot.out);
    // Partitions persist in turn: spread over the interval, so that no flush is large.
    const env::TimeUs now = options_.clock->monotonic_us();
    slot.persist_due = now + options_.persist_interval_us * (mine.partition + 1) / partitions_;
    slots_.insert_or_assign(mine.partition, std::move(slot));
    return {};
  }

  // Process everything fetched, then commit all of it in one transaction.
  Status step(const std::vector<Fetched>& fetched) {
    eventlog::Transaction transaction;
    const env::TimeUs begin = options_.clock->monotonic_us();
    for (const Fetched& batch : fetched) {
      Slot& slot = slots_.at(batch.from.partition);
      FRESHET_TRY(process(slot, batch));
      if (batch.next <= slot.committed) continue;
      for (eventlog::Produce& produce : slot.out->take()) add_output(transaction.outputs, std::move(produce));
      transaction.done.push_back({batch.from, batch.next});
    }
    metrics_.process_us.record(options_.clock->monotonic_us() - begin);
    if (transaction.done.empty()) return {};
    const env::TimeUs commit_begin = options_.clock->monotonic_us();
    const std::vector<eventlog::Position> done = transaction.done;
    FRESHET_TRY(consumer_->commit(std::move(transaction)));
    metrics_.commit_us.record(options_.clock->monotonic_us() - commit_begin);
    metrics_.commits.add();
    for (const eventlog::Position& position : done) slots_.at(position.of.partition).committed = position.next;
    return {};
  }

  static void add_output(std::vector<eventlog::Produce>& outputs, eventlog::Produce&& produce) {
    const auto same = std::find_if(outputs.begin(), outputs.end(), [&](const auto& p) { return p.to == produce.to; });
    if (same == outputs.end()) {
      outputs.push_back(std::move(produce));
    } else {
      same->records.append(produce.records);
    }
  }

  // Up to the committed offset with outputs suppressed, from there on for real; a batch may lie on both sides.
  Status process(Slot& slot, const Fetched& batch) {
    const std::span<const eventlog::RecordView> records(batch.records);
    const auto first_new =
        std::partition_point(records.begin(), records.end(), [&](const auto& r) { return r.offset < slot.committed; });
    const auto old_count = static_cast<size_t>(first_new - records.begin());
    if (old_count > 0) {
      slot.out->suppress(true);
      FRESHET_TRY(slot.engine->process(records.first(old_count)));
      slot.out->suppress(false);
      metrics_.replayed.add(old_count);
    }
    if (old_count < records.size()) FRESHET_TRY(slot.engine->process(records.subspan(old_count)));
    slot.state->advance(batch.next);
    count(slot);
    return {};
  }

  // Everything in memory is committed here: between steps.
  Status look_after_state() {
    const env::TimeUs now = options_.clock->monotonic_us();
    for (auto& [partition, slot] : slots_) {
      if (now >= slot.persist_due) {
        FRESHET_TRY(persist(slot));
        slot.persist_due = now + options_.persist_interval_us;
      } else if (slot.state->wants_flush()) {
        FRESHET_TRY(slot.state->flush());
        metrics_.flushes.add();
      }
      slot.state->trim_memory();
    }
    return {};
  }

  Status persist(Slot& slot) {
    if (slot.state->offset() == slot.state->durable_offset()) return {};
    return persister_.persist(slot.partition, *slot.state);
  }

  Status persist_all() {
    for (auto& [partition, slot] : slots_) FRESHET_TRY(persist(slot));
    return persister_.wait();
  }

  void update_caught_up() {
    if (caught_up_ || slots_.empty()) return;
    caught_up_ = std::all_of(slots_.begin(), slots_.end(),
                             [](const auto& s) { return s.second.state->offset() >= s.second.committed; });
  }

  void count(Slot& slot) {
    const EngineCounters now = slot.engine->counters();
    EngineCounters& was = slot.counted;
    metrics_.records.add(now.records - was.records);
    metrics_.duplicates.add(now.duplicates - was.duplicates);
    metrics_.loops.add(now.loops - was.loops);
    metrics_.dead.add(now.dead_letters - was.dead_letters);
    was = now;
    const ProtocolCounters identity = slot.engine->identity();
    ProtocolCounters& before = slot.identity_counted;
    metrics_.created.add(identity.created - before.created);
    metrics_.linked.add(identity.linked - before.linked);
    metrics_.merged.add(identity.merged - before.merged);
    metrics_.erased.add(identity.erased - before.erased);
    metrics_.erased_messages.add(identity.erased_messages - before.erased_messages);
    count_reasons(identity, before);
    before = identity;
  }

  const WorkerOptions options_;
  std::unique_ptr<eventlog::Consumer> consumer_;
  const uint32_t partitions_;
  std::map<uint32_t, Slot> slots_;  // of the worker's thread
  Persister persister_;             // destroyed before the slots that it works on
  Metrics metrics_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> caught_up_{false};
  std::once_flag joined_;
  mutable std::mutex mutex_;
  Status status_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Worker>> Worker::start(const WorkerOptions& options) {
  eventlog::ConsumerOptions consumer_options;
  consumer_options.group = kActionGroup;
  consumer_options.topics = {Topic::kActions};
  consumer_options.member = options.member;
  consumer_options.members = options.members;
  auto consumer = options.log->open_consumer(consumer_options);
  if (!consumer) return tl::unexpected(std::move(consumer).error());
  return std::make_unique<WorkerImpl>(options, std::move(*consumer));
}

}  // namespace freshet::action
