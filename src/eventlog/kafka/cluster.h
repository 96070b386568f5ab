// Questions to the brokers, and orders: topics, watermarks, committed offsets, deletion. Thread-safe; each call blocks,
// KafkaOptions::call_timeout_us at most where nothing else is said.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/kafka/client.h"

namespace freshet::eventlog::kafka {

// What our topics are called on the brokers.
class Names {
 public:
  explicit Names(const std::string& prefix);
  [[nodiscard]] const char* of(Topic topic) const { return topics_[static_cast<size_t>(topic)].c_str(); }
  [[nodiscard]] std::optional<Topic> find(std::string_view name) const;

 private:
  std::array<std::string, kTopics> topics_;
};

// The partitions, each with the offset, as librdkafka takes them.
[[nodiscard]] PartitionList list_of(const Names& names, const std::vector<TopicPartition>& of,
                                    Offset offset = RD_KAFKA_OFFSET_INVALID);

// A group's place in a partition, with what its committer left beside it.
struct Committed {
  Offset next = 0;
  std::string metadata;
};
void add_committed(rd_kafka_topic_partition_list_t* list, const char* topic, uint32_t partition,
                   const Committed& place);

// The brokers, as far as this process asks them.
class Cluster {
 public:
  Cluster(const KafkaOptions& options, env::Clock& clock, std::shared_ptr<Client> client);

  // Learns which topics there are. kRetry, kInvalid: no broker answers, with the likely reason.
  [[nodiscard]] Status connect();
  [[nodiscard]] const Names& names() const { return names_; }
  // 0: no such topic.
  [[nodiscard]] uint32_t partitions(Topic topic) const { return partitions_[static_cast<size_t>(topic)]; }
  [[nodiscard]] bool has(TopicPartition of) const { return of.partition < partitions(of.topic); }
  // kNotFound: one of them goes to a partition that is not there.
  [[nodiscard]] Status check_targets(const std::vector<Produce>& batches) const;

  // Waits for brokers that answer but are not ready, KafkaOptions::settle_timeout_us at most (kRetry).
  [[nodiscard]] Status create_topic(Topic topic, const TopicOptions& options);
  // In the order of `of`. kReadable: the high ones are those of readers, what is not decided yet lies above.
  enum class Upto : uint8_t { kReadable, kAppended };
  [[nodiscard]] Result<std::vector<Watermarks>> watermarks(const std::vector<TopicPartition>& of,
                                                           Upto upto = Upto::kReadable);
  // Of each partition the first record that was made at this time or later; if there is none, the high watermark.
  [[nodiscard]] Result<std::vector<Offset>> first_since(Topic topic, env::TimeUs time_us);
  // kDecided: waits for transactions that are not, call_timeout_us at most (kRetry). A transaction that has just ended
  // may not be in the offsets yet, even though its id has been begun anew; so who goes on from there asks for these.
  enum class Offsets : uint8_t { kAsTheyAre, kDecided };
  [[nodiscard]] Result<std::vector<std::optional<Committed>>> committed(const std::string& group,
                                                                        const std::vector<TopicPartition>& of,
                                                                        Offsets which = Offsets::kAsTheyAre);
  // The same of one partition, as it is, without what lies beside it. nullopt: the group has committed nothing there.
  [[nodiscard]] Result<std::optional<Offset>> place(const std::string& group, TopicPartition of);
  // Commits offsets of a group that has no members.
  [[nodiscard]] Status commit(const std::string& group, const std::vector<Position>& places,
                              const std::string& metadata);
  // The members of the group: each by its instance id if it is a static one, else by its client id.
  [[nodiscard]] Result<std::vector<std::string>> members(const std::string& group);
  // The low watermark becomes `before`. REQUIRES: it is not above the high one.
  [[nodiscard]] Status delete_records(TopicPartition of, Offset before);
  // How long the files of deleted records may last, by the settings of the topic and of a broker.
  [[nodiscard]] Result<env::TimeUs> lingers_us(Topic topic);
  // As of EventLog.
  [[nodiscard]] Result<size_t> record_bytes_max(Topic topic);

 private:
  [[nodiscard]] Status learn_topics(int* brokers);
  // *made: its creation was answered; it is asked for once.
  [[nodiscard]] Status make_ready(Topic topic, const TopicOptions& options, bool* made);
  [[nodiscard]] Status create(Topic topic, const TopicOptions& options, int brokers);
  [[nodiscard]] Status check(Topic topic, const TopicOptions& options);
  [[nodiscard]] Status other_partitions(Topic topic, uint32_t configured) const;
  [[nodiscard]] Status answers(Topic topic);
  [[nodiscard]] Status list_offsets(rd_kafka_topic_partition_list_t* list, const std::string& question);
  // A client that knows the group's coordinator and never joins. librdkafka's administrative questions to coordinators
  // (ListConsumerGroupOffsets) end the process when these are away at the wrong moment: its 5397 and 5040.
  [[nodiscard]] Result<std::shared_ptr<Client>> asker_of(const std::string& group, Offsets which = Offsets::kAsTheyAre);

  const KafkaOptions options_;
  env::Clock& clock_;
  const std::shared_ptr<Client> client_;
  const Names names_;
  std::array<std::atomic<uint32_t>, kTopics> partitions_{};
  std::mutex mutex_;
  std::map<std::pair<std::string, Offsets>, std::shared_ptr<Client>> askers_;  // by group; guarded by mutex_
};

}  // namespace freshet::eventlog::kafka
