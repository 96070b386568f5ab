// One process's way to the simulated log. What it has sent and the log has not written yet dies
// with it, or lands late.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>

#include "broker.h"

namespace freshet::sim {

// It dies with its process, so it holds all that a crash may take away.
class SimLog final : public eventlog::EventLog {
 public:
  // All of these outlive it.
  // `prompt`: an append is written and answered before it returns, for those who wait for it.
  SimLog(Broker& broker, CrashPoint& crash, Dice& dice, const Faults& faults, Probes& probes, bool prompt = false)
      : broker_(broker), crash_(crash), dice_(dice), faults_(faults), probes_(probes), prompt_(prompt) {}
  ~SimLog() override;

  [[nodiscard]] Status create_topic(Topic topic, const eventlog::TopicOptions& options) override;
  [[nodiscard]] uint32_t partitions(Topic topic) const override { return broker_.partitions(topic); }
  void append(std::vector<eventlog::Produce> batches, eventlog::AppendDone done) override;
  [[nodiscard]] Result<std::unique_ptr<eventlog::Consumer>> open_consumer(
      const eventlog::ConsumerOptions& options) override;
  [[nodiscard]] Result<eventlog::Watermarks> watermarks(TopicPartition partition) override;
  [[nodiscard]] Result<eventlog::Fetched> read(TopicPartition partition, Offset from, size_t bytes_max) override;
  [[nodiscard]] Status trim(TopicPartition partition, Offset before) override;
  [[nodiscard]] Result<std::optional<Offset>> committed(const std::string& group, TopicPartition of) override;
  [[nodiscard]] uint64_t disk_bytes() override { return 0; }

  // Writes the oldest append and answers it; returns false if there is none.
  bool tick();
  [[nodiscard]] bool idle() const { return pending_.empty(); }

 private:
  struct Append {
    std::vector<eventlog::Produce> batches;
    eventlog::AppendDone done;
  };

  Broker& broker_;
  CrashPoint& crash_;
  Dice& dice_;
  const Faults& faults_;
  Probes& probes_;
  const bool prompt_;
  std::deque<Append> pending_;
};

// A consumer as the contract has it: it may find little, or nothing, at any poll.
class SimConsumer final : public eventlog::Consumer {
 public:
  SimConsumer(Broker& broker, CrashPoint& crash, Dice& dice, const Faults& faults, Probes& probes,
              const eventlog::ConsumerOptions& options);
  ~SimConsumer() override;

  [[nodiscard]] Result<eventlog::PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override;
  void seek(TopicPartition partition, Offset next) override { positions_[partition] = next; }
  void pause(TopicPartition partition, bool paused) override;
  [[nodiscard]] Status commit(eventlog::Transaction transaction) override;
  [[nodiscard]] Result<std::optional<Offset>> committed(TopicPartition partition) override;
  void wake() override {}

  [[nodiscard]] MemberId member() const { return member_; }
  // It has read all that it may of what it follows.
  [[nodiscard]] bool follows_closely() const;

 private:
  // The offset behind the last record that it may see: of a followed partition that is the owner's
  // last commit.
  [[nodiscard]] Offset end_of(TopicPartition of) const;
  [[nodiscard]] Status check_position(TopicPartition of, Offset position) const;
  void fetch(TopicPartition of, Offset& position, size_t bytes_max, eventlog::PollResult& result);

  Broker& broker_;
  CrashPoint& crash_;
  Dice& dice_;
  const Faults& faults_;
  Probes& probes_;
  const std::string group_;
  const MemberId member_;
  std::map<TopicPartition, Offset> positions_;  // of what is assigned to it or followed by it
  std::set<TopicPartition> followed_;
  std::set<TopicPartition> paused_;
  int polls_as_zombie_ = 0;  // how often it has polled since it was thrown out
};

}  // namespace freshet::sim
