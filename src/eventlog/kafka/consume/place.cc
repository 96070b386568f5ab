// A member's place in its group: joining, leaving, and what to believe if the brokers say that its place is
// another's. A member is static, so a process that comes back within its session has its partitions at once; and the
// price of that is that two processes with one name may meet here.
#include <fmt/core.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "eventlog/kafka/consume/group_member.h"
#include "eventlog/kafka/consume/settings.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

// A member that is refused twice within so many session timeouts watches its place, for so many.
constexpr env::TimeUs kFencedAgainSessions = 5;
constexpr env::TimeUs kWatchSessions = 3;
constexpr env::TimeUs kWatchAgainUs = 200'000;

}  // namespace

Status GroupMember::join() {
  size_t partitions = 0;
  for (const Topic topic : consumer_.topics) partitions += cluster_.partitions(topic);
  const std::string instance = options_.static_membership ? member_ : "";
  FRESHET_TRY(fetcher_.client().open(options_, settings_of_reader(options_, group_, instance, partitions)));
  Client& client = *fetcher_.client().get();
  client.on_rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    rebalance(what, list);
  };
  const PartitionList list = make_list(consumer_.topics.size());
  for (const Topic topic : consumer_.topics)
    rd_kafka_topic_partition_list_add(list.get(), cluster_.names().of(topic), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client.get(), list.get()))
    return tl::unexpected(error_of(error, "joining group " + group_));
  return {};
}

// What was committed is the group's to say from now on, as others commit there.
void GroupMember::leave() {
  fetcher_.close();
  committed_.clear();
  membership_.reset();
}

// Brokers that die while a member joins say so, too, when nobody else is there. So the place is claimed once more: who
// has it by right claims it back at the next heartbeat. Meanwhile nothing can be committed twice: that is what the
// group's generation and the transactional id are for. The second time it is not claimed before it is known to be
// free: watch_place().
Result<PollResult> GroupMember::join_again() {
  const env::TimeUs now = clock_.monotonic_us();
  const bool again = fenced_at_ && now - *fenced_at_ < kFencedAgainSessions * options_.session_timeout_us;
  fenced_at_ = now;
  log::warn("kafka: group {}: the brokers say that another process has the place of {}; {}", group_, member_,
            again ? "waiting whether it shows" : "joining once more");
  PollResult lost;
  lost.revoked = std::exchange(rebalanced_.revoked, {});
  for (const auto& [of, share] : fetcher_.shares()) {
    const auto& untold = rebalanced_.assigned;
    if (std::find(untold.begin(), untold.end(), of) == untold.end()) lost.revoked.push_back(of);
  }
  leave();
  rebalanced_ = {};
  if (again) {
    watched_since_ = now;
  } else {
    FRESHET_TRY(join());
  }
  return lost;
}

// While we are silent a place that nobody holds is given up, when its session is over; one that is still held has an
// owner. A group that moves to another broker begins its sessions anew, hence more than one.
Result<PollResult> GroupMember::watch_place(env::TimeUs timeout_us) {
  const auto members = cluster_.members(group_);
  const bool held = members && std::find(members->begin(), members->end(), member_) != members->end();
  const bool over = clock_.monotonic_us() - *watched_since_ >= kWatchSessions * options_.session_timeout_us;
  if (held && over)
    return fail(Code::kFenced,
                fmt::format("kafka: group {}: another process has the place of {} (FENCED_INSTANCE_ID): does a "
                            "second one run on a copy of this data directory?",
                            group_, member_));
  if (!over && (held || !members)) {
    if (!fetcher_.client().take_interruption()) clock_.sleep_us(std::clamp<env::TimeUs>(timeout_us, 0, kWatchAgainUs));
    return PollResult{};
  }
  watched_since_.reset();
  log::info("kafka: group {}: {}; joining again as {}", group_,
            members ? "nobody has our place" : "its members are not known", member_);
  FRESHET_TRY(join());
  return PollResult{};
}

}  // namespace freshet::eventlog::kafka
