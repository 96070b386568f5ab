// An owner and a standby of slots: the Consumer of a worker where there are standbys. Slots decides which part it has
// in which; here the partitions of a slot are taken up, read along, given up and committed accordingly. Used by one
// thread, but for wake().
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/kafka/consume/fetcher.h"
#include "eventlog/kafka/standby/slots.h"

namespace freshet::eventlog::kafka {

class SlotMember final : public Consumer {
 public:
  // REQUIRES: ConsumerOptions::slots is not 0.
  [[nodiscard]] static Result<std::unique_ptr<Consumer>> open(const KafkaOptions& options, env::Clock& clock,
                                                              Cluster& cluster, const ConsumerOptions& consumer);
  ~SlotMember() override;

  Result<PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override;
  void seek(TopicPartition partition, Offset next) override { fetcher_.seek(partition, next); }
  void pause(TopicPartition partition, bool paused) override { fetcher_.pause(partition, paused); }
  Status commit(Transaction transaction) override;
  Result<std::optional<Offset>> committed(TopicPartition partition) override;
  void wake() override { fetcher_.client().wake(); }

 private:
  SlotMember(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, const ConsumerOptions& consumer);

  [[nodiscard]] Result<PollResult> poll_fetcher(size_t bytes_max, env::TimeUs timeout_us);
  // ---- changes of parts
  [[nodiscard]] Result<bool> change_parts();
  [[nodiscard]] Status change(const Change& change, const std::vector<std::optional<Offset>>& committed);
  [[nodiscard]] Status own(uint32_t slot);
  void follow(uint32_t slot);
  void let_go(uint32_t slot);
  // ---- reading along
  void raise_bounds(const std::vector<std::optional<Offset>>& committed);
  void say_standbys();
  [[nodiscard]] bool left_behind();
  // ---- what is committed
  [[nodiscard]] Status learn_committed();

  env::Clock& clock_;
  Cluster& cluster_;
  const ConsumerOptions consumer_;
  const std::string group_;
  Fetcher fetcher_;
  Slots slots_;
  // Of the partitions that it has a part in. None: it is not known yet; nullopt: nothing is committed.
  Fetcher::Places committed_;
  PollResult changed_;                // to be told by the next poll
  std::vector<uint32_t> lost_slots_;  // to be let go at the next poll
};

}  // namespace freshet::eventlog::kafka
