// Polling and committing. A poll first takes up what has changed since the last one (partitions, positions), then hands
// out what there is.
#include "eventlog/kafka/consume/group_member.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/standby/presence.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {

Result<std::unique_ptr<Consumer>> GroupMember::open(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                                                    const ConsumerOptions& consumer) {
  FRESHET_ASSERT(consumer.slots == 0);
  std::unique_ptr<GroupMember> made(new GroupMember(options, clock, cluster, consumer));
  if (consumer.delivery == Delivery::kExactlyOnce) {
    FRESHET_TRY(check_no_slots(cluster, clock, made->group_, consumer.topics));
    // This comes before joining, so that what this member left open when it died is aborted, and nobody has to wait for
    // offsets that may still come of it.
    FRESHET_TRY(made->transactions_.settle());
  }
  FRESHET_TRY(made->join());
  return made;
}

GroupMember::GroupMember(const KafkaOptions& options, env::Clock& clock, Cluster& cluster,
                         const ConsumerOptions& consumer)
    : options_(options),
      clock_(clock),
      cluster_(cluster),
      consumer_(consumer),
      group_(options.topic_prefix + consumer.group),
      member_(fmt::format("{}.{}", options.client_id, consumer.member)),
      fetcher_(clock, cluster, "group " + group_, [](TopicPartition) { return 0u; }),
      transactions_(options, cluster.names(), group_ + "." + member_, clock, fetcher_.client().interrupted()),
      places_(group_) {}

// ---- polling --------------------------------------------------------------------------------------------------------

// Before and after anything else it is asked whether the group still knows this member: after a fatal error every call
// of librdkafka fails, and none says why.
Result<PollResult> GroupMember::poll(size_t bytes_max, env::TimeUs timeout_us) {
  if (watched_since_) return watch_place(timeout_us);
  if (fetcher_.client().lost_its_place()) return join_again();
  auto polled = poll_fetcher(bytes_max, timeout_us);
  return !polled && fetcher_.client().lost_its_place() ? join_again() : std::move(polled);
}

Result<PollResult> GroupMember::poll_fetcher(size_t bytes_max, env::TimeUs timeout_us) {
  const env::TimeUs end = clock_.monotonic_us() + std::max<env::TimeUs>(timeout_us, 0);
  FRESHET_TRY(fetcher_.take_up(committed_, [this] { return learn_committed(); }));
  FRESHET_ASSIGN(auto fetched, fetcher_.fetch(bytes_max, end));
  if (!rebalanced_.revoked.empty() || !rebalanced_.assigned.empty()) {
    FRESHET_ASSERT(fetched.empty());
    return std::exchange(rebalanced_, {});
  }
  PollResult result;
  result.fetched = std::move(fetched);
  return result;
}

// ---- committing -----------------------------------------------------------------------------------------------------

// The group's generation, as it was when the group took us in, goes with every commit: a member that lost its
// partitions while it was slow is refused, instead of committing for records that somebody else processes now. What is
// committed is not known after a failure, so it is asked for before anything is done again.
Status GroupMember::commit(Transaction transaction) {
  FRESHET_TRY(cluster_.check_targets(transaction.outputs));
  const auto& done = transaction.done;
  const bool mine = std::all_of(done.begin(), done.end(), [&](const Position& at) { return fetcher_.has(at.of); });
  if (!mine || membership_ == nullptr)
    return fail(Code::kConflict, "kafka: group " + group_ + " has given these partitions to somebody else");
  const PartitionList list = make_list(done.size());
  for (const Position& position : done)
    add_committed(list.get(), cluster_.names().of(position.of.topic), position.of.partition,
                  {position.next, transactions_.id()});
  const bool plain = consumer_.delivery == Delivery::kAtLeastOnce && transaction.outputs.empty();
  Status status;
  if (!plain) {
    status = transactions_.commit(std::move(transaction.outputs), list.get(), membership_.get());
  } else if (const auto error = rd_kafka_commit(fetcher_.client().handle(), list.get(), 0)) {
    status = fetcher_.client().failed(error, "committing offsets of group " + group_);
  }
  for (const Position& position : done) {
    if (status) {
      committed_[position.of] = position.next;
      places_.committed(position.of, position.next);
    } else {
      committed_.erase(position.of);
    }
  }
  return status;
}

// What this consumer has committed itself it knows. Of partitions that are not its own the brokers are asked.
Result<std::optional<Offset>> GroupMember::committed(TopicPartition partition) {
  if (!fetcher_.has(partition)) return cluster_.place(group_, partition);
  if (!committed_.contains(partition)) FRESHET_TRY(learn_committed());
  return committed_.at(partition);
}

}  // namespace freshet::eventlog::kafka
