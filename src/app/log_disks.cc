// If no broker can be asked, ingest goes on as before: not to know how full a disk is, is no reason to refuse what may
// well be kept.
#include "app/log_disks.h"

#include <fmt/core.h>

#include <utility>

#include "app/log.h"
#include "cluster/protocol/errors.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

namespace protocol = cluster::protocol;

constexpr env::TimeUs kLookAtDisksUs = 30'000'000;
constexpr int64_t kDisksTimeoutUs = 5'000'000;

std::string gigabytes(int64_t bytes) { return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9); }

}  // namespace

void LogDisksSeen::add(int32_t broker, const protocol::DescribeLogDirsResponse& answer) {
  for (const auto& dir : answer.dirs) {
    bool has_ours = false;
    for (const auto& topic : dir.topics) {
      for (const auto& partition : topic.partitions) {
        has_ours = true;
        if (partition.bytes > 0) bytes += static_cast<uint64_t>(partition.bytes);
      }
    }
    if (!has_ours || dir.error != protocol::kNoError || dir.usable_bytes < 0) continue;
    if (free_least && *free_least <= dir.usable_bytes) continue;
    free_least = dir.usable_bytes;
    fullest = fmt::format("{} of broker {}", dir.path, broker);
  }
}

LogDisks::LogDisks(const Config& config) : log_(config.log), topics_(topics_of(config)) {}

void LogDisks::start() {
  turns_.emplace("log-disks", [this](bool last) {
    if (!last) look();
    return kLookAtDisksUs;
  });
}

void LogDisks::stop() {
  if (turns_) turns_->end();
}

void LogDisks::judge(const LogDisksSeen& seen) {
  bytes_ = seen.bytes;
  static telemetry::Gauge& all =
      telemetry::gauge("freshet_log_topics_bytes", "Of Freshet's topics on the brokers' disks, all replicas.");
  all.set(static_cast<double>(seen.bytes));
  if (!seen.free_least) return;
  static telemetry::Gauge& free = telemetry::gauge(
      "freshet_log_disk_free_bytes", "What is free where least is of the log dirs that have Freshet's topics.");
  free.set(static_cast<double>(*seen.free_least));
  const auto reserve = static_cast<int64_t>(log_.disk_reserve_bytes);
  const bool has_room = *seen.free_least >= reserve;
  if (has_room_.exchange(has_room) == has_room) return;
  if (has_room) {
    log::info("the brokers' disks have room again: ingest goes on");
  } else {
    log::error(
        "{} has {} free, less than log.kafka.disk_reserve ({}): ingest takes nothing, so that the broker does not "
        "stop. "
        "Make room there, or move partitions: freshet fleet rebalance",
        seen.fullest, gigabytes(*seen.free_least), gigabytes(reserve));
  }
}

// Only of our own topics, whose partitions are few: a cluster may have a hundred thousand.
Result<LogDisksSeen> LogDisks::ask() {
  if (client_ == nullptr) {
    protocol::ConnectionOptions options;
    FRESHET_ASSIGN(options.security, protocol::security_of(log_.properties));
    options.timeout_us = kDisksTimeoutUs;
    FRESHET_ASSIGN(client_, protocol::Client::open(log_.brokers, options));
  }
  FRESHET_TRY(client_->metadata({.topics = std::vector<protocol::MetadataRequest::Topic>()}));
  protocol::DescribeLogDirsRequest request;
  request.topics.emplace();
  for (const eventlog::WantedTopic& wanted : topics_) {
    protocol::TopicPartitions& topic = request.topics->emplace_back();
    topic.topic = log_.topic_prefix + std::string(name_of(wanted.topic));
    for (uint32_t p = 0; p < wanted.options.partitions; ++p) topic.partitions.push_back(static_cast<int32_t>(p));
  }
  LogDisksSeen seen;
  const std::vector<protocol::MetadataResponse::Broker> brokers = client_->brokers();
  for (const auto& broker : brokers) {
    const auto answer = client_->ask(broker.id, request);
    if (!answer && answer.error().code == Code::kRetry) continue;  // One that is away fills no disk.
    if (!answer) return tl::unexpected(answer.error());
    if (answer->error != protocol::kNoError)
      return fail(Code::kInvalid, fmt::format("broker {}: {}", broker.id, protocol::error_name(answer->error)));
    seen.add(broker.id, *answer);
  }
  return seen;
}

// Brokers that are away are told by everybody else.
void LogDisks::look() {
  const auto seen = ask();
  if (seen) {
    told_.clear();
    return judge(*seen);
  }
  client_.reset();
  if (seen.error().code == Code::kRetry || seen.error().message == told_) return;
  told_ = seen.error().message;
  log::warn("how much room the brokers' disks have can't be seen, so nothing is held back for it: {}", told_);
}

}  // namespace freshet::app
