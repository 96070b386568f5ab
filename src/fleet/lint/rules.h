// The checks behind the rules (fleet/lint/lint.cc has the table), grouped as their files are, and what they share.
// Private to src/fleet/lint.
#pragma once

#include <string>
#include <vector>

#include "fleet/lint/lint.h"

namespace freshet::fleet::checks {

using Findings = std::vector<Finding>;
using Kind = Change::Kind;

// segregation.cc: who may touch which cluster. A fleet is divided so that one group's abnormal use can't hurt
// another's services; these rules find where that division has a hole.
Findings fronting_consumer(const Facts& facts);
Findings backend_to_fronting(const Facts& facts);
Findings undeclared_service_group(const Facts& facts);
Findings two_service_groups(const Facts& facts);
Findings mixed_writers(const Facts& facts);
Findings shared_consumer_group(const Facts& facts);

// mirrors.cc: copies between clusters. What is wrong here shows late: as doubled messages, a full disk, a task that
// stands still.
Findings mirror_cycle(const Facts& facts);
Findings mirrored_twice(const Facts& facts);
Findings mirror_message_size(const Facts& facts);
Findings mirror_source_address(const Facts& facts);
Findings mirror_source_retention(const Facts& facts);
Findings mirror_repartitions(const Facts& facts);
Findings mirror_idle_tasks(const Facts& facts);
Findings mirror_never_copies(const Facts& facts);
Findings mirror_cleanup(const Facts& facts);

// durability.cc: replicas, in-sync replicas, zones, single points of failure. What breaks is found only when a machine
// does.
Findings replication_over_brokers(const Facts& facts);
Findings replication_one(const Facts& facts);
Findings min_isr_over_replication(const Facts& facts);
Findings min_isr_equals_replication(const Facts& facts);
Findings min_isr_one(const Facts& facts);
Findings acks_not_all(const Facts& facts);
Findings few_brokers(const Facts& facts);
Findings single_zone(const Facts& facts);
Findings zone_loss(const Facts& facts);
Findings uneven_zones(const Facts& facts);
Findings controllers(const Facts& facts);
Findings controller_zones(const Facts& facts);
Findings single_instance(const Facts& facts);
Findings kafka_version(const Facts& facts);
Findings unclean_election(const Facts& facts);

// partitions.cc: how many there are, against brokers, consumers and rates. Too few can't be spread, too many can't be
// failed over, and their number can't be lowered later.
Findings idle_consumers(const Facts& facts);
Findings idle_by_range(const Facts& facts);
Findings consumer_too_slow(const Facts& facts);
Findings consumer_slow_at_peak(const Facts& facts);
Findings broker_partitions_max(const Facts& facts);
Findings broker_partitions(const Facts& facts);
Findings cluster_partitions_max(const Facts& facts);
Findings many_partitions(const Facts& facts);
Findings many_segments(const Facts& facts);
Findings hot_partition(const Facts& facts);
Findings hotspot_topic(const Facts& facts);
Findings dominant_topic(const Facts& facts);

// storage.cc: compression and retention. Disks are a large part of what a cluster costs.
Findings no_compression(const Facts& facts);
Findings slow_codec_at_high_rate(const Facts& facts);
Findings fast_codec_for_long_retention(const Facts& facts);
Findings compressed_anew(const Facts& facts);
Findings kept_forever(const Facts& facts);
Findings compacted_size(const Facts& facts);
Findings bounded_by_brokers(const Facts& facts);
Findings disk_too_small(const Facts& facts);
Findings volume_limits(const Facts& facts);
Findings tiered_storage(const Facts& facts);

// batching.cc: what producers' settings make of requests, which cost a broker's processor more than bytes do.
Findings produce_requests(const Facts& facts);
Findings cluster_produce_requests(const Facts& facts);
Findings batch_too_small(const Facts& facts);
Findings batch_over_limit(const Facts& facts);

// hygiene.cc: what nobody reads, writes, owns or is told of.
Findings unread_topic(const Facts& facts);
Findings unwritten_topic(const Facts& facts);
Findings topic_name_collision(const Facts& facts);
Findings topic_of_kafka(const Facts& facts);
Findings lag_over_retention(const Facts& facts);
Findings unknown_group(const Facts& facts);
Findings no_critical_route(const Facts& facts);
Findings route_of_nobody(const Facts& facts);
Findings no_owner(const Facts& facts);
Findings region_without_prices(const Facts& facts);
Findings maintenance_zone(const Facts& facts);

// access.cc: users, ACLs and secrets. What is wrong here locks somebody out, or lets everybody in.
Findings unknown_client(const Facts& facts);
Findings mirror_rights(const Facts& facts);
Findings acls_not_enforced(const Facts& facts);
Findings brokers_refused(const Facts& facts);
Findings password_over_plaintext(const Facts& facts);
Findings secret_in_file(const Facts& facts);
Findings unused_user(const Facts& facts);
Findings acl_of_nothing(const Facts& facts);
Findings user_twice_in_namespace(const Facts& facts);

// cloud.cc: what EC2 does not have.
Findings machine_type(const Facts& facts);
Findings zone_of_region(const Facts& facts);

// brokers.cc: settings that brokers take no notice of or don't start with, and topics that they make for themselves.
Findings broker_settings(const Facts& facts);
Findings broker_values(const Facts& facts);
Findings own_topics(const Facts& facts);

// settings.cc: what Kafka itself refuses of topics.
Findings topic_settings(const Facts& facts);
Findings message_over_limit(const Facts& facts);
Findings message_over_request(const Facts& facts);

// What the files share. `key` is a key of the thing in fleet.yaml: the finding points at its value.
// A finding about a thing, at one of its keys.
[[nodiscard]] Finding finding(const Facts& facts, Kind kind, Index index, std::string_view key, std::string evidence,
                              std::string mend, std::vector<Change> changes = {});
// The same, mended by setting that key.
[[nodiscard]] Finding finding_mended(const Facts& facts, Kind kind, Index index, std::string_view key,
                                     std::string evidence, std::string value, std::string reason);

// About what no change can be made of.
[[nodiscard]] Finding at_place(yaml::Place at, std::string subject, std::string evidence, std::string mend);

// Texts and numbers of findings.
// The changes as a person reads them: "topic t partitions: 24, …".
[[nodiscard]] std::string mend_text(const Topology& fleet, const std::vector<Change>& changes);

[[nodiscard]] inline double peak_of(const Topic& topic) { return topic.messages_per_s * topic.peak_factor; }
// The smallest multiple of `step` that is not below `value`, which is rounded up.
[[nodiscard]] uint32_t round_up(double value, uint32_t step);
// Zones that brokers really stand in.
[[nodiscard]] uint32_t zones_used(const Cluster& cluster);
// "orders, clicks and 3 more"
[[nodiscard]] std::string list_of(const std::vector<std::string>& names);

}  // namespace freshet::fleet::checks
