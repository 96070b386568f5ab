// Every call is a point at which the process may die, before and after it has taken effect.

#include "sim_log.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace freshet::sim {

using eventlog::ConsumerOptions;
using eventlog::Fetched;
using eventlog::PollResult;
using eventlog::Produce;

namespace {

// How long a zombie may go on reading before it is told.
constexpr int kZombiePollsMax = 3;

}  // namespace

// ---- the log ------------------------------------------------------------------------------------------------------

SimLog::~SimLog() {
  // A send that was under way when its process died may have reached the log.
  for (Append& append : pending_)
    if (dice_.one_in(2)) broker_.write_late(std::move(append.batches));
}

Status SimLog::create_topic(Topic topic, const eventlog::TopicOptions& options) {
  const uint32_t known = broker_.partitions(topic);
  if (known != 0 && known != options.partitions)
    return fail(Code::kInvalid,
                "the topic has " + std::to_string(known) + " partitions, not " + std::to_string(options.partitions));
  broker_.create_topic(topic, options.partitions);
  return {};
}

void SimLog::append(std::vector<Produce> batches, eventlog::AppendDone done) {
  crash_.point();
  // The same refusals as the product's logs give, because ingest must tell them apart.
  for (const Produce& produce : batches)
    if (!broker_.has(produce.to)) return done(fail(Code::kNotFound, "no such topic or partition"));
  if (dice_.permille(faults_.append_refused)) {
    probes_.hit(Probe::kAppendRefused);
    return done(fail(Code::kRetry, "the queue is full"));
  }
  pending_.push_back({std::move(batches), std::move(done)});
  crash_.point();
  if (prompt_) (void)tick();
}

bool SimLog::tick() {
  if (pending_.empty()) return false;
  Append append = std::move(pending_.front());
  pending_.pop_front();
  for (const Produce& produce : append.batches) broker_.write(produce);
  // The records are written and the process dies before it can answer: the client sends them again.
  crash_.point();
  FRESHET_ASSERT(append.done != nullptr);
  append.done({});
  return true;
}

Result<std::unique_ptr<eventlog::Consumer>> SimLog::open_consumer(const ConsumerOptions& options) {
  for (const Topic topic : options.topics)
    if (broker_.partitions(topic) == 0) return fail(Code::kNotFound, "no such topic");
  return std::make_unique<SimConsumer>(broker_, crash_, dice_, faults_, probes_, options);
}

Result<eventlog::Watermarks> SimLog::watermarks(TopicPartition of) {
  if (!broker_.has(of)) return fail(Code::kNotFound, "no such partition");
  return eventlog::Watermarks{broker_.at(of).low, broker_.at(of).next};
}

Result<Fetched> SimLog::read(TopicPartition of, Offset from, size_t bytes_max) {
  if (!broker_.has(of)) return fail(Code::kNotFound, "no such partition");
  const Broker::Partition& partition = broker_.at(of);
  Fetched fetched;
  fetched.from = of;
  fetched.next = std::max(from, partition.low);
  size_t bytes = 0;
  for (size_t i = broker_.index_of(partition, fetched.next); i < partition.records.size() && bytes <= bytes_max; ++i) {
    fetched.records.push_back(partition.records[i]);
    fetched.next = partition.records[i].offset + 1;
    bytes += partition.records[i].value.size();
  }
  return fetched;
}

Status SimLog::trim(TopicPartition of, Offset before) {
  crash_.point();
  broker_.trim(of, before);
  return {};
}

Result<std::optional<Offset>> SimLog::committed(const std::string& group, TopicPartition of) {
  return broker_.committed(group, of);
}

// ---- a consumer ---------------------------------------------------------------------------------------------------

SimConsumer::SimConsumer(Broker& broker, CrashPoint& crash, Dice& dice, const Faults& faults, Probes& probes,
                         const ConsumerOptions& options)
    : broker_(broker),
      crash_(crash),
      dice_(dice),
      faults_(faults),
      probes_(probes),
      group_(options.group),
      member_(broker.join(options.group, options.topics)) {}

SimConsumer::~SimConsumer() { broker_.leave(member_); }

Result<PollResult> SimConsumer::poll(size_t bytes_max, env::TimeUs) {
  crash_.point();
  PollResult result;
  Broker::Assignment assignment = broker_.poll(member_);
  if (assignment.evicted && ++polls_as_zombie_ > kZombiePollsMax) return fail(Code::kFenced, "no member any more");
  result.revoked = std::move(assignment.revoked);
  result.followed = std::move(assignment.followed);
  result.assigned = std::move(assignment.assigned);
  for (const TopicPartition of : result.revoked) {
    positions_.erase(of);
    paused_.erase(of);
    followed_.erase(of);
  }
  for (const TopicPartition of : result.followed) {
    positions_[of] = broker_.at(of).low;
    followed_.insert(of);
  }
  for (const TopicPartition of : result.assigned) {
    const bool goes_on = followed_.erase(of) > 0;
    // A follower that takes over goes on where it has read to: its state stands for just that.
    if (!goes_on) positions_[of] = broker_.committed(group_, of).value_or(broker_.at(of).low);
  }
  // An assignment comes in a poll of its own, so that the loop can open the state before records
  // come.
  if (!result.assigned.empty() || !result.followed.empty()) return result;
  // An error loses nothing: no position has moved.
  for (const auto& [of, position] : positions_)
    if (!paused_.contains(of)) FRESHET_TRY(check_position(of, position));
  for (auto& [of, position] : positions_)
    // A quarter of the polls of a partition find nothing, as on a network.
    if (!paused_.contains(of) && !dice_.one_in(4)) fetch(of, position, bytes_max, result);
  return result;
}

// What lies behind the owner's commit may still be aborted, so a follower does not see it.
Offset SimConsumer::end_of(TopicPartition of) const {
  const Broker::Partition& partition = broker_.at(of);
  return followed_.contains(of) ? broker_.committed(group_, of).value_or(partition.low) : partition.next;
}

bool SimConsumer::follows_closely() const {
  return std::all_of(followed_.begin(), followed_.end(),
                     [&](TopicPartition of) { return positions_.at(of) >= end_of(of); });
}

Status SimConsumer::check_position(TopicPartition of, Offset position) const {
  const Broker::Partition& partition = broker_.at(of);
  if (position < partition.low) return fail(Code::kNotFound, "the records from this position on are gone");
  if (position > partition.next) return fail(Code::kCorrupt, "the position lies behind the end");
  return {};
}

void SimConsumer::fetch(TopicPartition of, Offset& position, size_t bytes_max, PollResult& result) {
  const Broker::Partition& partition = broker_.at(of);
  const Offset end = end_of(of);
  const size_t first = broker_.index_of(partition, position);
  const size_t last = broker_.index_of(partition, end);
  Fetched fetched;
  fetched.from = of;
  if (first >= last) {  // there is nothing, or only the markers of transactions
    if (position >= end) return;
    fetched.next = position = end;
    result.fetched.push_back(std::move(fetched));
    return;
  }
  const size_t count = std::min(1 + dice_.roll(faults_.batch_max), last - first);
  size_t bytes = 0;
  for (size_t i = first; i < first + count && (i == first || bytes <= bytes_max); ++i) {
    fetched.records.push_back(partition.records[i]);
    bytes += partition.records[i].value.size();
  }
  const bool all = first + fetched.records.size() == last;
  // Sometimes the position moves past the markers at the end, and sometimes a later poll finds only
  // them.
  fetched.next = all && dice_.one_in(2) ? end : fetched.records.back().offset + 1;
  FRESHET_ASSERT(fetched.next > position && fetched.next <= partition.next);
  position = fetched.next;
  result.fetched.push_back(std::move(fetched));
}

void SimConsumer::pause(TopicPartition of, bool paused) {
  if (paused) {
    paused_.insert(of);
  } else {
    paused_.erase(of);
  }
}

Status SimConsumer::commit(eventlog::Transaction transaction) {
  // Dying before the commit and dying after it look the same to the process; only one of them has
  // taken effect.
  if (crash_.armed()) {
    try {
      crash_.point();
    } catch (const Crash&) {
      probes_.hit(Probe::kCrashMidCommit);
      throw;
    }
  }
  Status status = broker_.commit(member_, transaction);
  try {
    crash_.point();
  } catch (const Crash&) {
    probes_.hit(Probe::kCrashAfterCommit);
    throw;
  }
  return status;
}

Result<std::optional<Offset>> SimConsumer::committed(TopicPartition of) {
  crash_.point();
  return broker_.committed(group_, of);
}

}  // namespace freshet::sim
