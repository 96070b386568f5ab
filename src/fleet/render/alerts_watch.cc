// The alerts by what `fleet watch` tells of living clusters: probes from end to end, batches, consumer groups.
#include "fleet/render/alerts_watch.h"

#include <fmt/core.h>

namespace freshet::fleet {
namespace {

using enum AlertSubject;

// What fleet watch tells of its probes of a broker: a record to it and back, every ten seconds.
Series of_probe(std::string_view metric, std::string_view values, std::string_view labels = "", int broker = 1) {
  return {fmt::format("{}{{job=\"fleet-watch\",instance=\"1\",cluster=\"{{cluster}}\",broker=\"{}\"{}}}", metric,
                      broker, labels),
          std::string(values)};
}

// Six brokers are probed, and so many of the first one's and of each other's probes fail.
std::vector<Series> probes_of_six(std::string_view of_first, std::string_view of_others = "0x80") {
  std::vector<Series> series;
  for (int broker = 1; broker <= 6; ++broker) {
    series.push_back(of_probe("freshet_fleet_probes", "0+6x80", "", broker));
    series.push_back(of_probe("freshet_fleet_probe_failures", broker == 1 ? of_first : of_others, "", broker));
  }
  return series;
}

}  // namespace

void add_probe_alerts(std::vector<Alert>& out) {
  constexpr std::string_view kUp = "freshet_fleet_probe_up";
  constexpr std::string_view kSeconds = "freshet_fleet_probe_seconds";
  constexpr std::string_view kProbes = "freshet_fleet_probes";
  constexpr std::string_view k99 = ",quantile=\"0.99\"";
  // While a broker restarts others lead its partitions: it is not probed, and has no series.
  out.push_back({"KafkaProbeFails",
                 Severity::kCritical,
                 "probe",
                 3,
                 kCluster,
                 "max by (cluster, broker) (freshet_fleet_probe_up) == 0",
                 "Nothing can be written to broker {broker} of {cluster} and read back",
                 "Whoever uses it fails, too: see the broker's log, then its disks and its network.",
                 "",
                 {.series = {of_probe(kUp, "1x9 0x60")}, .fires_within = 4, .broker = "1"},
                 {"it restarts: two minutes fail, three others lead its partitions",
                  {of_probe(kUp, "1x9 0x1 stale _x2 0 1x60")}}});
  // Fourteen times as many as may: at that rate a fiftieth of a month's allowance goes in an hour, which is worth
  // waking somebody for. Under a hundred probes say too little, and two probes of each broker fail where all restart,
  // which is too many already where four nines are promised.
  out.push_back(
      {"KafkaAvailabilityBroken",
       Severity::kCritical,
       "probe",
       5,
       kCluster,
       "(sum by (cluster) (increase(freshet_fleet_probe_failures[1h]))"
       " / sum by (cluster) (increase(freshet_fleet_probes[1h])))"
       " > on (cluster) 14.4 * sum by (cluster) (fleet:cluster_unavailability_max)"
       " and on (cluster) sum by (cluster) (increase(freshet_fleet_probes[1h])) > 100"
       " and on (cluster) sum by (cluster) (increase(freshet_fleet_probe_failures[1h]))"
       " > on (cluster) 2.5 * sum by (cluster) (fleet:cluster_brokers)",
       "{value} of the probes of {cluster} failed within an hour: its promise of a month is used up in two days",
       "Find what failed: each broker's probes are in fleet watch, with the errors.",
       "humanizePercentage",
       {.series = probes_of_six("0x9 0+3x70"), .fires_within = 12, .value = "4.545%"},
       {"all brokers restart within the hour, and two probes of each fail", probes_of_six("0x9 2x70", "0x19 2x60")}});
  out.push_back(
      {"KafkaProbeSlow",
       Severity::kWarn,
       "probe",
       10,
       kCluster,
       "max by (cluster) (freshet_fleet_probe_seconds{quantile=\"0.99\"}) > 1",
       "One in a hundred records takes {value} to be written to {cluster} and read back",
       "See whether replication, disks or request queues are slow: the dashboard shows each broker's part.",
       "humanizeDuration",
       {.series = {of_probe(kSeconds, "0.01x9 2x60", k99)}, .fires_within = 11, .value = "2s"},
       {"one slow record is in the window for five minutes", {of_probe(kSeconds, "0.01x9 2x5 0.01x60", k99)}}});
  out.push_back({"KafkaProbeSilent",
                 Severity::kWarn,
                 "probe",
                 15,
                 kCluster,
                 "sum by (cluster) (fleet:cluster_probed) unless on (cluster) freshet_fleet_probes",
                 "{cluster} should be probed from end to end, and nobody does",
                 "See whether fleet watch runs and is scraped, and what it says of its probe.",
                 "",
                 {.series = {of_probe(kProbes, "0+6x9 _x70")}, .fires_within = 21},
                 {"fleet watch restarts within ten minutes", {of_probe(kProbes, "0+6x9 _x10 0+6x60")}}});
}

void add_machine_alerts(std::vector<Alert>& out) {
  constexpr std::string_view kCpu = "freshet_fleet_broker_cpu_ratio";
  out.push_back({"KafkaMachineBusy",
                 Severity::kWarn,
                 "load",
                 15,
                 kCluster,
                 "max by (cluster, broker) (freshet_fleet_broker_cpu_ratio) > 0.85",
                 "The machine of broker {broker} of {cluster} is {value} busy",
                 "See which topics and clients the broker serves, and what else runs there.",
                 "humanizePercentage",
                 {.series = {of_probe(kCpu, "0.5x9 0.9x60")}, .fires_within = 16, .value = "90%", .broker = "1"},
                 {"eight tenths, day and night", {of_probe(kCpu, "0.8x80")}},
                 {"ten minutes of all of it after a restart", {of_probe(kCpu, "0.5x9 1x9 0.5x60")}}});
}

// As fleet watch finds them worth a word (concerns.cc): far more batches than brokers like, of next to nothing, and a
// linger that would mend it.
void add_batch_alerts(std::vector<Alert>& out) {
  const auto topic = [](std::string_view advised) {
    const auto series = [](std::string_view metric, std::string_view values) {
      return Series{
          fmt::format("{}{{job=\"fleet-watch\",instance=\"1\",cluster=\"{{cluster}}\",topic=\"{{topic}}\"}}", metric),
          std::string(values)};
    };
    return std::vector<Series>{series("freshet_fleet_topic_batches_per_second", "200x9 4000x70"),
                               series("freshet_fleet_topic_batch_messages", "2x80"),
                               series("freshet_fleet_topic_batches_advised_per_second", advised)};
  };
  out.push_back(
      {"KafkaTopicSmallBatches",
       Severity::kWarn,
       "use",
       30,
       kCluster,
       "max by (cluster, topic) (freshet_fleet_topic_batches_per_second > 1000"
       " and on (cluster, topic, instance) freshet_fleet_topic_batch_messages < 5"
       " and on (cluster, topic, instance) freshet_fleet_topic_batches_advised_per_second)",
       "Producers send topic {topic} of {cluster} in {value} batches a second, of fewer than five messages",
       "Have them wait for more: fleet watch says which linger.ms and batch.size, and what is left then.",
       "humanize",
       {.series = topic("_x10 300x70"), .fires_within = 31, .value = "4k"},
       {"nothing is to be gained by waiting, but for a quarter of an hour", topic("_x20 300x15 stale _x40"), 75}});
}

namespace {

// Two watchers see one group in one topic, the same but for the moment.
std::vector<Series> of_group(std::string_view metric, std::string_view values, std::string_view labels = "") {
  std::vector<Series> out;
  for (const char watcher : {'1', '2'}) {
    out.push_back(
        {fmt::format("{}{{job=\"fleet-watch\",cluster=\"{{cluster}}\",consumergroup=\"{{group}}\",topic=\"t\","
                     "instance=\"{}\"{}}}",
                     metric, watcher, labels),
         std::string(values)});
  }
  return out;
}

std::vector<Series> lags(std::string_view messages, std::string_view seconds) {
  std::vector<Series> out = of_group("freshet_fleet_group_lag_messages", messages);
  const std::vector<Series> ages = of_group("freshet_fleet_group_lag_seconds", seconds);
  out.insert(out.end(), ages.begin(), ages.end());
  return out;
}

// The verdict is a label: the series of one ends where that of the next begins.
std::vector<Series> judged(std::string_view messages, std::string_view ok, std::string_view verdict,
                           std::string_view values) {
  std::vector<Series> out = of_group("freshet_fleet_group_lag_messages", messages);
  for (const std::vector<Series>& more :
       {of_group("freshet_fleet_group_verdict", ok, ",verdict=\"ok\""),
        of_group("freshet_fleet_group_verdict", values, fmt::format(",verdict=\"{}\"", verdict))})
    out.insert(out.end(), more.begin(), more.end());
  return out;
}

void add_lag(std::vector<Alert>& out) {
  out.push_back({"KafkaGroupFarBehind",
                 Severity::kCritical,
                 "lag",
                 5,
                 kGroup,
                 "max by (cluster, consumergroup) (kafka:group_lag_seconds"
                 " > on (cluster, consumergroup) group_left () 3 * fleet:group_lag_max_seconds{topic=\"\"}"
                 " or kafka:group_lag_seconds"
                 " > on (cluster, consumergroup, topic) 3 * fleet:group_lag_max_seconds{topic!=\"\"})",
                 "Group {group} of {cluster} is {value} behind, over three times what is promised",
                 "See whether it reads at all, then what bounds it: instances, partitions, or what it writes to.",
                 "humanizeDuration",
                 {.series = lags("100x9 12000x70", "1x9 120x70"), .fires_within = 6, .value = "2m 0s"},
                 {"behind, but within three times the promise", lags("100x9 8000x70", "1x9 80x70")}});
  out.push_back({"KafkaGroupBehind",
                 Severity::kWarn,
                 "lag",
                 5,
                 kGroup,
                 "max by (cluster, consumergroup) (kafka:group_lag_seconds"
                 " > on (cluster, consumergroup) group_left () fleet:group_lag_max_seconds{topic=\"\"}"
                 " or kafka:group_lag_seconds"
                 " > on (cluster, consumergroup, topic) fleet:group_lag_max_seconds{topic!=\"\"})",
                 "Group {group} of {cluster} is {value} behind, more than is promised",
                 "Usual for minutes after a restart; else add instances, up to its partitions.",
                 "humanizeDuration",
                 {.series = lags("100x9 4500x70", "1x9 45x70"), .fires_within = 6, .value = "45s"},
                 {"behind for four minutes after a restart", lags("100x9 4500x3 2500x60", "1x9 45x3 25x60")}});
}

// By fleet watch, which sees how fast the log's start comes. A group that was given up keeps its place until Kafka
// forgets it, and loses messages that nobody wants.
void add_loss(std::vector<Alert>& out) {
  const auto group = [](std::string_view metric, std::string_view values) {
    return Series{fmt::format("{}{{cluster=\"{{cluster}}\",consumergroup=\"{{group}}\",topic=\"t\"}}", metric),
                  std::string(values)};
  };
  constexpr std::string_view kRetention = "freshet_fleet_group_retention_seconds";
  constexpr std::string_view kCatchUp = "freshet_fleet_group_catch_up_seconds";
  constexpr std::string_view kMembers = "freshet_fleet_group_has_members";
  out.push_back(
      {"KafkaGroupLosesMessages",
       Severity::kCritical,
       "loss",
       5,
       kGroup,
       "min by (cluster, consumergroup) (freshet_fleet_group_retention_seconds < 86400"
       " and freshet_fleet_group_retention_seconds < freshet_fleet_group_catch_up_seconds"
       " unless on (cluster, consumergroup, topic) kafka:group_abandoned)",
       "Retention deletes messages of group {group} of {cluster} unread in {value}: it does not catch up before",
       "Raise the topic's retention now; then add instances, or find what holds the group back.",
       "humanizeDuration",
       {.series = {group(kRetention, "36000x70"), group(kCatchUp, "600x9 90000x60"), group(kMembers, "1x9 0x60")},
        .fires_within = 6,
        .value = "10h 0m 0s"},
       {"it has caught up an hour before",
        {group(kRetention, "36000x70"), group(kCatchUp, "32400x70"), group(kMembers, "1x70")}},
       {"nobody has read for days",
        {group(kRetention, "36000x70"), group(kCatchUp, "90000x70"), group(kMembers, "0x70")}}});
  constexpr std::string_view kLost = "freshet_fleet_group_lost_messages";
  out.push_back(
      {"KafkaGroupLostMessages",
       Severity::kCritical,
       "loss",
       0,
       kGroup,
       "sum by (cluster, consumergroup) (max by (cluster, consumergroup, topic)"
       " (freshet_fleet_group_lost_messages) unless on (cluster, consumergroup, topic)"
       " kafka:group_abandoned) > 0",
       "{value} messages are lost to group {group} of {cluster}: retention has deleted them unread",
       "Raise the topic's retention before more goes; tell the group's owner which offsets are gone.",
       "humanize",
       {.series = {group(kLost, "0x9 5000x60"), group(kMembers, "1x9 0x60")}, .fires_within = 1, .value = "5k"},
       {"it reads just before they are deleted",
        {group(kLost, "0x70"), group(kRetention, "60x70"), group(kMembers, "1x70")}},
       {"nobody has read for days", {group(kLost, "0x9 5000x60"), group(kMembers, "0x70")}}});
}

void add_lag_doubts(std::vector<Alert>& out) {
  out.push_back(
      {"KafkaGroupLagHigh",
       Severity::kWarn,
       "lag",
       10,
       kGroup,
       "(sum by (cluster, consumergroup) (kafka:group_lag_messages)"
       " > on (cluster, consumergroup) fleet:group_lag_max_messages{topic=\"\"}"
       " or max by (cluster, consumergroup) (kafka:group_lag_messages"
       " > on (cluster, consumergroup, topic) fleet:group_lag_max_messages{topic!=\"\"}))",
       "{value} messages wait for group {group} of {cluster}: more than its promise allows at any planned rate",
       "A flood, or a reader that is too slow: compare what its topics get with what they should.",
       "humanize",
       {.series = lags("100x9 70000x70", "1x80"), .fires_within = 11, .value = "70k"},
       {"as many as its promise allows at the highest planned rate", lags("100x9 60000x70", "1x80")}});
  // fleet watch looks at ten commits over five minutes before it says so, and never of a group that keeps its promise:
  // one that is meant to read once a night stands still all day.
  out.push_back(
      {"KafkaGroupStalled",
       Severity::kWarn,
       "lag",
       5,
       kGroup,
       "sum by (cluster, consumergroup) (max by (cluster, consumergroup, topic)"
       " (freshet_fleet_group_lag_messages and on (cluster, consumergroup, topic, instance)"
       " freshet_fleet_group_verdict{verdict=~\"stall|stop\"}))",
       "Group {group} of {cluster} has read nothing for ten minutes, and {value} messages wait",
       "See whether it has members; one message that it can't handle stops a partition.",
       "humanize",
       {.series = judged("0x9 6000x70", "1x9 stale _x70", "stall", "_x10 1x70"), .fires_within = 6, .value = "6k"},
       {"its readers are deployed anew within four minutes",
        judged("0x9 6000x3 0x60", "1x9 stale _x3 1x60", "stop", "_x10 1x3 stale _x60")}});
  out.push_back({"KafkaGroupLagUnknown",
                 Severity::kWarn,
                 "lag",
                 15,
                 kGroup,
                 "(sum by (cluster, consumergroup) (fleet:group_lag_max_seconds{topic=\"\"})"
                 " unless on (cluster, consumergroup) kafka:group_lag_messages"
                 " or sum by (cluster, consumergroup) (fleet:group_lag_max_seconds{topic!=\"\"}"
                 " unless on (cluster, consumergroup, topic) kafka:group_lag_messages))",
                 "Nobody knows the lag of group {group} of {cluster}, which is promised",
                 "See whether fleet watch runs and is scraped, and whether the group ever committed an offset.",
                 "",
                 {.series = lags("100x9 _x70", "1x9 _x70"), .fires_within = 21},
                 {"fleet watch restarts within ten minutes", lags("100x9 _x10 100x60", "1x9 _x10 1x60")}});
}

// What is told of a cluster that can't be looked at is what the last look saw: lags stand still, and alert nobody.
void add_blindness(std::vector<Alert>& out) {
  const auto seen = [](std::string_view values) {
    return Series{"freshet_fleet_cluster_up{job=\"fleet-watch\",instance=\"1\",cluster=\"{cluster}\"}",
                  std::string(values)};
  };
  out.push_back({"KafkaWatchBlind",
                 Severity::kWarn,
                 "lag",
                 15,
                 kCluster,
                 "max by (cluster) (freshet_fleet_cluster_up) == 0",
                 "fleet watch can't look at {cluster}: what it tells of groups there is old",
                 "It says why: mostly the address or credentials. If brokers are away, other alerts say so.",
                 "",
                 {.series = {seen("1x9 0x60")}, .fires_within = 16},
                 {"it starts, and brokers restart, within ten minutes", {seen("0x10 1x60")}}});
  // Without it no group stands still or loses messages, as far as anybody is told.
  out.push_back({"KafkaWatchSilent",
                 Severity::kWarn,
                 "lag",
                 15,
                 kCluster,
                 "count by (cluster) (fleet:group_info) unless on (cluster) freshet_fleet_cluster_up",
                 "Services read from {cluster}, and no fleet watch tells of their groups",
                 "See whether fleet watch --listen runs and is scraped: no other alert of groups can come.",
                 "",
                 {.series = {seen("1x9 _x70")}, .fires_within = 21},
                 {"it restarts within ten minutes", {seen("1x9 _x10 1x60")}}});
}

}  // namespace

void add_group_alerts(std::vector<Alert>& out) {
  add_lag(out);
  add_lag_doubts(out);
  add_blindness(out);
  add_loss(out);
}

}  // namespace freshet::fleet
