// Polling: wait until a share has records, take chunks of all ready shares under the mutex, and view the records after
// it was let go. Committing is a request to the writer like any other.
#include "eventlog/embedded/consumer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/assert.h"

namespace freshet::eventlog::embedded {

EmbeddedConsumer::EmbeddedConsumer(kv::Store& store, LogState& state, Writer& writer, const ConsumerOptions& options)
    : store_(store), state_(state), writer_(writer), options_(options) {
  for (const Topic topic : options_.topics) waiter_.topics |= bit_of(topic);
  const std::lock_guard lock(state_.mutex);
  state_.waiters.push_back(&waiter_);
}

EmbeddedConsumer::~EmbeddedConsumer() {
  const std::lock_guard lock(state_.mutex);
  std::erase(state_.waiters, &waiter_);
}

// The first poll only tells the partitions, so that the caller can seek to where its state is before anything is read.
Result<PollResult> EmbeddedConsumer::assign() {
  FRESHET_TRY(state_.open());
  PollResult result;
  const std::lock_guard lock(state_.mutex);
  for (const Topic topic : options_.topics) {
    for (Partition& partition : state_.topic(topic)->partitions) {
      if (partition.of.partition % options_.members != options_.member) continue;
      const auto committed = state_.committed_offset(options_.group, partition.of);
      shares_.push_back({&partition, committed.value_or(partition.mark.low), false});
      result.assigned.push_back(partition.of);
    }
  }
  assigned_ = true;
  return result;
}

Result<PollResult> EmbeddedConsumer::poll(size_t bytes_max, env::TimeUs timeout_us) {
  if (!assigned_) return assign();
  FRESHET_TRY(state_.open());
  PollResult result;
  std::vector<Take> takes;
  {
    std::unique_lock lock(state_.mutex);
    FRESHET_TRY(wait(lock, timeout_us));
    FRESHET_ASSIGN(const auto ready, count_ready());
    if (ready > 0) takes = take(ready, bytes_max);
  }
  result.fetched.reserve(takes.size());
  for (Take& one : takes) {
    const TopicPartition of = one.share->partition->of;
    if (one.gap_end) {
      result.fetched.push_back({of, {}, *one.gap_end, nullptr});
      continue;
    }
    if (one.chunks.empty()) {
      FRESHET_TRY(take_from_store(store_, of, one.share->next, one.high, one.bytes_max, one.chunks));
    }
    FRESHET_ASSIGN(auto fetched, view_records(of, one.share->next, std::move(one.chunks)));
    result.fetched.push_back(std::move(fetched));
  }
  // Positions move only now, so that an error above loses nothing: the next poll reads the same again.
  for (size_t i = 0; i < takes.size(); ++i) {
    FRESHET_ASSERT(result.fetched[i].next > takes[i].share->next);
    takes[i].share->next = result.fetched[i].next;
  }
  return result;
}

// Waits until there is something to take, or to tell. A position that is out of bounds counts as ready, as its error
// has to be told at once.
Status EmbeddedConsumer::wait(std::unique_lock<std::mutex>& lock, env::TimeUs timeout_us) {
  const auto over = [&] {
    const Result<size_t> ready = count_ready();
    return woken_ || state_.closed || !ready || *ready > 0;
  };
  waiter_.waits = true;
  waiter_.condition.wait_for(lock, std::chrono::microseconds(std::max<env::TimeUs>(timeout_us, 0)), over);
  waiter_.waits = false;
  woken_ = false;
  if (state_.closed) return tl::unexpected<Error>(state_.why);
  return {};
}

Result<size_t> EmbeddedConsumer::count_ready() const {
  size_t ready = 0;
  for (const Share& share : shares_) {
    if (share.paused || share.next == share.partition->mark.high) continue;
    FRESHET_TRY(check_position(*share.partition, share.next));
    ++ready;
  }
  return ready;
}

// Every ready partition gets an equal part, in turns, so that a poll too small for all of them starves none.
std::vector<EmbeddedConsumer::Take> EmbeddedConsumer::take(size_t ready, size_t bytes_max) {
  FRESHET_ASSERT(ready > 0 && ready <= shares_.size());
  std::vector<Take> takes;
  const size_t part = std::max<size_t>(bytes_max / ready, 1);
  size_t bytes = 0;
  size_t served = 0;
  for (size_t i = 0; i < shares_.size() && (i == 0 || bytes < bytes_max); ++i) {
    Share& share = shares_[(turn_ + i) % shares_.size()];
    served = i + 1;
    const Offset high = share.partition->mark.high;
    if (share.paused || share.next == high) continue;
    Take one{&share, high, end_of_gap(*share.partition, share.next), part, {}};
    if (one.gap_end) {
      takes.push_back(std::move(one));
      continue;
    }
    if (take_from_tail(*share.partition, share.next, part, one.chunks)) {
      for (const ChunkRef& chunk : one.chunks) bytes += chunk->bytes;
    } else {
      bytes += part;
    }
    takes.push_back(std::move(one));
  }
  turn_ = (turn_ + served) % shares_.size();
  return takes;
}

EmbeddedConsumer::Share& EmbeddedConsumer::share_of(TopicPartition partition) {
  const auto found = std::find_if(shares_.begin(), shares_.end(),
                                  [&](const Share& share) { return share.partition->of == partition; });
  FRESHET_ASSERT(found != shares_.end());  // Whoever seeks or pauses a partition was assigned it.
  return *found;
}

void EmbeddedConsumer::seek(TopicPartition partition, Offset next) { share_of(partition).next = next; }

void EmbeddedConsumer::pause(TopicPartition partition, bool paused) { share_of(partition).paused = paused; }

// Outputs, and positions that they were made of, go to the writer as one request, so they are in one batch.
Status EmbeddedConsumer::commit(Transaction transaction) {
  for (const Position& position : transaction.done) {
    FRESHET_TRY(state_.find(position.of));
  }
  Request request;
  request.outputs = std::move(transaction.outputs);
  request.group = options_.group;
  request.positions = std::move(transaction.done);
  return writer_.submit_and_wait(std::move(request));
}

Result<std::optional<Offset>> EmbeddedConsumer::committed(TopicPartition partition) {
  FRESHET_TRY(state_.open());
  const std::lock_guard lock(state_.mutex);
  return state_.committed_offset(options_.group, partition);
}

void EmbeddedConsumer::wake() {
  const std::lock_guard lock(state_.mutex);
  woken_ = true;
  waiter_.condition.notify_all();
}

}  // namespace freshet::eventlog::embedded
