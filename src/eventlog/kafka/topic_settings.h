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

// After a record was deleted: its segment is ended by the first record that comes so much later, then the broker has to
// notice, and deletes the file a while after that.
[[nodiscard]] env::TimeUs lingers_us(const SettingOf& topic, const SettingOf& broker);

}  // namespace freshet::eventlog::kafka
