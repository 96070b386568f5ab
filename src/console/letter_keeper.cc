#include "console/letter_keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "base/assert.h"
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
constexpr size_t kReadBytes = 4u << 20;   // of the topic at a time
constexpr int kReadsMax = 4;              // in one turn
constexpr env::TimeUs kTurnUs = 250'000;  // between turns, if nothing is asked for
constexpr env::TimeUs kExpireUs = 60'000'000;
constexpr env::TimeUs kPurgeUs = 1'000'000;
// Segments of the log are sealed this long after their begin at the latest, so what was in an open one when an erasure
// was applied is in a sealed one by then, and goes when the log is trimmed.
constexpr env::TimeUs kMarkUs = 20'000'000;
constexpr env::TimeUs kPauseFactor = 20;  // a purge of files rewrites them: it takes at most a 20th of the time
constexpr env::TimeUs kPauseUsMin = 5'000'000;

Result<Offset> parse_offset(const std::optional<std::string>& row) {
  Offset offset = 0;
  if (!row) return offset;
  const auto [end, error] = std::from_chars(row->data(), row->data() + row->size(), offset);
  if (error != std::errc() || end != row->data() + row->size() || offset < 0)
    return fail(Code::kCorrupt, "dead letters: the row of their position is damaged");
  return offset;
}

telemetry::Counter& refused_letters() {
  return telemetry::counter("freshet_deadletters_of_erased_total",
                            "Dead letters that were dropped because they name an erased person.");
}

}  // namespace

Result<std::unique_ptr<LetterKeeper>> LetterKeeper::start(std::shared_ptr<kv::Store> store, KeeperOptions options) {
  FRESHET_ASSERT(store != nullptr && options.log != nullptr && options.profiles != nullptr && options.clock != nullptr);
  std::unique_ptr<LetterKeeper> keeper(new LetterKeeper(std::move(store), std::move(options)));
  FRESHET_TRY(keeper->load());
  keeper->expiring_by_.look(*keeper->options_.clock);
  keeper->purging_by_.look(*keeper->options_.clock);
  keeper->report_pending();
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
      copies_(*options_.log, *options_.clock, options_.copies) {}

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

// What is in memory, and where the topic goes on, as the store has it.
Status LetterKeeper::load() {
  FRESHET_ASSIGN(letters_, Letters::open(*store_, options_.quota));
  FRESHET_ASSIGN(erasures_, Erasures::open(*store_, options_.hash_key));
  violations_.written();
  const uint32_t partitions = options_.log->partitions(Topic::kDeadLetters);
  positions_.clear();
  trimmed_.assign(partitions, 0);
  for (uint32_t p = 0; p < partitions; ++p) {
    FRESHET_ASSIGN(const auto row, store_->get(position_key(p)));
    FRESHET_ASSIGN(const Offset at, parse_offset(row));
    positions_.push_back(at);
  }
  return {};
}

// After a write that failed nobody knows what of it is there, and what lies in memory counts it in: so all of it is
// read again, and the topic goes on from where the rows are.
Status LetterKeeper::recover() {
  const std::lock_guard lock(kept_mutex_);
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

// The letters and how far they go are one write: none is taken in twice, or never. False: there is no more.
Result<bool> LetterKeeper::follow_partition(uint32_t partition) {
  const TopicPartition of{Topic::kDeadLetters, partition};
  FRESHET_ASSIGN(const auto marks, options_.log->watermarks(of));
  Offset& next = positions_[partition];
  next = std::max(next, marks.low);         // Retention was faster: what it took is gone.
  if (next > marks.high) next = marks.low;  // The log was made anew.
  if (next == marks.high) return false;
  FRESHET_ASSIGN(const auto fetched, options_.log->read(of, next, kReadBytes));
  if (fetched.next <= next) return false;
  const std::lock_guard lock(kept_mutex_);
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
  FRESHET_TRY(store_->write(batch, kv::Durability::kLogged));
  letters_->written();
  erasures_->written();
  violations_.written();
  next = fetched.next;
  FRESHET_TRY(letters_->evict());
  return next < marks.high;
}

Status LetterKeeper::take_in(const v1::DeadLetter& letter, kv::WriteBatch& batch) {
  if (letter.body_type() == v1::DeadLetter::ERASURE_NOTICE) {
    v1::ErasureNotice notice;
    if (!notice.ParseFromString(letter.body())) return {};
    return erasures_->apply(letter, notice, options_.clock->now_us(), batch);
  }
  if (letter.body_type() == v1::DeadLetter::PLAN_VIOLATIONS) {
    return violations_.add(letter, expiring_by_.may_expire(env::kSteadyUs) ? turn_us_ : 0, batch);
  }
  if (letter.uncounted() > 0) return letters_->count(letter, letter.code(), letter.uncounted(), batch);
  const Erasures::Id* of = nullptr;
  const bool erased = any_value(letter, [&](std::string_view value) {
    of = erasures_->erased(letter.tenant(), value);
    return of != nullptr;
  });
  if (!erased) return letters_->add(letter, batch);
  refused_letters().add();
  FRESHET_TRY(erasures_->note_late(*of, batch));
  return letters_->count(letter, "erased", 1, batch);
}

// Never by a clock that is ahead for a moment: it makes every letter look old, and none would come back.
Status LetterKeeper::expire() {
  const env::TimeUs now = options_.clock->monotonic_us();
  uint64_t letters = 0;
  const std::lock_guard lock(kept_mutex_);
  if (now >= expire_due_us_) {
    expire_due_us_ = now + kExpireUs;
    if (expiring_by_.may_expire(options_.quota.age_us)) FRESHET_TRY(letters_->expire(turn_us_));
  }
  letters = letters_->total();
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
    const std::lock_guard lock(kept_mutex_);
    one({*letters_, *erasures_, violations_});
  }
  if (!options_.threads) working_ = false;
}

// ---- erasures -----------------------------------------------------------------------------------------------------

Status LetterKeeper::purge() {
  purging_by_.look(*options_.clock);
  report_pending();
  std::vector<Erasures::Id> pending;
  {
    const std::lock_guard lock(kept_mutex_);
    pending.assign(erasures_->pending().begin(), erasures_->pending().end());
  }
  std::vector<v1::Erasure> to_purge;
  bool wait = false;
  for (const auto& [tenant, id] : pending) {
    std::optional<v1::Erasure> erasure;
    {
      const std::lock_guard lock(kept_mutex_);
      FRESHET_ASSIGN(erasure, erasures_->get(tenant, id));
    }
    if (!erasure) continue;
    FRESHET_ASSIGN(const bool is_ready, bring_on(*erasure));
    wait = wait || erasure->applied_at_us() != 0;
    if (!is_ready) continue;
    if (erasure->scrubbed_at_us() != 0) FRESHET_TRY(verify(*erasure));
    if (erasure->scrubbed_at_us() == 0) to_purge.push_back(std::move(*erasure));
  }
  copies_.ask(wait);
  return purge_files(to_purge);
}

Result<bool> LetterKeeper::bring_on(v1::Erasure& erasure) {
  if (erasure.applied_at_us() == 0) return false;
  const env::TimeUs now = options_.clock->now_us();
  if (erasure.written_at_us() == 0) {
    FRESHET_ASSIGN(const bool gone, is_gone_from_profiles(erasure));
    if (!gone) return false;
    FRESHET_TRY(sweep_letters(erasure));
    erasure.set_written_at_us(now);
    FRESHET_TRY(save(erasure));
  }
  if (erasure.marked_at_us() == 0) {
    if (purging_by_.surely_since(erasure.applied_at_us()) < kMarkUs) return false;
    FRESHET_ASSIGN(const bool left, copies_.has_left_overflow(erasure));
    if (!left) return false;
    FRESHET_TRY(copies_.mark(erasure));
    FRESHET_TRY(save(erasure));
  }
  const std::string waited_for = erasure.waits_for();
  const env::TimeUs trimmed_at = erasure.trimmed_at_us();
  FRESHET_ASSIGN(const bool is_ready, wait_for(erasure));
  if (erasure.waits_for() != waited_for || erasure.trimmed_at_us() != trimmed_at) FRESHET_TRY(save(erasure));
  return is_ready;
}

// The next thing that has to happen elsewhere.
Result<bool> LetterKeeper::wait_for(v1::Erasure& erasure) {
  if (erasure.scrubbed_at_us() != 0) return copies_.have_ended(erasure, purging_by_);
  FRESHET_ASSIGN(const bool gone, copies_.is_gone_from_actions(erasure));
  const bool scrubbed = gone && copies_.states_are_scrubbed(erasure);
  if (!gone) erasure.set_waits_for("action, whose states and checkpoints may still need records of the person");
  if (gone && !scrubbed) erasure.set_waits_for("workers, to rewrite the files of their states");
  return scrubbed;
}

Result<bool> LetterKeeper::is_gone_from_profiles(const v1::Erasure& erasure) {
  for (const std::string& id : erasure.profiles()) {
    if (id.size() != sizeof(Hash128::bytes)) continue;
    FRESHET_ASSIGN(const auto found, options_.profiles->get({erasure.tenant(), erasure.kind(), Hash128::from(id)}));
    if (found) return false;
  }
  return true;
}

Status LetterKeeper::sweep_letters(v1::Erasure& erasure) {
  const std::set<std::string, std::less<>> hashes(erasure.hashes().begin(), erasure.hashes().end());
  uint64_t removed = 0;
  std::optional<std::string> after = "";
  while (after && !stopping_) {
    const std::lock_guard lock(kept_mutex_);  // A page at a time, so that requests come in between.
    const auto goes = [&](const v1::DeadLetter& letter) {
      return any_value(letter, [&](std::string_view value) {
        return hashes.contains(erasures_->hash_of(letter.tenant(), value).view());
      });
    };
    FRESHET_ASSIGN(after, letters_->remove_if(erasure.tenant(), *after, goes, removed));
  }
  erasure.set_letters_removed(erasure.letters_removed() + removed);
  return after ? fail(Code::kRetry, "stopped") : Status{};
}

// All that are ready together: what rewrites whole files costs the same for one person as for a thousand.
Status LetterKeeper::purge_files(std::vector<v1::Erasure>& ready) {
  const env::TimeUs begin = options_.clock->monotonic_us();
  if (ready.empty() || begin < purge_due_us_) return {};
  std::string waits_for;
  for (const PurgeStep& step : options_.steps) {
    const Status done = step.run(ready, stopping_);
    if (stopping_) return {};
    if (!done) waits_for = fmt::format("{}: {}", step.name, done.error().message);
    if (!done) spdlog::warn("erasure: {}; it is tried again", waits_for);
  }
  for (v1::Erasure& erasure : ready) {
    erasure.set_waits_for(waits_for);
    if (waits_for.empty()) FRESHET_TRY(copies_.note_ends(erasure));
    if (waits_for.empty()) erasure.set_scrubbed_at_us(options_.clock->now_us());
    FRESHET_TRY(save(erasure));
  }
  const env::TimeUs end = options_.clock->monotonic_us();
  purge_due_us_ = end + std::max(kPauseUsMin, (end - begin) * kPauseFactor);
  return {};
}

// What is found after all begins the rest anew.
Status LetterKeeper::verify(v1::Erasure& erasure) {
  const uint64_t removed_before = erasure.letters_removed();
  FRESHET_TRY(sweep_letters(erasure));
  FRESHET_ASSIGN(const bool gone, is_gone_from_profiles(erasure));
  const bool letters_came = erasure.letters_removed() != removed_before;
  erasure.set_waits_for(!gone ? "profiles" : letters_came ? "deadletters" : "");
  if (erasure.waits_for().empty()) {
    erasure.set_verified_at_us(options_.clock->now_us());
  } else {
    erasure.set_scrubbed_at_us(0);
    erasure.set_trimmed_at_us(0);
  }
  return save(erasure);
}

// Late letters may have been counted meanwhile: the rest is this thread's alone, unless action has said more of it.
Status LetterKeeper::save(v1::Erasure& erasure) {
  const std::lock_guard lock(kept_mutex_);
  FRESHET_ASSIGN(const auto now, erasures_->get(erasure.tenant(), erasure.id()));
  if (now && now->applied_at_us() != erasure.applied_at_us()) return {};  // begun anew: the next turn takes it up
  if (now) erasure.set_late_letters(now->late_letters());
  return erasures_->put(erasure);
}

void LetterKeeper::report_pending() {
  static telemetry::Gauge& pending =
      telemetry::gauge("freshet_erasures_pending", "Erasures that were asked for and are not verified yet.");
  static telemetry::Gauge& oldest = telemetry::gauge("freshet_erasures_oldest_pending_seconds",
                                                     "How long ago the oldest of these was asked for; 0 without any.");
  const std::lock_guard lock(kept_mutex_);
  env::TimeUs since = 0;
  for (const auto& [tenant, id] : erasures_->pending()) {
    const auto erasure = erasures_->get(tenant, id);
    if (!erasure || !*erasure) continue;
    since = since == 0 ? (*erasure)->requested_at_us() : std::min<env::TimeUs>(since, (*erasure)->requested_at_us());
  }
  pending.set(static_cast<double>(erasures_->pending().size()));
  oldest.set(since == 0 ? 0 : static_cast<double>(options_.clock->now_us() - since) / 1e6);
}

// ---- threads ------------------------------------------------------------------------------------------------------

void LetterKeeper::run_turns() {
  env::name_thread("letters");
  std::string last;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Status done = turn();
    const std::string error = done ? "" : done.error().message;
    if (error != last && !done) spdlog::error("dead letters: {}", error);
    last = error;
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(kTurnUs), [this] { return stopping_ || !work_.empty(); });
  }
}

void LetterKeeper::run_purges() {
  env::name_thread("purge");
  env::yield_to_others();
  std::string last;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const Status done = purge();
    const std::string error = done ? "" : done.error().message;
    if (error != last && !done && !stopping_) spdlog::error("erasure: {}", error);
    last = error;
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(kPurgeUs), [this] { return stopping_.load(); });
  }
}

}  // namespace freshet::console
