// The reactor, step by step. The order within a step matters: results are taken in before and after
// bulks are handed out, so that a store that answers at once keeps the pipe full; a commit comes
// last, when what it covers is known.

#include "reaction/reactor_loop.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/mutant.h"
#include "base/saturated.h"
#include "model/kind.h"
#include "telemetry/exemplar.h"
#include "telemetry/log.h"
#include "telemetry/log_trace.h"
#include "telemetry/trace.h"

namespace freshet::reaction {

using eventlog::TopicPartition;

// How often lag and memory are measured: often enough for back-pressure, which is decided by them.
constexpr env::TimeUs kMeasureIntervalUs = 50'000;

struct ReactorLoop::Metrics {
  explicit Metrics(uint32_t member) {
    const telemetry::Labels labels{{"reactor", std::to_string(member)}};
    lag = &telemetry::gauge("freshet_reaction_lag_records", "Offsets of changes not yet written.", labels);
    waiting_bytes = &telemetry::gauge("freshet_reaction_waiting_bytes", "Changes read but not yet written.", labels);
    waiting_entities =
        &telemetry::gauge("freshet_reaction_waiting_entities", "Entities with changes not yet written.", labels);
  }
  telemetry::Counter& changes = telemetry::counter("freshet_reaction_changes_total", "Changes read from the log.");
  telemetry::Counter& writes = telemetry::counter("freshet_reaction_writes_total", "Entities written to the store.");
  telemetry::Counter& coalesced =
      telemetry::counter("freshet_reaction_coalesced_total", "Changes folded into one that was waiting.");
  telemetry::Counter& retries = telemetry::counter("freshet_reaction_retries_total", "Writes tried again.");
  telemetry::Counter& poison =
      telemetry::counter("freshet_reaction_poison_total", "Changes that went to the dead letters.");
  telemetry::Gauge* lag = nullptr;
  telemetry::Gauge* waiting_bytes = nullptr;
  telemetry::Gauge* waiting_entities = nullptr;
  uint64_t coalesced_before = 0;
};

namespace {

// The words of a span's result.
const char* word_of(const Status& result) {
  if (result) return "written";
  return result.error().code == Code::kRetry ? "retry" : result.error().code == Code::kInvalid ? "refused" : "failed";
}

// What is written is named as MongoDB has it, in whatever store it is.
void describe_write(telemetry::Span& span, const std::string& tenant, v1::EntityKind kind, const Status& result) {
  span.set("db.system.name", telemetry::tracer().systems().store);
  span.set("db.namespace", "freshet_" + tenant);
  span.set("db.collection.name", model::collection_name(kind));
  span.set("db.operation.name", "bulkWrite");
  span.set("freshet.result", word_of(result));
}

void fail_span(telemetry::Span& span, const Status& result) {
  span.error = word_of(result);  // the store's own words may have values of a profile in them
  span.set("error.type", span.error);
}

// Ends one span for each trace that led to the write.
void end_spans(const Traces& traces, const std::string& tenant, v1::EntityKind kind, const Status& result,
               env::TimeUs begin_us, env::TimeUs end_us) {
  telemetry::Tracer& tracer = telemetry::tracer();
  if (!tracer.on()) return;
  for (const telemetry::TraceContext& trace : traces) {
    telemetry::Span span = tracer.begin("write", telemetry::SpanKind::kClient, trace, begin_us);
    span.set("freshet.tenant", tenant);
    describe_write(span, tenant, kind, result);
    if (!result) fail_span(span, result);
    tracer.end(std::move(span), end_us);
  }
}

// A write of no trace that was slow, or that no store takes, has a span all the same.
void end_late_span(const Marks& marks, const std::string& tenant, v1::EntityKind kind, const Status& result,
                   env::TimeUs begin_us, env::TimeUs end_us) {
  telemetry::Tracer& tracer = telemetry::tracer();
  const bool refused = !result && result.error().code == Code::kInvalid;
  const int64_t received_at_us = marks.front().received_at_us;
  if (!tracer.on() || !(refused || (result && tracer.is_slow(saturated_difference(end_us, received_at_us))))) return;
  auto span = tracer.begin_late("write", telemetry::SpanKind::kClient, tenant, received_at_us, begin_us);
  if (!span) return;
  describe_write(*span, tenant, kind, result);
  span->set("freshet.waited_ms", saturated_difference(begin_us, received_at_us) / 1000);
  span->set("freshet.sampled_by", refused ? telemetry::kByError : telemetry::kBySlow);
  if (refused) fail_span(*span, result);
  tracer.end(*std::move(span), end_us);
}

// Kafka deletes by age what nobody has read yet.
Error with_advice(Error error) {
  if (error.code == Code::kNotFound)
    error.message +=
        ": changes of profiles are gone unread, and the store lacks them; `freshet profiles rebuild` has action say "
        "every profile whole again, and goes on from there (docs/operations/outages.md)";
  return error;
}

}  // namespace

// The loop's own thread may leave something too, when a store or the log answers at once.
void ReactorLoop::Mailbox::wake() {
  if (consumer != nullptr && std::this_thread::get_id() != loop) consumer->wake();
}

ReactorLoop::ReactorLoop(const ReactorOptions& options, eventlog::Consumer& consumer)
    : options_(options),
      consumer_(consumer),
      mailbox_(std::make_shared<Mailbox>()),
      letters_(*options.log,
               [mailbox = mailbox_](uint64_t letter, Status status) {
                 const std::lock_guard lock(mailbox->mutex);
                 mailbox->letters.emplace_back(letter, std::move(status));
                 mailbox->wake();
               }),
      metrics_(std::make_unique<Metrics>(options.member)) {
  FRESHET_ASSERT(options_.log != nullptr && options_.store != nullptr && options_.clock != nullptr);
  mailbox_->consumer = &consumer_;
  commit_due_ = options_.clock->monotonic_us() + options_.commit_interval_us;
}

ReactorLoop::~ReactorLoop() {
  // Answers that come from now on find nobody to wake.
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->consumer = nullptr;
}

Status ReactorLoop::step() {
  {
    const std::lock_guard lock(mailbox_->mutex);
    FRESHET_ASSERT(mailbox_->loop == std::thread::id() || mailbox_->loop == std::this_thread::get_id());
    mailbox_->loop = std::this_thread::get_id();
  }
  linger(options_.clock->monotonic_us());
  set_pauses();
  polled_at_ = options_.clock->monotonic_us();
  auto polled = consumer_.poll(options_.fetch_bytes_max, poll_timeout(polled_at_));
  if (!polled) {
    // Brokers that are away come back; what is in flight goes on meanwhile.
    if (polled.error().code != Code::kRetry) return tl::unexpected(with_advice(std::move(polled).error()));
    polled = eventlog::PollResult{};
    options_.clock->sleep_us(options_.retry_first_us);
  }
  FRESHET_TRY(take_in(std::move(*polled)));
  collect();
  dispatch();
  letters_.pump(options_.clock->monotonic_us());
  collect();
  if (!health_) return health_;
  publish_readable();
  const env::TimeUs now = options_.clock->monotonic_us();
  if (now >= measure_due_) measure_lag(now);
  if (committing_.empty() && (now >= commit_due_ || options_.store->wants_sync())) begin_commit();
  return finish_commit();
}

Status ReactorLoop::drain() {
  // A store that does not answer must not keep the process from ending; what it has not confirmed
  // is read again later.
  const env::TimeUs end = options_.clock->monotonic_us() + options_.drain_max_us;
  while (health_) {
    dispatch();
    letters_.pump(options_.clock->monotonic_us());
    collect();
    if (in_flight_.empty() && !coalescer_.has_ready() && letters_.empty()) break;
    if (options_.clock->monotonic_us() >= end) break;
    options_.clock->sleep_us(1'000);
  }
  if (!health_) return health_;
  // A commit that is under way covers less than what is done now, so another one follows it.
  FRESHET_TRY(wait_for_commit());
  begin_commit();
  FRESHET_TRY(wait_for_commit());
  publish_readable();
  measure_lag(options_.clock->monotonic_us());
  return {};
}

// Waits until there is something to do: records, an answer (which wakes), a retry, a commit.
env::TimeUs ReactorLoop::poll_timeout(env::TimeUs now) const {
  const bool can_write = coalescer_.has_ready() && in_flight_.size() < options_.bulks_in_flight_max;
  if (can_write) return 0;
  env::TimeUs until = coalescer_.next_due() - now;
  if (committing_.empty()) until = std::min(until, commit_due_ - now);
  if (!letters_.empty()) until = std::min(until, options_.retry_first_us);
  return std::clamp<env::TimeUs>(until, 0, options_.poll_us);
}

// Polling at once would find a few records each time; waiting a little finds more, and more of them
// fold into one write.
void ReactorLoop::linger(env::TimeUs now) {
  if (!std::exchange(worked_, false)) return;
  const env::TimeUs rest = polled_at_ + options_.linger_us - now;
  if (rest > 0) options_.clock->sleep_us(rest);
}

// Between half and all of the bound nothing changes, so that partitions are not paused and resumed
// all the time.
void ReactorLoop::set_pauses() {
  const size_t bytes = waiting_bytes();
  if (bytes > options_.waiting_bytes_max) paused_ = true;
  if (bytes <= options_.waiting_bytes_max / 2) paused_ = false;
  for (auto& [id, lane] : lanes_) {
    if (lane.paused == paused_) continue;
    lane.paused = paused_;
    consumer_.pause(lane.of, paused_);
  }
}

Status ReactorLoop::take_in(eventlog::PollResult polled) {
  const auto lane_of = [this](TopicPartition partition) {
    return std::find_if(lanes_.begin(), lanes_.end(), [&](const auto& one) { return one.second.of == partition; });
  };
  // What a revoked partition left waiting is the new owner's to write; writing it here too would
  // only be stale.
  for (const TopicPartition partition : polled.revoked) {
    const auto lane = lane_of(partition);
    if (lane == lanes_.end()) continue;
    coalescer_.forget(lane->first);
    lanes_.erase(lane);
  }
  for (const TopicPartition partition : polled.assigned) {
    if (lane_of(partition) != lanes_.end()) continue;
    lanes_[next_lane_++] = Lane{partition, {}, std::nullopt, false};
  }
  FRESHET_TRY(learn_committed());
  for (const eventlog::Fetched& fetched : polled.fetched) {
    const auto lane = lane_of(fetched.from);
    if (lane == lanes_.end()) continue;
    // Only a log that has lost records can go back; going on would commit what was never written.
    if (!fetched.records.empty() && fetched.records.front().offset < lane->second.offsets.next())
      return fail(Code::kCorrupt, "changes went back from offset " + std::to_string(lane->second.offsets.next()) +
                                      " to " + std::to_string(fetched.records.front().offset) +
                                      ": the log has lost records; check its brokers or disk, then start again");
    for (const eventlog::RecordView& record : fetched.records) take_record(lane->first, lane->second, record);
    lane->second.offsets.read_to(fetched.next);
    metrics_->changes.add(fetched.records.size());
    worked_ = worked_ || !fetched.records.empty();
  }
  return {};
}

// The log can't always say what is committed (while brokers are away), so it is asked again; until
// then every commit counts as new.
Status ReactorLoop::learn_committed() {
  const env::TimeUs now = options_.clock->monotonic_us();
  if (now < learn_due_) return {};
  for (auto& [id, lane] : lanes_) {
    if (lane.committed) continue;
    const auto committed = consumer_.committed(lane.of);
    if (committed) {
      lane.committed = committed->value_or(0);
      if (const auto foreign = consumer_.foreign_place(lane.of))
        log::error(
            "changes {}: somebody else reads with reaction's group and has committed offset {}; it is not taken, and "
            "all that is kept is read again. Give that reader another group",
            lane.of.partition, *foreign);
    } else if (committed.error().code == Code::kRetry) {
      log::warn("reaction goes on without knowing what is committed: {}", committed.error().message);
      learn_due_ = now + options_.retry_max_us;
      return {};
    } else {
      return tl::unexpected(committed.error());
    }
  }
  return {};
}

// A record that is no change is poison like one that no store takes: it goes to the dead letters
// and the line goes on.
void ReactorLoop::take_record(uint32_t lane_id, Lane& lane, const eventlog::RecordView& record) {
  Mark mark;
  mark.lane = lane_id;
  mark.ticket = lane.offsets.begin(record.offset);
  mark.bytes = static_cast<uint32_t>(record.value.size());
  if (record.value.empty()) return mark_done({mark});  // it was forgotten, or only ended a file: EventLog::retire
  const bool readable = scratch_.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()));
  if (readable && scratch_.id().size() == sizeof(Hash128) && scratch_.version() > 0) {
    mark.received_at_us = scratch_.received_at_us();
    return coalescer_.add(scratch_, coalescer_.tenant_handle(scratch_.tenant()), mark);
  }
  metrics_->poison.add();
  if (!readable) scratch_.Clear();
  letters_.add("damaged_change", "the record is not a change with an id of 16 bytes and a version", record.value,
               scratch_, {mark});
}

// Hands out bulks as long as there are some, and as many at once as are allowed.
void ReactorLoop::dispatch() {
  coalescer_.wake(options_.clock->monotonic_us());
  while (coalescer_.has_ready() && in_flight_.size() < options_.bulks_in_flight_max && health_) {
    Bulk bulk = coalescer_.take(options_.bulk_entities_max);
    FRESHET_ASSERT(!bulk.writes.empty() && bulk.writes.size() == bulk.changes.size());
    const uint64_t id = next_bulk_++;
    const env::TimeUs since_us = telemetry::tracer().on() ? options_.clock->now_us() : 0;
    in_flight_.emplace(id, InFlight{std::move(bulk.writes), since_us});
    options_.store->write(std::move(bulk.changes),
                          [mailbox = mailbox_, id](std::vector<v1::Change> changes, std::vector<Status> results) {
                            const std::lock_guard lock(mailbox->mutex);
                            mailbox->bulks.push_back({id, std::move(changes), std::move(results)});
                            mailbox->wake();
                          });
    collect();
  }
  FRESHET_ASSERT(in_flight_.size() <= options_.bulks_in_flight_max);
}

// Takes in what other threads have left. The lock is held for moving it out only.
void ReactorLoop::collect() {
  std::vector<Completion> bulks;
  std::vector<std::pair<uint64_t, Status>> letters;
  {
    const std::lock_guard lock(mailbox_->mutex);
    bulks.swap(mailbox_->bulks);
    letters.swap(mailbox_->letters);
  }
  for (Completion& completion : bulks) finish(std::move(completion));
  const env::TimeUs now = letters.empty() ? 0 : options_.clock->monotonic_us();
  for (const auto& [letter, status] : letters) {
    mark_done(letters_.appended(letter, status, now, options_.retry_first_us));
    const bool again = status || status.error().code == Code::kRetry;
    if (!again && health_) health_ = status;
  }
}

// True: the write is done.
bool ReactorLoop::settle(Write& write, v1::Change&& change, const Status& result, const Times& now) {
  // Its records may be committed, as soon as all before them are done and a sync has ended.
  if (result || FRESHET_MUTANT(kRetryForgotten)) {
    telemetry::Histogram& histogram = freshness(write.tenant);
    for (const Mark& mark : write.marks) histogram.record(saturated_difference(now.wall_us, mark.received_at_us));
    if (!write.traces.empty() && !write.marks.empty())
      telemetry::exemplify(histogram, saturated_difference(now.wall_us, write.marks.front().received_at_us),
                           write.traces.front().trace_id, now.wall_us);
    mark_done(write.marks);
    coalescer_.written(write, std::move(change));
    return true;
  }
  if (result.error().code == Code::kRetry) {
    metrics_->retries.add();
    const env::TimeUs due = now.monotonic_us + backoff(write.attempts);
    coalescer_.put_back(std::move(write), std::move(change), due);
  } else if (result.error().code == Code::kInvalid) {
    metrics_->poison.add();
    letters_.add("refused_by_store", result.error().message, change.SerializeAsString(), change, write.marks);
    coalescer_.written(write, std::move(change));
  } else if (health_) {
    health_ = result;  // its records stay undone, so the next start reads them again
  }
  return false;
}

void ReactorLoop::finish(Completion completion) {
  auto node = in_flight_.extract(completion.bulk);
  FRESHET_ASSERT(!node.empty());
  std::vector<Write>& writes = node.mapped().writes;
  FRESHET_ASSERT(writes.size() == completion.results.size() && writes.size() == completion.changes.size());
  const Times now{options_.clock->now_us(), options_.clock->monotonic_us()};
  uint64_t written = 0, refused = 0;
  for (size_t i = 0; i < writes.size(); ++i) {
    Write& write = writes[i];
    v1::Change& change = completion.changes[i];
    const Status& result = completion.results[i];
    const std::string& tenant = coalescer_.tenant_name(write.tenant);
    std::optional<telemetry::LogTrace> lines;
    if (!write.traces.empty()) {
      lines.emplace(write.traces.front().trace_id);
      end_spans(write.traces, tenant, change.kind(), result, node.mapped().since_us, now.wall_us);
    } else if (!write.marks.empty()) {
      end_late_span(write.marks, tenant, change.kind(), result, node.mapped().since_us, now.wall_us);
    }
    // One line for a bulk: where a store refuses all of a tenant, there are very many.
    if (!result && result.error().code == Code::kInvalid && refused++ == 0)
      log::warn("tenant {}: the profile store refuses changes, which are dead letters now", tenant);
    if (settle(write, std::move(change), result, now)) ++written;
  }
  metrics_->writes.add(written);
}

// Marks of a lane that was revoked meanwhile mean nothing any more.
void ReactorLoop::mark_done(const Marks& marks) {
  for (const Mark& mark : marks) {
    if (const auto lane = lanes_.find(mark.lane); lane != lanes_.end()) lane->second.offsets.done(mark.ticket);
  }
}

env::TimeUs ReactorLoop::backoff(uint32_t attempts) const {
  // 2^20 times the first pause is beyond any maximum, and more would overflow.
  return std::min(options_.retry_first_us << std::min(attempts, 20U), options_.retry_max_us);
}

telemetry::Histogram& ReactorLoop::freshness(uint32_t tenant) {
  if (tenant >= freshness_.size()) freshness_.resize(tenant + 1);
  if (freshness_[tenant] == nullptr) {
    freshness_[tenant] =
        &telemetry::histogram("freshet_freshness_us", "From the receipt of a record until the profile could be read.",
                              {{"tenant", coalescer_.tenant_name(tenant)}});
  }
  return *freshness_[tenant];
}

// The order is marks, sync, offsets. The marks stand for writes that were done before the sync;
// marks taken after it could stand for writes that the sync did not cover, and a crash would lose
// those.
void ReactorLoop::begin_commit() {
  FRESHET_ASSERT(committing_.empty());
  commit_due_ = options_.clock->monotonic_us() + options_.commit_interval_us;
  for (const auto& [id, lane] : lanes_) {
    if (lane.offsets.low_water() > lane.committed.value_or(0))
      committing_.push_back({lane.of, lane.offsets.low_water()});
  }
  if (committing_.empty()) return;
  const auto done = [mailbox = mailbox_](Status status) {
    const std::lock_guard lock(mailbox->mutex);
    mailbox->synced = std::move(status);
    mailbox->wake();
  };
  if (FRESHET_MUTANT(kCommitBeforeSync)) return done({});
  if (options_.start_sync) return options_.start_sync(done);
  done(options_.store->sync());
}

Status ReactorLoop::finish_commit() {
  std::optional<Status> status;
  {
    const std::lock_guard lock(mailbox_->mutex);
    status.swap(mailbox_->synced);
  }
  if (!status) return {};
  const std::vector<eventlog::Position> positions = std::exchange(committing_, {});
  if (*status) {
    eventlog::Transaction transaction;
    transaction.done = positions;
    status = consumer_.commit(std::move(transaction));
  }
  if (!*status) {
    // Nothing is lost: the next commit, here or by the next owner, covers it.
    const bool again = status->error().code == Code::kRetry || status->error().code == Code::kConflict;
    return again ? Status{} : *status;
  }
  for (const eventlog::Position& position : positions) {
    for (auto& [id, lane] : lanes_) {
      if (lane.of == position.of) lane.committed = position.next;
    }
  }
  return {};
}

Status ReactorLoop::wait_for_commit() {
  while (!committing_.empty()) {
    FRESHET_TRY(finish_commit());
    if (!committing_.empty()) options_.clock->sleep_us(1'000);
  }
  return {};
}

// Back-pressure asks for this on other threads, and must not wait for a step.
void ReactorLoop::publish_readable() {
  const std::lock_guard lock(readable_mutex_);
  readable_.clear();
  for (const auto& [id, lane] : lanes_) readable_.push_back({lane.of, lane.readable_to()});
}

std::vector<eventlog::Position> ReactorLoop::readable() const {
  const std::lock_guard lock(readable_mutex_);
  return readable_;
}

void ReactorLoop::measure_lag(env::TimeUs now) {
  measure_due_ = now + kMeasureIntervalUs;
  int64_t lag = 0;
  // One call for all partitions: on Kafka each question is a round trip.
  const auto marks = options_.log->all_appended(eventlog::Topic::kChanges);
  for (const auto& [id, lane] : lanes_) {
    const uint32_t partition = lane.of.partition;
    if (!marks || partition >= marks->size()) continue;
    lag += std::max<int64_t>((*marks)[partition].high - lane.readable_to(), 0);
  }
  metrics_->lag->set(static_cast<double>(lag));
  metrics_->waiting_bytes->set(static_cast<double>(waiting_bytes()));
  metrics_->waiting_entities->set(static_cast<double>(coalescer_.entities()));
  FRESHET_ASSERT(coalescer_.coalesced() >= metrics_->coalesced_before);
  metrics_->coalesced.add(coalescer_.coalesced() - metrics_->coalesced_before);
  metrics_->coalesced_before = coalescer_.coalesced();
}

}  // namespace freshet::reaction
