// KafkaConsumer's membership of its group: joining, leaving, and what to believe if the brokers say that its place is
// another's. A member is static, so a process that comes back within its session has its partitions at once; and the
// price of that is that two processes with one name may meet here.
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "eventlog/kafka/consumer.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kFetchKbMin = 1024;
// A member that is refused twice within so many session timeouts watches its place, for so many.
constexpr env::TimeUs kFencedAgainSessions = 5;
constexpr env::TimeUs kWatchSessions = 3;
constexpr env::TimeUs kWatchAgainUs = 200'000;

Client::Settings settings_for(const KafkaOptions& options, const std::string& group, const std::string& member,
                              size_t partitions) {
  // librdkafka's bound is that of one partition.
  const size_t fetch_kb = std::max(options.fetch_bytes_max / 1024 / std::max<size_t>(partitions, 1), kFetchKbMin);
  Client::Settings settings;
  settings.type = RD_KAFKA_CONSUMER;
  settings.rebalances = true;
  settings.defaults = {{"fetch.wait.max.ms", "100"},
                       {"fetch.error.backoff.ms", "100"},
                       {"queued.min.messages", "10000"},
                       {"session.timeout.ms", std::to_string(to_ms(options.session_timeout_us))},
                       {"heartbeat.interval.ms", std::to_string(to_ms(options.session_timeout_us / 4))},
                       {"socket.nagle.disable", "true"}};
  settings.fixed = {{"group.id", group},
                    {"partition.assignment.strategy", "cooperative-sticky"},
                    {"isolation.level", "read_committed"},
                    {"enable.auto.commit", "false"},
                    {"enable.auto.offset.store", "false"},
                    {"auto.offset.reset", "error"},
                    {"enable.partition.eof", "true"},
                    {"check.crcs", "true"},
                    {"queued.max.messages.kbytes", std::to_string(fetch_kb)}};
  if (options.static_membership && !member.empty()) settings.fixed.emplace_back("group.instance.id", member);
  return settings;
}

// While a client closes, whatever it is told is taken up, so that it can be given back.
void give_back(rd_kafka_t* client, rd_kafka_resp_err_t what, const rd_kafka_topic_partition_list_t* list) {
  const bool given = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  const ErrorPtr ignored(given ? rd_kafka_incremental_assign(client, list)
                               : rd_kafka_incremental_unassign(client, list));
}

}  // namespace

Status KafkaConsumer::join() {
  size_t partitions = 0;
  for (const Topic topic : consumer_.topics) partitions += cluster_.partitions(topic);
  FRESHET_ASSIGN(client_, Client::open(options_, settings_for(options_, group_, slots_ ? "" : member_, partitions)));
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.reset(rd_kafka_queue_get_consumer(client_->get()));
  }
  client_->on_rebalance = [this](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    rebalance(what, list);
  };
  rd_kafka_poll_set_consumer(client_->get());
  if (slots_) return {};
  const PartitionList list = make_list(consumer_.topics.size());
  for (const Topic topic : consumer_.topics)
    rd_kafka_topic_partition_list_add(list.get(), cluster_.names().of(topic), RD_KAFKA_PARTITION_UA);
  if (const auto error = rd_kafka_subscribe(client_->get(), list.get()))
    return tl::unexpected(error_of(error, "joining group " + group_));
  return {};
}

void KafkaConsumer::leave() {
  if (client_ == nullptr) return;
  taken_.clear();
  if (slots_) {
    for (uint32_t slot = 0; slot < consumer_.slots; ++slot)
      if (slots_->part(slot) == Part::kOwner) slots_->leave(slot);
  }
  // Closing would wait for an assignment that was told and not taken up.
  std::vector<TopicPartition> waiting;
  for (const auto& [of, share] : shares_)
    if (!share.started) waiting.push_back(of);
  if (!waiting.empty()) {
    const PartitionList list = list_of(waiting);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
    const ErrorPtr ignored(rd_kafka_incremental_assign(client_->get(), list.get()));
  }
  shares_.clear();
  // Whatever is given from here on is given back: closing waits for it, too.
  client_->on_rebalance = [handle = client_->get()](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    give_back(handle, what, list);
  };
  if (const auto error = rd_kafka_consumer_close(client_->get());
      error != RD_KAFKA_RESP_ERR_NO_ERROR && !lost_its_place())
    spdlog::warn("kafka: leaving group {}: {}", group_, rd_kafka_err2str(error));
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.reset();
  }
  client_.reset();
}

// The group says that another process has this static member's place.
bool KafkaConsumer::lost_its_place() const {
  return client_ != nullptr && rd_kafka_fatal_error(client_->get(), nullptr, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

// After a fatal error that is all a call says. If it is the place that is lost, the next poll decides: join_again().
tl::unexpected<Error> KafkaConsumer::failed(rd_kafka_resp_err_t error, const std::string& what) const {
  Error out = error_of(error, what);
  if (error == RD_KAFKA_RESP_ERR__FATAL && lost_its_place()) out.code = Code::kRetry;
  return tl::unexpected(std::move(out));
}

// Brokers that die while a member joins say so, too, when nobody else is there. So the place is claimed once more: who
// has it by right claims it back at the next heartbeat. Meanwhile nothing can be committed twice: that is what the
// group's generation and the transactional id are for. The second time it is not claimed before it is known to be
// free: watch_place().
Result<PollResult> KafkaConsumer::join_again() {
  const env::TimeUs now = clock_.monotonic_us();
  const bool again = fenced_at_ && now - *fenced_at_ < kFencedAgainSessions * options_.session_timeout_us;
  fenced_at_ = now;
  spdlog::warn("kafka: group {}: the brokers say that another process has the place of {}; {}", group_, member_,
               again ? "waiting whether it shows" : "joining once more");
  PollResult lost;
  lost.revoked = std::exchange(rebalanced_.revoked, {});
  for (const auto& [of, share] : shares_) {
    const auto& untold = rebalanced_.assigned;
    if (std::find(untold.begin(), untold.end(), of) == untold.end()) lost.revoked.push_back(of);
  }
  leave();
  rebalanced_ = {};
  membership_.reset();
  partition_of_ = PartitionOf(cluster_.names());
  if (again) {
    watched_since_ = now;
  } else {
    FRESHET_TRY(join());
  }
  return lost;
}

// While we are silent a place that nobody holds is given up, when its session is over; one that is still held has an
// owner. A group that moves to another broker begins its sessions anew, hence more than one.
Result<PollResult> KafkaConsumer::watch_place(env::TimeUs timeout_us) {
  const auto members = cluster_.members(group_);
  const bool held = members && std::find(members->begin(), members->end(), member_) != members->end();
  const bool over = clock_.monotonic_us() - *watched_since_ >= kWatchSessions * options_.session_timeout_us;
  if (held && over)
    return fail(Code::kFenced,
                fmt::format("kafka: group {}: another process has the place of {} (FENCED_INSTANCE_ID): does a "
                            "second one run on a copy of this data directory?",
                            group_, member_));
  if (!over && (held || !members)) {
    if (!interrupted_.exchange(false)) clock_.sleep_us(std::clamp<env::TimeUs>(timeout_us, 0, kWatchAgainUs));
    return PollResult{};
  }
  watched_since_.reset();
  spdlog::info("kafka: group {}: {}; joining again as {}", group_,
               members ? "nobody has our place" : "its members are not known", member_);
  FRESHET_TRY(join());
  return PollResult{};
}

}  // namespace freshet::eventlog::kafka
