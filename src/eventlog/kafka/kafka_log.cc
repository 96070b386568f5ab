// The log on Kafka as its callers see it: appends go to one producer, consumers are opened with clients of their own,
// and all questions to brokers are the Cluster's. Nothing here remembers what the brokers know, as other processes
// change it.
#include "eventlog/kafka/kafka_log.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <future>
#include <mutex>
#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/cluster.h"
#include "eventlog/kafka/consume/group_member.h"
#include "eventlog/kafka/produce/appender.h"
#include "eventlog/kafka/reader.h"
#include "eventlog/kafka/standby/slot_member.h"
#include "eventlog/kafka/topic_settings.h"

namespace freshet::eventlog {
namespace kafka {
namespace {

std::vector<TopicPartition> all_of(Topic topic, uint32_t partitions) {
  std::vector<TopicPartition> out(partitions);
  for (uint32_t p = 0; p < partitions; ++p) out[p] = {topic, p};
  return out;
}

class KafkaLog final : public EventLog {
 public:
  KafkaLog(const KafkaOptions& options, env::Clock& clock, std::shared_ptr<Client> reader)
      : options_(options), clock_(clock), cluster_(options, clock, reader), reader_(options, clock, cluster_, reader) {}

  Status open() {
    FRESHET_TRY(cluster_.connect());
    FRESHET_ASSIGN(appender_, Appender::open(options_, cluster_.names()));
    return {};
  }

  Status create_topic(Topic topic, const TopicOptions& options) override {
    FRESHET_ASSERT(options.partitions > 0);
    FRESHET_TRY(cluster_.create_topic(topic, options));
    const std::lock_guard lock(mutex_);
    options_of_[static_cast<size_t>(topic)] = options;
    return {};
  }

  uint32_t partitions(Topic topic) const override { return cluster_.partitions(topic); }

  void append(std::vector<Produce> batches, AppendDone done) override {
    FRESHET_ASSERT(done != nullptr);
    if (Status found = cluster_.check_targets(batches); !found) return done(std::move(found));
    appender_->append(std::move(batches), std::move(done));
  }

  Result<std::unique_ptr<Consumer>> open_consumer(const ConsumerOptions& options) override {
    FRESHET_ASSERT(!options.group.empty() && !options.topics.empty());
    for (const Topic topic : options.topics) {
      if (cluster_.partitions(topic) == 0)
        return fail(Code::kNotFound, fmt::format("kafka: there is no topic {}", cluster_.names().of(topic)));
    }
    return options.slots > 0 ? SlotMember::open(options_, clock_, cluster_, options)
                             : GroupMember::open(options_, clock_, cluster_, options);
  }

  Result<Watermarks> watermarks(TopicPartition partition) override {
    FRESHET_ASSIGN(const auto marks, cluster_.watermarks({partition}));
    FRESHET_ASSERT(marks.size() == 1);
    return marks.front();
  }

  Result<std::vector<Watermarks>> all_watermarks(Topic topic) override {
    return cluster_.watermarks(all_of(topic, partitions(topic)));
  }

  Result<std::vector<Watermarks>> all_appended(Topic topic) override {
    return cluster_.watermarks(all_of(topic, partitions(topic)), Cluster::Upto::kAppended);
  }

  Result<Fetched> read(TopicPartition partition, Offset from, size_t bytes_max) override {
    return reader_.read(partition, from, bytes_max);
  }

  Status trim(TopicPartition partition, Offset before) override {
    FRESHET_ASSIGN(const auto marks, watermarks(partition));
    FRESHET_ASSIGN(before, may_go(partition, marks, before));
    return before <= marks.low ? Status{} : cluster_.delete_records(partition, before);
  }

  Status retire(Topic topic) override {
    const TopicOptions options = options_of(topic);
    if (!kafka::is_held_back(options)) return {};
    FRESHET_ASSIGN(const auto first, cluster_.first_since(topic, clock_.now_us() - kafka::held_back_us(options)));
    for (uint32_t p = 0; p < first.size(); ++p) {
      const TopicPartition of{topic, p};
      FRESHET_ASSIGN(const auto marks, watermarks(of));
      FRESHET_ASSIGN(const Offset before, may_go(of, marks, first[p]));
      if (before <= marks.low) continue;
      // The file that is written to stays, whatever is deleted in it, so where nothing comes any more it is ended.
      if (before == marks.high) FRESHET_TRY(end_file(of));
      FRESHET_TRY(cluster_.delete_records(of, before));
    }
    return {};
  }

  Result<std::optional<Offset>> committed(const std::string& group, TopicPartition partition) override {
    return cluster_.place(options_.topic_prefix + group, partition);
  }

  Result<std::vector<std::optional<Offset>>> all_committed(const std::string& group, Topic topic) override {
    FRESHET_ASSIGN(const auto found,
                   cluster_.committed(options_.topic_prefix + group, all_of(topic, partitions(topic))));
    std::vector<std::optional<Offset>> out;
    for (const auto& one : found) out.push_back(one ? std::optional(one->next) : std::nullopt);
    return out;
  }

  Result<std::vector<std::string>> members(const std::string& group) override {
    return cluster_.members(options_.topic_prefix + group);
  }

  Result<env::TimeUs> lingers_us(Topic topic) override { return cluster_.lingers_us(topic); }

  uint64_t disk_bytes() override { return 0; }

  Result<size_t> record_bytes_max(Topic topic) override { return cluster_.record_bytes_max(topic); }

 private:
  // Kafka deletes what it is told to, also what a group has not read yet. So the groups that hold the topic back are
  // asked first.
  [[nodiscard]] Result<Offset> may_go(TopicPartition partition, const Watermarks& marks, Offset before) {
    before = std::min(before, marks.high);
    for (const std::string& group : options_of(partition.topic).consumers) {
      FRESHET_ASSIGN(const auto next, committed(group, partition));
      before = std::min(before, next.value_or(marks.low));
    }
    return before;
  }

  // A record without a value: a segment ends with the first one that comes when it is old enough.
  [[nodiscard]] Status end_file(TopicPartition of) {
    std::vector<Produce> nudge(1);
    nudge[0].to = of;
    nudge[0].records.add({}, {});
    std::promise<Status> done;
    append(std::move(nudge), [&done](Status status) { done.set_value(std::move(status)); });
    return done.get_future().get();
  }

  [[nodiscard]] TopicOptions options_of(Topic topic) {
    const std::lock_guard lock(mutex_);
    return options_of_[static_cast<size_t>(topic)];
  }

  const KafkaOptions options_;
  env::Clock& clock_;
  Cluster cluster_;
  Reader reader_;
  std::unique_ptr<Appender> appender_;
  std::mutex mutex_;
  std::array<TopicOptions, kTopics> options_of_;  // as they were given to create_topic(); guarded by mutex_
};

}  // namespace
}  // namespace kafka

Result<std::unique_ptr<EventLog>> open_kafka_log(const KafkaOptions& options, env::Clock& clock) {
  FRESHET_TRY(check_kafka_properties(options.properties));
  FRESHET_ASSIGN(auto reader, kafka::Reader::open_client(options));
  auto log = std::make_unique<kafka::KafkaLog>(options, clock, std::move(reader));
  FRESHET_TRY(log->open());
  return log;
}

}  // namespace freshet::eventlog
