// The console asks through the topic of dead letters, as it knows no worker: which states must be rewritten, and up to
// which offset they must be durable before. Workers answer there, too. So whoever takes a partition over in the
// meantime is asked as well, and an answer counts for the whole installation.
#include "app/state_scrubs.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <utility>

#include "base/last_failure.h"
#include "env/thread.h"
#include "state/partition_state.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

using eventlog::Topic;
using eventlog::TopicPartition;

constexpr TopicPartition kQuestions{Topic::kDeadLetters, 0};
constexpr size_t kScrubsReadBytes = 1u << 20;
constexpr int kScrubsReadsMax = 16;  // in one turn
constexpr env::TimeUs kScrubsTurnUs = 1'000'000;
constexpr env::TimeUs kScrubPauseFactor = 20;  // it rewrites everything: at most a 20th of the time

telemetry::Counter& scrubbed_states() {
  return telemetry::counter("freshet_state_scrubs_total", "States whose files were rewritten because of an erasure.");
}

// Up to where a state is durable.
Result<int64_t> durable_offset_of(kv::Store& store) {
  FRESHET_ASSIGN(const auto row, store.get(state::kMetaRow));
  v1::PartitionMeta meta;
  if (row && !meta.ParseFromString(*row)) return fail(Code::kCorrupt, "the meta row of a state can't be decoded");
  return meta.next_offset();
}

}  // namespace

StateScrubs::StateScrubs(StateScrubsOptions options)
    : options_(std::move(options)),
      leftovers_({options_.data_dir, options_.partitions, options_.leftover_us}, *options_.clock) {
  for (uint32_t p = 0; p < options_.partitions; ++p) parts_.try_emplace(p);
  static_cast<void>(scrubbed_states());
  if (options_.threads) thread_ = std::thread([this] { run(); });
}

StateScrubs::~StateScrubs() { stop(); }

void StateScrubs::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [partition, part] : parts_) *part.canceled = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// What is under way in the files of before is no use to anybody: the state is about to be opened anew, or restored.
void StateScrubs::opening(uint32_t partition) {
  leftovers_.opening(partition);
  const std::lock_guard lock(mutex_);
  Part& part = parts_[partition];
  *part.canceled = true;
  part.canceled = std::make_shared<std::atomic<bool>>(stopping_);
}

// Its files may be those of an older checkpoint.
void StateScrubs::add(uint32_t partition, std::weak_ptr<kv::Store> state) {
  leftovers_.opened(partition, state);
  const std::lock_guard lock(mutex_);
  Part& part = parts_[partition];
  part.state = std::move(state);
  part.due = part.wanted >= 0;
}

Status StateScrubs::turn() {
  FRESHET_TRY(follow());
  leftovers_.remove();
  const env::TimeUs begin = options_.clock->monotonic_us();
  if (begin < scrub_due_us_) return {};
  FRESHET_ASSIGN(auto done, scrub());
  if (done.places().empty()) return {};
  const env::TimeUs end = options_.clock->monotonic_us();
  scrub_due_us_ = end + (end - begin) * kScrubPauseFactor;
  report(std::move(done));
  return {};
}

// From where the topic ends at the begin: a question from before is asked again.
Status StateScrubs::follow() {
  FRESHET_ASSIGN(const auto marks, options_.log->watermarks(kQuestions));
  if (next_ < 0 || next_ > marks.high) next_ = marks.high;
  for (int reads = 0; next_ < marks.high && reads < kScrubsReadsMax; ++reads) {
    FRESHET_ASSIGN(const auto fetched, options_.log->read(kQuestions, next_, kScrubsReadBytes));
    if (fetched.next <= next_) break;
    for (const auto& record : fetched.records) {
      v1::DeadLetter letter;
      v1::StatePlaces places;
      if (letter.ParseFromArray(record.value.data(), static_cast<int>(record.value.size())) &&
          letter.body_type() == v1::DeadLetter::STATES_TO_SCRUB && places.ParseFromString(letter.body()))
        take(places);
    }
    next_ = fetched.next;
  }
  return {};
}

// A place that the log has not come to yet was asked for by somebody else than us, and would be waited for for ever.
void StateScrubs::take(const v1::StatePlaces& places) {
  for (const auto& place : places.places()) {
    if (place.partition() >= options_.partitions) continue;
    const auto marks = options_.log->watermarks({eventlog::Topic::kActions, place.partition()});
    if (marks && place.offset() > marks->high) continue;
    const std::lock_guard lock(mutex_);
    const auto found = parts_.find(place.partition());
    if (found == parts_.end()) continue;
    found->second.wanted = std::max(found->second.wanted, place.offset());
    found->second.due = true;
  }
}

// A state that is not so far yet is looked at again.
Result<v1::StatePlaces> StateScrubs::scrub() {
  v1::StatePlaces done;
  done.set_installation(options_.installation);
  for (uint32_t partition = 0; partition < options_.partitions; ++partition) {
    std::shared_ptr<kv::Store> store;
    std::shared_ptr<std::atomic<bool>> canceled;
    int64_t wanted = 0;
    {
      const std::lock_guard lock(mutex_);
      const Part& part = parts_[partition];
      if (stopping_) break;
      if (!part.due) continue;
      store = part.state.lock();
      canceled = part.canceled;
      wanted = part.wanted;
    }
    if (!store) continue;
    FRESHET_ASSIGN(const int64_t offset, durable_offset_of(*store));
    if (offset < wanted) continue;
    const Status scrubbed = store->scrub(*canceled);
    if (!scrubbed && scrubbed.error().code == Code::kRetry) continue;
    FRESHET_TRY(scrubbed);
    scrubbed_states().add();
    auto& place = *done.add_places();
    place.set_partition(partition);
    place.set_offset(offset);
    const std::lock_guard lock(mutex_);
    Part& part = parts_[partition];
    if (part.state.lock() == store && part.wanted <= offset) part.due = false;
  }
  return done;
}

// One that is lost is asked for again, and the files are rewritten again, as by then others may have been asked for.
void StateScrubs::report(v1::StatePlaces places) {
  v1::DeadLetter letter;
  letter.set_body_type(v1::DeadLetter::STATES_SCRUBBED);
  letter.set_body(places.SerializeAsString());
  eventlog::Produce produce{kQuestions, {}};
  produce.records.add("", letter.SerializeAsString());
  std::vector<eventlog::Produce> batches;
  batches.push_back(std::move(produce));
  options_.log->append(std::move(batches), [](const Status& status) {
    if (!status) log::warn("erasure: that states were rewritten is not told yet: {}", status.error().message);
  });
}

void StateScrubs::run() {
  env::name_thread("scrub-states");
  env::yield_to_others();
  LastFailure failure;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    if (const Status done = turn(); failure.is_new(done))
      log::warn("erasure: states are not rewritten: {}", done.error().message);
    lock.lock();
    changed_.wait_for(lock, std::chrono::microseconds(kScrubsTurnUs), [this] { return stopping_; });
  }
}

}  // namespace freshet::app
