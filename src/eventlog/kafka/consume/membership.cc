// What a member is given by its group and loses again, and what the group has committed there.
#include <string_view>

#include "eventlog/kafka/consume/group_member.h"
#include "eventlog/kafka/consume/last_owners.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kStableWaitUs = 1'000'000;  // Offsets that wait for a transaction longer have it aborted.

}  // namespace

// Called by librdkafka within Fetcher::fetch(), so on the caller's thread.
void GroupMember::rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    assigned(list);
  } else {
    revoked(list);
  }
  fetcher_.client().yield();
}

// Only notes what is given. It is taken up at the next poll, with the positions that the caller has set by then: what
// librdkafka fetched from elsewhere meanwhile would have to be thrown away.
void GroupMember::assigned(const rd_kafka_topic_partition_list_t* list) {
  learn_membership();
  for (int i = 0; i < list->cnt; ++i) {
    const auto topic = cluster_.names().find(list->elems[i].topic);
    if (!topic) continue;
    const TopicPartition of{*topic, static_cast<uint32_t>(list->elems[i].partition)};
    fetcher_.add(of);
    committed_.erase(of);
    rebalanced_.assigned.push_back(of);
  }
  if (list->cnt > 0) return;
  const ErrorPtr ignored(rd_kafka_incremental_assign(fetcher_.client().handle(), make_list().get()));
}

// A member that is expelled, without knowing it yet, has no generation: commits without one are not checked. So it is
// asked for the moment at which the group has surely taken us in.
void GroupMember::learn_membership() {
  membership_.reset(rd_kafka_consumer_group_metadata(fetcher_.client().handle()));
  if (rd_kafka_assignment_lost(fetcher_.client().handle()) != 0) membership_.reset();
}

// What is lost is told by the next poll, before anything else is handed out.
void GroupMember::revoked(rd_kafka_topic_partition_list_t* list) {
  if (rd_kafka_assignment_lost(fetcher_.client().handle()) != 0) {
    log::warn("kafka: group {} has given our partitions to somebody else: this process was silent for too long",
              group_);
    membership_.reset();
  }
  const PartitionList waiting = make_list();
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& one = list->elems[i];
    const auto topic = cluster_.names().find(one.topic);
    if (!topic) continue;
    const TopicPartition of{*topic, static_cast<uint32_t>(one.partition)};
    if (!fetcher_.has(of)) continue;
    if (!fetcher_.drop(of))
      rd_kafka_topic_partition_list_add(waiting.get(), one.topic, one.partition)->offset = RD_KAFKA_OFFSET_END;
    committed_.erase(of);
    // What the caller was not told of yet it need not be told that it is gone.
    if (std::erase(rebalanced_.assigned, of) == 0) rebalanced_.revoked.push_back(of);
  }
  // librdkafka lets only that be given back which was taken up.
  if (waiting->cnt > 0) const ErrorPtr ignored(rd_kafka_incremental_assign(fetcher_.client().handle(), waiting.get()));
  const ErrorPtr error(rd_kafka_incremental_unassign(fetcher_.client().handle(), list));
  if (error != nullptr) log::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
}

// ---- what is committed ----------------------------------------------------------------------------------------------

// Asks for what is committed wherever that is not known: after an assignment, and after a commit that failed. Offsets
// that a dead member's open transaction may still change are not answered; then that transaction is aborted.
Status GroupMember::learn_committed() {
  std::vector<TopicPartition> unknown;
  for (const auto& [of, share] : fetcher_.shares())
    if (!committed_.contains(of)) unknown.push_back(of);
  if (unknown.empty()) return {};
  // A commit of our own whose outcome is not known is decided first, or its offsets could still come.
  if (consumer_.delivery == Delivery::kExactlyOnce) FRESHET_TRY(transactions_.settle());
  const PartitionList list = list_of(cluster_.names(), unknown);
  Status asked = ask_committed(list.get());
  if (!asked && asked.error().code == Code::kRetry) {
    abort_last_owners(unknown);
    asked = ask_committed(list.get());  // It does not wait for long, as the group waits for whoever does not poll.
  }
  FRESHET_TRY(asked);
  for (size_t i = 0; i < unknown.size(); ++i) {
    const rd_kafka_topic_partition_t& found = list->elems[i];
    const std::string_view left(static_cast<const char*>(found.metadata), found.metadata_size);
    committed_[unknown[i]] = places_.judge(unknown[i], found.offset, left);
  }
  return {};
}

// Asks once, and waits while the offsets belong to a transaction that is not decided.
Status GroupMember::ask_committed(rd_kafka_topic_partition_list_t* list) {
  auto error = rd_kafka_committed(fetcher_.client().handle(), list, to_ms(kStableWaitUs));
  for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return fetcher_.client().failed(error, "asking for what group " + group_ + " has committed");
}

// Aborts what the dead left open. A member that lives decides its transaction itself, or the brokers do when its time
// is over: to abort it would end that process, which has other partitions still.
void GroupMember::abort_last_owners(const std::vector<TopicPartition>& of) {
  for (const std::string& id : dead_owners(cluster_, group_, transactions_.id(), of)) {
    log::warn("kafka: offsets of group {} wait for a transaction of {}, whose partitions are ours now: aborting it",
              group_, id);
    Transactions theirs(options_, cluster_.names(), id, clock_, fetcher_.client().interrupted());
    if (const Status settled = theirs.settle(); !settled) log::warn("{}", settled.error().message);
  }
}

}  // namespace freshet::eventlog::kafka
