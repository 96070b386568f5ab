// The table of rules and the loop over them. A rule says what is found and why it matters here, so that this table is
// also what `freshet fleet lint --rules` and docs/fleet/lint.md print; what is compared with what is in the files of
// rules.h.
#include "fleet/lint/lint.h"

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "fleet/lint/rules.h"
#include "yaml/reader.h"

namespace freshet::fleet {
namespace {

using enum Grade;

constexpr auto kRules = std::to_array<Rule>({
    // segregation
    {"fronting-consumer", kError, "a service reads from a fronting cluster",
     "A fronting cluster is kept for producers and mirrors, so that no reader's catching up can slow down what comes "
     "in.",
     checks::fronting_consumer},
    {"backend-to-fronting", kError, "a mirror writes from a backend to a fronting cluster",
     "Then what the fronting cluster has depends on a backend, and a fault of the backend's services reaches everyone.",
     checks::backend_to_fronting},
    {"undeclared-service-group", kError, "a group of services uses a cluster that is not for it",
     "Its load and its faults hit services which were promised a cluster of their own.",
     checks::undeclared_service_group},
    {"two-service-groups", kError, "a cluster carries several groups of services and does not say why",
     "One group's abnormal use hurts the other's services: the reason to have more than one cluster.",
     checks::two_service_groups},
    {"mixed-writers", kWarning, "a service and a mirror write the same topic",
     "Offsets and order then differ from the source's, and a mirror that resumes can't tell its own records from "
     "others.",
     checks::mixed_writers},
    {"shared-consumer-group", kError, "two services read as one consumer group",
     "Each gets only a part of the messages, and every restart of one stops the other while partitions move.",
     checks::shared_consumer_group},
    // mirrors
    {"mirror-cycle", kError, "mirrors copy a topic in a circle",
     "Every message goes round for ever, and disks fill up.", checks::mirror_cycle},
    {"mirrored-twice", kError, "two mirrors bring the same messages to one topic",
     "Readers get every message twice, in different places of the order.", checks::mirrored_twice},
    {"mirror-message-size", kError, "the target of a mirror takes smaller messages than its source",
     "One message that is too large for the target stops the mirror's task, and all that is behind it.",
     checks::mirror_message_size},
    {"mirror-source-address", kError, "a mirror does not run where its source's address is known",
     "The name of a service in one Kubernetes can't be found anywhere else: the mirror connects to nothing.",
     checks::mirror_source_address},
    {"mirror-source-retention", kWarning, "a mirrored topic is kept too short at the source",
     "A mirror that stands still for longer than this loses messages for good.", checks::mirror_source_retention},
    {"mirror-repartitions", kInfo, "a mirror changes the number of partitions",
     "A mirror that copies partition by partition, as MirrorMaker 2 does, can't do that: keys would change their "
     "order.",
     checks::mirror_repartitions},
    {"mirror-idle-tasks", kInfo, "a mirror has more tasks than partitions",
     "A partition is read by one task; the others are idle.", checks::mirror_idle_tasks},
    {"mirror-never-copies", kError, "a mirror has topics whose names it never copies",
     "MirrorMaker 2 takes names that end with -internal, .internal or .replica, or begin with a dot or __, for topics "
     "of its own (`freshet mirror` those with __): nothing of them arrives, and nothing fails.",
     checks::mirror_never_copies},
    {"mirror-cleanup", kWarning, "a copy is compacted and its source is not, or the other way round",
     "Deleted by age, a copy loses the last message of each key; compacted, it takes no message without a key, which "
     "stops the mirror.",
     checks::mirror_cleanup},
    // durability
    {"replication-over-brokers", kError, "a topic has more replicas than its cluster has brokers",
     "Kafka refuses to create such a topic.", checks::replication_over_brokers},
    {"replication-one", kError, "a topic has one replica",
     "When its broker is down it can't be written or read; when that broker's disk is lost, so is the data.",
     checks::replication_one},
    {"min-isr-over-replication", kError, "min ISR is above the number of replicas",
     "No write with acks=all ever succeeds.", checks::min_isr_over_replication},
    {"min-isr-equals-replication", kError, "min ISR is the number of replicas",
     "Writes stop whenever any one broker is down, also for a restart.", checks::min_isr_equals_replication},
    {"min-isr-one", kWarning, "min ISR is 1",
     "A write may be acknowledged when one disk only has it; if that broker dies before the others have it, it is "
     "lost.",
     checks::min_isr_one},
    {"acks-not-all", kWarning, "a producer does not wait for the in-sync replicas",
     "Min ISR holds for acks=all alone; with less, an acknowledged message is lost with the leader.",
     checks::acks_not_all},
    {"few-brokers", kError, "a cluster has fewer than three brokers",
     "With one down, three replicas or a majority can't be had.", checks::few_brokers},
    {"single-zone", kError, "a cluster stands in one zone", "The loss of that zone is the loss of the cluster.",
     checks::single_zone},
    {"zone-loss", kError, "the loss of one zone stops writes",
     "Of each partition at least min ISR replicas must be left when the zone with most of them is gone.",
     checks::zone_loss},
    {"uneven-zones", kWarning, "zones have different numbers of brokers",
     "Replicas are spread evenly over zones, so brokers of a zone with fewer of them carry more.",
     checks::uneven_zones},
    {"controllers", kError, "the number of controllers is even, below three, or that of many brokers",
     "A majority must be left: an even number survives no more losses than one less, and fewer than three none; each "
     "more must hear of every change.",
     checks::controllers},
    {"controller-zones", kWarning, "controllers stand in two zones",
     "The zone with more of them is a single point of failure: without a majority nothing can be led anew.",
     checks::controller_zones},
    {"single-instance", kWarning, "a service has one instance", "While it restarts nobody does its work.",
     checks::single_instance},
    {"kafka-version", kWarning,
     "Kafka is older than 3.3, or of a version that is not there or that Strimzi does not run",
     "Controllers without ZooKeeper are for production since 3.3, and older brokers don't tell how large their disks "
     "are; a version that nothing knows is refused when it is applied.",
     checks::kafka_version},
    {"own-topics", kError,
     "topics that Kafka makes for itself have more replicas than there are brokers, or too many in sync",
     "They are made when the first group or transaction comes, which then waits for ever; or each restart of a broker "
     "stops it.",
     checks::own_topics},
    {"unclean-election", kWarning, "a replica that is not in sync may become leader",
     "What was acknowledged and it lacks is lost, without an error anywhere: it is the price of being writable again.",
     checks::unclean_election},
    // partitions
    {"consumer-too-slow", kError, "a group can't keep up on average",
     "Its lag grows until retention deletes what it has not read.", checks::consumer_too_slow},
    {"consumer-slow-at-peak", kWarning, "a group can't keep up at the peak",
     "Its lag grows every day until the peak is over.", checks::consumer_slow_at_peak},
    {"idle-consumers", kWarning, "a group has more instances than partitions",
     "A partition is read by one instance of a group; the others cost money and do nothing.", checks::idle_consumers},
    {"idle-by-range", kInfo, "the default assignor leaves instances of a group idle",
     "It gives the partitions of each topic to the first instances; only another one fills the others with other "
     "topics'.",
     checks::idle_by_range},
    {"broker-partitions-max", kError, "brokers have more partitions than they can carry",
     "Failover, restarts and metadata take so long that one lost broker becomes an outage.",
     checks::broker_partitions_max},
    {"broker-partitions", kWarning, "brokers have more partitions than recommended",
     "Failover and restarts take longer.", checks::broker_partitions},
    {"cluster-partitions-max", kError, "a cluster has more than 200,000 partitions",
     "Beyond that controllers don't keep up with changes.", checks::cluster_partitions_max},
    {"many-partitions", kInfo, "a topic has many more partitions than it needs",
     "Each costs files, memory, failover time and smaller batches.", checks::many_partitions},
    {"many-segments", kWarning, "brokers have more segments of logs than Linux lets a process map",
     "Each takes two maps of memory, of which vm.max_map_count allows 65,530, or 262,144 where cp-ansible set it: with "
     "more the broker ends, and ends again when it is started.",
     checks::many_segments},
    {"hot-partition", kWarning, "a partition gets more than 10 MB/s at the peak",
     "One partition is one disk, one leader and one consumer: neither can be added to.", checks::hot_partition},
    {"hotspot-topic", kWarning, "a topic makes one broker send more than others",
     "Its leaders don't divide evenly over the brokers, and one network card is full before the others are.",
     checks::hotspot_topic},
    {"dominant-topic", kInfo, "one topic makes most of what a cluster sends",
     "All other topics of the cluster wait when its readers catch up.", checks::dominant_topic},
    // storage
    {"no-compression", kWarning, "a topic is not compressed",
     "Network, disks and mirrors carry two or three times as much.", checks::no_compression},
    {"slow-codec", kWarning, "a codec takes too much processor time for the rate",
     "lz4 costs a fraction of it; zstd is worth its time where much is kept for long, gzip nowhere.",
     checks::slow_codec_at_high_rate},
    {"fast-codec", kWarning, "a codec leaves much on disk for long",
     "zstd makes about a third less of it, for all replicas and the whole retention.",
     checks::fast_codec_for_long_retention},
    {"compressed-anew", kWarning, "brokers compress a topic with another codec than its producers",
     "They unpack and pack each batch, which takes a large part of their processors; plan counts nothing for it, and "
     "the bytes that producers send.",
     checks::compressed_anew},
    {"kept-forever", kWarning, "a topic that is never deleted", "Disks fill up, slowly and surely.",
     checks::kept_forever},
    {"compacted-size", kInfo, "a compacted topic that does not say how much stays",
     "Its retention, by which plan and lint count, means nothing to Kafka: disks may have to be far larger, or "
     "smaller.",
     checks::compacted_size},
    {"bounded-by-brokers", kWarning, "a setting of the brokers deletes a topic's messages before its retention is over",
     "log.retention.bytes holds for every topic without retention_bytes: what is more is deleted, however young.",
     checks::bounded_by_brokers},
    {"disk-too-small", kError, "disks are more than 85 % full at the average rate",
     "A moved replica needs room on both brokers for minutes, and a full disk stops a broker.", checks::disk_too_small},
    {"volume-limits", kError, "volumes that the cloud does not sell, or that can't all be attached",
     "They are refused when they are made: size, IOPS and throughput of a type depend on one another.",
     checks::volume_limits},
    {"tiered-storage", kError, "a tiered topic on brokers that have no remote storage",
     "Brokers refuse to make it unless remote.log.storage.system.enable is true, and don't start with that and no "
     "remote.log.storage.manager.class.name; before Kafka 3.9 it is no more than a preview.",
     checks::tiered_storage},
    // cloud
    {"machine-type", kError, "a type of machine that EC2 does not have, or that can't be a broker",
     "It is refused when it is made; on machines of old generations log directories are not found.",
     checks::machine_type},
    {"zone-of-region", kError, "a zone that is not called as those of its region",
     "No subnet is found in it when it is applied. A zone has a name, us-east-1a, and an id, use1-az4: the name is "
     "meant.",
     checks::zone_of_region},
    // settings
    {"topic-settings", kError, "a topic has settings that Kafka does not take",
     "It refuses to make the topic, whatever else is right of it.", checks::topic_settings},
    {"broker-settings", kWarning, "a cluster has settings that its brokers do not have",
     "They start all the same, take no notice of it, and say so in their logs alone.", checks::broker_settings},
    {"broker-values", kError, "a cluster has a setting with a value that Kafka does not take",
     "None of its brokers starts with it.", checks::broker_values},
    {"message-over-limit", kError, "a topic's messages are larger than it takes",
     "Its broker refuses them, each time that they are sent.", checks::message_over_limit},
    {"message-over-request", kError, "a topic takes larger messages than a broker reads in one request",
     "The broker closes the connection, and the producer tries again for ever.", checks::message_over_request},
    // batching
    {"produce-requests", kWarning, "a service sends many small produce requests",
     "A broker's processor time goes by requests, not by bytes: a longer linger makes fewer and larger ones.",
     checks::produce_requests},
    {"cluster-produce-requests", kWarning, "a cluster gets many produce requests",
     "The brokers' request threads are busy before disks and network are.", checks::cluster_produce_requests},
    {"batch-too-small", kWarning, "batches fill up before the linger is over",
     "The linger has no effect: the batch decides how many requests there are.", checks::batch_too_small},
    {"batch-over-limit", kError, "a producer's batches are larger than a topic takes",
     "max.message.bytes holds for a whole batch: under load the broker refuses it.", checks::batch_over_limit},
    // access
    {"unknown-client", kError, "a service or mirror uses a cluster whose brokers don't know it",
     "They ask who it is and refuse it: nothing is written or read.", checks::unknown_client},
    {"mirror-rights", kError, "a mirror's user may not read or write topics that it mirrors, or MirrorMaker's own",
     "What it may not see it does not copy, and MirrorMaker 2 says nothing of it; without its own topics its tasks "
     "fail.",
     checks::mirror_rights},
    {"acls-not-enforced", kError, "a cluster has users, and its brokers ask nobody who he is",
     "Everybody may do everything, whatever the ACLs say.", checks::acls_not_enforced},
    {"brokers-refused", kError, "brokers are known by certificates, and none of them may do anything",
     "They refuse one another's requests: no broker is registered, and nothing is replicated.",
     checks::brokers_refused},
    {"password-over-plaintext", kWarning, "users prove who they are over connections that are not encrypted",
     "SCRAM does not send the password, but whoever is between can guess at it and reads and changes all that follows.",
     checks::password_over_plaintext},
    {"secret-in-file", kError, "a secret stands in the file",
     "Whoever reads the file, or its history, has it: a variable of the environment is named instead.",
     checks::secret_in_file},
    {"unused-user", kWarning, "a user that nobody is",
     "Its credentials open the cluster to whoever finds them, and nobody would notice.", checks::unused_user},
    {"acl-of-nothing", kWarning, "an ACL of a topic that is not there",
     "A slip of the pen locks somebody out; what is left over lets somebody in when the name comes back.",
     checks::acl_of_nothing},
    {"user-twice-in-namespace", kError, "users of one name in two clusters of one Kubernetes namespace",
     "A user is an object in its cluster's namespace: the second replaces the first, whose cluster then knows nobody "
     "of "
     "that name.",
     checks::user_twice_in_namespace},
    // hygiene
    {"unread-topic", kInfo, "nobody reads a topic", "It costs disks and a mirror's work for nothing.",
     checks::unread_topic},
    {"unwritten-topic", kInfo, "nobody writes a topic", "Its rate can't be right, or a service is missing here.",
     checks::unwritten_topic},
    {"topic-name-collision", kError, "two topics differ only in . and _",
     "Kafka's metrics can't tell them apart, and it refuses to create the second.", checks::topic_name_collision},
    {"topic-of-kafka", kError, "a topic of Kafka's own that is deleted by age",
     "Places of groups and transactions that are old are lost with it, and their groups begin anew.",
     checks::topic_of_kafka},
    {"lag-over-retention", kError, "messages are deleted before they are late",
     "A group within its promise would lose messages: retention must be at least twice the lag that is allowed.",
     checks::lag_over_retention},
    {"unknown-group", kWarning, "a service level for a group that is not there, or does not read there",
     "It is never measured, and nobody notices.", checks::unknown_group},
    {"no-critical-route", kWarning, "critical alerts have no route", "Nobody is woken.", checks::no_critical_route},
    {"route-of-nobody", kWarning, "alerts are routed to a team that owns nothing",
     "No alert ever takes that way: a slip of the pen, or what the team owns does not say so.",
     checks::route_of_nobody},
    {"no-owner", kInfo, "a cluster has no owner", "Its alerts go to everyone, and so to no one.", checks::no_owner},
    {"region-without-prices", kInfo, "a region whose prices nobody knows",
     "plan counts machines and disks as in another region, and may be off by half.", checks::region_without_prices},
    {"maintenance-zone", kError, "a window of maintenance in a time zone that is not there",
     "Moves that are to wait for it do not begin.", checks::maintenance_zone},
    // Found by lint() itself.
    {"accepted-unused", kWarning, "an entry of `accepted` that accepts nothing",
     "What it was for is mended or has another name; it would hide the next one.", nullptr},
});

// The last one has no check: lint() finds it itself, when all others are done.
static_assert(kRules.back().check == nullptr);
// The entry that accepts this finding, or the number of entries.
size_t acceptance_of(const Finding& finding, const std::vector<Accepted>& accepted) {
  const auto found = std::find_if(accepted.begin(), accepted.end(), [&](const Accepted& entry) {
    return entry.rule == finding.rule->id && (entry.subject.empty() || entry.subject == finding.subject);
  });
  return static_cast<size_t>(found - accepted.begin());
}

Finding unused(const Accepted& entry) {
  std::vector<std::string> ids;
  for (const Rule& rule : kRules) ids.emplace_back(rule.id);
  const bool known = find_rule(entry.rule) != nullptr;
  return {.rule = &kRules.back(),
          .at = entry.where.of("rule"),
          .subject = "accepted " + entry.rule,
          .evidence = known
                          ? "nothing is found by " + entry.rule + (entry.subject.empty() ? "" : " for " + entry.subject)
                          : "there is no rule " + entry.rule + yaml::did_you_mean(entry.rule, ids),
          .mend = "take it out",
          .changes = {}};
}

}  // namespace

std::span<const Rule> rules() { return kRules; }

const Rule* find_rule(std::string_view id) {
  const auto found = std::find_if(kRules.begin(), kRules.end(), [&](const Rule& rule) { return rule.id == id; });
  return found == kRules.end() ? nullptr : &*found;
}

size_t LintReport::count(Grade grade) const {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(),
                                           [&](const Finding& finding) { return finding.rule->grade == grade; }));
}

LintReport lint(const Topology& fleet) {
  const Facts facts(fleet);
  LintReport report;
  std::vector<bool> used(fleet.accepted.size());
  for (const Rule& rule : kRules) {
    if (rule.check == nullptr) continue;
    for (Finding& finding : rule.check(facts)) {
      FRESHET_ASSERT(finding.rule == nullptr && !finding.subject.empty() && !finding.evidence.empty() &&
                     !finding.mend.empty());
      finding.rule = &rule;
      const size_t accepted = acceptance_of(finding, fleet.accepted);
      if (accepted == used.size()) {
        report.findings.push_back(std::move(finding));
        continue;
      }
      used[accepted] = true;
      finding.because = fleet.accepted[accepted].because;
      report.accepted.push_back(std::move(finding));
    }
  }
  for (size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) report.findings.push_back(unused(fleet.accepted[i]));
  }
  // Findings are sorted by place, because a person mends a file from top to bottom. Those at one place stay in the
  // order of the rules.
  const auto by_place = [](const Finding& a, const Finding& b) { return a.at < b.at; };
  std::stable_sort(report.findings.begin(), report.findings.end(), by_place);
  std::stable_sort(report.accepted.begin(), report.accepted.end(), by_place);
  return report;
}

}  // namespace freshet::fleet
