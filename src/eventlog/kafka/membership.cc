// What KafkaConsumer is given by its group and loses again, and from where it goes on in each partition. Positions
// come from the caller, who knows what its state stands for; else from what the group has committed. They are compared
// with what the brokers still have before anything is read: a gap is an error of the poll, and never skipped in
// silence.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/consumer.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kStableWaitUs = 1'000'000;  // Offsets that wait for a transaction longer have it aborted.
constexpr env::TimeUs kMoveAgainUs = 10'000;
constexpr int kMoveMs = 5'000;

}  // namespace

// Called by librdkafka within take_from_queue(), so on the caller's thread.
void KafkaConsumer::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned(list);
  } else {
    revoked(list);
  }
  rd_kafka_queue_yield(queue_.get());  // The poll ends: it has something to tell.
}

// Only notes what is given. It is taken up at the next poll, with the positions that the caller has set by then: what
// librdkafka fetched from elsewhere meanwhile would have to be thrown away.
void KafkaConsumer::assigned(const rd_kafka_topic_partition_list_t* list) {
  learn_membership();
  for (int i = 0; i < list->cnt; ++i) {
    const auto topic = cluster_.names().find(list->elems[i].topic);
    if (!topic) continue;
    const TopicPartition of{*topic, static_cast<uint32_t>(list->elems[i].partition)};
    shares_[of] = {};
    rebalanced_.assigned.push_back(of);
  }
  if (list->cnt > 0) return;
  const ErrorPtr ignored(rd_kafka_incremental_assign(client_->get(), make_list().get()));
}

// A member that is expelled, without knowing it yet, has no generation: commits without one are not checked. So it is
// asked for the moment at which the group has surely taken us in.
void KafkaConsumer::learn_membership() {
  membership_.reset(rd_kafka_consumer_group_metadata(client_->get()));
  if (rd_kafka_assignment_lost(client_->get()) != 0) membership_.reset();
}

void KafkaConsumer::revoked(rd_kafka_topic_partition_list_t* list) {
  if (rd_kafka_assignment_lost(client_->get()) != 0) {
    spdlog::warn("kafka: group {} has given our partitions to somebody else: this process was silent for too long",
                 group_);
    membership_.reset();
  }
  const PartitionList waiting = make_list();
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    const auto topic = cluster_.names().find(one.topic);
    if (!topic) continue;
    const TopicPartition of{*topic, static_cast<uint32_t>(one.partition)};
    const auto share = shares_.find(of);
    if (share == shares_.end()) continue;
    if (!share->second.started)
      rd_kafka_topic_partition_list_add(waiting.get(), one.topic, one.partition)->offset = RD_KAFKA_OFFSET_END;
    shares_.erase(share);
    forget_taken(of);
    // What the caller was not told of yet it need not be told that it is gone.
    if (std::erase(rebalanced_.assigned, of) == 0) rebalanced_.revoked.push_back(of);
  }
  // librdkafka lets only that be given back which was taken up.
  if (waiting->cnt > 0) const ErrorPtr ignored(rd_kafka_incremental_assign(client_->get(), waiting.get()));
  const ErrorPtr error(rd_kafka_incremental_unassign(client_->get(), list));
  if (error != nullptr) spdlog::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
}

// ---- what is committed ----------------------------------------------------------------------------------------------

// Asks for what is committed wherever that is not known: after an assignment, and after a commit that failed. Offsets
// that a dead member's open transaction may still change are not answered; then that transaction is aborted.
Status KafkaConsumer::learn_committed() {
  std::vector<TopicPartition> unknown;
  for (const auto& [of, share] : shares_)
    if (!share.committed) unknown.push_back(of);
  if (unknown.empty()) return {};
  if (slots_) return learn_committed_of_slots();
  // A commit of our own whose outcome is not known is decided first, or its offsets could still come.
  if (consumer_.delivery == Delivery::kExactlyOnce) FRESHET_TRY(transactions_.settle());
  const PartitionList list = list_of(unknown);
  Status asked = ask_committed(list.get());
  if (!asked && asked.error().code == Code::kRetry) {
    abort_last_owners(unknown);
    asked = ask_committed(list.get());  // It does not wait for long, as the group waits for whoever does not poll.
  }
  FRESHET_TRY(asked);
  for (size_t i = 0; i < unknown.size(); ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    const std::string_view left(static_cast<const char*>(found.metadata), found.metadata_size);
    shares_[unknown[i]].committed.emplace(places_.judge(unknown[i], found.offset, left));
  }
  return {};
}

// Asks once, and waits while the offsets belong to a transaction that is not decided.
Status KafkaConsumer::ask_committed(rd_kafka_topic_partition_list_t* list) {
  auto error = rd_kafka_committed(client_->get(), list, to_ms(kStableWaitUs));
  for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return failed(error, "asking for what group " + group_ + " has committed");
}

// The transactional ids of others who committed last in these partitions and are no members any more.
std::vector<std::string> KafkaConsumer::last_owners(const std::vector<TopicPartition>& of) {
  const auto last = cluster_.committed(group_, of);
  const auto members = last ? cluster_.members(group_) : Result<std::vector<std::string>>{};
  if (!last || !members) return {};
  std::vector<std::string> ids;
  for (const auto& committed : *last) {
    const bool of_group = committed && committed->metadata.starts_with(group_ + ".");
    if (of_group && committed->metadata != transactions_.id()) ids.push_back(committed->metadata);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase_if(ids, [&](const std::string& id) {
    const std::string instance = id.substr(group_.size() + 1);
    return std::find(members->begin(), members->end(), instance) != members->end() ||
           std::find(members->begin(), members->end(), instance.substr(0, instance.rfind('.'))) != members->end();
  });
  return ids;
}

// Aborts what the dead left open. A member that lives decides its transaction itself, or the brokers do when its time
// is over: to abort it would end that process, which has other partitions still.
void KafkaConsumer::abort_last_owners(const std::vector<TopicPartition>& of) {
  for (const std::string& id : last_owners(of)) {
    spdlog::warn("kafka: offsets of group {} wait for a transaction of {}, whose partitions are ours now: aborting it",
                 group_, id);
    Transactions theirs(options_, cluster_.names(), id, clock_, interrupted_);
    if (const Status settled = theirs.settle(); !settled) spdlog::warn("{}", settled.error().message);
  }
}

// ---- positions ------------------------------------------------------------------------------------------------------

// Tells librdkafka where to go on, for what was assigned or sought since the last poll.
Status KafkaConsumer::start() {
  std::vector<TopicPartition> fresh, moved;
  for (const auto& [of, share] : shares_) {
    if (!share.started) fresh.push_back(of);
    if (share.started && share.position) moved.push_back(of);
  }
  Status status;
  if (!fresh.empty()) status = start_assigned(fresh);
  if (status && !moved.empty()) status = move(moved);
  if (status || status.error().code != Code::kRetry) return status;
  spdlog::debug("{}", status.error().message);  // The next poll tries again.
  return {};
}

Status KafkaConsumer::start_assigned(const std::vector<TopicPartition>& of) {
  FRESHET_TRY(learn_committed());
  FRESHET_TRY(check_positions(of));
  const PartitionList list = list_of(of);
  const PartitionList paused = make_list();
  const PartitionList flowing = make_list();
  for (size_t i = 0; i < of.size(); ++i) {
    Share& share = shares_[of[i]];
    FRESHET_ASSERT(!share.started && share.position.has_value());
    list->elems[i].offset = *share.position;
    share.next = share.passed = *std::exchange(share.position, std::nullopt);
    share.started = true;
    rd_kafka_topic_partition_list_t* which = share.paused ? paused.get() : flowing.get();
    rd_kafka_topic_partition_list_add(which, list->elems[i].topic, list->elems[i].partition);
  }
  // librdkafka's pauses outlive the assignment in which they were made: what comes back would never be read again.
  if (flowing->cnt > 0) rd_kafka_resume_partitions(client_->get(), flowing.get());
  const ErrorPtr error(rd_kafka_incremental_assign(client_->get(), list.get()));
  if (error != nullptr) return failed(rd_kafka_error_code(error.get()), "taking partitions of group " + group_ + " up");
  if (paused->cnt > 0) rd_kafka_pause_partitions(client_->get(), paused.get());
  return {};
}

// Tells librdkafka of seeks. A partition that it has not begun to read yet refuses, and is told again; one that is lost
// meanwhile is left to its revocation.
Status KafkaConsumer::move(const std::vector<TopicPartition>& of) {
  FRESHET_TRY(check_positions(of));
  std::vector<TopicPartition> left = of;
  for (int attempt = 0; !left.empty() && attempt < 100; ++attempt) {
    if (attempt > 0) clock_.sleep_us(kMoveAgainUs);
    const PartitionList list = list_of(left);
    for (size_t i = 0; i < left.size(); ++i) list->elems[i].offset = *shares_[left[i]].position;
    const ErrorPtr error(rd_kafka_seek_partitions(client_->get(), list.get(), kMoveMs));
    if (error != nullptr) spdlog::debug("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
    std::vector<TopicPartition> again;
    for (size_t i = 0; i < left.size(); ++i) {
      Share& share = shares_[left[i]];
      if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        again.push_back(left[i]);
        continue;
      }
      share.next = share.passed = *std::exchange(share.position, std::nullopt);
    }
    left = std::move(again);
  }
  return {};
}

// Compares positions with what there is. Where nobody has sought one, it is the committed offset, or else the oldest
// record.
Status KafkaConsumer::check_positions(const std::vector<TopicPartition>& of) {
  FRESHET_ASSIGN(const auto marks, cluster_.watermarks(of));
  for (size_t i = 0; i < of.size(); ++i) {
    Share& share = shares_[of[i]];
    FRESHET_ASSERT(share.position || share.committed);  // What is committed was learnt before.
    if (!share.position) share.position = share.committed->value_or(marks[i].low);
    const Offset at = *share.position;
    if (at < marks[i].low)
      return fail(Code::kNotFound, fmt::format("kafka: offset {} of {} is no longer kept: the oldest is {}", at,
                                               to_string(of[i]), marks[i].low));
    if (at > marks[i].high)
      return fail(
          Code::kCorrupt,
          fmt::format("kafka: offset {} of {} lies past its end, {}: the log lost records, or the position belongs to "
                      "another log",
                      at, to_string(of[i]), marks[i].high));
  }
  return {};
}

}  // namespace freshet::eventlog::kafka
