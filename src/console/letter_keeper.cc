#include "console/letter_keeper.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"
#include "base/last_failure.h"
#include "base/number.h"
#include "console/letter_values.h"
#include "env/thread.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

using eventlog::Offset;
using eventlog::Topic;
using eventlog::TopicPartition;

constexpr size_t kWorkMax = 256;          // pieces that wait
constexpr size_t kReadBytes = 1u << 20;   // of the topic at a time, while requests about letters wait
constexpr int kReadsMax = 16;             // in one turn
constexpr env::TimeUs kTurnUs = 250'000;  // between turns, if nothing is asked for
constexpr env::TimeUs kExpireUs = 60'000'000;
constexpr env::TimeUs kPurgeUs = 1'000'000;

Result<Offset> parse_offset(const std::optional<std::string>& row) {
  if (!row) return Offset{-1};
  const auto offset = to_number<Offset>(*row);
  if (!offset || *offset < 0) return fail(Code::kCorrupt, "dead letters: the row of their position is damaged");
  return *offset;
}

telemetry::Counter& refused_letters() {
  return telemetry::counter("freshet_deadletters_of_erased_total",
                            "Dead letters that were dropped because they name an erased person.");
}

telemetry::Counter& missed_records() {
  return telemetry::counter("freshet_deadletters_missed_total",
                            "Records of topic deadletters that retention took before the console had read them.");
}

}  // namespace

Result<std::unique_ptr<LetterKeeper>> LetterKeeper::start(std::shared_ptr<kv::Store> store, KeeperOptions options) {
  FRESHET_ASSERT(store != nullptr && options.log != nullptr && options.profiles != nullptr && options.clock != nullptr);
  std::unique_ptr<LetterKeeper> keeper(new LetterKeeper(std::move(store), std::move(options)));
  FRESHET_TRY(keeper->load());
  static_cast<void>(missed_records());  // It is shown from the start.
  keeper->expiring_by_.look(*keeper->options_.clock);
  keeper->purger_.report();
  if (keeper->options_.threads) {
    keeper->turns_ = std::thread([k = keeper.get()] { k->run_turns(); });
    keeper->purges_ = std::thread([k = keeper.get()] { k->run_purges(); });
  }
  return keeper;
}

LetterKeeper::LetterKeeper(std::shared_ptr<kv::Store> store, KeeperOptions options)
    : options_(std::move(options)),
      store_(std::move(store)),
      violations_(*store_),
      copies_(*options_.log, *options_.clock, options_.copies),
      purger_(options_, kept_, copies_, stopping_) {}

LetterKeeper::~LetterKeeper() { stop(); }

void LetterKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (turns_.joinable()) turns_.join();
  if (purges_.joinable()) purges_.join();
  work();
}

Status LetterKeeper::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return fail(Code::kRetry, "this process is about to end");
    if (work_.size() >= kWorkMax) return fail(Code::kRetry, "too many requests about dead letters wait already");
    work_.push_back(std::move(work));
  }
  changed_.notify_all();
  return options_.threads || working_ ? Status{} : turn();
}

Status LetterKeeper::purge() { return purger_.turn(); }

// What is in memory, and where the topic goes on, as the store has it.
Status LetterKeeper::load() {
  FRESHET_ASSIGN(kept_.letters, Letters::open(*store_, options_.quota));
  FRESHET_ASSIGN(kept_.erasures, Erasures::open(*store_, options_.hash_key));
  violations_.written();
  const uint32_t partitions = options_.log->partitions(Topic::kDeadLetters);
  FRESHET_ASSIGN(const auto log_name, store_->get(kLogNameKey));
  const bool of_this_log = !log_name || *log_name == options_.log_name;
  positions_.clear();
  trimmed_.assign(partitions, 0);
  for (uint32_t p = 0; p < partitions; ++p) {
    FRESHET_ASSIGN(const auto row, store_->get(position_key(p)));
    FRESHET_ASSIGN(const Offset at, parse_offset(row));
    positions_.push_back(of_this_log ? at : Offset{-1});
  }
  return {};
}

// After a write that failed nobody knows what of it is there, and what lies in memory counts it in: so all of it is
// read again, and the topic goes on from where the rows are.
Status LetterKeeper::recover() {
  const std::lock_guard lock(kept_.mutex);
  if (Status well = store_->health(); !well) {
    stale_ = true;
    FRESHET_TRY(options_.mend ? options_.mend() : std::move(well));
  }
  if (!stale_) return {};
  FRESHET_TRY(load());
  stale_ = false;
  return {};
}

// ---- the topic ----------------------------------------------------------------------------------------------------

Status LetterKeeper::turn() {
  turn_us_ = options_.clock->now_us();
  expiring_by_.look(turn_us_, options_.clock->monotonic_us());
  Status followed = recover();
  if (followed) followed = follow();
  // What is kept can be read also while the log can't, or nothing can be written.
  work();
  FRESHET_TRY(std::move(followed));
  return expire();
}

Status LetterKeeper::follow() {
  for (uint32_t p = 0; p < positions_.size(); ++p) {
    bool more = true;
    for (int reads = 0; more && reads < kReadsMax; ++reads) {
      FRESHET_ASSIGN(more, follow_partition(p));
    }
    if (!options_.trims_topic) continue;
    const TopicPartition of{Topic::kDeadLetters, p};
    // Others may get on while nothing new comes here, so it is looked at in every turn.
    const Offset done = options_.others_read ? std::min(positions_[p], options_.others_read(of)) : positions_[p];
    if (done <= trimmed_[p]) continue;
    FRESHET_TRY(store_->sync());
    FRESHET_TRY(options_.log->trim(of, done));
    trimmed_[p] = done;
  }
  return {};
}

// Retention was faster, and what it took is gone: letters, and perhaps the word that somebody is erased. The latter
// would be waited for in vain.
Status LetterKeeper::note_missed(uint64_t records) {
  missed_records().add(records);
  const std::lock_guard lock(kept_.mutex);
  FRESHET_ASSIGN(const size_t waiting, kept_.erasures->note_word_lost());
  log::error(
      "dead letters: {} records of topic deadletters were deleted by its retention before this console had read them; "
      "{} erasures wait for a word that may be among them, and say so",
      records, waiting);
  return {};
}

// The letters and how far they go are one write: none is taken in twice, or never. False: there is no more.
Result<bool> LetterKeeper::follow_partition(uint32_t partition) {
  const TopicPartition of{Topic::kDeadLetters, partition};
  FRESHET_ASSIGN(const auto marks, options_.log->watermarks(of));
  Offset& next = positions_[partition];
  if (next < 0 || next > marks.high) next = marks.low;  // Nothing was read yet, or the log was made anew.
  if (next < marks.low) {
    FRESHET_TRY(note_missed(static_cast<uint64_t>(marks.low - next)));
    next = marks.low;
    kv::WriteBatch moved;
    moved.put(position_key(partition), std::to_string(next));
    moved.put(kLogNameKey, options_.log_name);
    FRESHET_TRY(store_->write(moved, kv::Durability::kSynced));  // After a crash it is not told again.
  }
  if (next == marks.high) return false;
  FRESHET_ASSIGN(const auto fetched, options_.log->read(of, next, kReadBytes));
  if (fetched.next <= next) return false;
  const std::lock_guard lock(kept_.mutex);
  kv::WriteBatch batch;
  for (const auto& record : fetched.records) {
    v1::DeadLetter letter;
    if (!letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size()))) continue;
    v1::StatePlaces places;
    if (letter.body_type() == v1::DeadLetter::STATES_SCRUBBED && places.ParseFromString(letter.body()))
      copies_.take(places);
    if (!letter.tenant().empty() && letter.tenant().find('\0') == std::string::npos &&
        letter.id().find('\0') == std::string::npos)
      FRESHET_TRY(take_in(letter, batch));
  }
  batch.put(position_key(partition), std::to_string(fetched.next));
  batch.put(kLogNameKey, options_.log_name);
  FRESHET_TRY(store_->write(batch, kv::Durability::kLogged));
  kept_.letters->written();
  kept_.erasures->written();
  violations_.written();
  next = fetched.next;
  FRESHET_TRY(kept_.letters->evict());
  return next < marks.high;
}

Status LetterKeeper::take_in(const v1::DeadLetter& letter, kv::WriteBatch& batch) {
  if (letter.body_type() == v1::DeadLetter::ERASURE_NOTICE) {
    v1::ErasureNotice notice;
    if (!notice.ParseFromString(letter.body())) return {};
    return kept_.erasures->apply(letter, notice, options_.clock->now_us(), batch);
  }
  if (letter.body_type() == v1::DeadLetter::PLAN_VIOLATIONS) {
    return violations_.add(letter, expiring_by_.may_expire(env::kSteadyUs) ? turn_us_ : 0, batch);
  }
  if (letter.body_type() == v1::DeadLetter::LATE_RECORDS) return take_late_records(letter, batch);
  if (letter.uncounted() > 0) return kept_.letters->count(letter, letter.code(), letter.uncounted(), batch);
  const Erasures::Id* of = nullptr;
  const bool erased = kept_.erasures->has_suppressed(letter.tenant()) && any_value(letter, [&](std::string_view value) {
                        of = kept_.erasures->erased(letter.tenant(), value);
                        return of != nullptr;
                      });
  if (!erased) return kept_.letters->add(letter, batch);
  refused_letters().add();
  FRESHET_TRY(kept_.erasures->note_late(*of, batch));
  return kept_.letters->count(letter, "erased", 1, batch);
}

Status LetterKeeper::take_late_records(const v1::DeadLetter& letter, kv::WriteBatch& batch) {
  v1::LateRecords records;
  if (!records.ParseFromString(letter.body())) return {};
  uint64_t count = 0;
  for (const v1::LateRecords::Of& one : records.of()) {
    count += one.count();
    if (one.value().size() == sizeof(Hash128::bytes))
      FRESHET_TRY(kept_.erasures->note_late_records(Hash128::from(one.value()), one.count(), batch));
  }
  return kept_.letters->count(letter, "erased", count, batch);
}

// Never by a clock that is ahead for a moment: it makes every letter look old, and none would come back.
Status LetterKeeper::expire() {
  const env::TimeUs now = options_.clock->monotonic_us();
  uint64_t letters = 0;
  const std::lock_guard lock(kept_.mutex);
  if (now >= expire_due_us_) {
    expire_due_us_ = now + kExpireUs;
    if (expiring_by_.may_expire(options_.quota.age_us)) FRESHET_TRY(kept_.letters->expire(turn_us_));
  }
  letters = kept_.letters->total();
  letters_total_.store(letters, std::memory_order_relaxed);
  return {};
}

void LetterKeeper::work() {
  std::deque<Work> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(work_);
  }
  if (!options_.threads) working_ = true;
  for (const Work& one : all) {
    const std::lock_guard lock(kept_.mutex);
    one({*kept_.letters, *kept_.erasures, violations_});
  }
  if (!options_.threads) working_ = false;
}

// ---- threads ------------------------------------------------------------------------------------------------------

void LetterKeeper::run_turns() {
  env::name_thread("letters");
  LastFailure failure;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    if (const Status done = turn(); failure.is_new(done)) log::error("dead letters: {}", done.error().message);
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(kTurnUs), [this] { return stopping_ || !work_.empty(); });
  }
}

void LetterKeeper::run_purges() {
  env::name_thread("purge");
  env::yield_to_others();
  LastFailure failure;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Status done = purger_.turn();
    if (failure.is_new(done) && !stopping_) log::error("erasure: {}", done.error().message);
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(kPurgeUs), [this] { return stopping_.load(); });
  }
}

}  // namespace freshet::console
