// The log on Apache Kafka, through librdkafka. Every process that opens it with the same brokers and prefix sees one
// log.
//
//   topics          Their names are the prefix and the topic's ("freshet.actions"). Groups and transactional ids have
//                   the prefix, too.
//   append          There is one idempotent producer with acks=all. Values are not copied, keys are.
//   consumers       They are group members (cooperative-sticky) that read committed records. Each that commits exactly
//                   once has a transactional producer of its own.
//   who may commit  The group's generation goes into every transaction: a member that has lost its partitions without
//                   knowing it can't commit for them (kConflict). A process that came back while its predecessor
//                   still runs takes its transactional ids and its places in the groups (kFenced there).
//   dead members    The transactional id goes into the metadata of every committed offset. Who takes a partition over
//                   and finds that its offsets wait for a transaction begins that id anew, which aborts it.
//   retention       Kafka does not hold it back for readers, so a topic with TopicOptions::consumers has none there:
//                   retire() deletes what they have committed and is older than the retention, a week at least. One
//                   that was made with a retention keeps it, and a warning says so. Who finds records gone is told
//                   (kNotFound): nothing is skipped in silence.
//   trimmed bytes   Kafka deletes whole segments, never the one that is written to. So topics whose records we delete
//                   ourselves get short segments, and lingers_us() asks for the settings as they are.
//   disk_bytes      It is 0: librdkafka can't ask for it (app/log_disks.h does, by Kafka's protocol).
//
// Brokers that are away: appends are answered kRetry after delivery_timeout_us; polls find nothing; commits wait, up to
// outage_max_us or wake(), and then answer kRetry, as nobody knows what became of them.
#pragma once

#include <memory>

#include "eventlog/event_log.h"
#include "eventlog/kafka/kafka_options.h"

namespace freshet::eventlog {

// kRetry: no broker could be reached; kInvalid: they refuse the credentials, or an option is wrong.
[[nodiscard]] Result<std::unique_ptr<EventLog>> open_kafka_log(const KafkaOptions& options, env::Clock& clock);

}  // namespace freshet::eventlog
