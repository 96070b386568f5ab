// A member of a Kafka group; or, where there are standbys, an owner and a standby of slots. Used by one thread, but
// for wake(). Its code is in four files: consumer.cc polls and commits, membership.cc takes what the group gives,
// place.cc joins and leaves, parts.cc has the slots.
//
// An assignment is told to the caller first and taken up at the next poll, with the positions that the caller has set
// meanwhile. What librdkafka has read ahead waits in its queues, a chunk of it in `taken_`.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "eventlog/kafka/fetched.h"
#include "eventlog/kafka/own_places.h"
#include "eventlog/kafka/slots.h"
#include "eventlog/kafka/transactions.h"

namespace freshet::eventlog::kafka {

class KafkaConsumer final : public Consumer {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Consumer>> open(const KafkaOptions& options, env::Clock& clock,
                                                              Cluster& cluster, const ConsumerOptions& consumer);
  ~KafkaConsumer() override;

  Result<PollResult> poll(size_t bytes_max, env::TimeUs timeout_us) override;
  void seek(TopicPartition partition, Offset next) override;
  void pause(TopicPartition partition, bool paused) override;
  Status commit(Transaction transaction) override;
  Result<std::optional<Offset>> committed(TopicPartition partition) override;
  std::optional<Offset> foreign_place(TopicPartition of) const override { return places_.foreign(of); }
  void wake() override;

 private:
  // A partition from its assignment to its revocation. Invariant: next <= passed. A standby hands nothing out from
  // `bound` on, which is what the owner has committed: the rest may still be aborted, and then it was never there.
  struct Share {
    bool started = false;  // librdkafka reads it
    bool paused = false;
    bool following = false;  // read along as a standby
    bool held = false;       // librdkafka has something from `bound` on, and is asked for no more
    Offset bound = 0;
    std::optional<Offset> position;  // to go on from; librdkafka was not told yet
    Offset next = 0;                 // handed out up to here
    Offset passed = 0;               // nothing up to here but gaps and what was handed out; told when idle
    // nullopt: it is not known yet; nullopt in it: nothing is committed.
    std::optional<std::optional<Offset>> committed;
  };

  KafkaConsumer(const KafkaOptions& options, env::Clock& clock, Cluster& cluster, const ConsumerOptions& consumer);
  // ---- membership (place.cc)
  [[nodiscard]] Status join();
  void leave();
  [[nodiscard]] bool lost_its_place() const;
  [[nodiscard]] tl::unexpected<Error> failed(rd_kafka_resp_err_t error, const std::string& what) const;
  [[nodiscard]] Result<PollResult> join_again();
  [[nodiscard]] Result<PollResult> watch_place(env::TimeUs timeout_us);

  // ---- parts in slots (parts.cc)
  [[nodiscard]] Result<bool> change_parts();
  [[nodiscard]] Status change(const Change& change, const std::vector<std::optional<Offset>>& committed);
  [[nodiscard]] Status own(uint32_t slot);
  void follow(uint32_t slot);
  void let_go(uint32_t slot);
  void raise_bounds(const std::vector<std::optional<Offset>>& committed);
  void say_standbys();
  [[nodiscard]] bool left_behind();
  [[nodiscard]] Status check_no_slots();
  [[nodiscard]] Status learn_committed_of_slots();
  [[nodiscard]] Status commit_slot(Transaction transaction);
  [[nodiscard]] bool hold_back(TopicPartition of, Share& share, const rd_kafka_message_t& message);
  void let_flow(TopicPartition of, bool flowing);

  // ---- what the group gives and takes (membership.cc)
  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list);
  void assigned(const rd_kafka_topic_partition_list_t* list);
  void revoked(rd_kafka_topic_partition_list_t* list);
  void learn_membership();
  [[nodiscard]] Status learn_committed();
  [[nodiscard]] Status ask_committed(rd_kafka_topic_partition_list_t* list);
  [[nodiscard]] std::vector<std::string> last_owners(const std::vector<TopicPartition>& of);
  void abort_last_owners(const std::vector<TopicPartition>& of);
  [[nodiscard]] Status start();
  [[nodiscard]] Status start_assigned(const std::vector<TopicPartition>& of);
  [[nodiscard]] Status move(const std::vector<TopicPartition>& of);
  [[nodiscard]] Status check_positions(const std::vector<TopicPartition>& of);

  // ---- polling and committing (consumer.cc)
  [[nodiscard]] Result<PollResult> poll_client(size_t bytes_max, env::TimeUs timeout_us);
  void forget_taken(TopicPartition of);
  void take_from_queue(size_t count, int timeout_ms);
  [[nodiscard]] Status hand_out(size_t bytes_max, Gathering& into);
  [[nodiscard]] Status handle_error(const rd_kafka_message_t& message, std::optional<TopicPartition> of);
  void add_gaps(std::vector<Fetched>& fetched);
  [[nodiscard]] size_t chunk_for(size_t bytes) const;
  [[nodiscard]] PartitionList list_of(const std::vector<TopicPartition>& of) const;

  using Taken = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;

  const KafkaOptions options_;
  env::Clock& clock_;
  Cluster& cluster_;
  const ConsumerOptions consumer_;
  const std::string group_;
  const std::string member_;        // among the group's
  std::shared_ptr<Client> client_;  // these two are made anew by join()
  Queue queue_;
  std::mutex queue_mutex_;                // of queue_ itself: wake() may come while it is made anew
  std::atomic<bool> interrupted_{false};  // by wake(), until the next poll
  std::unique_ptr<Slots> slots_;          // null: the group shares the partitions out
  Transactions transactions_;
  GroupMetadata membership_;  // of the last rebalance; null: there is none
  std::map<TopicPartition, Share> shares_;
  OwnPlaces places_;
  PollResult rebalanced_;             // to be told by the next poll
  std::vector<uint32_t> lost_slots_;  // to be let go at the next poll
  std::deque<Taken> taken_;
  PartitionOf partition_of_;
  size_t record_bytes_ = 1024;                // the last ones' mean
  std::optional<env::TimeUs> fenced_at_;      // when its place was last said to be another's
  std::optional<env::TimeUs> watched_since_;  // set while it is no member and watches its place
};

}  // namespace freshet::eventlog::kafka
