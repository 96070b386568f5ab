// Polling and committing. librdkafka reads ahead by itself; a poll first takes up what has changed since the last one
// (partitions, positions), then hands out what lies in its queues. Whatever librdkafka had read of a partition before
// a seek or a revocation is recognized by its offset and thrown away.
#include "eventlog/kafka/consumer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kChunkMax = 1024;

}  // namespace

Result<std::unique_ptr<Consumer>> KafkaConsumer::open(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                                                      const ConsumerOptions& consumer) {
  for (const Topic topic : consumer.topics) {
    if (cluster.partitions(topic) == 0)
      return fail(Code::kNotFound, fmt::format("kafka: there is no topic {}", cluster.names().of(topic)));
  }
  std::unique_ptr<KafkaConsumer> made(new KafkaConsumer(options, clock, cluster, consumer));
  if (consumer.delivery == Delivery::kExactlyOnce && consumer.slots == 0) FRESHET_TRY(made->check_no_slots());
  // This comes before joining, so that what this member left open when it died is aborted, and nobody has to wait for
  // offsets that may still come of it.
  if (consumer.delivery == Delivery::kExactlyOnce && consumer.slots == 0) FRESHET_TRY(made->transactions_.settle());
  FRESHET_TRY(made->join());
  return made;
}

KafkaConsumer::KafkaConsumer(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                             const ConsumerOptions& consumer)
    : options_(options),
      clock_(clock),
      cluster_(cluster),
      consumer_(consumer),
      group_(options.topic_prefix + consumer.group),
      member_(fmt::format("{}.{}", options.client_id, consumer.member)),
      transactions_(options, cluster.names(), group_ + "." + member_, clock, interrupted_),
      places_(group_),
      partition_of_(cluster.names()) {
  if (consumer.slots > 0) slots_ = std::make_unique<Slots>(options, clock, cluster, consumer, interrupted_);
}

KafkaConsumer::~KafkaConsumer() { leave(); }

PartitionList KafkaConsumer::list_of(const std::vector<TopicPartition>& of) const {
  PartitionList list = make_list(of.size());
  for (const TopicPartition& one : of)
    rd_kafka_topic_partition_list_add(list.get(), cluster_.names().of(one.topic), static_cast<int32_t>(one.partition));
  return list;
}

// ---- polling --------------------------------------------------------------------------------------------------------

// Before and after anything else it is asked whether the group still knows this member: after a fatal error every call
// of librdkafka fails, and none says why.
Result<PollResult> KafkaConsumer::poll(size_t bytes_max, env::TimeUs timeout_us) {
  if (watched_since_) return watch_place(timeout_us);
  if (lost_its_place()) return join_again();
  auto polled = poll_client(bytes_max, timeout_us);
  if (!polled && slots_ && polled.error().code == Code::kNotFound && left_behind())
    return std::exchange(rebalanced_, {});
  return !polled && lost_its_place() ? join_again() : std::move(polled);
}

Result<PollResult> KafkaConsumer::poll_client(size_t bytes_max, env::TimeUs timeout_us) {
  const env::TimeUs end = clock_.monotonic_us() + std::max<env::TimeUs>(timeout_us, 0);
  if (slots_) {
    FRESHET_ASSIGN(const auto changed, change_parts());
    if (changed) return std::exchange(rebalanced_, {});
  }
  FRESHET_TRY(start());
  Gathering gathering(client_);
  for (bool last = false;; last = last || interrupted_) {
    FRESHET_TRY(hand_out(bytes_max, gathering));
    if (last || !gathering.empty()) break;
    const env::TimeUs left = end - clock_.monotonic_us();
    last = left <= 0;
    take_from_queue(chunk_for(bytes_max), last ? 0 : to_ms(left + 999));
    if (!rebalanced_.revoked.empty() || !rebalanced_.assigned.empty()) return std::exchange(rebalanced_, {});
  }
  interrupted_ = false;
  PollResult result;
  if (gathering.empty()) {
    add_gaps(result.fetched);
    return result;
  }
  record_bytes_ = (record_bytes_ + gathering.bytes() / gathering.count()) / 2 + 1;
  result.fetched = gathering.take();
  for (const Fetched& fetched : result.fetched) shares_[fetched.from].next = fetched.next;
  return result;
}

// How many messages are likely to have so many bytes, by the mean of the last ones.
size_t KafkaConsumer::chunk_for(size_t bytes) const { return std::clamp<size_t>(bytes / record_bytes_, 1, kChunkMax); }

// librdkafka waits until an array is full, so the first message is waited for alone.
void KafkaConsumer::take_from_queue(size_t count, int timeout_ms) {
  rd_kafka_message_t* messages[kChunkMax];
  ssize_t taken = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages, 1);
  if (taken == 1 && count > 1)
    taken += std::max<ssize_t>(rd_kafka_consume_batch_queue(queue_.get(), 0, messages + 1, count - 1), 0);
  for (ssize_t i = 0; i < taken; ++i) taken_.emplace_back(messages[i]);
}

// Hands messages out in the order of the queue, except those of paused partitions, which stay there in their order.
Status KafkaConsumer::hand_out(size_t bytes_max, Gathering& into) {
  std::deque<Taken> stay;
  Status status;
  std::optional<uint32_t> slot;  // What is handed out at once is committed at once, and each slot commits alone.
  while (status && !taken_.empty() && (into.empty() || into.bytes() < bytes_max)) {
    Taken message = std::move(taken_.front());
    taken_.pop_front();
    const auto of = partition_of_(*message);
    const auto share = of ? shares_.find(*of) : shares_.end();
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      status = handle_error(*message, of);
    } else if (share == shares_.end() || share->second.position || message->offset < share->second.next) {
      // The message is of a partition that was revoked, or from before a seek.
    } else if (share->second.paused || hold_back(*of, share->second, *message) ||
               (slots_ && slots_->slot_of(*of) != slot.value_or(slots_->slot_of(*of)))) {
      stay.push_back(std::move(message));
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      share->second.passed = message->offset;
    } else {
      FRESHET_ASSERT(!share->second.following || message->offset < share->second.bound);
      share->second.passed = message->offset + 1;
      if (slots_) slot = slots_->slot_of(*of);
      into.add(*of, message.release());
    }
  }
  for (auto message = stay.rbegin(); message != stay.rend(); ++message) taken_.push_front(std::move(*message));
  return status;
}

// Tells of offsets that were passed without a record: ends of transactions and what was aborted have offsets, too.
// Untold, a worker whose log ends with such a marker would never reach the end, and never count as caught up.
void KafkaConsumer::add_gaps(std::vector<Fetched>& fetched) {
  std::optional<uint32_t> slot;  // They are committed like records, so all of them are of one slot.
  for (auto& [of, share] : shares_) {
    if (!share.started || share.paused || share.position || share.passed <= share.next) continue;
    if (share.following && share.passed > share.bound) continue;
    if (slots_ && !share.following && slots_->slot_of(of) != slot.value_or(slots_->slot_of(of))) continue;
    if (slots_ && !share.following) slot = slots_->slot_of(of);
    share.next = share.passed;
    fetched.push_back({of, {}, share.next, nullptr});
  }
}

// Most of what librdkafka reports it also mends. An error ends the poll only if the caller has to do something about
// it.
Status KafkaConsumer::handle_error(const rd_kafka_message_t& message, std::optional<TopicPartition> of) {
  const std::string words = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (!of || !shares_.contains(*of)) return {};
      shares_[*of].position = shares_[*of].next;  // If the offset is there after all, the next poll goes on from it.
      return check_positions({*of});
    case RD_KAFKA_RESP_ERR__FATAL: {
      char fatal[512] = "";
      const auto error = rd_kafka_fatal_error(client_->get(), fatal, sizeof fatal);
      Error out = error_of(error, "group " + group_, fatal);
      if (out.code != Code::kFenced) out.code = Code::kFatal;
      return tl::unexpected(std::move(out));
    }
    default: {
      Error out = error_of(message.err, of ? to_string(*of) : "group " + group_, words);
      if (out.code != Code::kRetry && out.code != Code::kConflict) return tl::unexpected(std::move(out));
      spdlog::debug("{}", out.message);  // librdkafka mends this by itself.
      return {};
    }
  }
}

void KafkaConsumer::wake() {
  interrupted_ = true;
  const std::lock_guard lock(queue_mutex_);
  if (queue_ != nullptr) rd_kafka_queue_yield(queue_.get());
}

void KafkaConsumer::pause(TopicPartition partition, bool paused) {
  const auto share = shares_.find(partition);
  FRESHET_ASSERT(share != shares_.end());
  if (share->second.paused == paused) return;
  share->second.paused = paused;
  if (!share->second.started) return;
  const PartitionList list = list_of({partition});
  if (paused) {
    rd_kafka_pause_partitions(client_->get(), list.get());
  } else {
    rd_kafka_resume_partitions(client_->get(), list.get());
  }
}

void KafkaConsumer::seek(TopicPartition partition, Offset next) {
  const auto share = shares_.find(partition);
  FRESHET_ASSERT(share != shares_.end() && next >= 0);
  share->second.position = next;
  forget_taken(partition);
}

void KafkaConsumer::forget_taken(TopicPartition of) {
  std::erase_if(taken_, [&](const Taken& message) { return partition_of_(*message) == of; });
}

// ---- committing -----------------------------------------------------------------------------------------------------

// The group's generation, as it was when the group took us in, goes with every commit: a member that lost its
// partitions while it was slow is refused, instead of committing for records that somebody else processes now. What is
// committed is not known after a failure, so it is asked for before anything is done again.
Status KafkaConsumer::commit(Transaction transaction) {
  std::vector<TopicPartition> done;
  for (const Position& position : transaction.done) done.push_back(position.of);
  for (const Produce& output : transaction.outputs)
    if (!cluster_.has(output.to)) return fail(Code::kNotFound, "kafka: there is no " + to_string(output.to));
  if (slots_) return commit_slot(std::move(transaction));
  const bool mine = std::all_of(done.begin(), done.end(), [&](const auto& of) { return shares_.contains(of); });
  if (!mine || membership_ == nullptr)
    return fail(Code::kConflict, "kafka: group " + group_ + " has given these partitions to somebody else");
  const PartitionList list = make_list(done.size());
  for (const Position& position : transaction.done)
    add_committed(list.get(), cluster_.names().of(position.of.topic), position.of.partition,
                  {position.next, transactions_.id()});
  const bool plain = consumer_.delivery == Delivery::kAtLeastOnce && transaction.outputs.empty();
  Status status;
  if (!plain) {
    status = transactions_.commit(std::move(transaction.outputs), list.get(), membership_.get());
  } else if (const auto error = rd_kafka_commit(client_->get(), list.get(), 0)) {
    status = failed(error, "committing offsets of group " + group_);
  }
  for (const Position& position : transaction.done) {
    auto& known = shares_[position.of].committed;
    if (status) {
      known.emplace(position.next);
      places_.committed(position.of, position.next);
    } else {
      known.reset();
    }
  }
  return status;
}

// What this consumer has committed itself it knows. Of partitions that are not its own the brokers are asked.
Result<std::optional<Offset>> KafkaConsumer::committed(TopicPartition partition) {
  const auto share = shares_.find(partition);
  if (share == shares_.end()) {
    FRESHET_ASSIGN(auto found, cluster_.committed(group_, {partition}));
    return found.front() ? std::optional(found.front()->next) : std::nullopt;
  }
  if (!share->second.committed) FRESHET_TRY(learn_committed());
  return *share->second.committed;
}

}  // namespace freshet::eventlog::kafka
