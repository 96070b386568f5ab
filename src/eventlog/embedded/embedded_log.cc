// The embedded log as its callers see it. What changes the log goes to the Writer's queue; what only reads takes the
// shared state's mutex for as long as pointers are copied, and reads records afterwards, from memory or from the
// store.
#include "eventlog/embedded/embedded_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/embedded/consumer.h"
#include "eventlog/embedded/forget.h"
#include "eventlog/embedded/reader.h"
#include "eventlog/embedded/retention.h"
#include "eventlog/embedded/state.h"
#include "eventlog/embedded/writer.h"

namespace freshet::eventlog {
namespace {

using embedded::LogState;
using embedded::Partition;
using embedded::TopicState;

constexpr uint32_t kPartitionsMax = 4096;
constexpr uint32_t kConsumerGroupsMax = 64;

// The name of a group becomes part of a key, which a NUL ends.
Status check(const std::string& group) {
  if (group.empty() || group.size() > embedded::kGroupNameMax || group.find('\0') != std::string::npos) {
    return fail(Code::kInvalid, "embedded log: a consumer group's name has 1 to " +
                                    std::to_string(embedded::kGroupNameMax) + " bytes and no NUL");
  }
  return {};
}

class EmbeddedLog final : public EventLog {
 public:
  EmbeddedLog(std::unique_ptr<kv::Store> store, std::unique_ptr<LogState> state, env::Clock& clock,
              const EmbeddedLogOptions& options)
      : store_(std::move(store)),
        state_(std::move(state)),
        skip_to_(options.skip_to),
        writer_(*store_, clock, *state_, options),
        housekeeper_(*store_, clock, *state_, writer_, options.retention_interval_us) {}

  Status create_topic(Topic topic, const TopicOptions& options) override;
  uint32_t partitions(Topic topic) const override;
  void append(std::vector<Produce> batches, AppendDone done) override;
  Result<std::unique_ptr<Consumer>> open_consumer(const ConsumerOptions& options) override;
  Result<Watermarks> watermarks(TopicPartition partition) override;
  Result<Fetched> read(TopicPartition partition, Offset from, size_t bytes_max) override;
  Status trim(TopicPartition partition, Offset before) override;
  Result<std::optional<Offset>> committed(const std::string& group, TopicPartition partition) override;
  Status forget(Topic topic, const std::set<std::string, std::less<>>& keys, std::atomic<bool>& canceled) override {
    FRESHET_TRY(state_->open());
    const TopicState* known = state_->topic(topic);
    if (known == nullptr || keys.empty()) return {};
    return embedded::forget_records(*store_, *state_, writer_, *known, keys, canceled);
  }
  Status scrub(std::atomic<bool>& canceled) override { return store_->scrub(canceled); }
  Result<uint64_t> check_next_file(std::string& cursor) override { return store_->check_next_file(cursor); }
  uint64_t disk_bytes() override { return store_->disk_bytes(); }

 private:
  // kNotFound, or kFatal when the log is closed.
  Result<Partition*> open_partition(TopicPartition of) {
    FRESHET_TRY(state_->open());
    return state_->find(of);
  }

  std::unique_ptr<kv::Store> store_;
  std::unique_ptr<LogState> state_;
  const Offset skip_to_;
  std::mutex create_mutex_;
  embedded::Writer writer_;
  embedded::Housekeeper housekeeper_;  // It ends before the writer, which ends before the store.
};

// The number of partitions is fixed: with another one, the records of a person would be in two partitions, in no order.
Status EmbeddedLog::create_topic(Topic topic, const TopicOptions& options) {
  FRESHET_TRY(state_->open());
  const std::string name(name_of(topic));
  if (options.partitions == 0 || options.partitions > kPartitionsMax || options.consumers.size() > kConsumerGroupsMax) {
    return fail(Code::kInvalid, "embedded log: topic " + name + ": 1 to " + std::to_string(kPartitionsMax) +
                                    " partitions and at most " + std::to_string(kConsumerGroupsMax) + " groups");
  }
  for (const std::string& group : options.consumers) FRESHET_TRY(check(group));
  const std::lock_guard creating(create_mutex_);
  TopicState* known = state_->topic(topic);
  if (known != nullptr && known->partitions.size() != options.partitions) {
    return fail(Code::kInvalid, "embedded log: topic " + name + " has " + std::to_string(known->partitions.size()) +
                                    " partitions, the configuration says " + std::to_string(options.partitions) +
                                    "; the number is fixed when a data directory is first used");
  }
  kv::WriteBatch batch;
  batch.put(embedded::topic_key(topic), embedded::encode(options));
  auto made = known == nullptr ? std::make_unique<TopicState>(topic, options) : nullptr;
  if (made != nullptr && skip_to_ > 0) {
    for (Partition& partition : made->partitions) {
      partition.mark.low = partition.mark.high = skip_to_;
      batch.put(embedded::mark_key(partition.of), embedded::encode(partition.mark));
    }
  }
  if (Status written = store_->write(batch, kv::Durability::kSynced); !written) {
    state_->close(written.error());
    return state_->open();
  }
  const std::lock_guard lock(state_->mutex);
  if (known != nullptr) {
    known->set_options(options);
    return {};
  }
  state_->owned.push_back(std::move(made));
  state_->topics[static_cast<size_t>(topic)].store(state_->owned.back().get(), std::memory_order_release);
  return {};
}

uint32_t EmbeddedLog::partitions(Topic topic) const {
  const TopicState* known = state_->topic(topic);
  return known == nullptr ? 0 : static_cast<uint32_t>(known->partitions.size());
}

void EmbeddedLog::append(std::vector<Produce> batches, AppendDone done) {
  FRESHET_ASSERT(done != nullptr);  // Whoever does not wait for the answer promises what may not be in the log.
  embedded::Request request;
  request.outputs = std::move(batches);
  request.done = std::move(done);
  writer_.submit(std::move(request), /*bounded=*/true);
}

// Members share partitions by their numbers, so nobody has to know of the others.
Result<std::unique_ptr<Consumer>> EmbeddedLog::open_consumer(const ConsumerOptions& options) {
  FRESHET_TRY(state_->open());
  FRESHET_TRY(check(options.group));
  if (options.member >= options.members) {
    return fail(Code::kInvalid, "embedded log: member " + std::to_string(options.member) + " of " +
                                    std::to_string(options.members) + " of group " + options.group +
                                    ": members are numbered from 0");
  }
  for (const Topic topic : options.topics) {
    if (partitions(topic) == 0) {
      return fail(Code::kNotFound, "embedded log: topic " + std::string(name_of(topic)) + " was not created");
    }
  }
  return std::make_unique<embedded::EmbeddedConsumer>(*store_, *state_, writer_, options);
}

Result<Watermarks> EmbeddedLog::watermarks(TopicPartition partition) {
  FRESHET_ASSIGN(const auto found, open_partition(partition));
  const std::lock_guard lock(state_->mutex);
  return Watermarks{found->mark.low, found->mark.high};
}

// Chunks are found under the mutex and read without it, as the store may take its time. Retention may delete them in
// between, which the read then tells.
Result<Fetched> EmbeddedLog::read(TopicPartition partition, Offset from, size_t bytes_max) {
  FRESHET_ASSIGN(const auto found, open_partition(partition));
  std::vector<embedded::ChunkRef> chunks;
  Offset high = 0;
  {
    const std::lock_guard lock(state_->mutex);
    from = std::max(from, found->mark.low);
    high = found->mark.high;
    if (from >= high) return Fetched{partition, {}, from, nullptr};
    if (const auto end = embedded::end_of_gap(*found, from)) return Fetched{partition, {}, *end, nullptr};
    static_cast<void>(embedded::take_from_tail(*found, from, bytes_max, chunks));
  }
  if (chunks.empty()) FRESHET_TRY(embedded::take_from_store(*store_, partition, from, high, bytes_max, chunks));
  return embedded::view_records(partition, from, std::move(chunks));
}

// Never takes away what a group that the topic names has yet to read.
Status EmbeddedLog::trim(TopicPartition partition, Offset before) {
  FRESHET_ASSIGN(const auto found, open_partition(partition));
  embedded::Request request;
  {
    const std::lock_guard lock(state_->mutex);
    const TopicOptions& options = state_->topic(partition.topic)->options;
    const Offset low = std::min(before, state_->held_from(options, *found));
    if (low <= found->mark.low) return {};
    request.trims.push_back({found, low});
  }
  return writer_.submit_and_wait(std::move(request));
}

Result<std::optional<Offset>> EmbeddedLog::committed(const std::string& group, TopicPartition partition) {
  FRESHET_TRY(open_partition(partition));
  const std::lock_guard lock(state_->mutex);
  return state_->committed_offset(group, partition);
}

}  // namespace

Result<std::unique_ptr<EventLog>> open_embedded_log(std::unique_ptr<kv::Store> store, env::Clock& clock,
                                                    const EmbeddedLogOptions& options) {
  FRESHET_ASSERT(store != nullptr);
  auto state = std::make_unique<LogState>();
  FRESHET_TRY(embedded::load(*store, *state));
  if (options.skip_to > 0) FRESHET_TRY(embedded::skip_ahead(*store, *state, options.skip_to));
  return std::make_unique<EmbeddedLog>(std::move(store), std::move(state), clock, options);
}

}  // namespace freshet::eventlog
