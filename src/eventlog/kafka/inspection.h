// What brokers say of themselves and of our topics, for people who look for what is wrong. Nothing of anybody is made
// or changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/event_log.h"
#include "eventlog/kafka/kafka_options.h"
#include "eventlog/kafka/topic_settings.h"

namespace freshet::eventlog {

// A topic as it should be.
struct WantedTopic {
  Topic topic = Topic::kActions;
  TopicOptions options;
};

// What else somebody wants to use, without the prefix of our topics.
struct WantedAccess {
  std::vector<std::string> groups;
  std::vector<std::string> transactional_ids;  // nobody's: they are begun, as nothing else tells whether they may be
};

struct TopicReport {
  std::string name;         // with its prefix
  uint32_t partitions = 0;  // 0: there is no such topic (yet)
  int replicas = 0;         // the fewest of its partitions
  uint32_t leaderless = 0;  // partitions that nobody can write to now
  uint32_t behind = 0;      // partitions that have replicas which are not in sync
  std::vector<kafka::WrongSetting> wrong;
  std::string unseen;  // why its settings could not be read; "": they were
  // What we may do there: letters of R (read), W (write), D (delete records). nullopt: the brokers do not say.
  std::optional<std::string> allowed;
};

struct GroupReport {
  std::string name;  // with its prefix
  // What we may do there: letters of R (read: join, commit), S (see: describe). nullopt: the brokers do not say.
  std::optional<std::string> allowed;
};

struct TransactionalIdReport {
  std::string id;  // with its prefix
  bool forbidden = false;
  std::string refused;  // why it could not be begun; "": it was
};

struct KafkaReport {
  int brokers = 0;
  std::string cluster_id;
  // The version that the brokers speak among themselves, "3.9-IV0"; "": 4.0 or later, where it is no setting any more.
  std::string protocol_version;
  std::optional<int64_t> transaction_max_ms, session_min_ms, session_max_ms;  // limits of a broker
  std::string unseen;               // why a broker's settings could not be read; "": they were
  std::vector<TopicReport> topics;  // in the order in which they were asked for, as are the others
  std::vector<GroupReport> groups;
  std::vector<TransactionalIdReport> transactional_ids;
};

// kRetry: no broker answers; kInvalid: they refuse us, or an option is wrong. It blocks, some seconds for each
// question.
[[nodiscard]] Result<KafkaReport> inspect_kafka(const KafkaOptions& options, const std::vector<WantedTopic>& wanted,
                                                const WantedAccess& access, env::Clock& clock);

}  // namespace freshet::eventlog
