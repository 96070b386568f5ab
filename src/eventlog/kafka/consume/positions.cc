// From where a Fetcher goes on. Positions come from its reader, who knows what its state stands for; else from what is
// committed. A gap to what the brokers still have is an error of the poll, and never skipped in silence.
#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/consume/fetcher.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kMoveAgainUs = 10'000;
constexpr int kMoveMs = 5'000;

}  // namespace

Status Fetcher::take_up(const Places& committed, const std::function<Status()>& learn) {
  const Status status = take_up_now(committed, learn);
  if (status || status.error().code != Code::kRetry) return status;
  log::debug("{}", status.error().message);  // The next poll tries again.
  return {};
}

Status Fetcher::take_up_now(const Places& committed, const std::function<Status()>& learn) {
  std::vector<TopicPartition> fresh, moved;
  for (const auto& [of, share] : shares_) {
    if (!share.started) fresh.push_back(of);
    if (share.started && share.position) moved.push_back(of);
  }
  if (!fresh.empty()) {
    FRESHET_TRY(learn());
    FRESHET_TRY(check_positions(fresh, committed));
    FRESHET_TRY(start(fresh));
  }
  if (moved.empty()) return {};
  FRESHET_TRY(check_positions(moved, committed));
  return move(moved);
}

// The positions were compared before, so librdkafka can't find any of them missing, unless retention is quicker.
Status Fetcher::start(const std::vector<TopicPartition>& of) {
  const PartitionList list = list_of(cluster_.names(), of);
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
  if (flowing->cnt > 0) rd_kafka_resume_partitions(client_.handle(), flowing.get());
  const ErrorPtr error(rd_kafka_incremental_assign(client_.handle(), list.get()));
  if (error != nullptr)
    return client_.failed(rd_kafka_error_code(error.get()), "taking partitions of " + whose_ + " up");
  if (paused->cnt > 0) rd_kafka_pause_partitions(client_.handle(), paused.get());
  return {};
}

// Tells librdkafka of seeks. A partition that it has not begun to read yet refuses, and is told again; one that is lost
// meanwhile is left to its revocation.
Status Fetcher::move(const std::vector<TopicPartition>& of) {
  std::vector<TopicPartition> left = of;
  for (int attempt = 0; !left.empty() && attempt < 100; ++attempt) {
    if (attempt > 0) clock_.sleep_us(kMoveAgainUs);
    const PartitionList list = list_of(cluster_.names(), left);
    for (size_t i = 0; i < left.size(); ++i) list->elems[i].offset = *shares_[left[i]].position;
    const ErrorPtr error(rd_kafka_seek_partitions(client_.handle(), list.get(), kMoveMs));
    if (error != nullptr) log::debug("kafka: {}: {}", whose_, rd_kafka_error_string(error.get()));
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

// Where nobody has sought a position, it is the committed offset, or else the oldest record.
Status Fetcher::check_positions(const std::vector<TopicPartition>& of, const Places& committed) {
  FRESHET_ASSIGN(const auto marks, cluster_.watermarks(of));
  for (size_t i = 0; i < of.size(); ++i) {
    Share& share = shares_[of[i]];
    FRESHET_ASSERT(share.position || committed.contains(of[i]));
    if (!share.position) share.position = committed.at(of[i]).value_or(marks[i].low);
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
