// Offsets of partitions and of groups.
#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <span>

#include "cluster/admin/kafka_admin.h"

namespace freshet::cluster {
namespace {

constexpr env::TimeUs kAskAgainUs = 100'000;

int64_t spec_of(OffsetAt at) {
  switch (at.kind) {
    case OffsetAt::Kind::kEarliest: return RD_KAFKA_OFFSET_SPEC_EARLIEST;
    case OffsetAt::Kind::kLatest:
    case OffsetAt::Kind::kLatestStable: return RD_KAFKA_OFFSET_SPEC_LATEST;
    case OffsetAt::Kind::kNewest: return RD_KAFKA_OFFSET_SPEC_MAX_TIMESTAMP;
    case OffsetAt::Kind::kTime: return std::max<int64_t>(at.time_ms, 0);
  }
  return RD_KAFKA_OFFSET_SPEC_LATEST;
}

rd::PartitionList list_of(const std::vector<PartitionRef>& of, int64_t offset) {
  rd::PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
  for (const PartitionRef& one : of)
    rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition)->offset = offset;
  return list;
}

}  // namespace

Result<std::vector<OffsetAnswer>> KafkaAdmin::offsets(const std::vector<PartitionRef>& of, OffsetAt at) {
  std::vector<OffsetAnswer> out;
  if (of.empty()) return out;
  // A partition that is asked for twice would be answered once.
  std::map<PartitionRef, OffsetAnswer> by_partition;
  for (const PartitionRef& one : of) by_partition[one] = {one, {}, {}, "an answer without it"};
  std::vector<PartitionRef> asked;
  for (const auto& [partition, none] : by_partition) asked.push_back(partition);

  const rd::Options options = options_for(RD_KAFKA_ADMIN_OP_LISTOFFSETS);
  if (at.kind == OffsetAt::Kind::kLatestStable) {
    const rd::ErrorPtr never(
        rd_kafka_AdminOptions_set_isolation_level(options.get(), RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED));
  }
  const rd::Queue queue = new_queue();
  rd_kafka_ListOffsets(handle(), list_of(asked, spec_of(at)).get(), options.get(), queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, "asking for offsets"));
  size_t count = 0;
  const auto** infos = rd_kafka_ListOffsets_result_infos(rd_kafka_event_ListOffsets_result(event.get()), &count);
  for (const rd_kafka_ListOffsetsResultInfo_t* info : std::span(infos, count)) {
    const rd_kafka_topic_partition_t* one = rd_kafka_ListOffsetsResultInfo_topic_partition(info);
    const auto found = by_partition.find({one->topic, one->partition});
    if (found == by_partition.end()) continue;
    OffsetAnswer& answered = found->second;
    answered.error = one->err == RD_KAFKA_RESP_ERR_NO_ERROR ? "" : rd_kafka_err2str(one->err);
    if (one->err == RD_KAFKA_RESP_ERR_NO_ERROR && one->offset >= 0) answered.offset = one->offset;
    const int64_t time_ms = rd_kafka_ListOffsetsResultInfo_timestamp(info);
    if (answered.offset && time_ms >= 0) answered.time_ms = time_ms;
  }
  for (const PartitionRef& one : of) out.push_back(by_partition[one]);
  return out;
}

// A client that knows the group's coordinator and never joins. ListConsumerGroupOffsets, which could ask for any group
// by one client, ends the process when a coordinator is away at the wrong moment (docs/decisions/0008-kafka-log.md).
Result<std::shared_ptr<rd::Client>> KafkaAdmin::asker_of(const std::string& group) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(askers_, group, &Asker::first);
  if (found != askers_.end()) {
    askers_.splice(askers_.begin(), askers_, found);
    return askers_.front().second;
  }
  FRESHET_ASSIGN(std::shared_ptr<rd::Client> made, rd::Client::open(connection_, group));
  rd_kafka_poll_set_consumer(made->get());
  askers_.emplace_front(group, made);
  if (askers_.size() > kAskersMost) askers_.pop_back();
  return made;
}

Result<std::vector<CommittedOffset>> KafkaAdmin::committed(const std::string& group,
                                                           const std::vector<PartitionRef>& of) {
  std::vector<CommittedOffset> out;
  if (of.empty()) return out;
  const std::string question = "asking for what group " + group + " has committed";
  if (group.empty()) return fail(Code::kInvalid, question + ": a group has a name");
  FRESHET_ASSIGN(const auto asker, asker_of(group));
  const rd::PartitionList list = list_of(of, RD_KAFKA_OFFSET_INVALID);
  const env::TimeUs end = clock_.monotonic_us() + connection_.timeout_us;
  while (const auto error = rd_kafka_committed(asker->get(), list.get(), timeout_ms())) {
    // Brokers have no coordinator for a moment: before the first group that there is, and while they start.
    Error told = rd::error_of(error, question);
    if (told.code != Code::kRetry || clock_.monotonic_us() > end) return tl::unexpected(std::move(told));
    clock_.sleep_us(kAskAgainUs);
  }
  for (const rd_kafka_topic_partition_t& one : std::span(list->elems, static_cast<size_t>(list->cnt))) {
    // A topic that was deleted meanwhile is one without an offset.
    const bool gone =
        one.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || one.err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR && !gone) return tl::unexpected(rd::error_of(one.err, question));
    if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR || one.offset < 0) continue;
    const auto* metadata = static_cast<const char*>(one.metadata);
    out.push_back({{one.topic, one.partition},
                   one.offset,
                   std::string(metadata == nullptr ? "" : metadata, metadata == nullptr ? 0 : one.metadata_size)});
  }
  std::ranges::sort(out, {}, &CommittedOffset::of);
  return out;
}

}  // namespace freshet::cluster
