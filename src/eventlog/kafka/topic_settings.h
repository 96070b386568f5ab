// The settings of our topics: what they are created with, and what is wrong with those that were there already.
// Settings that lose records in silence are refused at the start, since nobody would notice later.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/event_log.h"
#include "eventlog/kafka/kafka_options.h"

namespace freshet::eventlog::kafka {

// The most that a record may have with its frame: what MongoDB allows a document, so that every profile has room.
inline constexpr int64_t kRecordBytesMax = 16 << 20;

// A topic with a retention and with consumers: Kafka would delete what they have not read, so that it keeps everything,
// and EventLog::retire() deletes what is old and read.
[[nodiscard]] inline bool is_held_back(const TopicOptions& options) {
  return options.retention_us > 0 && !options.consumers.empty();
}
// For how long such a topic is kept at least. Besides its consumers there are readers who hold nothing back.
[[nodiscard]] env::TimeUs held_back_us(const TopicOptions& options);

// What a topic is created with, on so many brokers.
struct NewTopic {
  int replication = 1;
  KafkaProperties settings;
};
[[nodiscard]] NewTopic new_topic(const TopicOptions& options, int brokers);

// What would have to be set, with why: {"retention.ms=-1", "records would be deleted that …"}; empty: all is well.
struct WrongSetting {
  std::string mend;
  std::string why;
};
using SettingOf = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] std::vector<WrongSetting> wrong_settings(const TopicOptions& options, int replication,
                                                       const SettingOf& setting);
// The time in ms after which Kafka itself deletes from a topic that is held back, read or not: one that was made when
// Freshet left that to Kafka, or whose retention somebody has set. nullopt: it does not.
[[nodiscard]] std::optional<int64_t> deletes_unread_ms(const TopicOptions& options, const SettingOf& setting);

// After a record was deleted: its segment is ended by the first record that comes so much later, then the broker has to
// notice, and deletes the file a while after that.
[[nodiscard]] env::TimeUs lingers_us(const SettingOf& topic, const SettingOf& broker);

}  // namespace freshet::eventlog::kafka
