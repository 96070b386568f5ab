// A member of a Kafka group, which shares the partitions out. Used by one thread, but for wake(). Its code is in three
// files: group_member.cc polls and commits, membership.cc takes what the group gives, place.cc joins and leaves.
//
// An assignment is told to the caller first and taken up at the next poll, with the positions that the caller has set
// meanwhile (fetcher.h).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/kafka/consume/fetcher.h"
#include "eventlog/kafka/consume/own_places.h"
#include "eventlog/kafka/produce/transactions.h"

namespace freshet::eventlog::kafka {

class GroupMember final : public Consumer {
 public:
  // kInvalid: others run with slots, which nothing would fence against members.
  [[nodiscard]] static Result<std::unique_ptr<Consumer>> open(const KafkaOptions& options, env::Clock& clock,
                                                              Cluster& cluster, const ConsumerOptions& consumer);
  ~GroupMember() override { leave(); }

  Result<PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override;
  void seek(TopicPartition partition, Offset next) override { fetcher_.seek(partition, next); }
  void pause(TopicPartition partition, bool paused) override { fetcher_.pause(partition, paused); }
  Status commit(Transaction transaction) override;
  Result<std::optional<Offset>> committed(TopicPartition partition) override;
  std::optional<Offset> foreign_place(TopicPartition of) const override { return places_.foreign(of); }
  void wake() override { fetcher_.client().wake(); }

 private:
  GroupMember(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, const ConsumerOptions& consumer);

  // ---- polling and committing (group_member.cc)
  [[nodiscard]] Result<PollResult> poll_fetcher(size_t bytes_max, env::TimeUs timeout_us);

  // ---- its place in the group (place.cc)
  [[nodiscard]] Status join();
  void leave();
  [[nodiscard]] Result<PollResult> join_again();
  [[nodiscard]] Result<PollResult> watch_place(env::TimeUs timeout_us);

  // ---- what the group gives and takes (membership.cc)
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);
  void assigned(const rd_kafka_topic_partition_list_t* list);
  void revoked(rd_kafka_topic_partition_list_t* list);
  void learn_membership();
  [[nodiscard]] Status learn_committed();
  [[nodiscard]] Status ask_committed(rd_kafka_topic_partition_list_t* list);
  void abort_last_owners(const std::vector<TopicPartition>& of);

  const KafkaOptions options_;
  env::Clock& clock_;
  Cluster& cluster_;
  const ConsumerOptions consumer_;
  const std::string group_;
  const std::string member_;  // among the group's
  Fetcher fetcher_;           // opened anew by join()
  Transactions transactions_;
  GroupMetadata membership_;  // of the last rebalance; null: there is none
  // Of our partitions. None: it is not known yet; nullopt: nothing is committed.
  Fetcher::Places committed_;
  OwnPlaces places_;
  PollResult rebalanced_;                     // to be told by the next poll
  std::optional<env::TimeUs> fenced_at_;      // when its place was last said to be another's
  std::optional<env::TimeUs> watched_since_;  // set while it is no member and watches its place
};

}  // namespace freshet::eventlog::kafka
