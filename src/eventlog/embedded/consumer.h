// A consumer of the embedded log. Of `members` in one process each has a fixed share of the partitions, so nothing is
// ever revoked, and nobody can commit for another's.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "eventlog/embedded/reader.h"
#include "eventlog/embedded/state.h"
#include "eventlog/embedded/writer.h"
#include "eventlog/event_log.h"

namespace freshet::eventlog::embedded {

class EmbeddedConsumer final : public Consumer {
 public:
  // REQUIRES: topics exist.
  EmbeddedConsumer(kv::Store& store, LogState& state, Writer& writer, const ConsumerOptions& options);
  ~EmbeddedConsumer() override;

  Result<PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override;
  void seek(TopicPartition partition, Offset next) override;
  void pause(TopicPartition partition, bool paused) override;
  Status commit(Transaction transaction) override;
  Result<std::optional<Offset>> committed(TopicPartition partition) override;
  void wake() override;

 private:
  // A partition that is this consumer's, and where it goes on.
  struct Share {
    Partition* partition = nullptr;
    Offset next = 0;
    bool paused = false;
  };
  // What one poll takes from one partition.
  struct Take {
    Share* share = nullptr;
    Offset high = 0;
    std::optional<Offset> gap_end;  // no records are there up to it
    size_t bytes_max = 0;
    std::vector<ChunkRef> chunks;  // empty: read them from the store
  };

  Result<PollResult> assign();
  // REQUIRES: the partition is this consumer's.
  Share& share_of(TopicPartition partition);
  // REQUIRES, for these: the mutex of the state is held.
  Status wait(std::unique_lock<std::mutex>& lock, env::TimeUs timeout_us);
  Result<size_t> count_ready() const;
  std::vector<Take> take(size_t ready, size_t bytes_max);

  kv::Store& store_;
  LogState& state_;
  Writer& writer_;
  const ConsumerOptions options_;
  bool assigned_ = false;
  std::vector<Share> shares_;
  size_t turn_ = 0;     // the share to serve first
  bool woken_ = false;  // guarded by the state's mutex, like the waiter
  Waiter waiter_;
};

}  // namespace freshet::eventlog::embedded
