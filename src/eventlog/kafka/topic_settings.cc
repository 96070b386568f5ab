#include "eventlog/kafka/topic_settings.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "base/number.h"
#include "base/saturated.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr int kReplicas = 3;
constexpr int64_t kHeldBackMs = 7 * 24 * 3600 * int64_t{1000};  // at least: see kafka_log.h, retention
constexpr int64_t kUnlimited = -1;
constexpr int64_t kHourMs = 3'600'000;
constexpr int64_t kDayMs = 24 * kHourMs;
// As Kafka has them where nobody has changed anything.
constexpr int64_t kSegmentMs = 7 * kDayMs;
constexpr int64_t kCheckMs = 300'000;
constexpr int64_t kDeleteDelayMs = 60'000;
constexpr int64_t kNewRecordMs = 60'000;  // see EventLog::lingers_us

int64_t held_back_ms(const TopicOptions& options) { return std::max(options.retention_us / 1000, kHeldBackMs); }

int64_t retention_ms(const TopicOptions& options) {
  return options.retention_us == 0 || is_held_back(options) ? kUnlimited : options.retention_us / 1000;
}

// Whole segments are deleted, so records last so much longer than they should. What we trim goes soon; what is
// kept for ever needs no more files than usual.
int64_t segment_ms(const TopicOptions& options) {
  if (options.retention_us == 0) return options.consumers.empty() ? kSegmentMs : kHourMs;
  const int64_t kept_ms = is_held_back(options) ? held_back_ms(options) : retention_ms(options);
  return std::clamp(kept_ms / 24, kHourMs, kDayMs);
}

// A bound on bytes would delete what a slow reader has yet to read, however young it is.
int64_t retention_bytes(const TopicOptions& options) {
  const bool held_back = !options.consumers.empty();
  return options.retention_bytes == 0 || held_back ? kUnlimited : static_cast<int64_t>(options.retention_bytes);
}

const char* cleanup_policy(const TopicOptions& options) { return options.only_latest ? "compact" : "delete"; }

std::optional<int64_t> number(const std::optional<std::string>& text) {
  return text ? to_number<int64_t>(*text) : std::nullopt;
}

// A setting as an amount: -1, unlimited, is the most.
int64_t amount(int64_t value) { return value < 0 ? std::numeric_limits<int64_t>::max() : value; }

}  // namespace

env::TimeUs held_back_us(const TopicOptions& options) { return us_of_ms(held_back_ms(options)); }

std::optional<int64_t> deletes_unread_ms(const TopicOptions& options, const SettingOf& setting) {
  const auto is = number(setting("retention.ms"));
  return is_held_back(options) && is && *is >= 0 ? is : std::nullopt;
}

// Three replicas of which two must have a record, if there are so many brokers: then one may die, and nothing
// acknowledged is lost. An election of a replica that is behind would lose the rest, so it is forbidden.
NewTopic new_topic(const TopicOptions& options, int brokers) {
  const int replication = std::clamp(brokers, 1, kReplicas);
  return {replication,
          {{"cleanup.policy", cleanup_policy(options)},
           {"retention.ms", std::to_string(retention_ms(options))},
           {"retention.bytes", std::to_string(retention_bytes(options))},
           {"segment.ms", std::to_string(segment_ms(options))},
           {"min.insync.replicas", replication >= kReplicas ? "2" : "1"},
           {"max.message.bytes", std::to_string(kRecordBytesMax)},
           {"unclean.leader.election.enable", "false"}}};
}

// Settings that the operator has made safer or larger than ours are right, too.
std::vector<WrongSetting> wrong_settings(const TopicOptions& options, int replication, const SettingOf& setting) {
  std::vector<WrongSetting> wrong;
  const auto need = [&](bool is_right, std::string mend, std::string why) {
    if (!is_right) wrong.push_back({std::move(mend), std::move(why)});
  };
  const auto at_least = [&](const char* name, int64_t wanted, const char* why) {
    const auto is = number(setting(name));
    need(!is || amount(*is) >= amount(wanted), fmt::format("{}={}", name, wanted),
         fmt::format(fmt::runtime(why), is.value_or(0)));
  };
  const char* const policy = cleanup_policy(options);
  need(setting("cleanup.policy").value_or("delete") == policy, fmt::format("cleanup.policy={}", policy),
       options.only_latest ? "records that nothing has replaced yet would be deleted, or none ever"
                           : "compaction would delete records of the same key that were never read");
  // A topic from before Freshet held it back works on; deletes_unread_ms() tells.
  at_least("retention.ms", is_held_back(options) ? held_back_ms(options) : retention_ms(options),
           "records would be deleted after {} ms");
  at_least("retention.bytes", retention_bytes(options), "records would be deleted beyond {} bytes of a partition");
  at_least("max.message.bytes", kRecordBytesMax, "records of over {} bytes would be refused");
  if (replication >= kReplicas) at_least("min.insync.replicas", 2, "a record would count as durable with {} replica");
  const auto replicas_needed = number(setting("min.insync.replicas"));
  need(!replicas_needed || *replicas_needed <= replication,
       fmt::format("min.insync.replicas={}", replication >= kReplicas ? 2 : 1),
       fmt::format("with {} replicas nothing could be written", replication));
  need(setting("unclean.leader.election.enable").value_or("false") == "false", "unclean.leader.election.enable=false",
       "records that were acknowledged could be lost");
  return wrong;
}

// Operators set Long.MAX_VALUE where they want no end: the sum stays there.
env::TimeUs lingers_us(const SettingOf& topic, const SettingOf& broker) {
  int64_t ms = saturated_sum(number(topic("segment.ms")).value_or(kSegmentMs), kNewRecordMs);
  ms = saturated_sum(ms, number(broker("log.retention.check.interval.ms")).value_or(kCheckMs));
  ms = saturated_sum(ms, number(topic("file.delete.delay.ms")).value_or(kDeleteDelayMs));
  return us_of_ms(ms);
}

}  // namespace freshet::eventlog::kafka
