// Consumer::commit, exactly once: outputs and offsets in one transaction of a producer with a stable transactional id.
//
// What a failed commit is called, and what is left behind:
//   kConflict  The transaction is aborted, and nothing of it will ever be seen. Among the causes: the group has given
//              the partitions to somebody else (generation, member).
//   kRetry     Nobody knows: the brokers did not answer, or ended the transaction when its time was over. Nothing is in
//              flight, and settle() finds out.
//   kFenced    Another process has begun this transactional id, and again after we had it back.
//   kInvalid   A record is too large, or we have no right to write: it would go wrong again.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "eventlog/kafka/produce/sender.h"
#include "rdkafka/transaction.h"

namespace freshet::eventlog::kafka {

// Used by one thread at a time, but for the flag.
class Transactions {
 public:
  // What to make of being fenced: the id may be ours all the same, so it is begun once more; or it belongs to whoever
  // began it.
  enum class OnFence : uint8_t { kBeginOnceMore, kYield };

  // `interrupted`: ends waits for brokers that are away. All outlive it.
  Transactions(const KafkaOptions& options, const Names& names, std::string id, env::Clock& clock,
               const std::atomic<bool>& interrupted, OnFence on_fence = OnFence::kBeginOnceMore);

  [[nodiscard]] const std::string& id() const { return id_; }
  // False after kRetry of commit().
  [[nodiscard]] bool begun() const { return client_ != nullptr; }
  // Begins the id, if it is not begun: whatever an earlier producer of this id left open is aborted or completed, and
  // that producer is fenced. After kRetry of commit() the outcome is decided when this is ok.
  [[nodiscard]] Status settle();
  // Outputs and offsets become visible together, or not at all. `member`: who commits, as the group knows it; the
  // brokers refuse a member that is none any more.
  [[nodiscard]] Status commit(std::vector<Produce> outputs, const rd_kafka_topic_partition_list_t* offsets,
                              const rd_kafka_consumer_group_metadata_t* member);

 private:
  [[nodiscard]] ErrorPtr run(std::vector<Produce>& outputs, const rd_kafka_topic_partition_list_t* offsets,
                             const rd_kafka_consumer_group_metadata_t* member);
  [[nodiscard]] rdkafka::Patience patience() const { return {clock_, options_.outage_max_us, &interrupted_}; }
  [[nodiscard]] Status failed(ErrorPtr error);
  [[nodiscard]] Error judged(Error error);
  void forget();

  const KafkaOptions options_;
  const Names& names_;
  const std::string id_;
  env::Clock& clock_;
  const std::atomic<bool>& interrupted_;
  const OnFence on_fence_;
  std::vector<std::string> framed_;  // what librdkafka's messages point to: outlives the client
  std::shared_ptr<Client> client_;   // null: not begun
  std::unique_ptr<Sender> sender_;
  rdkafka::Rival rival_;
};

}  // namespace freshet::eventlog::kafka
