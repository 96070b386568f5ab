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
//   retention       Kafka does not hold it back for readers, so a topic with TopicOptions::consumers keeps a week at
//                   least, whatever its retention. Who is away for longer finds kNotFound: nothing is skipped in
//                   silence.
//   disk_bytes      It is 0: the brokers know, and tell it in their own metrics.
//
// Brokers that are away: appends are answered kRetry after delivery_timeout_us; polls find nothing; commits wait, up to
// outage_max_us or wake(), and then answer kRetry, as nobody knows what became of them.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "eventlog/event_log.h"

namespace freshet::eventlog {

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

struct KafkaOptions {
  std::string brokers;  // "host:9092,host:9092"
  std::string topic_prefix;
  KafkaProperties properties;  // librdkafka's own, for every client; they may have secrets: never logged
  // Names this process to the brokers: transactional ids and places in groups are made of it. No two processes that run
  // have the same; a restarted one has the same again, and so gets its partitions back at once.
  std::string client_id = "freshet";
  bool static_membership = true;               // false: a member that leaves gives its partitions up at once
  size_t queue_bytes_max = 64u << 20;          // appends under way; more is answered kRetry
  size_t fetch_bytes_max = 64u << 20;          // read ahead, for each consumer
  env::TimeUs open_timeout_us = 15'000'000;    // until a broker answers
  env::TimeUs settle_timeout_us = 60'000'000;  // until those that answer have made a topic: elections after a restart
  env::TimeUs call_timeout_us = 5'000'000;     // of a question to a broker
  env::TimeUs session_timeout_us = 6'000'000;  // how long a silent member keeps its partitions
  env::TimeUs silence_us = 2'500'000;  // how long a silent owner of slots keeps them: its standby takes over then
  env::TimeUs delivery_timeout_us = 30'000'000;
  // A transaction of a member that died is aborted by the brokers after this, if nobody does it before.
  env::TimeUs transaction_timeout_us = 15'000'000;
  env::TimeUs outage_max_us = 600'000'000;
};

// kInvalid: a property that librdkafka does not know or refuses, or that is Freshet's to decide.
[[nodiscard]] Status check_kafka_properties(const KafkaProperties& properties);

// kRetry: no broker could be reached; kInvalid: they refuse the credentials, or an option is wrong.
[[nodiscard]] Result<std::unique_ptr<EventLog>> open_kafka_log(const KafkaOptions& options, env::Clock& clock);

}  // namespace freshet::eventlog
