// Consumer groups and who is in them.
#include <algorithm>
#include <span>

#include "cluster/admin/assignment.h"
#include "cluster/admin/kafka_admin.h"

namespace freshet::cluster {
namespace {

GroupState state_of(rd_kafka_consumer_group_state_t state) {
  switch (state) {
    case RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY: return GroupState::kEmpty;
    case RD_KAFKA_CONSUMER_GROUP_STATE_STABLE: return GroupState::kStable;
    case RD_KAFKA_CONSUMER_GROUP_STATE_DEAD: return GroupState::kDead;
    case RD_KAFKA_CONSUMER_GROUP_STATE_UNKNOWN: return GroupState::kUnknown;
    default: return GroupState::kRebalance;
  }
}

}  // namespace

Result<Groups> KafkaAdmin::groups() {
  const rd::Queue queue = new_queue();
  rd_kafka_ListConsumerGroups(handle(), options_for(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS).get(), queue.get());
  FRESHET_ASSIGN(const rd::Event event, answer(queue, "asking for the consumer groups"));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  Groups out;
  size_t count = 0;
  const rd_kafka_ConsumerGroupListing_t** listed = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  for (const rd_kafka_ConsumerGroupListing_t* group : std::span(listed, count))
    out.list.push_back(
        {rd_kafka_ConsumerGroupListing_group_id(group), state_of(rd_kafka_ConsumerGroupListing_state(group))});
  const rd_kafka_error_t** errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  for (const rd_kafka_error_t* error : std::span(errors, count))
    out.errors.push_back(
        rd::error_of(rd_kafka_error_code(error), "asking for the consumer groups", rd_kafka_error_string(error))
            .message);
  std::ranges::sort(out.list, {}, &Group::name);
  return out;
}

Result<std::vector<Member>> KafkaAdmin::members(const std::string& group) {
  const rd_kafka_group_list* raw = nullptr;
  const auto error = rd_kafka_list_groups(handle(), group.c_str(), &raw, timeout_ms());
  const rd::GroupList groups(raw);
  // Another broker may be away: it is the group's own that knows.
  const bool known = error == RD_KAFKA_RESP_ERR__PARTIAL && groups != nullptr && groups->group_cnt > 0;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && !known)
    return tl::unexpected(rd::error_of(error, "asking for the members of group " + group));
  std::vector<Member> out;
  for (const rd_kafka_group_info& info : std::span(groups->groups, static_cast<size_t>(groups->group_cnt))) {
    for (const rd_kafka_group_member_info& member : std::span(info.members, static_cast<size_t>(info.member_cnt))) {
      const auto* bytes = static_cast<const char*>(member.member_assignment);
      const auto size = static_cast<size_t>(std::max(member.member_assignment_size, 0));
      out.push_back({member.client_id, member.client_host,
                     parse_assignment({bytes == nullptr ? "" : bytes, bytes == nullptr ? 0 : size})});
    }
  }
  std::ranges::sort(out, {}, [](const Member& member) { return std::pair(member.client_id, member.host); });
  return out;
}

}  // namespace freshet::cluster
