// What is wrong, in words, with what to do: a list of small functions, each of one kind of trouble. The order in which
// they stand is the order of urgency within a severity.
#include <fmt/core.h>

#include <algorithm>

#include "fleet/text.h"
#include "fleet/watch/standing.h"

namespace freshet::fleet {
namespace {

constexpr double kSkewMost = 1.5;
constexpr double kFullSoonS = 86'400;
constexpr double kFullLaterS = 7 * kFullSoonS;
constexpr double kUsedWarn = 0.85;
constexpr double kUsedCritical = 0.95;
constexpr double kBusyMost = 0.85;  // of a machine's processors; its alert waits for a quarter of an hour
constexpr double kRetentionSoonS = 86'400;
constexpr double kSmallBatchesPerS = 1000;  // of a topic; smaller than kSmallRecords
constexpr double kSmallRecords = 5;

using Concerns = std::vector<Concern>;
using enum Severity;

std::string group_subject(const GroupStanding& group) {
  return fmt::format("group {}, topic {}", group.group, group.topic);
}

std::string age_text(const Age& age) {
  switch (age.basis) {
    case AgeBasis::kMeasured: return duration_text(age.seconds);
    case AgeBasis::kEstimated: return "about " + duration_text(age.seconds);
    case AgeBasis::kAtLeast: return "at least " + duration_text(age.seconds);
  }
  return {};
}

void concern_away(const Standing& standing, Concerns& out) {
  if (!standing.away) return;
  out.push_back({kCritical, "cluster", "it can't be looked at: " + standing.error,
                 standing.looked ? "What is shown of it is what the last look saw. See whether its brokers run and can "
                                   "be reached from here."
                                 : "See whether its brokers run, and its address and credentials in the file."});
}

void concern_partitions(const Standing& standing, Concerns& out) {
  if (standing.offline > 0)
    out.push_back({kCritical, "cluster", fmt::format("{} without a leader", plural(standing.offline, "partition")),
                   "Bring back the brokers that hold their replicas; an unclean election loses messages."});
  if (standing.brokers.size() < standing.brokers_planned)
    out.push_back({kWarn, "cluster",
                   fmt::format("{} of {} brokers are there", standing.brokers.size(), standing.brokers_planned),
                   "See the machines that are missing, and their brokers' logs."});
  if (standing.under_replicated > 0)
    out.push_back({kWarn, "cluster",
                   fmt::format("{} without all replicas", plural(standing.under_replicated, "partition")),
                   "Usual for minutes after a restart or during a move; else look at the brokers' disks and network."});
}

void concern_log_dir(const BrokerStanding& broker, const LogDirStanding& dir, Concerns& out) {
  const std::string subject = fmt::format("broker {}, {}", broker.id, dir.path);
  if (dir.failed) {
    out.push_back({kCritical, subject, "the log dir has failed",
                   "Its replicas are served by others now. Mend or replace the volume, then restart the broker."});
    return;
  }
  const double total = dir.total_bytes ? static_cast<double>(*dir.total_bytes) : 0;
  const double used = total > 0 ? static_cast<double>(dir.used_bytes) / total : 0;
  const bool soon = dir.full_s && *dir.full_s < kFullSoonS;
  if (used < kUsedWarn && !(dir.full_s && *dir.full_s < kFullLaterS)) return;
  std::string what = fmt::format("{:.0f} % of {} used", 100 * used, bytes_text(total));
  if (dir.full_s) what += fmt::format(", full in {} as it grows now", duration_text(*dir.full_s));
  out.push_back(
      {used >= kUsedCritical || soon ? kCritical : kWarn, subject, std::move(what),
       "A broker loses a log dir that is full. Shorten a retention, move replicas away, or grow the volume."});
}

void concern_machine(const BrokerStanding& broker, Concerns& out) {
  if (!broker.cpu || *broker.cpu < kBusyMost) return;
  out.push_back(
      {kWarn, fmt::format("broker {}", broker.id),
       fmt::format("its machine was {:.0f} % busy over the last minute", 100 * *broker.cpu),
       "See which topics and clients it serves: small batches, another codec, leaders that are not spread; or "
       "what else runs there."});
}

void concern_loss(const GroupStanding& group, Concerns& out) {
  if (group.lost > 0)
    out.push_back(
        {kCritical, group_subject(group),
         count_text(static_cast<double>(group.lost)) + " messages are lost to "
                                                       "it: retention has deleted them unread",
         group.has_members
             ? "Raise the topic's retention before more goes; tell the group's owner which offsets are gone."
             : "Nobody reads: start its readers, and tell its owner which offsets are gone. If it is no longer "
               "used, delete the group."});
  if (group.lost == 0 && loses_messages(group))
    out.push_back(
        {kCritical, group_subject(group),
         fmt::format("retention reaches it in {}, and it does not catch up before", duration_text(*group.retention_s)),
         "Raise the topic's retention now; then add instances, or find what holds the group back."});
}

std::string waiting_text(const GroupStanding& group) {
  return fmt::format("{} messages wait, the oldest for {}", count_text(static_cast<double>(group.lag)),
                     age_text(group.age));
}

// What a verdict means, and what to do about it.
struct Meaning {
  const char* what;
  const char* action;
};

std::optional<Meaning> meaning_of(const GroupStanding& group) {
  switch (group.verdict) {
    case Verdict::kStop:
      if (group.has_members)
        return Meaning{"it has stopped",
                       "It has members, and nothing was committed in that partition: see the reader's log."};
      return Meaning{"nobody reads",
                     "Start its readers. If it reads rarely by design, give it a lag_max in service_levels; if it is "
                     "no longer used, delete the group."};
    case Verdict::kStall:
      return Meaning{"it stands still",
                     "One message that it can't handle stops a partition: see the reader's log at that offset."};
    case Verdict::kRewind:
      return Meaning{"it went back",
                     "It reads again what it had read: somebody reset its offsets, or a member lost its place."};
    case Verdict::kWarn:
      return Meaning{"it falls behind",
                     "Add instances, up to the number of partitions, or find what each message waits for."};
    case Verdict::kOk:
    case Verdict::kUnknown: break;
  }
  return std::nullopt;
}

bool breaks_promise(const GroupStanding& group) { return group.promised_s > 0 && group.age.seconds > group.promised_s; }

std::string verdict_text(const Meaning& meaning, const GroupStanding& group) {
  return fmt::format("{} (partition {}): {}", meaning.what, group.verdict_partition, waiting_text(group));
}

// One that breaks its promise is told once, with why it does.
void concern_verdict(const GroupStanding& group, Concerns& out) {
  const std::optional<Meaning> meaning = meaning_of(group);
  if (!meaning || breaks_promise(group)) return;
  out.push_back({kWarn, group_subject(group), verdict_text(*meaning, group), meaning->action});
}

void concern_promise(const GroupStanding& group, Concerns& out) {
  if (!breaks_promise(group)) return;
  const bool far = group.age.seconds > 3 * group.promised_s;
  const std::optional<Meaning> meaning = meaning_of(group);
  const std::string then = group.catch_up_s ? "caught up in " + duration_text(*group.catch_up_s) + " at this rate"
                                            : "and at this rate it never catches up";
  out.push_back({far ? kCritical : kWarn, group_subject(group),
                 fmt::format("{}; promised are {}; {}", meaning ? verdict_text(*meaning, group) : waiting_text(group),
                             duration_text(group.promised_s), then),
                 meaning ? meaning->action
                         : "Usual for minutes after a restart; else add instances, up to the number of partitions."});
}

void concern_probe(const ProbeStanding& probe, Concerns& out) {
  for (const BrokerProbe& broker : probe.brokers) {
    if (broker.failing < kProbeFailsMany) continue;
    out.push_back({kCritical, fmt::format("broker {}", broker.broker),
                   fmt::format("the last {} probes of it failed: {}", broker.failing, broker.error),
                   "Whoever writes to it or reads from it fails, too: see its log, then its disks and its network."});
  }
  if (probe.verdict != ProbeVerdict::kSlow) return;
  const auto slowest = std::ranges::max_element(probe.brokers, {}, [](const BrokerProbe& b) { return b.p99_s; });
  out.push_back({kWarn, "cluster",
                 fmt::format("one in a hundred records takes {:.1f} s to be written and read; broker {} is slowest",
                             probe.p99_s.value_or(0), slowest->broker),
                 "See whether replication, disks or request queues are slow: its exporter tells each one's part."});
}

// Requests cost brokers more than bytes do.
void concern_batches(const BatchStanding& topic, Concerns& out) {
  if (topic.batches_per_s < kSmallBatchesPerS || topic.figures.records_per_batch >= kSmallRecords) return;
  if (!topic.linger_advised) return;
  out.push_back({kWarn, "topic " + topic.topic,
                 fmt::format("its producers send {:.0f} batches/s of {:.1f} records", topic.batches_per_s,
                             topic.figures.records_per_batch),
                 topic.advice});
}

void concern_skew(const Standing& standing, Concerns& out) {
  const auto add = [&](double skew, const char* of, const char* action) {
    if (skew <= kSkewMost || standing.brokers.size() < 2) return;
    out.push_back({kWarn, "cluster", fmt::format("one broker has {:.1f} times the mean of its {}", skew, of), action});
  };
  add(standing.skew.bytes, "bytes", "Its disk fills first, and its loss takes longest to mend: move replicas.");
  add(standing.skew.leaders, "leaders", "Elect preferred leaders; if that changes nothing, move replicas.");
}

void concern_doubts(const Standing& standing, Concerns& out) {
  for (const std::string& doubt : standing.doubts)
    out.push_back({kWarn, "cluster", "not all could be asked: " + doubt,
                   "What is missing here is not zero: see the access rights of whoever watches."});
}

}  // namespace

bool loses_messages(const GroupStanding& group) {
  if (group.lost > 0) return true;
  if (!group.retention_s || *group.retention_s > kRetentionSoonS) return false;
  return !group.catch_up_s || *group.catch_up_s > *group.retention_s;
}

void find_concerns(Standing& standing) {
  Concerns out;
  concern_away(standing, out);
  if (standing.looked) {
    for (const BrokerStanding& broker : standing.brokers) {
      for (const LogDirStanding& dir : broker.dirs) concern_log_dir(broker, dir, out);
      concern_machine(broker, out);
    }
    for (const GroupStanding& group : standing.groups) concern_loss(group, out);
    for (const GroupStanding& group : standing.groups) concern_promise(group, out);
    concern_probe(standing.probe, out);
    concern_partitions(standing, out);
    for (const GroupStanding& group : standing.groups) concern_verdict(group, out);
    for (const BatchStanding& topic : standing.batches) concern_batches(topic, out);
    concern_skew(standing, out);
    concern_doubts(standing, out);
  }
  std::ranges::stable_partition(out, [](const Concern& concern) { return concern.severity == kCritical; });
  standing.concerns = std::move(out);
}

}  // namespace freshet::fleet
