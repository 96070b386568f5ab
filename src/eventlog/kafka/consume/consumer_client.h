// One librdkafka consumer, and what it has read ahead: its queue, and a chunk of it that was taken out and waits to be
// handed out. Used by one thread, but for wake().
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "eventlog/kafka/consume/fetched.h"

namespace freshet::eventlog::kafka {

// What is logged where a client could not leave what it is a member of, `whose`, and whether an operator has to do
// anything.
[[nodiscard]] std::string words_of_leaving(const std::string& whose, rd_kafka_resp_err_t error);

class ConsumerClient {
 public:
  using Taken = Owned<rd_kafka_message_t, rd_kafka_message_destroy>;

  explicit ConsumerClient(const Names& names) : names_(names), partition_of_(names) {}

  // REQUIRES: not open. Rebalances are given back until somebody wants to be told (on_rebalance).
  [[nodiscard]] Status open(const KafkaOptions& options, const Client::Settings& settings);
  // Leaves what it is a member of, `whose`. What is given meanwhile is given back, and what was taken is forgotten.
  void close(const std::string& whose);
  // null: not open. Records that are still looked at share it.
  [[nodiscard]] const std::shared_ptr<Client>& get() const { return client_; }
  [[nodiscard]] rd_kafka_t* handle() const { return client_->get(); }
  // The brokers say that another process has this static member's place: then every call fails, and none says why.
  [[nodiscard]] bool lost_its_place() const;
  // An error of a call, kRetry if it is the place that is lost.
  [[nodiscard]] tl::unexpected<Error> failed(rd_kafka_resp_err_t error, const std::string& what) const;

  // Waits for a first message, then takes as many as are likely to have so many bytes.
  void take(size_t bytes, int timeout_ms);
  // In the order of the queue.
  [[nodiscard]] std::deque<Taken>& taken() { return taken_; }
  [[nodiscard]] std::optional<TopicPartition> partition_of(const rd_kafka_message_t& message) {
    return partition_of_(message);
  }
  void forget(TopicPartition of);
  // What was handed out: the sizes of the next records are guessed by it.
  void note_size(size_t bytes, size_t count);

  // take() ends, and is not called again by whoever looks at interrupted(). May be called by any thread.
  void wake();
  [[nodiscard]] const std::atomic<bool>& interrupted() const { return interrupted_; }
  // Answers whether wake() was called, and forgets it.
  bool take_interruption() { return interrupted_.exchange(false); }
  // take() ends, because there is something to tell. Called within take(), by a rebalance.
  void yield();
  // Answers whether yield() was called, and forgets it.
  [[nodiscard]] bool take_yield() { return std::exchange(yielded_, false); }

 private:
  void end_wait();

  const Names& names_;
  std::shared_ptr<Client> client_;
  PartitionOf partition_of_;
  std::deque<Taken> taken_;
  size_t record_bytes_ = 1024;  // the last ones' mean
  bool yielded_ = false;
  std::mutex queue_mutex_;  // of queue_ itself: wake() may come while it is made anew
  Queue queue_;
  std::atomic<bool> interrupted_{false};
};

}  // namespace freshet::eventlog::kafka
